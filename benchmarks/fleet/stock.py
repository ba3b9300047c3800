"""What is really in stock: the truth that viewers should see, and how it changes."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from uuid import UUID

import attrs

from benchmarks.fleet.virtual_time import EPOCH
from shelfport.domain.model import ProductVariantId, StockLevel, StockStatus, variant_id


@attrs.frozen
class SellOut:
    """A variant is out of stock from one moment to another, in seconds of the simulation."""

    rank: int
    """The variant, by its popularity: 0 is the most popular."""
    begins: float
    ends: float


def zipf(variants: int, exponent: float, thinned: int = 1) -> list[float]:
    """Cumulative weights of ranks 1, 2, 3, … whose popularity falls as rank ** -exponent.

    With `thinned`, one in so many variants is there, each as popular as the average of those that
    it stands for.
    """
    weights = [rank**-exponent for rank in range(1, variants + 1)]
    blocks = (weights[n : n + thinned] for n in range(0, variants - thinned + 1, thinned))
    return list(accumulate(sum(block) / thinned for block in blocks))


def draw_sell_outs(
    draw: random.Random, weights: Sequence[float], *, per_second: float, lasts: float, until: float
) -> list[SellOut]:
    """Sell-outs at random moments, and never two of one variant at once.

    Args:
        draw: the random numbers.
        weights: how often each variant sells out, cumulative.
        per_second: how many begin in a second, over all variants.
        lasts: how many seconds one lasts, on average; none is shorter than a fifth of that.
        until: the end of the simulation.
    """
    busy: dict[int, float] = {}
    found: list[SellOut] = []
    now = draw.expovariate(per_second)
    while now < until:
        [rank] = draw.choices(range(len(weights)), cum_weights=weights)
        end = now + lasts / 5 + draw.expovariate(1.25 / lasts)
        if busy.get(rank, -1.0) < now:
            busy[rank] = end + 1.0
            found.append(SellOut(rank, now, end))
        now += draw.expovariate(per_second)
    return found


class Stock:
    """The stock of every variant at every moment of the simulation."""

    def __init__(self, variants: int, sell_outs: Sequence[SellOut]) -> None:
        self.ids: list[ProductVariantId] = [
            variant_id(UUID(int=rank + 1)) for rank in range(variants)
        ]
        self._rank = {variant: rank for rank, variant in enumerate(self.ids)}
        self.sell_outs = sell_outs
        self._changes: dict[int, list[float]] = {}
        self._episodes: dict[int, list[int]] = {}
        for number, sell_out in enumerate(sell_outs):
            self._changes.setdefault(sell_out.rank, []).extend((sell_out.begins, sell_out.ends))
            self._episodes.setdefault(sell_out.rank, []).append(number)
        self._levels: dict[tuple[int, int], StockLevel] = {}

    def level(self, variant: ProductVariantId, at: float) -> StockLevel:
        """What the service says of `variant` at a moment."""
        rank = self._rank[variant]
        changes = self._changes.get(rank)
        past = 0 if changes is None else bisect_right(changes, at)
        level = self._levels.get((rank, past))
        if level is None:
            changed = -86_400.0 if not past or changes is None else changes[past - 1]
            status = StockStatus.OUT_OF_STOCK if past % 2 else StockStatus.IN_STOCK
            quantity = 0 if past % 2 else 100
            updated_at = EPOCH + timedelta(seconds=changed)
            level = StockLevel(self.ids[rank], quantity, status, updated_at)
            self._levels[rank, past] = level
        return level

    def episode(self, rank: int, at: float) -> int | None:
        """The number of the sell-out that `rank` is in at a moment; None if it is in stock."""
        changes = self._changes.get(rank)
        if changes is None:
            return None
        past = bisect_right(changes, at)
        return self._episodes[rank][past // 2] if past % 2 else None
