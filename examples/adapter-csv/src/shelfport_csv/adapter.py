"""`CsvInventory`: an `InventoryPort` over a CSV file."""

import asyncio
import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from shelfport import (
    ProductVariantId,
    StockLevel,
    StockReading,
    StockStatus,
    variant_id,
)
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    Operation,
    ReachedService,
    RequestRejected,
)
from shelfport.ports import (
    Answer,
    Call,
    Clock,
    Initialized,
    InitialStock,
    RequestContext,
    UnknownVariant,
    Unreadable,
)

SOURCE = "csvstock"
COLUMNS = ("variant_id", "quantity", "low_stock_threshold", "updated_at")


class CsvInventory:
    """Reads stock from an export, as the file is at the time of the call. Opens no records.

    Args:
        file: the export; its writer replaces it as a whole (write beside it, then rename).
        clock: dates the readings, and tells whether a deadline has passed.
    """

    def __init__(self, file: Path, *, clock: Clock) -> None:
        self._file = file
        self._clock = clock

    def __repr__(self) -> str:
        return f"CsvInventory({str(self._file)!r})"

    async def read(
        self, ids: Sequence[ProductVariantId], call: Call
    ) -> Mapping[ProductVariantId, Answer]:
        """See `InventoryPort.read`."""
        wanted = tuple(dict.fromkeys(ids))
        if not wanted:
            return {}
        context = RequestContext(Operation.READ, wanted, call)
        self._must_be_in_time(context)
        as_of = self._clock.now()
        try:
            # A thread: the disk may be a slow network share, and reading it would block the loop.
            rows = await asyncio.to_thread(self._rows)
        except OSError as error:
            raise context.error(
                ConnectionFailed,
                f"{self._file} cannot be read: {error.strerror}",
                reached_service=ReachedService.NO,
            ) from error
        except (ValueError, csv.Error) as error:
            raise context.error(ContractViolation, f"{self._file} is no export: {error}") from error
        answers = {variant: self._answer(variant, rows, as_of, call) for variant in wanted}
        return _settled(answers)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Refused: the warehouse opens its records itself."""
        context = RequestContext(Operation.INITIALIZE, (request.variant_id,), call)
        self._must_be_in_time(context)
        raise context.error(
            RequestRejected,
            "an export cannot open inventory records: ask the warehouse",
            reached_service=ReachedService.NO,
        )

    def _rows(self) -> dict[ProductVariantId, dict[str, str]]:
        with self._file.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                # Without this check, an empty file would mean that every variant is unknown.
                raise ValueError(f"its header is not {','.join(COLUMNS)}")
            return {variant_id(row["variant_id"]): row for row in reader}

    def _answer(
        self,
        variant: ProductVariantId,
        rows: Mapping[ProductVariantId, Mapping[str, str]],
        as_of: datetime,
        call: Call,
    ) -> Answer:
        row = rows.get(variant)
        if row is None:
            return UnknownVariant(variant)
        try:
            return StockReading(_level(variant, row), as_of, SOURCE)
        except (ValueError, KeyError, TypeError) as error:
            sentence = f"the row of {variant} in {self._file} cannot be read: {error}"
            context = RequestContext(Operation.READ, (variant,), call)
            return Unreadable(context.error(ContractViolation, sentence, scope=FaultScope.ELEMENT))

    def _must_be_in_time(self, context: RequestContext) -> None:
        deadline = context.call.deadline
        if deadline is not None and deadline <= self._clock.monotonic():
            raise context.error(
                DeadlineExceeded,
                f"the deadline passed before {self._file} could be read",
                reached_service=ReachedService.NO,
            )


def _level(variant: ProductVariantId, row: Mapping[str, str]) -> StockLevel:
    quantity, threshold = int(row["quantity"]), int(row["low_stock_threshold"])
    if quantity == 0:
        status = StockStatus.OUT_OF_STOCK
    else:
        status = StockStatus.LOW_STOCK if quantity <= threshold else StockStatus.IN_STOCK
    return StockLevel(variant, quantity, status, datetime.fromisoformat(row["updated_at"]))


def _settled(answers: Mapping[ProductVariantId, Answer]) -> Mapping[ProductVariantId, Answer]:
    """The port's rule: failures are values while anything was answered; else one is raised."""
    errors = [answer.error for answer in answers.values() if isinstance(answer, Unreadable)]
    if errors and len(errors) == len(answers):
        raise errors[0]
    return answers
