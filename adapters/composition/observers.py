"""Who hears what the layers and the adapter report: the log, the host, telemetry."""

from collections.abc import Sequence

from shelfport.adapters.http.transport.observer import NoObserver
from shelfport.adapters.layers import CacheStats
from shelfport.adapters.observability.fan_out import FanOut, PageAges
from shelfport.adapters.observability.listeners import Listeners
from shelfport.ports import Listener
from shelfport.ports.telemetry import ObservesPageAge, RequestObserver, Telemetry


def make_listener(log: Listener, own: Listener | None, telemetry: Sequence[Telemetry]) -> Listener:
    """Everybody who hears signals, in one: the log first."""
    further = () if own is None else (own,)
    return Listeners((log, *further, *(one.signal for one in telemetry)))


def make_watch(telemetry: Sequence[Telemetry]) -> RequestObserver:
    """Everybody who watches requests on the wire, in one."""
    return FanOut(tuple(telemetry)).request_started if telemetry else NoObserver


def make_tally(telemetry: Sequence[Telemetry]) -> CacheStats:
    """What the cache counts in; it tells whoever wants to know of the age of each page."""
    curious = tuple(one for one in telemetry if isinstance(one, ObservesPageAge))
    return CacheStats(PageAges(curious)) if curious else CacheStats()
