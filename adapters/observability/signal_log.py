"""`log_signal`: signals as log records, as the table of signals says. It is a `Listener`."""

from shelfport.adapters.observability.signal_table import row_of
from shelfport.ports.signals import Signal


def log_signal(signal: Signal) -> None:
    """Write the record of `signal`. If its level is off, nothing is rendered."""
    row = row_of(signal)
    if row.event is None:
        return
    level = row.level_of(signal)
    if not row.logger.isEnabledFor(level):
        return
    fields = {"event": row.event, **row.fields(signal)}
    ids = ", ".join(
        f"{name.replace('_', ' ')} %({name})s"
        for name in ("idempotency_key", "correlation_id")
        if fields.get(name) is not None
    )
    template = row.template_of(signal)
    # The template, and not the sentence, so that tools can group records by it.
    row.logger.log(level, f"{template} ({ids})" if ids else template, fields, extra=fields)
