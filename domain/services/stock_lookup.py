"""`StockLookup`: stock for a page, with a value for every variant."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import attrs

from shelfport.domain.model import (
    DEFAULT_CALL,
    Answer,
    Availability,
    Call,
    InventoryError,
    StockReading,
    Unavailable,
    UnavailableReason,
    UnknownVariant,
)
from shelfport.ports import CacheHits, InventoryPort, PageMapper

RefT = TypeVar("RefT")

_UNKNOWN_VARIANT = Unavailable(UnavailableReason.UNKNOWN_VARIANT)
_TOO_OLD = Unavailable(UnavailableReason.TOO_OLD)
_CONTRACT_VIOLATION = Unavailable(UnavailableReason.CONTRACT_VIOLATION)


@attrs.frozen
class StockLookup(Generic[RefT]):
    """Turns the host's references into values for a page: from memory, or else from the port."""

    port: InventoryPort
    hits: CacheHits
    """Asked before anything else."""
    mapper: PageMapper[RefT]

    async def get_stock_levels(self, refs: Sequence[RefT], call: Call) -> dict[RefT, Availability]:
        """One value for each distinct reference, in the order of `refs`.

        Never raises for an outage.

        Raises:
            ValueError: a reference is not a variant.
        """
        if call is DEFAULT_CALL or (call.max_staleness is None and call.deadline is None):
            texts = self.mapper.texts(refs)
            if texts and (page := self.hits.hit_many(texts)) is not None:
                if texts is refs:
                    return page  # type: ignore[return-value]  # the references are the ids
                values: Mapping[Any, StockReading] = page  # a text that is a hit is an id
                return {ref: values[text] for ref, text in zip(refs, texts, strict=True)}
        ids = self.mapper.variants(refs)
        try:
            answers = await self.port.read(ids, call)
        except InventoryError as error:
            return dict.fromkeys(refs, Unavailable(error.reason))
        if call.max_staleness is not None:
            return {
                ref: _accepted(answers[variant], call.max_staleness)
                for ref, variant in zip(refs, ids, strict=True)
            }
        return {
            ref: answer if type(answer := answers[variant]) is StockReading else _shown(answer)
            for ref, variant in zip(refs, ids, strict=True)
        }

    async def get_stock_level(self, ref: RefT, call: Call) -> Availability:
        """The value of one variant; see `get_stock_levels`."""
        if call is DEFAULT_CALL or (call.max_staleness is None and call.deadline is None):
            reading = self.hits.hit(self.mapper.text(ref))
            if reading is not None:
                return reading
        [variant] = self.mapper.variants((ref,))
        try:
            answers = await self.port.read((variant,), call)
        except InventoryError as error:
            return Unavailable(error.reason)
        if call.max_staleness is not None:
            return _accepted(answers[variant], call.max_staleness)
        return _shown(answers[variant])


def _accepted(answer: Answer, max_staleness: float) -> Availability:
    """As `_shown`, for a caller with a limit: a checkout must not go by an old answer or a guess.

    The time for which the service worked on its answer does not count; the time for which a cache
    on the way kept it does.
    """
    if isinstance(answer, StockReading | UnknownVariant) and answer.upstream_age > max_staleness:
        return _TOO_OLD
    guessed = isinstance(answer, StockReading) and answer.level.reported_status is not None
    return _CONTRACT_VIOLATION if guessed and max_staleness == 0 else _shown(answer)


def _shown(answer: Answer) -> Availability:
    if isinstance(answer, StockReading):
        return answer
    if isinstance(answer, UnknownVariant):
        return _UNKNOWN_VARIANT
    return Unavailable(answer.error.reason)
