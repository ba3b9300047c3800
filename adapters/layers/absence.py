"""`confirm_absences`: absence is believed only if nothing that is known contradicts it.

Both caches use it, as an answer that lacks a variant may be no answer to the question: the first
page of several, or what a cache on the way kept for another one.
"""

from collections.abc import Callable, Mapping

import attrs

from shelfport.domain.model import (
    Answer,
    Call,
    ContractViolation,
    FaultScope,
    InventoryError,
    Operation,
    ProductVariantId,
    RequestContext,
    StockReading,
    UnknownVariant,
    Unreadable,
)
from shelfport.ports import InventoryPort, Listener
from shelfport.ports.signals import AbsenceDoubted


async def confirm_absences(
    answers: Mapping[ProductVariantId, Answer],
    known: Callable[[ProductVariantId], bool],
    inner: InventoryPort,
    call: Call,
    listener: Listener,
) -> Mapping[ProductVariantId, Answer]:
    """`answers`, with every `UnknownVariant` that contradicts what is known confirmed or doubted.

    One such variant is asked for alone. If that confirms that it has no record, all of them are
    believed, and become `confirmed`. Else the others become `Unreadable` (scope ELEMENT), so that
    their last readings stay, and the one that was asked for gets its own answer. It confirms
    nothing either if the layers below asked for it together with what another caller wanted: then
    all become `Unreadable`. Answers without a contradiction are returned as they are, and cost no
    request.

    Args:
        answers: what `inner` answered.
        known: whether a reading of the variant is kept, and no absence that is newer.
        inner: the port that answered.
        call: the call of that read. The variant is asked for under its deadline and its ids, and
            with a `max_staleness` of 0.
        listener: receives `AbsenceDoubted` unless the absences are confirmed.
    """
    contradicting = [
        variant
        for variant, answer in answers.items()
        if type(answer) is UnknownVariant and not answer.confirmed and known(variant)
    ]
    if not contradicting:
        return answers
    asked = contradicting[0]
    alone: Answer
    try:
        alone = (await inner.read((asked,), attrs.evolve(call, max_staleness=0.0)))[asked]
    except InventoryError as error:
        alone = Unreadable(error)
    confirmed: dict[ProductVariantId, Answer] = dict(answers)
    if isinstance(alone, UnknownVariant) and alone.confirmed:
        confirmed[asked] = alone
        for variant in contradicting:
            if isinstance(absent := confirmed[variant], UnknownVariant):
                confirmed[variant] = attrs.evolve(absent, confirmed=True)
        return confirmed
    listener(AbsenceDoubted(len(contradicting), call.correlation_id))
    doubted = Unreadable(_doubt(answers, contradicting, alone, call))
    confirmed.update(dict.fromkeys(contradicting, doubted))
    if not isinstance(alone, UnknownVariant):
        confirmed[asked] = alone
    return confirmed


def _doubt(
    answers: Mapping[ProductVariantId, Answer],
    contradicting: list[ProductVariantId],
    alone: Answer,
    call: Call,
) -> InventoryError:
    found = "has a record" if isinstance(alone, StockReading) else "gave no clear answer"
    context = RequestContext(Operation.READ, tuple(contradicting), call)
    return context.error(
        ContractViolation,
        f"the answer about {len(answers)} variants lacks {len(contradicting)} whose stock is known,"
        f" and {contradicting[0]}, asked for alone, {found}: an answer may lack only what has no "
        "record; look for a cache or a limit that cuts answers on the way to the Inventory Service",
        scope=FaultScope.ELEMENT,
    )
