"""shelfport in a host's own container: nested, overridden, and several of it side by side."""

import gc
import sys
import weakref
from typing import Any

import pytest
from dependency_injector import containers, providers

from shelfport import (
    Container,
    InMemoryInventory,
    InventoryIntegration,
    Settings,
    SystemClock,
    build,
)
from shelfport.testing import FakeInventory
from tests.support.values import an_id


class Pages:
    """A service of the host's that needs an integration."""

    def __init__(self, inventory: InventoryIntegration) -> None:
        self.inventory = inventory

    async def badge(self, number: int) -> str:
        return str(await self.inventory.get_stock_level(an_id(number)))


class Host(containers.DeclarativeContainer):
    """A host's container: its settings are the integration's, its services get the integration."""

    config = providers.Configuration(strict=True)
    settings = providers.Factory(Settings, adapter="memory", deadline=config.deadline)
    shelfport = providers.Container(Container, settings=settings)
    pages = providers.Factory(Pages, inventory=shelfport.integration)


def a_host() -> Any:
    host = Host()
    host.config.from_dict({"deadline": 9.0})
    return host


async def test_nested() -> None:
    """The host's services share the one integration, which has the host's settings."""
    host = a_host()
    host.shelfport.adapter().set_stock(an_id(1), 3)

    async with host.shelfport.integration() as inventory:
        assert "Only 3 left" == await host.pages().badge(1)
        assert inventory is host.pages().inventory is host.pages().inventory


async def test_overridden_in_a_test(shelfport_inventory: FakeInventory) -> None:
    """A test replaces the integration with a fake inside a block."""
    host = a_host()
    shelfport_inventory.set_stock(an_id(1), 0)

    with host.shelfport.integration.override(shelfport_inventory):
        assert "Out of stock" == await host.pages().badge(1)

    assert host.pages().inventory is not shelfport_inventory


async def test_only_the_adapter_overridden() -> None:
    """An adapter that is overridden before the integration is built gets all layers."""
    host, fake = a_host(), InMemoryInventory(clock=SystemClock())
    fake.set_stock(an_id(1), 3)

    with host.shelfport.adapter.override(providers.Object(fake)):
        async with host.shelfport.integration():
            assert "Only 3 left" == await host.pages().badge(1)


def test_too_late() -> None:
    """An override after the integration was built has no effect on it."""
    host = a_host()
    host.shelfport.integration()

    with host.shelfport.adapter.override(providers.Object(InMemoryInventory(clock=SystemClock()))):
        late = host.shelfport.integration()
        with host.shelfport.reset_singletons():
            renewed = host.shelfport.integration()

    assert late is not renewed


async def test_several_in_one_process() -> None:
    """Two integrations in a process share neither stock nor circuit, and close separately."""
    one, other = build(Settings(adapter="memory")), build(Settings(adapter="memory"))
    async with one, other:
        await one.request_inventory_initialization(an_id(1), initial_quantity=50)
        one.force_circuit(None)
        assert "In stock" == str(await one.get_stock_level(an_id(1)))
        assert "Stock information unavailable" == str(await other.get_stock_level(an_id(1)))
        await one.__aexit__(None, None, None)
        assert "Stock information unavailable" == str(await other.get_stock_level(an_id(1)))


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="other collectors are lazier")
async def test_no_global_state() -> None:
    """An integration without references is garbage-collected with all of its parts."""
    inventory = build(Settings(adapter="memory"))
    async with inventory:
        await inventory.get_stock_level(an_id(1))
    gone = weakref.ref(inventory)
    del inventory
    gc.collect()

    assert gone() is None
