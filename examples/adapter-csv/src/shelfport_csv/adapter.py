"""`CsvInventory`: an `InventoryPort` over a CSV file."""

import asyncio
import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from shelfport import (
    InventoryError,
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
    UnknownVariant,
    Unreadable,
)

SOURCE = "csvstock"
COLUMNS = ("variant_id", "quantity", "low_stock_threshold", "updated_at")


class CsvInventory:
    """Reads stock from an export, as it is at the moment of the question. Opens no records.

    Args:
        file: the export; whoever writes it replaces it as a whole (write beside it, then rename).
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
        self._must_be_in_time(Operation.READ, wanted, call)
        as_of = self._clock.now()
        try:
            # A thread, because a disk may be a slow network share, and the loop is not ours.
            rows = await asyncio.to_thread(self._rows)
        except OSError as error:
            raise self._error(
                ConnectionFailed,
                f"{self._file} cannot be read: {error.strerror}",
                Operation.READ,
                wanted,
                call,
                reached=ReachedService.NO,
            ) from error
        except (ValueError, csv.Error) as error:
            raise self._error(
                ContractViolation,
                f"{self._file} is no export: {error}",
                Operation.READ,
                wanted,
                call,
            ) from error
        answers = {variant: self._answer(variant, rows, as_of, call) for variant in wanted}
        return _settled(answers)

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """Refused: the warehouse opens its records itself."""
        about = (request.variant_id,)
        self._must_be_in_time(Operation.INITIALIZE, about, call)
        raise self._error(
            RequestRejected,
            "an export cannot open inventory records: ask the warehouse",
            Operation.INITIALIZE,
            about,
            call,
            reached=ReachedService.NO,
        )

    def _rows(self) -> dict[ProductVariantId, dict[str, str]]:
        with self._file.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                # Without this look at the header, an empty file would mean "all are unknown".
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
            return Unreadable(
                self._error(ContractViolation, sentence, Operation.READ, (variant,), call)
            )

    def _must_be_in_time(
        self, operation: Operation, ids: Sequence[ProductVariantId], call: Call
    ) -> None:
        if call.deadline is not None and call.deadline <= self._clock.monotonic():
            sentence = f"the deadline passed before {self._file} could be read"
            raise self._error(
                DeadlineExceeded, sentence, operation, ids, call, reached=ReachedService.NO
            )

    @staticmethod
    def _error(
        kind: type[InventoryError],
        sentence: str,
        operation: Operation,
        ids: Sequence[ProductVariantId],
        call: Call,
        *,
        reached: ReachedService | None = None,
    ) -> InventoryError:
        return kind(
            sentence,
            operation=operation,
            ids=ids,
            correlation_id=call.correlation_id,
            attempts=call.attempt,
            reached_service=reached,
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
