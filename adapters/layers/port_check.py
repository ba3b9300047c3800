"""`PortCheckLayer`: checks that an adapter of another package keeps the port's obligations."""

import logging
from collections.abc import Mapping, Sequence

import attrs

from shelfport.domain.model import (
    AdapterFault,
    AlreadyThere,
    Answer,
    Call,
    Created,
    FaultScope,
    Initialized,
    InitialStock,
    InventoryError,
    Operation,
    ProductVariantId,
    RequestContext,
    StockReading,
    UnknownVariant,
    Unreadable,
    settled,
)
from shelfport.ports import InventoryPort

logger = logging.getLogger("shelfport.adapter")


@attrs.frozen(eq=False)
class PortCheckLayer:
    """Turns everything that the port does not allow into an `AdapterFault`.

    A foreign exception becomes an `AdapterFault`, with the exception as its cause and its
    traceback in an ERROR record. A missing, foreign or mislabelled answer becomes `Unreadable`; the
    order is corrected, and answers that the caller did not ask for are dropped. An unknown variant
    that was asked for alone is `confirmed`, also by an adapter that does not say so. So a bug in an
    adapter costs the variants of its wrong answers, and the page stands: the scope of such a fault
    is ELEMENT, and PROCESS if the whole call fails.

    Right: `RecordingLayer(PortCheckLayer(theirs))`, innermost: everything above may rely on the
    port.
    Wrong: `PortCheckLayer(CacheLayer(theirs))`: the cache has stored a wrong answer by then.
    """

    inner: InventoryPort

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        wanted = tuple(dict.fromkeys(ids))
        if not wanted:
            return {}
        context = RequestContext(Operation.READ, wanted, call)
        try:
            answers: object = await self.inner.read(wanted, call)
        except InventoryError:
            raise
        except Exception as error:
            raise self._fault("raised", error, context) from error
        if not isinstance(answers, Mapping):
            raise self._fault("returned", answers, context)
        checked = {variant: self._answer(variant, answers.get(variant), call) for variant in wanted}
        for variant, answer in checked.items():
            if len(wanted) == 1 and isinstance(answer, UnknownVariant):
                checked[variant] = attrs.evolve(answer, confirmed=True)  # it was asked for alone
        return settled(checked)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        try:
            outcome: object = await self.inner.initialize(request, call)
        except InventoryError:
            raise
        except Exception as error:
            raise self._fault("raised", error, context) from error
        match outcome:
            case Created(item) if item.variant_id == request.variant_id:
                return outcome
            case AlreadyThere(level) if level.variant_id == request.variant_id:
                return outcome
            case _:
                raise self._fault("returned", outcome, context)

    def _answer(self, variant: ProductVariantId, answer: object, call: Call) -> Answer:
        match answer:
            case StockReading(level) if level.variant_id == variant:
                return answer
            case UnknownVariant(about) if about == variant:
                return answer
            case Unreadable(InventoryError()):
                return answer
            case _:
                context = RequestContext(Operation.READ, (variant,), call)
                return Unreadable(self._fault("returned", answer, context, FaultScope.ELEMENT))

    def _fault(
        self,
        verb: str,
        value: object,
        context: RequestContext,
        scope: FaultScope = FaultScope.PROCESS,
    ) -> AdapterFault:
        fault = context.error(
            AdapterFault,
            f"the adapter {type(self.inner).__name__} {verb} {_described(value)}, "
            f"which InventoryPort.{context.operation.value} does not allow: this is its bug",
            scope=scope,
        )
        logger.error(
            "%s (correlation id %s)",
            fault,
            fault.correlation_id,
            exc_info=value if isinstance(value, Exception) else None,
            extra={
                "event": "inventory.adapter_fault",
                "operation": context.operation.value,
                "correlation_id": fault.correlation_id,
                "detail": str(fault),
            },
        )
        return fault


def _described(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Exception):
        return type(value).__name__
    return f"a {type(value).__name__}"
