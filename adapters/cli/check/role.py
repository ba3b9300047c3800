"""The checks `variables` and `role`: what of the environment counts, and what a host would do."""

from shelfport.adapters.cli.check.model import CheckContext, Finding, failed, ok
from shelfport.adapters.config.settings import Settings


async def check_variables(context: CheckContext) -> Finding:
    """Every variable that begins with SHELFPORT_ is that of a setting."""
    unknown = context.loaded.unknown if context.loaded else ()
    if unknown:
        return failed(
            f"variables of no setting, which are ignored: {', '.join(map(str, unknown))}",
            "correct their names, or remove them",
        )
    return ok("every variable that begins with SHELFPORT_ is known")


async def check_role(context: CheckContext) -> Finding:
    """What a process with these settings takes on, beside the reads of its pages.

    Whether it has a catalog is not known here: that is an argument of `build`.
    """
    settings = context.settings
    return ok(f"a host with these settings {_of_queue(settings)}; {_of_events(settings)}")


def _of_queue(settings: Settings) -> str:
    policy = f"opens records under {settings.initialization.policy.value}"
    if settings.queue.url is None:
        return f"{policy}, and has no queue"
    if not settings.queue.worker:
        return f"{policy}, and leaves the queue to others (queue.worker is false)"
    return f"{policy}, and works the queue off: NOT_ORDERABLE entries only with a catalog"


def _of_events(settings: Settings) -> str:
    events, notifications = settings.events, settings.notifications
    if events.url is None:
        return "it receives no events"
    invalidation = "events invalidate its cache"
    if not events.consume:
        return f"{invalidation}, and it joins no consumer group (events.consume is false)"
    count = sum(
        url is not None
        for url in (
            notifications.out_of_stock_webhook,
            notifications.low_stock_webhook,
            notifications.back_in_stock_webhook,
        )
    )
    webhooks = f" and {count} webhook{'s' if count > 1 else ''}" if count else ""
    return (
        f"{invalidation}, and only with a catalog it joins the consumer group "
        f"{events.consumer_group!r} and notifies the log{webhooks}"
    )
