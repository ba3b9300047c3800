"""Turns replies of the service into the answers of the port."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import attrs
from aiohttp import hdrs
from multidict import CIMultiDictProxy

from shelfport.adapters.http import wire
from shelfport.adapters.http.clock_skew import ClockSkew
from shelfport.adapters.http.decode import (
    Levels,
    Repair,
    decode_current,
    decode_item,
    decode_level,
    decode_levels,
    decode_problem,
)
from shelfport.adapters.http.errors import (
    HttpRequestContext,
    contract_error,
    retry_after_seconds,
    status_error,
)
from shelfport.adapters.http.headers import age_seconds, sign_of_more
from shelfport.adapters.http.malformed import AboutOthers, BrokenDocument, Malformed
from shelfport.domain.model import (
    AlreadyThere,
    Answer,
    Created,
    Freshness,
    IdFormat,
    Initialized,
    InventoryError,
    ProductVariantId,
    StockReading,
    UnknownVariant,
    Unreadable,
    settled,
)
from shelfport.ports import Clock, Listener
from shelfport.ports.signals import AnswerRepaired, Signal

SOURCE = "http"


def no_listener(_signal: Signal) -> None:
    """The `Listener` of an adapter without one: do nothing."""


@attrs.frozen
class Reply:
    """The whole answer to one request."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    sent_at: datetime
    """When the request was sent."""


class ReplyReader:
    """Reads replies: dates them, reports what was repaired, and compares the clocks.

    Args:
        id_format: what the service's ids look like.
        strict: whether a malformed member makes its element malformed, in place of being repaired.
        clock: this host's clock.
        listener: receives `AnswerRepaired` and `ClockSkewed`.
    """

    def __init__(
        self, id_format: IdFormat, *, strict: bool, clock: Clock, listener: Listener
    ) -> None:
        self._id_format = id_format
        self._strict = strict
        self._listener = listener
        self.clock_skew = ClockSkew(clock, listener)

    def level(self, reply: Reply, variant: ProductVariantId, context: HttpRequestContext) -> Answer:
        """The answer of `GET /inventory/{productVariantId}`.

        Raises:
            InventoryError: it is none.
        """
        if reply.status == 200:
            try:
                decoded = decode_level(reply.body, self._id_format, strict=self._strict)
                level = decoded.level
                if level.variant_id != variant:
                    raise AboutOthers(
                        f"it is about variant {level.variant_id}, not {variant}: does a cache on "
                        "the way ignore the path?"
                    )
            except Malformed as error:
                raise contract_error(error, context, reply.status) from error
            self._report(decoded.repairs, context)
            as_of, age = self._dated(reply, context)
            return StockReading(level, as_of, SOURCE, Freshness.LIVE, age)
        problem = decode_problem(reply.body)
        if reply.status == 404 and problem.slug == "unknown-variant":
            return self._unknown(variant, *self._dated(reply, context), confirmed=True)
        raise self._refused(reply, problem, context)

    def levels(
        self, reply: Reply, wanted: Sequence[ProductVariantId], context: HttpRequestContext
    ) -> Mapping[ProductVariantId, Answer]:
        """The answers of `GET /inventory`, in the order of `wanted`.

        Raises:
            InventoryError: there is none.
        """
        if reply.status != 200:
            raise self._refused(reply, decode_problem(reply.body), context)
        asked = set(wanted)
        try:
            levels = decode_levels(reply.body, asked, self._id_format, strict=self._strict)
            if levels.foreign or levels.unidentified is not None:
                _must_be_about(asked, levels)
        except Malformed as error:
            raise contract_error(error, context, reply.status) from error
        self._report(levels.repairs, context)
        as_of, age = self._dated(reply, context)
        known = levels.by_id
        doubt: Malformed | None = _UNDECIDED
        answers: dict[ProductVariantId, Answer] = {}
        for variant in wanted:
            level = known.get(variant)
            if level is not None:
                answers[variant] = StockReading(level, as_of, SOURCE, Freshness.LIVE, age)
                continue
            if doubt is _UNDECIDED:
                doubt = levels.unidentified or _doubt(levels, reply.headers)
            fault = levels.malformed.get(variant, doubt)
            if fault is not None:
                about = attrs.evolve(context, ids=(variant,))
                answers[variant] = Unreadable(contract_error(fault, about, reply.status))
            else:
                answers[variant] = self._unknown(variant, as_of, age)
        return settled(answers)

    def initialized(
        self, reply: Reply, variant: ProductVariantId, context: HttpRequestContext
    ) -> Initialized:
        """The outcome of `POST /inventory`.

        Raises:
            InventoryError: it failed.
        """
        try:
            if reply.status == 201:
                item = decode_item(reply.body, self._id_format)
                _must_be(variant, item.variant_id)
                return Created(item)
            problem = decode_problem(reply.body)
            if reply.status == 409 and problem.slug == "record-exists":
                decoded = decode_current(problem, self._id_format, strict=self._strict)
                _must_be(variant, decoded.level.variant_id)
                self._report(decoded.repairs, context)
                return AlreadyThere(decoded.level)
        except Malformed as error:
            raise contract_error(error, context, reply.status) from error
        raise self._refused(reply, problem, context)

    def _refused(
        self, reply: Reply, problem: wire.ProblemBody, context: HttpRequestContext
    ) -> InventoryError:
        wait = retry_after_seconds(reply.headers.get(hdrs.RETRY_AFTER), reply.sent_at)
        return status_error(reply.status, problem, wait, context)

    def _dated(self, reply: Reply, context: HttpRequestContext) -> tuple[datetime, float]:
        """Since when the answer may be old, and for how many seconds a cache had kept it."""
        headers, sent_at = reply.headers, reply.sent_at
        age = self._age(headers, context) if hdrs.AGE in headers else 0.0
        self.clock_skew.compare(headers, sent_at, age)
        return (sent_at - timedelta(seconds=age) if age else sent_at), age

    def _age(self, headers: CIMultiDictProxy[str], context: HttpRequestContext) -> float:
        values = headers.getall(hdrs.AGE)
        age, well_formed = age_seconds(values)
        if not well_formed:
            read = f"read as {age:.0f} s" if age else "ignored"
            example = f"{', '.join(values)!r}, {read}"
            self._report([Repair(hdrs.AGE, 1, example)], context)
        return age

    def _report(self, repairs: Iterable[Repair], context: HttpRequestContext) -> None:
        for repair in repairs:
            self._listener(
                AnswerRepaired(
                    repair.member,
                    repair.elements,
                    context.quoted(repair.example),
                    context.call.correlation_id,
                )
            )

    @staticmethod
    def _unknown(
        variant: ProductVariantId, as_of: datetime, age: float, *, confirmed: bool = False
    ) -> UnknownVariant:
        if age:
            return UnknownVariant(variant, as_of, age, confirmed)
        return UnknownVariant(variant, confirmed=confirmed)


_UNDECIDED = Malformed("not looked for yet")


def _must_be(wanted: ProductVariantId, answered: ProductVariantId) -> None:
    if answered != wanted:
        raise Malformed(f"it is about variant {answered}, not {wanted}")


def _must_be_about(wanted: set[ProductVariantId], levels: Levels) -> None:
    """Check that an element is about one of `wanted`.

    Raises:
        AboutOthers: all that say which variant they are about are about other variants.
        BrokenDocument: not one element says it: that is no fault of one variant's data.
    """
    if not (wanted.isdisjoint(levels.by_id) and wanted.isdisjoint(levels.malformed)):
        return
    if levels.foreign:
        raise AboutOthers(
            f"it is about {levels.foreign} variants that were not asked for, and about none that "
            "was: does a cache on the way ignore the query?"
        )
    raise BrokenDocument(str(levels.unidentified)) from levels.unidentified


def _doubt(levels: Levels, headers: CIMultiDictProxy[str]) -> Malformed | None:
    """Why a variant that the answer lacks may have a record all the same; None if it has none."""
    if levels.foreign:
        reason = f"it is about {levels.foreign} variants that were not asked for"
    else:
        sign = sign_of_more(headers, len(levels.by_id) + len(levels.malformed))
        if sign is None:
            return None
        reason = sign
    return Malformed(
        f"the answer lacks this variant, which may have a record all the same: {reason}"
    )
