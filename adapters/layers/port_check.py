"""`PortCheckLayer`: an adapter that is not ours keeps the port's obligations, or is caught."""

import logging
from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    AdapterFault,
    AlreadyThere,
    Answer,
    Call,
    Created,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    ReachedService,
    StockReading,
    UnknownVariant,
    Unreadable,
    settled,
)
from shelfport.ports import InventoryPort

logger = logging.getLogger("shelfport.adapter")


@attrs.frozen(eq=False)
class PortCheckLayer:
    """Turns whatever else an adapter does into what the port promises.

    A foreign exception becomes an `AdapterFault`, with the exception as its cause and its
    traceback in an ERROR record. A missing, foreign or mislabelled answer is `Unreadable`; order
    is put right and what nobody asked for is dropped. So a bug in an adapter costs what it is
    about, and the page stands.

    Right: `RecordingLayer(PortCheckLayer(theirs))`, innermost: everything above may rely on the port.
    Wrong: `PortCheckLayer(CacheLayer(theirs))`: what is wrong has been kept by then.
    """

    inner: InventoryPort

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        wanted = tuple(dict.fromkeys(ids))
        if not wanted:
            return {}
        try:
            answers: object = await self.inner.read(wanted, call)
        except InventoryError:
            raise
        except Exception as error:
            raise self._fault("raised", error, Operation.READ, wanted, call) from error
        if not isinstance(answers, Mapping):
            raise self._fault("returned", answers, Operation.READ, wanted, call)
        return settled(
            {variant: self._answer(variant, answers.get(variant), call) for variant in wanted}
        )

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        about = (request.variant_id,)
        try:
            outcome: object = await self.inner.initialize(request, call)
        except InventoryError:
            raise
        except Exception as error:
            raise self._fault("raised", error, Operation.INITIALIZE, about, call) from error
        match outcome:
            case Created(item) if item.variant_id == request.variant_id:
                return outcome
            case AlreadyThere(level) if level.variant_id == request.variant_id:
                return outcome
            case _:
                raise self._fault("returned", outcome, Operation.INITIALIZE, about, call)

    def _answer(self, variant: ProductVariantId, answer: object, call: Call) -> Answer:
        match answer:
            case StockReading(level) if level.variant_id == variant:
                return answer
            case UnknownVariant(about) if about == variant:
                return answer
            case Unreadable(InventoryError()):
                return answer
            case _:
                return Unreadable(self._fault("returned", answer, Operation.READ, (variant,), call))

    def _fault(
        self,
        did: str,
        what: object,
        operation: Operation,
        ids: Sequence[ProductVariantId],
        call: Call,
    ) -> AdapterFault:
        fault = AdapterFault(
            f"the adapter {type(self.inner).__name__} {did} {_shown(what)}, "
            f"which InventoryPort.{operation.value} does not allow: this is its bug",
            operation=operation,
            ids=ids,
            correlation_id=call.correlation_id,
            attempts=call.attempt,
            reached_service=ReachedService.UNKNOWN,
        )
        logger.error(
            "%s (correlation id %s)",
            fault,
            call.correlation_id,
            exc_info=what if isinstance(what, Exception) else None,
            extra={
                "event": "inventory.adapter_fault",
                "operation": operation.value,
                "correlation_id": call.correlation_id,
                "detail": str(fault),
            },
        )
        return fault


def _shown(what: object) -> str:
    if what is None:
        return "nothing"
    if isinstance(what, Exception):
        return type(what).__name__
    return f"a {type(what).__name__}"
