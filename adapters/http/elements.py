"""Reads an answer about several variants element by element."""

from collections.abc import Set as AbstractSet

import attrs
import msgspec

from shelfport.adapters.http import wire
from shelfport.adapters.http.document import UNREADABLE, of_an_element
from shelfport.adapters.http.malformed import Malformed
from shelfport.adapters.http.repairing import (
    VARIANT_ID,
    Repair,
    Repairs,
    contradicts_itself,
    pessimistic,
    read_id,
    read_level,
    values_of,
)
from shelfport.adapters.http.splitting import elements_of
from shelfport.domain.model import FaultScope, IdFormat, ProductVariantId, StockLevel, variant_id

_decoder = msgspec.json.Decoder(wire.InventoryStockLevelBody)


@attrs.frozen
class Levels:
    """The content of an answer to `GET /inventory`."""

    by_id: dict[ProductVariantId, StockLevel]
    """The level of each variant; if a variant occurs twice, the lower stock of both."""
    malformed: dict[ProductVariantId, Malformed] = attrs.field(factory=dict)
    """Variants without a level, whose element could not be read."""
    unidentified: Malformed | None = None
    """Set if an element has no readable variant id. A missing variant may be that element's, so it
    is not reported as unknown."""
    foreign: int = 0
    """How many elements are about variants that were not asked for. With any, the answer may be one
    to another question, so a missing variant is not reported as unknown."""
    repairs: tuple[Repair, ...] = ()
    """What was repaired, one for each member."""


@attrs.frozen
class DecodedLevel:
    """The content of an object about one variant."""

    level: StockLevel
    repairs: tuple[Repair, ...] = ()
    """What was repaired, one for each member."""


def levels_of(
    text: bytes, wanted: AbstractSet[ProductVariantId], id_format: IdFormat, *, strict: bool
) -> Levels:
    """The levels of an array.

    Raises:
        Garbled: it is no array, or one of its objects is none.
    """
    answer = _Answer(id_format, strict=strict)
    for element in elements_of(text):
        answer.add(element, wanted)
    return answer.levels()


def read_object(
    text: bytes, id_format: IdFormat, repairs: Repairs, *, strict: bool
) -> tuple[ProductVariantId, StockLevel | Malformed]:
    """The variant of an object, and its level or why it has none; repairs are added to `repairs`.

    Raises:
        Garbled: it is no object.
        Malformed: it has no readable id.
    """
    try:
        level = _valid(text, id_format, strict=strict)
    except (*UNREADABLE, ValueError, Malformed) as error:
        values = values_of(text)
        variant = read_id(values, id_format)
        if strict:
            return variant, of_an_element(error)
        try:
            return variant, read_level(variant, values, repairs)
        except Malformed as malformed:
            return variant, malformed
    return level.variant_id, level


def _valid(text: bytes, id_format: IdFormat, *, strict: bool) -> StockLevel:
    """The level of an object that keeps the contract; anything is raised for another.

    An id may have another form than the contract's; with `strict` it may not.
    """
    read = _decoder.decode(text)
    variant = variant_id(read.variant_id, id_format)
    if strict and id_format is IdFormat.UUID and variant != read.variant_id.lower():
        raise Malformed(f"{VARIANT_ID} is {read.variant_id!r}: write it as {variant}")
    quantity, status = read.available_quantity, read.status
    if contradicts_itself(quantity, status):
        raise Malformed(f"availableQuantity {quantity} contradicts the status {status.value}")
    return StockLevel(variant, quantity, status, read.updated_at)


class _Answer:
    """An answer while its elements are read."""

    def __init__(self, id_format: IdFormat, *, strict: bool) -> None:
        self._id_format = id_format
        self._strict = strict
        self._by_id: dict[ProductVariantId, StockLevel] = {}
        self._malformed: dict[ProductVariantId, Malformed] = {}
        self._unidentified: Malformed | None = None
        self._foreign = 0
        self._repairs = Repairs()

    def add(self, element: bytes, wanted: AbstractSet[ProductVariantId]) -> None:
        if not element.startswith(b"{"):
            self._unidentified = self._unidentified or Malformed("an element is no object")
            return
        try:
            variant, level = read_object(
                element, self._id_format, self._repairs, strict=self._strict
            )
        except Malformed as error:
            if error.scope is not FaultScope.ELEMENT:
                raise
            self._unidentified = self._unidentified or error
            return
        self._foreign += variant not in wanted
        if isinstance(level, Malformed):
            self._malformed.setdefault(variant, level)
            return
        known = self._by_id.setdefault(variant, level)
        if known is not level:
            self._join(known, level)

    def _join(self, known: StockLevel, level: StockLevel) -> None:
        """Two elements are about one variant."""
        variant = level.variant_id
        lower = self._by_id[variant] = pessimistic(known, level)
        if _stock(known) == _stock(level):
            return
        what = f"{_shown(known)} and {_shown(level)}"
        if self._strict:
            self._malformed[variant] = Malformed(f"two elements are about {variant}: {what}")
        else:
            self._repairs.add(VARIANT_ID, variant, what, _shown(lower))

    def levels(self) -> Levels:
        for variant in self._malformed.keys() & self._by_id.keys():
            if self._strict:
                del self._by_id[variant]
            else:
                fault = self._malformed.pop(variant)
                what = f"two elements, one of them malformed ({fault})"
                self._repairs.add(VARIANT_ID, variant, what, _shown(self._by_id[variant]))
        return Levels(
            self._by_id,
            self._malformed,
            self._unidentified,
            self._foreign,
            self._repairs.by_member(),
        )


def _stock(level: StockLevel) -> tuple[object, ...]:
    return level.available_quantity, level.status, level.reported_status


def _shown(level: StockLevel) -> str:
    return f"{level.available_quantity} {level.status.value}"
