import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from dependency_injector import containers, providers

from shelfport import (
    Container,
    InMemoryInventory,
    InventoryIntegration,
    Settings,
    SettingsError,
    StockReading,
    build,
)
from shelfport.adapters.composition.http_adapter import make_http
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome
from shelfport.http import HttpInventory
from shelfport.options import BreakerOptions, CacheOptions, SharedCacheOptions
from shelfport.signals import AnswerRepaired, Signal
from tests.support.clocks import ManualClock
from tests.support.ports import ScriptedPort
from tests.support.servers import always, serving, wire_level
from tests.support.values import an_id

IN_MEMORY = Settings(adapter="memory")


def test_the_settings_choose_the_adapter() -> None:
    """A base URL selects HTTP, and the name `memory` memory, without I/O."""
    http = Container(settings=Settings(base_url="https://inventory.internal"))

    assert isinstance(http.adapter(), HttpInventory)
    assert isinstance(Container(settings=IN_MEMORY).adapter(), InMemoryInventory)


def test_one_of_everything() -> None:
    """A container makes one integration; two containers share nothing."""
    one, other = Container(settings=IN_MEMORY), Container(settings=IN_MEMORY)

    assert one.integration() is one.integration()
    assert one.adapter() is one.adapter()
    assert one.adapter() is not other.adapter()


async def test_a_fake_in_a_container() -> None:
    """A test passes its fake when it makes the container."""
    fake = ScriptedPort()
    container = Container(adapter=providers.Object(fake), clock=providers.Object(ManualClock()))

    async with container.integration() as inventory:
        await inventory.get_stock_level(an_id(1))

    assert [[an_id(1)]] == [asked for asked, _ in fake.reads]


async def test_nested_in_a_hosts_container() -> None:
    """A host nests the container in its own, and gives it settings from there."""

    class Host(containers.DeclarativeContainer):
        settings = providers.Singleton(Settings, adapter="memory", deadline=9)
        inventory = providers.Container(Container, settings=settings)

    async with Host().inventory.integration() as inventory:
        assert isinstance(inventory, InventoryIntegration)


def test_settings_of_another_kind() -> None:
    """A value that is not `Settings` is refused when it is used."""
    with pytest.raises(Exception, match="is not an instance of"):
        Container(settings=providers.Object({"base_url": "x"})).integration()


def test_http_without_an_address() -> None:
    """The http adapter without a base URL is refused."""
    with pytest.raises(ValueError, match="base_url is not set"):
        make_http(Settings(), ManualClock())


async def test_http_gets_the_listener_and_the_ttl() -> None:
    """The adapter reports to the host's listener, and asks for answers no older than `ttl`."""
    signals: list[Signal] = []
    async with serving(always(wire_level(an_id(1)), Age="soon")) as service:
        settings = Settings(base_url=service.url, cache=CacheOptions(ttl=7))
        async with build(settings, listener=signals.append) as inventory:
            await inventory.get_stock_level(an_id(1))

    assert ["max-age=7"] == [request.headers["Cache-Control"] for request in service.requests]
    assert ["Age"] == [each.member for each in signals if isinstance(each, AnswerRepaired)]


def test_plain_http_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Plain http to another machine, if allowed, is logged as a warning."""
    settings = Settings(base_url="http://inventory.internal", allow_plain_http=True)

    build(settings)

    assert caplog.record_tuples == [
        (
            "shelfport.container",
            logging.WARNING,
            "requests to http://inventory.internal are not encrypted: allow_plain_http is set",
        )
    ]


async def test_build_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings the environment is read."""
    monkeypatch.delenv("SHELFPORT_SETTINGS", raising=False)
    monkeypatch.setenv("SHELFPORT_ADAPTER", "memory")
    monkeypatch.setenv("SHELFPORT_INITIALIZATION_DEFAULT_QUANTITY", "4")

    async with build() as inventory:
        await inventory.request_inventory_initialization(an_id(1))
        reading = await inventory.get_stock_level(an_id(1))

    assert isinstance(reading, StockReading)
    assert 4 == reading.level.available_quantity


@pytest.mark.parametrize(
    "make", [build, lambda: Container().integration(), lambda: Container().adapter()]
)
def test_no_fake_by_default(make: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a base URL and without an adapter, one sentence names both, also after a typo."""
    for name in [name for name in os.environ if name.startswith("SHELFPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHELFPORT_BASEURL", "https://inventory.internal")

    with pytest.raises(SettingsError, match=r'^base_url is not set: .* or set adapter="memory" '):
        make()


def run_python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_without_a_shared_cache_redis_is_not_imported() -> None:
    """The extra is not imported without its setting."""
    printed = run_python(
        "import sys; from shelfport import *; build(Settings(adapter='memory'));"
        "print([m for m in sys.modules if m.split('.')[0] == 'redis' or 'adapters.redis' in m])"
    )

    assert "[]" == printed


def test_a_missing_extra() -> None:
    """With the setting but without the extra, the message says what to install."""
    printed = run_python(
        "import sys; sys.modules['redis'] = None\n"
        "from shelfport import *\n"
        "from shelfport.options import *\n"
        "try: build(Settings(adapter='memory', shared_cache=SharedCacheOptions(url='redis://:s3cret@127.0.0.1')))\n"
        "except SettingsError as error: print(error)"
    )

    assert printed == (
        'shared_cache.url is set, but redis is not installed: pip install "shelfport[redis]"'
    )


def test_a_shared_cache_is_in_the_stack() -> None:
    """With the setting, `SharedCacheLayer` is between coalescing and batching."""
    inventory = build(
        Settings(adapter="memory", shared_cache=SharedCacheOptions(url="redis://:s3cret@127.0.0.1"))
    )

    assert "CoalescingLayer(inner=SharedCacheLayer(inner=BatchingLayer(" in repr(inventory)
    assert "s3cret" not in repr(inventory)
    assert inventory.snapshot().shared_cache is not None
    assert build(Settings(adapter="memory")).snapshot().shared_cache is None


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("redis://:s3cret@cache.internal", True),
        ("redis://cache.internal", False),
        ("redis://:s3cret@127.0.0.1", False),
        ("rediss://:s3cret@cache.internal", False),
    ],
)
def test_a_password_in_the_clear_is_logged(
    url: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A password that is sent to another machine without encryption causes a warning without it."""
    build(Settings(adapter="memory", shared_cache=SharedCacheOptions(url=url)))

    assert warned == ("is sent without encryption: use rediss://" in caplog.text)
    assert "s3cret" not in caplog.text


def test_the_breakers_pauses_are_random() -> None:
    """The open duration of the container's breaker is random."""
    settings = Settings(breaker=BreakerOptions(minimum_calls=1))
    pauses = set()
    for _ in range(5):
        breaker = Container(settings=providers.Object(settings)).breaker()
        permit = breaker.acquire(0.0)
        assert permit is not None
        breaker.release(permit, CallOutcome.FAILURE, 0.0)
        pauses.add(breaker.snapshot(0.0).next_probe)

    assert 5 == len(pauses)
    assert all(pause is not None and 2.5 <= pause <= 7.5 for pause in pauses)


def test_threads_get_one_integration() -> None:
    """Threads that ask a container for the integration at the same moment get one and the same."""
    for _ in range(20):
        container = Container(settings=providers.Object(Settings(adapter="memory")))
        start = threading.Barrier(8)
        got: list[int] = []

        def ask(
            container: Container = container,
            start: threading.Barrier = start,
            got: list[int] = got,
        ) -> None:
            start.wait()
            got.append(id(container.integration()))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 == len(set(got))
