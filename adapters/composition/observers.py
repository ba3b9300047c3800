"""Who hears what the layers and the adapter report: the log, the host, telemetry."""

from collections.abc import Sequence

from shelfport.adapters.http.exchange import Unwatched, Watch
from shelfport.adapters.layers import Tally
from shelfport.adapters.listeners import Listeners
from shelfport.adapters.telemetry import HearsPageAges, Telemetry
from shelfport.adapters.telemetry.fan_out import FanOut, PageAges
from shelfport.ports import Listener


def make_listener(log: Listener, own: Listener | None, telemetry: Sequence[Telemetry]) -> Listener:
    """Everybody who hears signals, in one: the log first."""
    further = () if own is None else (own,)
    return Listeners((log, *further, *(one.signal for one in telemetry)))


def make_watch(telemetry: Sequence[Telemetry]) -> Watch:
    """Everybody who watches requests on the wire, in one."""
    return FanOut(tuple(telemetry)).exchange if telemetry else Unwatched


def make_tally(telemetry: Sequence[Telemetry]) -> Tally:
    """What the cache counts in; it tells whoever wants to know of the age of each page."""
    curious = tuple(one for one in telemetry if isinstance(one, HearsPageAges))
    return Tally(PageAges(curious)) if curious else Tally()
