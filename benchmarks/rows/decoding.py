"""P10: from bytes to validated domain objects."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from cattrs.gen import make_dict_structure_fn, override
from cattrs.preconf.msgspec import MsgspecJsonConverter, make_converter

from benchmarks.measuring import Spread, Work, in_turns
from benchmarks.outcome import Goal, Row
from benchmarks.service import level
from benchmarks.surroundings import Service, Variants
from shelfport import StockLevel, variant_id
from shelfport.adapters.http.decode import decode_levels

SIZES = (24, 200, 1000)


def _cattrs() -> MsgspecJsonConverter:
    converter = make_converter()
    converter.register_structure_hook(UUID, lambda value, _: UUID(value))
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    names = {
        "variant_id": "productVariantId",
        "available_quantity": "availableQuantity",
        "updated_at": "updatedAt",
    }
    renamed: dict[str, Any] = {name: override(rename=wire) for name, wire in names.items()}
    structure = make_dict_structure_fn(StockLevel, converter, **renamed)
    converter.register_structure_hook(StockLevel, structure)
    return converter


def _decoding(decode: Callable[[bytes], object], body: bytes, count: int) -> Work:
    async def work() -> None:
        for _ in range(count):
            decode(body)

    return work


async def p10(service: Service) -> Row:  # noqa: ARG001 - the others'
    """Answers of three sizes, decoded."""
    goals: list[Goal] = []
    times: dict[str, Spread] = {}
    converter = _cattrs()
    for size in SIZES:
        ids = [variant_id(uuid) for uuid in Variants().some(size)]
        body = f"[{','.join(map(level, ids))}]".encode()
        count = 2400 // size

        work = partial(_decoding, body=body, count=count)
        wanted = frozenset(ids)
        ours = decode_levels(body, wanted).by_id
        theirs = converter.loads(body, list[StockLevel])
        assert list(ours.values()) == theirs
        measured = await in_turns(
            {
                "msgspec, plain": work(msgspec.json.decode),
                "shelfport": work(partial(decode_levels, wanted=wanted)),
                "cattrs": work(partial(converter.loads, cl=list[StockLevel])),
            },
            rounds=40,
            pieces=count * size,
        )
        goals += (
            Goal(
                f"2.4 × msgspec to plain Python, {size}",
                2.4,
                measured.ratio("shelfport", "msgspec, plain"),
            ),
            Goal(f"0.25 × cattrs, {size}", 0.25, measured.ratio("shelfport", "cattrs")),
        )
        times |= {f"{name}, {size}": spread for name, spread in measured.spreads().items()}
    return Row(
        "P10", "decode 24 to 1,000 levels to validated domain objects; a level", goals, times
    )
