"""The ways in which a host uses the container: subclasses, overrides, copies and nesting.

Each integration is read, asked for a snapshot and closed, so that no part expects our own classes.
"""

import os
import subprocess
import sys
from typing import Any

import pytest
from dependency_injector import containers, providers

from shelfport import (
    Container,
    InMemoryInventory,
    InventoryIntegration,
    Settings,
)
from shelfport.outbox import InMemoryQueue
from tests.adapters.composition.host_layers import Recorder, in_memory, quantity


def settings_of(**values: Any) -> Any:
    return providers.Object(Settings(**(values or {"adapter": "memory"})))


async def test_a_subclass_replaces_the_adapter() -> None:
    """A subclass that replaces the adapter gets it under all layers."""

    class Mine(Container):
        adapter = providers.Singleton(in_memory)

    container = Mine(settings=settings_of(base_url="https://inventory.internal"))
    async with container.integration() as inventory:
        assert 3 == await quantity(inventory)


async def test_a_subclass_puts_a_layer_around_the_port() -> None:
    """A provider of a subclass may use the one that it replaces, and sees every call."""

    class Mine(Container):
        adapter = providers.Singleton(in_memory)
        port = providers.Singleton(Recorder, Container.port)

    container: Any = Mine(settings=settings_of())
    async with container.integration() as inventory:
        assert [3, 3] == [await quantity(inventory), await quantity(inventory)]
    assert ["own reads 1"] * 2 == container.port().seen


async def test_a_subclass_of_a_subclass() -> None:
    """Each class of a chain keeps what its parent replaced, and the parents stay as they were."""

    class Fake(Container):
        adapter = providers.Singleton(in_memory)

    class Layered(Fake):
        port = providers.Singleton(Recorder, Fake.port)

    container: Any = Layered(settings=settings_of())
    async with container.integration() as inventory:
        assert 3 == await quantity(inventory)
    assert ["own reads 1"] == container.port().seen
    for plain in (Fake(settings=settings_of()), Container(settings=settings_of())):
        assert not isinstance(plain.port(), Recorder)
    assert 0 == len(container_records(Container(settings=settings_of())))


def container_records(container: Container) -> Any:
    adapter = container.adapter()
    assert isinstance(adapter, InMemoryInventory)
    return adapter._records


async def test_providers_of_a_subclass_that_use_each_other() -> None:
    """Replaced and added providers share what they refer to, by whichever class they name it."""

    class Fake(Container):
        fake = providers.Singleton(in_memory)
        adapter = providers.Singleton(Recorder, fake)
        queue: Any = providers.Singleton(InMemoryQueue)
        parts = providers.Dict(adapter=adapter, queue=queue)

    class Layered(Fake):
        port = providers.Singleton(Recorder, Container.port)
        ports = providers.List(port)
        stacks = providers.Dict(fake=Fake.stack, own=Container.stack)

    container: Any = Layered(settings=settings_of())
    async with container.integration() as inventory:
        assert 3 == await quantity(inventory)

    assert container.adapter().inner is container.fake()
    assert container.adapter() is container.parts()["adapter"]
    assert container.queue() is container.parts()["queue"]
    assert container.port().inner is container.stack().pages
    assert container.port() is container.ports()[0]
    assert {id(container.stack())} == {id(stack) for stack in container.stacks().values()}


async def test_a_subclass_adds_a_service_of_its_own() -> None:
    """A subclass may have providers of its own, which use what it replaced."""

    class Pages:
        def __init__(self, inventory: InventoryIntegration) -> None:
            self.inventory = inventory

    class Mine(Container):
        adapter = providers.Singleton(in_memory)
        pages = providers.Factory(Pages, Container.integration)

    container = Mine(settings=settings_of())
    async with container.integration() as inventory:
        assert container.pages().inventory is inventory
        assert 3 == await quantity(inventory)


async def test_an_overridden_port() -> None:
    """`override` with a layer around the container's own port: the layer sees every call."""
    container = Container(settings=settings_of(), adapter=providers.Object(in_memory()))
    layer = Recorder(container.port())
    container.port.override(providers.Object(layer))

    async with container.integration() as inventory:
        assert [3, 3] == [await quantity(inventory), await quantity(inventory)]
    assert ["own reads 1"] * 2 == layer.seen


async def test_overridden_in_a_block() -> None:
    """Within `override_providers`, the integration has the given parts; after it, its own."""
    container = Container(settings=settings_of())

    with container.override_providers(adapter=providers.Object(in_memory())):
        async with container.integration() as inventory:
            assert 3 == await quantity(inventory)
    container.reset_singletons()
    async with container.integration() as inventory:
        assert await quantity(inventory) is None


async def test_a_copied_container() -> None:
    """`@containers.copy(Container)` makes a container whose replaced providers are used."""

    @containers.copy(Container)
    class Copy(Container):
        adapter = providers.Singleton(in_memory)
        settings: Any = providers.Singleton(Settings, base_url="https://inventory.internal")

    async with Copy().integration() as inventory:
        assert 3 == await quantity(inventory)
    assert isinstance(Container(settings=settings_of()).adapter(), InMemoryInventory)


async def test_nested_subclass() -> None:
    """A host nests a subclass in its own container, and overrides parts of it from outside."""

    class Mine(Container):
        port = providers.Singleton(Recorder, Container.port)

    class Host(containers.DeclarativeContainer):
        settings = providers.Singleton(Settings, deadline=9)
        fake = providers.Singleton(in_memory)
        shelfport = providers.Container(Mine, settings=settings, adapter=fake)

    host: Any = Host()
    async with host.shelfport.integration() as inventory:
        assert [3, 3] == [await quantity(inventory), await quantity(inventory)]
    assert ["own reads 1"] * 2 == host.shelfport.port().seen
    assert host.fake() is host.shelfport.adapter()


@pytest.mark.parametrize("made", ["Container().integration()", "build()"])
def test_without_settings(made: str) -> None:
    """`Container()` reads the environment as `build()` does."""
    code = f"import shelfport; print(shelfport.{made})"
    env = {**os.environ, "SHELFPORT_BASE_URL": "https://inventory.internal"}
    env.pop("SHELFPORT_SETTINGS", None)

    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )

    assert "HttpInventory(" in done.stdout
    assert "https://inventory.internal" in done.stdout
