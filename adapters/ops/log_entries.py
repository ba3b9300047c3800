"""`LogEntry`: a signal in the log of the ops page."""

from datetime import datetime

import attrs

from shelfport.adapters.observability.signal_row import Severity
from shelfport.adapters.observability.signal_table import row_of
from shelfport.ports.signals import Signal


@attrs.frozen
class LogEntry:
    """What the ops page says of a signal. It holds no error, which would hold its traceback."""

    at: datetime
    """In UTC."""
    kind: str
    severity: Severity
    sentence: str
    correlation_id: str | None = None


def render(signal: Signal, at: datetime) -> LogEntry:
    """The entry of `signal`, as the table of signals says."""
    row = row_of(signal)
    fields = row.fields(signal)
    correlation_id = fields.get("correlation_id")
    return LogEntry(
        at,
        row.kind_of(signal),
        row.severity_of(signal),
        row.template_of(signal) % fields,
        correlation_id if isinstance(correlation_id, str) else None,
    )
