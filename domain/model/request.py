"""`RequestContext`: the operation, variants and call of a request to the Inventory Service."""

from collections.abc import Sequence
from typing import TypeVar

import attrs

from shelfport.domain.model.call import Call
from shelfport.domain.model.errors import InventoryError
from shelfport.domain.model.fault import FaultScope, Operation, ReachedService
from shelfport.domain.model.variant import ProductVariantId

ErrorT = TypeVar("ErrorT", bound=InventoryError)


@attrs.frozen
class RequestContext:
    """The operation, variants and call of a request; every error about the request carries them."""

    operation: Operation
    ids: Sequence[ProductVariantId]
    call: Call
    where: str = ""
    """The base URL of the service, if an adapter has one; for the message of an error."""

    def error(
        self,
        kind: type[ErrorT],
        sentence: str,
        *,
        reached_service: ReachedService | None = None,
        scope: FaultScope | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> ErrorT:
        """An error of `kind` about this request.

        Args:
            kind: the class of the error.
            sentence: its message: what happened and, if something can be done, what to do.
            reached_service: whether the request arrived; without it, the default of `kind`.
            scope: whose fault it is; without it, the default of `kind`.
            status: the HTTP status of the answer, if one came.
            retry_after: seconds that the service asked to wait (`Retry-After`).
        """
        return kind(
            sentence,
            operation=self.operation,
            ids=self.ids,
            correlation_id=self.call.correlation_id,
            attempts=self.call.attempt,
            reached_service=reached_service,
            scope=scope,
            status=status,
            retry_after=retry_after,
        )

    def repeated(self, error: ErrorT) -> ErrorT:
        """The failure of `error`, of this request: a new error of its class with its sentence."""
        return self.error(
            type(error),
            str(error),
            reached_service=error.reached_service,
            scope=error.scope,
            status=error.status,
            retry_after=error.retry_after,
        )
