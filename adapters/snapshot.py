"""`Snapshot`: how one integration stands, for a readiness check, an ops page or a person."""

import attrs

from shelfport.adapters.http import TlsSnapshot
from shelfport.adapters.layers import BreakerSnapshot


@attrs.frozen(kw_only=True)
class Snapshot:
    """What this process knows of itself at one moment. Each part speaks for itself."""

    circuit: BreakerSnapshot
    """The circuit breaker: its state, what it counted, when it tries again."""
    tls: TlsSnapshot | None = None
    """How long the certificates last; None where requests go without TLS, or by another adapter."""
