"""The ways of running the same day, and the hosts that run it so."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch
from uuid import UUID

import attrs
from dependency_injector import providers

from benchmarks.fleet.service import Service, ServicePort
from benchmarks.fleet.virtual_time import VirtualClock
from shelfport.adapters.bus.in_process import InProcessBus
from shelfport.adapters.cli.sizing import FleetLoad, size_fleet
from shelfport.adapters.composition.container import Container
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.layers import (
    BreakerOptions,
    CacheLayer,
    CacheOptions,
    CoalescingLayer,
    DeadlineLayer,
    LimitOptions,
    RetryOptions,
    SharedCacheClient,
)
from shelfport.adapters.layers.retry_budget import RetryBudget
from shelfport.domain.model import InventoryEvent
from shelfport.ports.shared_store import SharedStore
from shelfport.ports.signals import BreakerState, Signal

FETCH_WAIT = 5.0
"""Seconds for which a subscription waits for a message. On a real bus it is a quarter of one, and
costs nothing; here each of them would be a step of the simulation."""


class _EndlessBudget(RetryBudget):
    """Lets everything be repeated."""

    def take(self) -> bool:
        return True


@attrs.frozen(kw_only=True)
class _Unbudgeted(RetryOptions):
    def budget(self) -> RetryBudget:
        return _EndlessBudget()


MOST = 2000
"""Variants that a host keeps in memory: what the sampled views of the day may fill."""
DEFAULTS = Settings(cache=CacheOptions(max_entries=MOST))
UNBUDGETED = attrs.evolve(DEFAULTS, retry=_Unbudgeted())


@attrs.frozen(kw_only=True)
class Way:
    """How a fleet is run."""

    name: str
    title: str
    library: bool = True
    """False: no shelfport, a GET for each view, with the deadline as its timeout."""
    shared: bool = False
    events: bool = False
    settings: Settings = DEFAULTS
    jitter: bool = True
    breaker: bool = True
    coalescing: bool = True

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """What holds while hosts are built and run: FETCH_WAIT, and jitter, or none of it."""
        with ExitStack() as stack:
            stack.enter_context(patch("shelfport.adapters.bus.in_process.FETCH_WAIT", FETCH_WAIT))
            if not self.jitter:
                # The stack draws from this: every pause takes its whole bound.
                stack.enter_context(patch.object(random, "uniform", lambda _low, high: high))
            yield


WAYS = (
    Way(name="none", title="no shelfport", library=False),
    Way(name="memory", title="memory cache only (the defaults)"),
    Way(name="shared", title="with the shared cache", shared=True),
    Way(name="events", title="shared cache and events", shared=True, events=True),
)
"""The four ways. Without a Redis and a bus in the settings, the defaults are the second."""

OFF = (
    Way(name="no-budget", title="no retry budget", settings=UNBUDGETED),
    Way(
        name="no-jitter",
        title="no jitter",
        settings=Settings(
            cache=CacheOptions(max_entries=MOST, jitter=0.0), breaker=BreakerOptions(jitter=0.0)
        ),
        jitter=False,
    ),
    Way(name="no-breaker", title="no breaker", breaker=False),
    Way(name="no-coalescing", title="no coalescing", coalescing=False),
    Way(
        name="no-soft-timeout",
        title="no soft timeout",
        settings=Settings(cache=CacheOptions(max_entries=MOST, soft_timeout=1.99)),
    ),
)
"""The defaults with one thing off at a time."""

_SIZED = size_fleet(FleetLoad(hosts=1000, views=10_000, capacity=4000, shared_cache=True))

TIGHT = (
    Way(name="tight", title="as it is", shared=True),
    Way(name="tight-no-budget", title="no retry budget", shared=True, settings=UNBUDGETED),
    Way(name="tight-no-breaker", title="no breaker", shared=True, breaker=False),
    Way(
        name="tight-sized",
        title="with what `shelfport size` says",
        shared=True,
        settings=attrs.evolve(
            DEFAULTS,
            limit=LimitOptions(max_concurrency=_SIZED.max_concurrency),
            retry=RetryOptions(budget_ratio=_SIZED.budget_ratio),
        ),
    ),
    Way(
        name="tight-neither",
        title="neither budget nor breaker",
        shared=True,
        settings=UNBUDGETED,
        breaker=False,
    ),
)
"""For a service that is sized for what a fleet with a shared cache asks of it in calm hours."""


class NullNotifier:
    """A notifier that sends nothing."""

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`."""


@attrs.frozen(eq=False)
class Host:
    """One process of the fleet: the composed stack of the container, and its door."""

    integration: InventoryIntegration[UUID | str]
    cache: CacheLayer
    """Tells whether a view will be answered from memory."""


def make_host(
    way: Way,
    service: Service,
    *,
    clock: VirtualClock,
    store: SharedStore,
    bus: InProcessBus,
    listener: Callable[[Signal], None],
) -> Host:
    """Build a host as the container composes it; enter its integration before use."""
    container = Container(
        settings=providers.Object(way.settings),
        clock=providers.Object(clock),
        adapter=providers.Object(ServicePort(service, way.settings.http.attempt_timeout)),
        listener=providers.Object(listener),
        notifier=providers.Object(NullNotifier()),
    )
    if way.shared:
        container.shared_cache.override(
            providers.Singleton(
                SharedCacheClient,
                store,
                way.settings.shared_cache,
                clock,
                container.background,
                listener,
            )
        )
    if way.events:
        container.bus.override(providers.Object(bus))
    cache, integration = container.stack().cache, container.integration()
    if not way.coalescing:
        _take_coalescing_out(cache)
    if not way.breaker:
        integration.force_circuit(BreakerState.CLOSED)
    return Host(integration, cache)


def _take_coalescing_out(cache: CacheLayer) -> None:
    """Leave the layer out, which `compose` puts below the deadline of each caller."""
    deadline = cache.inner
    assert isinstance(deadline, DeadlineLayer)
    coalescing = deadline.inner
    assert isinstance(coalescing, CoalescingLayer)
    cache.inner = attrs.evolve(deadline, inner=coalescing.inner)
