"""What the rows of docs/failure.md say happens, made to happen in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import attrs

from shelfport import (
    InitializationPolicy,
    InMemoryInventory,
    InventoryError,
    InventoryIntegration,
    ProductVariantId,
    Settings,
    StockReading,
)
from shelfport.errors import (
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    FaultScope,
    InsecureConnection,
    Operation,
    PathFailed,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.layers import ChaosLayer
from shelfport.options import (
    BreakerOptions,
    CacheOptions,
    LimitOptions,
    QueueOptions,
    RetryOptions,
)
from shelfport.ports import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    InventoryPort,
    UnknownVariant,
    Unreadable,
)
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids
from tests.support.values import an_id

SHOE, BOOT, SOCK = an_id(1), an_id(2), an_id(3)
AT_ONCE = Settings(
    deadline=1.0,
    cache=CacheOptions(ttl=0, stale_while_revalidate=0, soft_timeout=0.02, refresh_backoff=0),
    retry=RetryOptions(max_attempts=2, base_delay=0, max_delay=0),
    breaker=BreakerOptions(minimum_calls=3, open_duration=60),
    queue=QueueOptions(url="memory:", worker=False),
    limit=LimitOptions(max_concurrency=1, max_queue=1),
)
"""No reading is fresh, so that each call makes a request; three failures open the circuit."""


@attrs.define
class Way:
    """The way to the service: fails what a test says, and spoils elements of answers."""

    inner: InventoryPort
    fault: Callable[[Ids], InventoryError | None] = lambda _: None
    """The failure of a read of these ids; None lets it pass."""
    odd: set[ProductVariantId] = attrs.field(factory=set)
    """Variants whose elements are malformed."""
    cut: set[ProductVariantId] = attrs.field(factory=set)
    """Variants that every answer about several lacks."""
    retold: Callable[[StockReading], StockReading] = lambda reading: reading
    """What becomes of a reading."""
    lost: int = 0
    """So many openings of a record are carried out, and their answers lost."""

    async def read(self, ids: Ids, call: Call) -> Answers:
        """See `InventoryPort.read`."""
        error = self.fault(ids)
        if error is not None:
            raise _about(error, ids, call)
        answers: dict[ProductVariantId, Answer] = dict(await self.inner.read(ids, call))
        for variant in self.odd.intersection(ids):
            odd = ContractViolation("odd", scope=FaultScope.ELEMENT, status=200)
            answers[variant] = Unreadable(_about(odd, (variant,), call))
        if len(ids) > 1:
            answers.update({v: UnknownVariant(v) for v in self.cut.intersection(ids)})
        return {
            variant: self.retold(answer) if isinstance(answer, StockReading) else answer
            for variant, answer in answers.items()
        }

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        """See `InventoryPort.initialize`."""
        outcome = await self.inner.initialize(request, call)
        if self.lost:
            self.lost -= 1
            lost = TimedOut("the answer was lost", operation=Operation.INITIALIZE)
            raise _about(lost, (request.variant_id,), call)
        return outcome


def _about(error: InventoryError, ids: Ids, call: Call) -> InventoryError:
    error = error.again()
    error.ids, error.correlation_id = tuple(ids), call.correlation_id
    return error


class Shop(NamedTuple):
    """An integration, its service and the way to it, which a test can break, and its signals."""

    inventory: InventoryIntegration[Any]
    service: InMemoryInventory
    way: Way
    chaos: ChaosLayer
    heard: Heard


Scenario = Callable[[Shop], Awaitable[object]]


def failing(error: InventoryError, times: int = 1) -> Scenario:
    """No reading is cached, and the service fails so many reads with `error`."""

    async def fails(shop: Shop) -> object:
        shop.service.fail_with(error)
        answer: object = None
        for _ in range(times):
            answer = await shop.inventory.get_stock_level(SHOE)
        return answer

    return fails


def once(error: InventoryError) -> Scenario:
    """The first attempt fails with `error`, the second does not."""

    async def is_mended(shop: Shop) -> object:
        shop.service.set_stock(SHOE, 3)
        errors = [error]
        shop.way.fault = lambda _: errors.pop() if errors else None
        return await shop.inventory.get_stock_level(SHOE)

    return is_mended


async def stocked(shop: Shop, *variants: ProductVariantId) -> None:
    """The variants have stock, and their readings are cached."""
    for variant in variants:
        shop.service.set_stock(variant, 3)
    await shop.inventory.get_stock_levels(variants)


async def cached_and_slow(shop: Shop) -> object:
    """A reading is cached, and the service is slow."""
    await stocked(shop, SHOE)
    shop.chaos.latency = 0.3
    return await shop.inventory.get_stock_level(SHOE)


async def cached_and_down(shop: Shop) -> object:
    """A reading is cached, and the service is down."""
    await stocked(shop, SHOE)
    shop.service.fail_with(ConnectionFailed("gone"))
    return await shop.inventory.get_stock_level(SHOE)


async def slow(shop: Shop) -> object:
    """No reading is cached, and no attempt gets an answer in its time."""
    shop.chaos.latency = 0.3
    shop.service.fail_with(TimedOut("no answer within 0.3 s"))
    return await shop.inventory.get_stock_level(SHOE)


async def little_time(shop: Shop) -> object:
    """The service hangs, and callers leave before an attempt is over."""
    shop.chaos.hang = True
    answer: object = None
    for variant in (SHOE, BOOT, SOCK):
        answer = await shop.inventory.get_stock_level(variant, deadline=0.05)
    await asyncio.sleep(0.1)  # until the third one's attempt has ended
    return answer


async def is_back(shop: Shop) -> object:
    """The circuit has opened, and the service is back."""
    await failing(ServiceFailed("down"), times=4)(shop)
    shop.service.fail_with(None)
    shop.service.set_stock(SHOE, 3)
    await asyncio.sleep(120)
    shop.heard.signals.clear()
    return await shop.inventory.get_stock_level(SHOE)


async def no_room(shop: Shop) -> object:
    """One call is in flight, one waits, and there is no room for a third."""
    shop.chaos.hang = True
    for variant in (SHOE, BOOT):
        asyncio.create_task(shop.inventory.get_stock_level(variant))  # noqa: RUF006  # see the end
        await asyncio.sleep(0.1)
    return await shop.inventory.get_stock_level(SOCK)  # the others wait until it is closed


async def odd_element(shop: Shop) -> object:
    """A reading is cached, and the variant's element is malformed."""
    await stocked(shop, SHOE, BOOT)
    shop.way.odd = {SHOE}
    page = await shop.inventory.get_stock_levels([SHOE, BOOT])
    assert_answered(page, BOOT)
    return page[SHOE]


async def odd_element_of_a_stranger(shop: Shop) -> object:
    """No reading is cached, and the variant's element is malformed."""
    shop.service.set_stock(BOOT, 3)
    shop.way.odd = {SHOE}
    page = await shop.inventory.get_stock_levels([SHOE, BOOT])
    assert_answered(page, BOOT)
    return page[SHOE]


async def cut_answer(shop: Shop) -> object:
    """Readings are cached, and an answer lacks two of the variants."""
    await stocked(shop, SHOE, BOOT, SOCK)
    shop.way.cut = {SHOE, BOOT}
    page = await shop.inventory.get_stock_levels([SHOE, BOOT, SOCK])
    assert_answered(page, SHOE, SOCK)  # the first of the two is asked for alone
    return page[BOOT]


async def kept_on_the_way(shop: Shop) -> object:
    """A cache on the way has kept its answer for a minute."""
    shop.service.set_stock(SHOE, 3)
    shop.way.retold = lambda reading: attrs.evolve(
        reading, as_of=reading.as_of - timedelta(minutes=1), upstream_age=60.0
    )
    return await shop.inventory.get_stock_level(SHOE, max_staleness=0)


async def lagging_replica(shop: Shop) -> object:
    """A reading is cached, and a replica of the service has an older level."""
    await stocked(shop, SHOE)

    def older(reading: StockReading) -> StockReading:
        level = reading.level
        assert level.updated_at is not None
        before = level.updated_at - timedelta(minutes=1)
        return attrs.evolve(reading, level=attrs.evolve(level, updated_at=before))

    shop.way.retold = older
    return await shop.inventory.get_stock_level(SHOE)


def poison(alone: InventoryError, in_a_batch: InventoryError) -> Scenario:
    """One variant costs a batch its answer; the isolation begins with another one."""

    async def is_isolated(shop: Shop) -> object:
        for variant in (SHOE, BOOT):
            shop.service.set_stock(variant, 3)

        def fault(ids: Sequence[ProductVariantId]) -> InventoryError | None:
            if SOCK not in ids:
                return None
            return alone if len(ids) == 1 else in_a_batch

        shop.way.fault = fault
        page = await shop.inventory.get_stock_levels([SHOE, BOOT, SOCK])
        assert_answered(page, SHOE, BOOT)
        return page[SOCK]

    return is_isolated


async def too_long(shop: Shop) -> object:
    """A proxy refuses the address of every request for more than one variant."""
    for variant in (SHOE, BOOT):
        shop.service.set_stock(variant, 3)
    shop.way.fault = lambda ids: RequestBlocked("too long", status=414) if len(ids) > 1 else None
    page = await shop.inventory.get_stock_levels([SHOE, BOOT])
    assert_answered(page, SHOE, BOOT)
    return page[SHOE]


def assert_answered(page: Mapping[Any, object], *variants: ProductVariantId) -> None:
    """The page has a reading of each of `variants`."""
    assert {StockReading} == {type(page[variant]) for variant in variants}


async def unknown(shop: Shop) -> object:
    """The service has no record of the variant."""
    return await shop.inventory.get_stock_level(SHOE)


def opening(error: InventoryError, policy: InitializationPolicy) -> Scenario:
    """A record is requested, and the service fails with `error`."""

    async def is_requested(shop: Shop) -> object:
        shop.service.fail_with(error)
        try:
            return await shop.inventory.request_inventory_initialization(SHOE, policy=policy)
        except InventoryError as raised:
            return raised

    return is_requested


async def already_there(shop: Shop) -> object:
    """The record exists."""
    shop.service.set_stock(SHOE, 3)
    return await shop.inventory.request_inventory_initialization(SHOE)


async def lost_answers(shop: Shop) -> object:
    """The record is opened, but every answer is lost."""
    shop.way.lost = 2
    return await shop.inventory.request_inventory_initialization(SHOE)


GONE = ConnectionFailed("gone")
BUSY = ServiceOverloaded("busy", status=503, retry_after=0.2)
REFUSED = RequestRejected("never", status=422)
FAILED_ALONE = ServiceFailed("500", status=500)
ROLL_BACK, LATER = InitializationPolicy.ROLL_BACK, InitializationPolicy.RETRY_LATER

SCENARIOS: Sequence[tuple[str, Scenario]] = (
    ("One attempt fails", once(GONE)),
    ("The service is slow, and a reading", cached_and_slow),
    ("The service is slow, and no reading", slow),
    ("The service is down, and a reading", cached_and_down),
    ("The service is down, and no reading", failing(GONE)),
    ("It fails so often", failing(ServiceFailed("down"), times=4)),
    ("It is back", is_back),
    ("429 or 503", failing(BUSY, times=2)),
    ("The whole answer", failing(ContractViolation("no list"))),
    ("Not the service answers", failing(PathFailed("302 of a router", status=302))),
    ("The certificate", failing(InsecureConnection("expired"))),
    ("The credentials are refused", failing(Unauthorized("401", status=401), times=3)),
    ("The authorization server", failing(CredentialsUnavailable("no token"))),
    ("Something before the service", failing(RequestBlocked("403 of a firewall", status=403))),
    ("One variant costs a batch", poison(REFUSED, REFUSED)),
    (
        "One variant costs a batch",
        poison(FAILED_ALONE, ServiceFailed("500", status=500, scope=FaultScope.REQUEST)),
    ),
    ("Something refuses a request for its length", too_long),
    ("One element", odd_element),
    ("One element", odd_element_of_a_stranger),
    ("An answer lacks", cut_answer),
    ("A cache on the way", kept_on_the_way),
    ("A read brings older stock", lagging_replica),
    ("The service has no record", unknown),
    ("Callers give less time", little_time),
    ("More callers than", no_room),
    ("A kept connection is dead", once(TimedOut("dead", scope=FaultScope.PROCESS))),
    ("The record exists already", already_there),
    ("It cannot be opened, under `ROLL_BACK`", opening(GONE, ROLL_BACK)),
    ("No answer comes", lost_answers),
    ("It cannot be opened, under `RETRY_LATER`", opening(GONE, LATER)),
    ("The service rejects this request", opening(REFUSED, LATER)),
)
"""The beginnings of the rows, and what happens in them."""
