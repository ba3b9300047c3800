"""The check of the service itself: one read, as a host's own would go."""

from uuid import UUID

from shelfport.adapters.cli.check.model import Case, Finding, failed, ok
from shelfport.adapters.http import BadFile
from shelfport.domain.model import (
    AdapterFault,
    Call,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    InventoryError,
    ProductVariantId,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    StockReading,
    TimedOut,
    Unauthorized,
    UnknownVariant,
)

MADE_UP = ProductVariantId(UUID("5be1f00d-0000-4000-8000-000000000000"))
"""A variant that no service knows, for a read without an id of the caller's."""

_FIXES: tuple[tuple[type[InventoryError], str], ...] = (
    (RequestRejected, "make base_url what comes before /inventory at the service, path included"),
    (
        ContractViolation,
        "ask base_url with curl: something else answers there, or a service that does not keep "
        "inventory-service.yaml",
    ),
    (
        ConnectionFailed,
        "the port is open: check whether base_url must begin with https:// or http://",
    ),
    (CredentialsUnavailable, "look at auth.token_url, or at the host's own source of the secret"),
    (DeadlineExceeded, "give more time with --deadline or the setting deadline"),
    (TimedOut, "find out why the service is slow, or raise http.attempt_timeout"),
    (ServiceOverloaded, "wait a moment and check again; it asks for patience"),
    (ServiceFailed, "look into the service's own log"),
    (AdapterFault, "tell the adapter's maker: it breaks the rules of InventoryPort"),
)


async def read(case: Case) -> Finding:
    """One variant is read; "unknown" is as good as its stock: whoever says so keeps the contract.

    The read goes through every layer, and takes no kept answer.
    """
    container, variant = case.container, case.variant
    if container is None:
        raise RuntimeError("a check that reads must need 'adapter'")
    clock = container.clock()
    call = Call(
        deadline=clock.monotonic() + case.seconds,
        max_staleness=0,
        correlation_id=case.correlation_id,
    )
    try:
        async with container.integration():
            began = clock.monotonic()
            answer = (await container.port().read((variant,), call))[variant]
            took = f"in {(clock.monotonic() - began) * 1000:.1f} ms"
    except BadFile as error:
        return failed(str(error), "correct the setting, or the file")
    except InventoryError as error:
        return _failure(error, case)
    match answer:
        case StockReading(level):
            return ok(
                f"{variant} is {level.status.value}, {level.available_quantity} available, {took}"
            )
        case UnknownVariant():
            return ok(f"no record of {variant}, said as the contract wants it, {took}")
        case _:
            return _failure(answer.error, case)


def _failure(error: InventoryError, case: Case) -> Finding:
    fix = next((fix for kind, fix in _FIXES if isinstance(error, kind)), "check again later")
    if isinstance(error, Unauthorized):
        fix = (
            "set token, such as by SHELFPORT_TOKEN"
            if case.settings.credentials.scheme == "none"
            else "replace token, or what auth says: the service does not accept it"
        )
    return failed(str(error), f"{fix} (correlation id {case.correlation_id})")
