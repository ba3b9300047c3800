"""`RequestContext`: what one request to the Inventory Service is about."""

from collections.abc import Sequence
from typing import TypeVar

import attrs

from shelfport.domain.model.call import Call
from shelfport.domain.model.errors import InventoryError, Operation, ReachedService
from shelfport.domain.model.variant import ProductVariantId

ErrorT = TypeVar("ErrorT", bound=InventoryError)


@attrs.frozen
class RequestContext:
    """The operation, its variants and its call: every error about the request carries them."""

    operation: Operation
    ids: Sequence[ProductVariantId]
    call: Call
    where: str = ""
    """The base URL of the service, where an adapter goes by one; for the sentence of an error."""

    def error(
        self,
        kind: type[ErrorT],
        sentence: str,
        *,
        reached_service: ReachedService | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> ErrorT:
        """An error of `kind` about this request.

        Args:
            kind: the class of the error.
            sentence: its message: what happened, and what to do where something can be done.
            reached_service: whether the request arrived; without it, what `kind` assumes.
            status: the HTTP status of the answer, if one came.
            retry_after: seconds after which the service asked to be asked again.
        """
        return kind(
            sentence,
            operation=self.operation,
            ids=self.ids,
            correlation_id=self.call.correlation_id,
            attempts=self.call.attempt,
            reached_service=reached_service,
            status=status,
            retry_after=retry_after,
        )
