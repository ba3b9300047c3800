import asyncio
from collections.abc import Sequence

import attrs
import pytest

from shelfport import Created, InventoryError, ProductVariantId, StockReading
from shelfport.adapters.layers import IsolationLayer
from shelfport.adapters.layers.isolation import CHECK_INTERVAL, MOST_REQUESTS
from shelfport.errors import (
    CircuitOpen,
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    TimedOut,
)
from shelfport.ports import DEFAULT_CALL, Answer, Call, UnknownVariant, Unreadable
from tests.support.clocks import LoopClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_id, an_initial_stock, ids

A, B, C, D, E = ids(5)
CALL = Call(correlation_id="page-17", attempt=2)
FRESH = attrs.evolve(CALL, max_staleness=0)
pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


class Service(ScriptedPort):
    """Fails every request for one of `poison`, a batch with the scope REQUEST."""

    def __init__(self, *poison: ProductVariantId) -> None:
        super().__init__(self._answer)
        self.poison = set(poison)
        self.errors: dict[ProductVariantId, InventoryError] = {}
        """Why a request for one of these variants alone fails."""
        self.dead = False
        self.delay = 0.0

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        began = LoopClock().monotonic()
        left = self.delay if call.deadline is None else min(self.delay, call.deadline - began)
        await asyncio.sleep(left)
        if left < self.delay:
            raise DeadlineExceeded("the deadline passed", ids=ids)
        if len(ids) == 1 and ids[0] in self.errors:
            raise self.errors[ids[0]]
        if self.dead or not self.poison.isdisjoint(ids):
            scope = FaultScope.SERVICE if len(ids) == 1 else FaultScope.REQUEST
            raise ServiceFailed("500", status=500, scope=scope, ids=ids, correlation_id="c")
        return {variant: a_reading(variant) for variant in ids}

    @property
    def asked(self) -> list[list[ProductVariantId]]:
        return [read for read, _ in self.reads]

    @property
    def sizes(self) -> list[int]:
        return [len(read) for read, _ in self.reads]


def the_first(variants: Sequence[ProductVariantId]) -> ProductVariantId:
    return variants[0]


def isolating(service: ScriptedPort) -> IsolationLayer:
    return IsolationLayer(service, LoopClock(), the_first)


async def error_of(
    layer: IsolationLayer, *variants: ProductVariantId, call: Call = CALL
) -> InventoryError:
    with pytest.raises(InventoryError) as info:
        await layer.read(variants, call)
    return info.value


def unread(answers: Answers) -> list[ProductVariantId]:
    return [variant for variant, answer in answers.items() if isinstance(answer, Unreadable)]


def error_in(answer: Answer) -> InventoryError:
    assert isinstance(answer, Unreadable)
    return answer.error


async def after(seconds: float) -> None:
    await asyncio.sleep(seconds)


# Isolation.


async def test_an_answer_passes() -> None:
    """An answered batch is forwarded as it is, and so is an initialization."""
    service = Service()
    layer, request = isolating(service), an_initial_stock(A)

    answers = await layer.read([B, A], CALL)
    outcome = await layer.initialize(request, CALL)

    assert [B, A] == list(answers)
    assert [StockReading] * 2 == [type(answer) for answer in answers.values()]
    assert ([([B, A], CALL)], [(request, CALL)]) == (service.reads, service.initializations)
    assert isinstance(outcome, Created)


async def test_nothing_asked() -> None:
    """No ids, no call below, and no sign of life."""
    service = Service(A)
    layer = isolating(service)

    assert {} == await layer.read([], DEFAULT_CALL)
    assert FaultScope.SERVICE is (await error_of(layer, A)).scope
    assert [[A]] == service.asked


@pytest.mark.parametrize("count", [2, 3, 50, 200])
async def test_one_poison(count: int) -> None:
    """One variant that costs a batch its answer costs itself alone, wherever it is, and in order.

    It takes 16 requests at most.
    """
    page = ids(count)
    for poison in page[1:]:
        service = Service(poison)

        answers = await isolating(service).read(page, CALL)

        assert page == list(answers)
        assert [poison] == unread(answers)
        assert len(service.reads) <= 1 + MOST_REQUESTS


async def test_the_error_of_the_offender() -> None:
    """The offender's error is about it alone, with the scope REQUEST; each request has the call."""
    service = Service(C)

    error = error_in((await isolating(service).read([A, B, C, D], CALL))[C])

    assert (ServiceFailed, "500", 500) == (type(error), str(error), error.status)
    assert (FaultScope.REQUEST, (C,), "c") == (error.scope, error.ids, error.correlation_id)
    assert {CALL} == {call for _, call in service.reads}


async def test_one_alone_first() -> None:
    """First one id is read alone, then both halves of the rest, then halves of what failed."""
    service = Service(E)

    await isolating(service).read([A, B, C, D, E], CALL)

    assert [[A, B, C, D, E], [A], [B, C], [D, E], [D], [E]] == service.asked


async def test_the_first_is_drawn() -> None:
    """The id that is read alone is drawn from the batch."""
    service = Service(D)
    drawn_from: list[Sequence[ProductVariantId]] = []

    def draw(variants: Sequence[ProductVariantId]) -> ProductVariantId:
        drawn_from.append(variants)
        return C

    answers = await IsolationLayer(service, LoopClock(), draw).read([A, B, C, D], CALL)

    assert [[A, B, C, D]] == drawn_from
    assert [[A, B, C, D], [C], [A], [B, D], [B], [D]] == service.asked
    assert [D] == unread(answers)


async def test_a_fault_that_passed() -> None:
    """If the batch failed for a reason that passed, its answer costs three requests more."""
    service = Service()
    layer = isolating(service)
    service.dead = True

    async def script(ids: Ids, call: Call) -> Answers:
        try:
            return await service._answer(ids, call)
        finally:
            service.dead = False

    service.script = script

    answers = await layer.read(ids(200), CALL)

    assert [200, 1, 99, 100] == service.sizes
    assert [] == unread(answers)


async def test_a_dead_service() -> None:
    """If one id alone fails as well, the fault is the service's: one request more, and no other."""
    service = Service()
    service.dead = True
    layer = isolating(service)

    error = await error_of(layer, *ids(50))

    assert (ServiceFailed, FaultScope.REQUEST, 50) == (type(error), error.scope, len(error.ids))
    assert [50, 1] == service.sizes
    service.dead = False
    assert [] == unread(await layer.read(ids(50), CALL))


async def test_the_first_is_the_poison() -> None:
    """If the id that is read alone is the poison, the batch fails; the next draw finds it."""
    service, drawn = Service(A), iter([A, B])
    layer = IsolationLayer(service, LoopClock(), lambda variants: next(drawn))

    await error_of(layer, A, B, C)
    answers = await layer.read([A, B, C], CALL)

    assert [A] == unread(answers)
    assert [[A, B, C], [A], [A, B, C], [B], [A], [C]] == service.asked


@pytest.mark.parametrize("poison", [(B, C), (B, E), (C, D, E), (B, C, D, E)])
async def test_several_poisons(poison: tuple[ProductVariantId, ...]) -> None:
    """Several offenders in a small batch are all found."""
    service = Service(*poison)

    answers = await isolating(service).read(ids(5), CALL)

    assert list(poison) == unread(answers)
    assert [(v,) for v in poison] == [error_in(answers[v]).ids for v in poison]


async def test_several_poisons_among_many() -> None:
    """If the requests are not enough for all, each isolation finds one, and the others follow."""
    page = ids(200)
    poison = {page[17], page[80], page[130], page[199]}
    service = Service(*poison)
    layer = isolating(service)
    found: list[set[ProductVariantId]] = []

    for _ in range(4):
        service.reads.clear()
        answers = await layer.read(page, CALL)
        found.append({v for v in unread(answers) if error_in(answers[v]).ids == (v,)})
        # The batch, the requests of its isolation, and one for a suspect.
        assert len(service.reads) <= 1 + MOST_REQUESTS + 1
        await after(60)

    assert [1, 2, 3, 4] == [len(variants) for variants in found]
    assert poison == found[-1]
    assert 196 == len(page) - len(unread(await layer.read(page, CALL)))


async def test_what_is_unread_keeps_the_error() -> None:
    """What was not read before the requests were spent has the error of the batch."""
    page = ids(200)
    service = Service(page[17], page[199])

    answers = await isolating(service).read(page, CALL)

    errors = [error_in(answers[variant]) for variant in unread(answers)]
    assert 1 < len(errors) < 200
    assert {1, 200} == {len(error.ids) for error in errors}
    assert 1 + MOST_REQUESTS == len(service.reads)


async def test_the_allowance() -> None:
    """All isolations together send 16 requests a minute."""
    service = Service(*ids(200))
    service.errors = {A: TimedOut("late")}
    layer = isolating(service)
    for _ in range(20):
        await error_of(layer, A, *ids(200)[5:7])
    assert 20 + MOST_REQUESTS == len(service.reads)

    await after(60 / MOST_REQUESTS - 0.01)
    await error_of(layer, A, *ids(200)[5:7])
    assert 21 + MOST_REQUESTS == len(service.reads)
    await after(0.01)
    await error_of(layer, A, *ids(200)[5:7])
    assert 22 + MOST_REQUESTS + 1 == len(service.reads)

    await after(3600)
    service.reads.clear()
    for _ in range(20):
        await error_of(layer, A, *ids(200)[5:7])
    assert 20 + MOST_REQUESTS == len(service.reads)


async def test_one_at_a_time() -> None:
    """While an isolation runs, another batch that fails is not isolated."""
    service = Service(C, E)
    service.delay = 1.0
    layer = isolating(service)

    first = asyncio.create_task(layer.read([A, B, C], CALL))
    await after(0.5)
    error = await error_of(layer, D, E)

    assert (FaultScope.REQUEST, (D, E)) == (error.scope, error.ids)
    assert [C] == unread(await first)
    assert [E] == unread(await layer.read([D, E], CALL))


async def test_a_cancelled_isolation() -> None:
    """A cancelled isolation makes room for the next."""
    service = Service(C)
    service.delay = 1.0
    layer = isolating(service)
    first = asyncio.create_task(layer.read([A, B, C], CALL))
    await after(1.5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    assert [C] == unread(await layer.read([A, B, C], CALL))


async def test_a_failed_isolation_makes_room() -> None:
    """An isolation that ended by a bug makes room for the next."""
    service = Service(C)
    layer = isolating(service)
    script, service.script = service.script, None

    async def buggy(ids: Ids, call: Call) -> Answers:
        if len(ids) == 1:
            raise KeyError("bug")
        raise RequestBlocked("403", ids=ids)

    service.script = buggy
    with pytest.raises(KeyError):
        await layer.read([A, B, C], CALL)
    service.script = script

    assert [C] == unread(await layer.read([A, B, C], CALL))


async def test_the_deadline() -> None:
    """What was read in time is returned before the caller's deadline."""
    service = Service(E)
    service.delay = 1.0
    call = attrs.evolve(CALL, deadline=LoopClock().monotonic() + 5.0)

    answers = await isolating(service).read(ids(5), call)

    assert [A, B, C] == [v for v in ids(5) if isinstance(answers[v], StockReading)]
    assert {(A, B, C, D, E)} == {error_in(answers[v]).ids for v in (D, E)}
    # A second went into the batch; of the other four a tenth is left.
    assert 1004.6 == pytest.approx(LoopClock().monotonic())


@pytest.mark.parametrize(
    "error",
    [
        TimedOut("late"),
        ServiceFailed("500 of a proxy", status=500),
        RequestBlocked("too long", status=414),
    ],
)
async def test_a_part_that_fails_for_another_reason(error: InventoryError) -> None:
    """A part that fails for a reason of its own ends the isolation; what was read before stands."""
    service = Service(E)

    async def script(ids: Ids, call: Call) -> Answers:
        if ids == [D, E]:
            raise error
        return await service._answer(ids, call)

    service.script = script
    answers = await isolating(service).read(ids(5), CALL)

    assert [D, E] == unread(answers)
    assert [ServiceFailed] * 2 == [type(error_in(answers[v])) for v in (D, E)]
    assert [[A, B, C, D, E], [A], [B, C], [D, E]] == service.asked


async def test_nonsense_in_a_part() -> None:
    """If one element of a part is nonsense, that is its answer, and the isolation goes on."""
    service = Service(E)
    nonsense = ContractViolation("nonsense", scope=FaultScope.ELEMENT, ids=(D,))
    service.errors = {D: nonsense}

    answers = await isolating(service).read(ids(5), CALL)

    assert [D, E] == unread(answers)
    assert nonsense is error_in(answers[D])
    assert (E,) == error_in(answers[E]).ids


@pytest.mark.parametrize(
    "error",
    [
        RequestBlocked("414", status=414),
        RequestBlocked("431", status=431),
        TimedOut("late"),
        CircuitOpen("open"),
        ServiceFailed("502", status=502),
        ServiceFailed("500 of a proxy", status=500),
        DeadlineExceeded("late"),
    ],
)
async def test_what_is_not_isolated(error: InventoryError) -> None:
    """A batch that was too long, or failed for a reason of all requests, is not read in parts."""

    async def script(ids: Ids, call: Call) -> Answers:
        raise error

    service = ScriptedPort(script)

    assert error is await error_of(isolating(service), A, B)
    assert 1 == len(service.reads)


@pytest.mark.parametrize("error", [RequestBlocked("a firewall", status=403), RequestRejected("no")])
async def test_a_refused_batch(error: InventoryError) -> None:
    """A batch that is refused is isolated as one that fails."""

    async def script(ids: Ids, call: Call) -> Answers:
        if C in ids:
            raise error
        return {variant: a_reading(variant) for variant in ids}

    answers = await isolating(ScriptedPort(script)).read(ids(5), CALL)

    assert [C] == unread(answers)
    assert (type(error), (C,)) == (type(error_in(answers[C])), error_in(answers[C]).ids)


async def test_one_variant_twice() -> None:
    """A batch of one variant, asked for twice, is not read in parts."""

    async def script(ids: Ids, call: Call) -> Answers:
        raise RequestBlocked("403")

    service = ScriptedPort(script)

    await error_of(isolating(service), A, A)

    assert [[A, A]] == [read for read, _ in service.reads]


async def test_duplicates_are_read_once() -> None:
    """An id that is asked for twice is read once in the parts."""
    service = Service(C)

    answers = await isolating(service).read([A, A, B, C, B], CALL)

    assert [A, B, C] == list(answers)
    assert [[A, A, B, C, B], [A], [B], [C]] == service.asked


# Suspects.


async def a_suspect(service: Service) -> IsolationLayer:
    """A layer that has found `service.poison`."""
    layer = isolating(service)
    await layer.read([A, *service.poison], CALL)
    service.reads.clear()
    return layer


async def test_a_suspect_is_left_out() -> None:
    """A suspect is left out of batches, and its last error is its answer, in its place."""
    layer = await a_suspect(service := Service(C))

    answers = await layer.read([B, C, D, C], CALL)

    assert [B, C, D] == list(answers)
    assert [C] == unread(answers)
    assert (FaultScope.REQUEST, (C,)) == (error_in(answers[C]).scope, error_in(answers[C]).ids)
    assert [[B, D]] == service.asked


async def test_a_suspect_alone() -> None:
    """A read of a suspect alone raises a copy of its last error, and sends nothing."""
    layer = await a_suspect(service := Service(C))

    first, second = await error_of(layer, C), await error_of(layer, C)

    assert (FaultScope.REQUEST, "500") == (first.scope, str(second))
    assert first is not second
    assert [] == service.reads


async def test_the_others_fail() -> None:
    """If the others fail, each has that error, and the suspect its own."""
    layer = await a_suspect(service := Service(C))
    service.errors[B] = TimedOut("late")
    assert (TimedOut, "late") == (type(error := await error_of(layer, B, C)), str(error))

    await after(CHECK_INTERVAL)
    service.poison.clear()
    answers = await layer.read([B, C], CALL)

    assert TimedOut is type(error_in(answers[B]))
    assert isinstance(answers[C], StockReading)


async def test_a_suspect_is_asked_for_alone() -> None:
    """After `CHECK_INTERVAL` the suspect is asked for, alone and beside the others."""
    layer = await a_suspect(service := Service(C))
    await after(CHECK_INTERVAL - 0.01)
    await layer.read([B, C], CALL)
    await after(0.01)
    service.reads.clear()
    answers = await layer.read([B, C, D], CALL)

    assert [C] == unread(answers)
    assert [[B, D], [C]] == sorted(service.asked)
    assert {CALL} == {call for _, call in service.reads}
    service.reads.clear()
    await after(CHECK_INTERVAL - 0.01)
    await layer.read([C, B], CALL)
    assert [[B]] == service.asked


async def test_a_suspect_that_is_answered() -> None:
    """A suspect that is answered is none any more: it is read with the others again."""
    layer = await a_suspect(service := Service(C))
    service.poison.clear()
    await after(CHECK_INTERVAL)

    assert [] == unread(await layer.read([B, C], CALL))
    await layer.read([B, C], CALL)
    assert [B, C] == service.asked[-1]


async def test_a_suspect_that_is_answered_with_nonsense() -> None:
    """A nonsensical answer is an answer: it costs no batch anything."""
    layer = await a_suspect(service := Service(C))
    service.errors[C] = ContractViolation("nonsense", scope=FaultScope.ELEMENT, ids=(C,))
    await after(CHECK_INTERVAL)
    assert FaultScope.ELEMENT is (await error_of(layer, C)).scope
    service.poison.clear()

    await layer.read([B, C], CALL)

    assert [B, C] == service.asked[-1]


async def test_a_suspect_that_times_out() -> None:
    """A suspect that fails for another reason has that error, and stays one."""
    layer = await a_suspect(service := Service(C))
    service.errors[C] = TimedOut("late")
    await after(CHECK_INTERVAL)
    assert TimedOut is type(error_in((await layer.read([B, C], CALL))[C]))
    service.reads.clear()

    answers = await layer.read([B, C], CALL)

    assert [[B]] == service.asked
    assert ServiceFailed is type(error_in(answers[C]))


@pytest.mark.parametrize(("limit", "asked"), [(2.0, 0), (1.0, 1), (0.0, 1)])
async def test_max_staleness(limit: float, asked: int) -> None:
    """A caller who accepts no error of its age gets a fresh one at once."""
    layer = await a_suspect(service := Service(C))
    await after(1)

    await error_of(layer, C, call=attrs.evolve(CALL, max_staleness=limit))

    assert [[C]] * asked == service.asked


async def test_an_error_is_as_old_as_its_request() -> None:
    """The age of a last error counts from its request: what changed since may have mended it."""
    service = Service(C)
    service.delay = 1.0
    layer = isolating(service)
    await layer.read([A], CALL)
    await error_of(layer, C)

    await error_of(layer, C, call=attrs.evolve(CALL, max_staleness=0.9))

    assert [[A], [C], [C]] == service.asked


async def test_max_staleness_of_several() -> None:
    """Such a caller's suspects are asked for at once, each alone."""
    layer = await a_suspect(service := Service(B, C))
    service.delay, began = 1.0, LoopClock().monotonic()
    service.poison.discard(B)

    answers = await layer.read([A, B, C], FRESH)

    assert [[A], [B], [C]] == sorted(service.asked)
    assert ([C], began + 1) == (unread(answers), LoopClock().monotonic())


async def test_one_suspect_at_a_time() -> None:
    """Of several suspects the one that failed first is asked for, then the others in turn."""
    layer = isolating(service := Service(B, C, D))
    for variant in (D, B, C):
        await layer.read([A, variant], CALL)
        await after(0.5)
    service.reads.clear()
    for _ in range(3):
        await after(CHECK_INTERVAL)
        await error_of(layer, B, C, D)
        await error_of(layer, B, C, D)

    assert [[D], [B], [C]] == service.asked


async def test_a_check_under_way() -> None:
    """While a suspect is asked for, another read asks for none."""
    layer = await a_suspect(service := Service(B, C))
    await after(CHECK_INTERVAL)
    service.delay = 1.0
    check = asyncio.create_task(layer.read([B], CALL))
    await after(0.5)

    await error_of(layer, C)

    assert [[B]] == service.asked
    with pytest.raises(ServiceFailed):
        await check


async def test_after_the_service_recovered() -> None:
    """Once a suspect is answered the others follow without waiting: twice as many each time."""
    poison = ids(20)[1:]
    layer = isolating(service := Service(*poison))
    for variant in poison:
        await layer.read([A], CALL)
        await error_of(layer, variant)  # while others are answered
    service.poison.clear()
    service.delay = 1.0
    await after(CHECK_INTERVAL)
    service.reads.clear()
    began = LoopClock().monotonic()

    answers = await layer.read(poison, CALL)

    assert [] == unread(answers)
    assert {1} == set(service.sizes)
    assert began + 5 == LoopClock().monotonic()  # 1, 2, 4, 8 and the last 4
    await layer.read(poison, CALL)
    assert poison == service.asked[-1]


async def test_after_some_recovered() -> None:
    """If one of those that follow fails, no other is asked for until the next interval."""
    poison = ids(20)[1:]
    layer = isolating(service := Service(*poison))
    for variant in poison:
        await layer.read([A], CALL)
        await error_of(layer, variant)
    service.poison.difference_update(poison[:2])
    await after(CHECK_INTERVAL)
    service.reads.clear()

    answers = await layer.read(poison, CALL)

    assert poison[2:] == unread(answers)
    assert [[v] for v in poison[:3]] == service.asked

    service.reads.clear()
    await error_of(layer, *poison[3:])
    assert [] == service.reads


async def test_a_check_that_succeeds_lets_the_next_follow() -> None:
    """After a suspect was answered, another read asks for the next one at once."""
    layer = await a_suspect(service := Service(B, C))
    await after(CHECK_INTERVAL)
    service.poison.discard(B)
    await layer.read([B], CALL)

    await error_of(layer, C)

    assert [[B], [C]] == service.asked


async def test_a_failed_check_holds_the_next() -> None:
    """After a suspect failed again, no other is asked for during `CHECK_INTERVAL`."""
    layer = await a_suspect(service := Service(B, C))
    await after(CHECK_INTERVAL)
    await error_of(layer, B)
    await after(CHECK_INTERVAL - 0.01)
    await error_of(layer, C)
    assert [[B]] == service.asked
    await after(0.01)
    await error_of(layer, C)

    assert [[B], [C]] == service.asked


# One variant.


@pytest.mark.parametrize(
    "error",
    [
        ServiceFailed("500", status=500),
        RequestBlocked("a firewall", status=403),
        RequestRejected("400", status=400),
    ],
)
async def test_a_500_while_others_are_answered(error: InventoryError) -> None:
    """If one variant fails while others are answered, that is its own fault."""
    service = Service()
    service.errors[C] = error
    layer = isolating(service)
    await layer.read([A], CALL)
    await after(4.99)

    failed = await error_of(layer, C)

    assert (type(error), FaultScope.REQUEST, (C,)) == (type(failed), failed.scope, failed.ids)
    assert error.scope is type(error).scope
    await error_of(layer, C)
    await layer.read([B, C], CALL)
    assert [[A], [C], [B]] == service.asked


@pytest.mark.parametrize("signs", [[], [A], [A, B]])
async def test_a_500_while_nothing_is_answered(signs: list[ProductVariantId]) -> None:
    """If nothing was answered for five seconds, a 500 is the service's fault."""
    layer = isolating(service := Service(C))
    await layer.read(signs, CALL)
    await after(5)
    first, second = await error_of(layer, C), await error_of(layer, C)

    assert {FaultScope.SERVICE} == {first.scope, second.scope}
    assert [[C], [C]] == service.asked[-2:]


@pytest.mark.parametrize(
    "error", [TimedOut("late"), ServiceFailed("502", status=502), CircuitOpen("open")]
)
async def test_other_failures_of_one_variant(error: InventoryError) -> None:
    """A failure of another kind is never the variant's fault."""
    service = Service()
    service.errors[C] = error
    layer = isolating(service)
    await layer.read([A], CALL)

    assert error is await error_of(layer, C)
    assert error is await error_of(layer, C)


async def test_a_suspect_in_a_dead_service() -> None:
    """A suspect stays one while the service is dead."""
    layer = await a_suspect(service := Service(C))
    service.dead = True
    await after(60)

    assert FaultScope.REQUEST is (await error_of(layer, C)).scope
    assert FaultScope.SERVICE is (await error_of(layer, B)).scope
    assert [[C], [B]] == service.asked


@pytest.mark.parametrize("answer", [UnknownVariant(B), a_reading(B)])
async def test_every_answer_is_a_sign_of_life(answer: Answer) -> None:
    """An answer to one variant, "unknown" included, is one of the service."""
    service = Service(C)

    async def script(ids: Ids, call: Call) -> Answers:
        return {B: answer} if list(ids) == [B] else await service._answer(ids, call)

    service.script = script
    layer = isolating(service)
    await layer.read([B], CALL)

    assert FaultScope.REQUEST is (await error_of(layer, C)).scope


async def test_nonsense_is_a_sign_of_life() -> None:
    """An answer whose element is nonsense shows that the service answers."""
    service = Service(C)
    service.errors[B] = ContractViolation("nonsense", scope=FaultScope.ELEMENT)
    layer = isolating(service)
    await error_of(layer, B)

    assert FaultScope.REQUEST is (await error_of(layer, C)).scope


async def test_an_isolation_is_a_sign_of_life() -> None:
    """What an isolation reads shows that the service answers."""
    layer = isolating(Service(B, an_id(9)))
    await layer.read([A, B], CALL)

    assert FaultScope.REQUEST is (await error_of(layer, an_id(9))).scope


async def test_a_raised_error_keeps_nothing_alive() -> None:
    """The error that is kept of a suspect is a copy, with the cause of the original."""
    service, cause = Service(), OSError("reset")
    error = ServiceFailed("500", status=500)
    error.__cause__ = cause
    service.errors[C] = error
    layer = isolating(service)
    await layer.read([A], CALL)

    raised = await error_of(layer, C)
    kept = error_in((await layer.read([A, C], CALL))[C])

    assert (cause, cause) == (raised.__cause__, kept.__cause__)
    assert 3 == len({id(error), id(raised), id(kept)})
    assert kept.__traceback__ is None
