"""Makes what observes, and the scope of the layers' tasks, from log, host and telemetry."""

from collections.abc import Sequence

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.layers import CacheStats
from shelfport.adapters.observability.fan_out import FanOut, PageAges
from shelfport.adapters.observability.listeners import Listeners
from shelfport.adapters.runtime.background import Background
from shelfport.ports import Listener
from shelfport.ports.telemetry import CarriesTrace, ObservesPageAge, RequestObserver, Telemetry


def make_listener(log: Listener, own: Listener | None, telemetry: Sequence[Telemetry]) -> Listener:
    """One listener that passes signals to the log, the host's own listener, and telemetry."""
    hosts = () if own is None else (own,)
    return Listeners((log, *hosts, *(each.signal for each in telemetry)))


def make_observer(telemetry: Sequence[Telemetry]) -> RequestObserver:
    """One observer that passes requests to all of `telemetry`."""
    return FanOut(tuple(telemetry)).request_started if telemetry else NoObserver


def make_background(telemetry: Sequence[Telemetry]) -> Background:
    """The scope of the layers' tasks, in which the traces of `CarriesTrace` telemetry go on."""
    return Background([each.carry for each in telemetry if isinstance(each, CarriesTrace)])


def make_cache_stats(telemetry: Sequence[Telemetry]) -> CacheStats:
    """The cache's counters, which pass the age of each page to `ObservesPageAge` telemetry."""
    observers = tuple(each for each in telemetry if isinstance(each, ObservesPageAge))
    return CacheStats(PageAges(observers)) if observers else CacheStats()
