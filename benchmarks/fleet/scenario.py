"""The day: the views of the hosts, and the failures.

The calm hours of a day are alike, so only some minutes of them are simulated; the scenes are
simulated whole, each after as much calm as a cache remembers.
"""

import random
from array import array

import attrs

from benchmarks.fleet.service import Capacity, Trouble
from benchmarks.fleet.stock import SellOut, Stock, draw_sell_outs, zipf


@attrs.frozen(kw_only=True)
class Scene:
    """A stretch of the day, in seconds of the simulation."""

    name: str
    begins: float
    ends: float

    def covers(self, at: float) -> bool:
        """Whether a moment lies in it."""
        return self.begins <= at < self.ends


@attrs.frozen(kw_only=True)
class Fleet:
    """What is simulated: the whole, and the share of it that stands for the whole."""

    hosts: int = 1000
    variants: int = 100_000
    views: float = 10.0
    """Views a second at each host."""
    exponent: float = 1.0
    """Popularity falls as rank ** -exponent (Zipf)."""
    workers: int = 300
    """Of the service: 300 workers of 25 ms each do 12,000 requests a second."""
    latency: float = 0.025
    """Seconds of its work on a request, on average."""
    sigma: float = 0.5
    """How wide that spreads; see `Capacity`."""
    sell_outs: float = 4.0
    """Variants that sell out in a second."""
    out_for: float = 90.0
    """Seconds for which a variant is out of stock, on average."""
    sample: int = 50
    """One in so many hosts is simulated, with as large a share of the service."""
    thinned: bool = False
    """Whether the catalog is sampled as the hosts are: one variant in so many. What all hosts
    share sees each variant then as often as it would with all hosts."""
    seed: int = 13

    @property
    def sampled_hosts(self) -> int:
        """Hosts that are simulated."""
        return self.hosts // self.sample

    @property
    def sampled_variants(self) -> int:
        """Variants that are simulated."""
        return self.variants // self.thinning

    @property
    def thinning(self) -> int:
        """One in so many variants is simulated."""
        return self.sample if self.thinned else 1

    @property
    def capacity(self) -> Capacity:
        """The part of the service that the sampled hosts ask."""
        workers = max(self.workers // self.sample, 1)
        return Capacity(workers=workers, mean=self.latency, sigma=self.sigma)


@attrs.frozen(kw_only=True)
class Day:
    """The schedule of the day, in seconds of the simulation."""

    scenes: tuple[Scene, ...]
    warm_until: float
    """Before this, nothing is measured: caches fill."""
    until: float
    troubles: tuple[Trouble, ...] = ()
    deploy_at: float | None = None
    """When a third of the hosts is restarted, with nothing in memory."""
    sale: tuple[float, float] | None = None
    """When more look, all at the same few variants, which sell out in the middle."""
    bus_outage: tuple[float, float] | None = None

    def scene_at(self, at: float) -> str:
        """The name of the scene at a moment; "calm" between them, "warm-up" before."""
        for scene in self.scenes:
            if scene.covers(at):
                return scene.name
        return "calm" if at >= self.warm_until else "warm-up"

    def scene(self, name: str) -> Scene:
        """A scene by its name."""
        return next(scene for scene in self.scenes if scene.name == name)


SALE_VARIANTS = 100
"""What the flash sale is about."""
SALE_CROWD = 0.6
"""How many more look meanwhile: this share of the usual number, all of them at the sale."""
LENGTH = 86_400.0


def the_day() -> Day:
    """A deploy, a flash sale, a dead service, a bus outage, and a slow service that returns weak.

    A scene includes the time after it in which things may still be unusual.
    """
    return Day(
        warm_until=180.0,
        scenes=(
            Scene(name="deploy", begins=300.0, ends=420.0),
            Scene(name="flash sale", begins=480.0, ends=720.0),
            Scene(name="dead", begins=900.0, ends=1140.0),
            Scene(name="bus outage", begins=1200.0, ends=1380.0),
            Scene(name="slow", begins=1500.0, ends=1860.0),
        ),
        until=1920.0,
        deploy_at=300.0,
        sale=(480.0, 660.0),
        bus_outage=(1200.0, 1320.0),
        troubles=(
            Trouble(begins=900.0, ends=1020.0, dead=True),
            Trouble(begins=1500.0, ends=1620.0, slower=8.0),
            # It is back, with its own caches cold: not enough for a GET a view, nearly.
            Trouble(begins=1620.0, ends=1680.0, slower=1.6),
        ),
    )


def the_slow_hour() -> Day:
    """The slow service alone, for a closer look."""
    return Day(
        warm_until=120.0,
        scenes=(Scene(name="slow", begins=180.0, ends=480.0),),
        until=480.0,
        troubles=(
            Trouble(begins=180.0, ends=240.0, slower=8.0),
            Trouble(begins=240.0, ends=300.0, slower=1.6),
        ),
    )


def the_real_fleet(seconds: float) -> tuple[Fleet, Day]:
    """What 20 processes on this machine can do, none left out: for the comparison."""
    fleet = Fleet(
        hosts=20,
        variants=2000,
        views=4.0,
        sample=1,
        workers=1000,  # the sandbox queues nothing
        latency=0.02,
        sigma=0.01,
        sell_outs=0.3,
        out_for=40.0,
    )
    return fleet, Day(warm_until=min(35.0, seconds / 2), scenes=(), until=seconds)


def the_front_page() -> tuple[Fleet, Day]:
    """One product on every host's front page, which all begin to show in the same moment."""
    fleet = Fleet(variants=1, views=20.0, sample=20, workers=600, sell_outs=1e-9)
    return fleet, Day(warm_until=0.0, scenes=(), until=60.0)


@attrs.frozen(kw_only=True)
class Views:
    """The views, in order of time."""

    at: "array[float]"
    host: "array[int]"
    rank: "array[int]"


def draw_views(fleet: Fleet, day: Day) -> Views:
    """The views of the sampled hosts: the same for every way of running the day."""
    draw = random.Random(fleet.seed)
    weights = zipf(fleet.variants, fleet.exponent, fleet.thinning)
    rate = fleet.views * fleet.sampled_hosts
    hot = sale_ranks(fleet)
    views = Views(at=array("d"), host=array("l"), rank=array("l"))
    ranks = range(fleet.sampled_variants)
    now = 0.0
    while True:
        on_sale = day.sale is not None and day.sale[0] <= now < day.sale[1]
        now += draw.expovariate(rate * (1 + SALE_CROWD) if on_sale else rate)
        if now >= day.until:
            return views
        views.at.append(now)
        views.host.append(draw.randrange(fleet.sampled_hosts))
        if on_sale and draw.random() < SALE_CROWD / (1 + SALE_CROWD):
            views.rank.append(draw.choice(hot))
        else:
            views.rank.append(draw.choices(ranks, cum_weights=weights)[0])


def sale_ranks(fleet: Fleet) -> range:
    """What the sale is about: neither the most popular nor the least."""
    count = max(SALE_VARIANTS // fleet.thinning, 1)
    return range(fleet.sampled_variants // 10, fleet.sampled_variants // 10 + count)


def draw_stock(fleet: Fleet, day: Day) -> Stock:
    """The truth about every variant, the sale's end included."""
    sell_outs = draw_sell_outs(
        random.Random(fleet.seed + 1),
        # Less uneven than the views: popular variants are stocked for it.
        zipf(fleet.variants, 0.5, fleet.thinning),
        per_second=fleet.sell_outs / fleet.thinning,
        lasts=fleet.out_for,
        until=day.until,
    )
    if day.sale is not None:
        hot = sale_ranks(fleet)
        begins, ends = day.sale
        middle = (begins + ends) / 2
        sold = [SellOut(rank, middle + 2.0 * n / len(hot), ends) for n, rank in enumerate(hot)]
        sell_outs = [s for s in sell_outs if s.rank not in hot] + sold
        sell_outs.sort(key=lambda sell_out: sell_out.begins)
    return Stock(fleet.sampled_variants, sell_outs)
