import asyncio

import attrs
import pytest

from shelfport import Created, InventoryError, StockReading, UnavailableReason
from shelfport.adapters.layers import CooldownLayer
from shelfport.errors import (
    CircuitOpen,
    ConnectionFailed,
    ContractViolation,
    CredentialsUnavailable,
    DeadlineExceeded,
    FaultScope,
    Operation,
    PathFailed,
    ReachedService,
    RequestBlocked,
    RequestRejected,
    ServiceFailed,
    ServiceOverloaded,
    TimedOut,
    Unauthorized,
)
from shelfport.ports import DEFAULT_CALL, Call, Initialized, InitialStock
from shelfport.signals import CallRejected
from tests.support.clocks import LoopClock
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, an_id, an_initial_stock

A, B = an_id(1), an_id(2)
CALL = Call(correlation_id="page-17", attempt=2)
pytestmark = pytest.mark.looptime(start=1000)  # so that no moment is 0


class Service(ScriptedPort):
    """Raises `error`, or answers after `delay` seconds."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.error: BaseException | None = None
        self.delay = 0.0

    async def _answer(self, ids: Ids, call: Call) -> Answers:
        await self._work()
        return {variant: a_reading(variant) for variant in ids}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        created = await super().initialize(request, call)
        await self._work()
        return created

    async def _work(self) -> None:
        error, delay = self.error, self.delay
        await asyncio.sleep(delay)
        if error is not None:
            raise error


@attrs.define
class Bench:
    """A service behind a `CooldownLayer`."""

    service: Service = attrs.field(factory=Service)
    heard: Heard = attrs.field(factory=Heard)
    layer: CooldownLayer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.layer = CooldownLayer(self.service, LoopClock(), self.heard)

    async def read(self) -> object:
        return await self.layer.read([A], CALL)

    async def initialize(self) -> object:
        return await self.layer.initialize(an_initial_stock(A), CALL)

    async def fails(self, error: BaseException) -> None:
        """A read that is sent, and fails with `error`."""
        self.service.error, before = error, self.sent
        with pytest.raises(type(error)):
            await self.read()
        self.service.error = None
        assert before + 1 == self.sent, "it was not sent"

    async def refused(self) -> InventoryError:
        """The error of a read that is not sent."""
        before = self.sent
        with pytest.raises(InventoryError) as info:
            await self.read()
        assert before == self.sent, "it was sent"
        return info.value

    @property
    def sent(self) -> int:
        return len(self.service.reads)

    async def is_open_again(self) -> bool:
        """Whether reads go through, several at once."""
        before = self.sent
        await asyncio.gather(*(self.read() for _ in range(5)), return_exceptions=True)
        return self.sent == before + 5


@pytest.fixture
def bench() -> Bench:
    return Bench()


def overloaded(retry_after: float | None) -> ServiceOverloaded:
    return ServiceOverloaded("busy", status=503, retry_after=retry_after)


def a_401() -> Unauthorized:
    return Unauthorized("who are you", status=401)


def a_403() -> Unauthorized:
    return Unauthorized("you may not", status=403)


async def after(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def test_an_answer_passes(bench: Bench) -> None:
    """Answers pass as they are, for reads and initializations."""
    answers = await bench.layer.read([A, B], CALL)
    request = an_initial_stock(A)
    outcome = await bench.layer.initialize(request, CALL)

    assert [StockReading] * 2 == [type(answer) for answer in answers.values()]
    assert isinstance(outcome, Created)
    assert ([([A, B], CALL)], [(request, CALL)]) == (
        bench.service.reads,
        bench.service.initializations,
    )
    assert [] == bench.heard.signals


async def test_nothing_asked(bench: Bench) -> None:
    """No ids, no call below, also during a cooldown."""
    await bench.fails(overloaded(2.0))

    assert {} == await bench.layer.read([], DEFAULT_CALL)
    assert 1 == bench.sent


# After a Retry-After.


@pytest.mark.parametrize(("retry_after", "held"), [(2.0, 2.0), (30.0, 30.0), (31.0, 30.0)])
async def test_retry_after_holds(bench: Bench, retry_after: float, held: float) -> None:
    """After a `Retry-After` no read is sent until its end, at most 30 seconds."""
    await bench.fails(overloaded(retry_after))
    await bench.refused()
    await after(held - 0.01)
    await bench.refused()
    await after(0.01)

    await bench.read()

    assert await bench.is_open_again()


@pytest.mark.parametrize("retry_after", [float("inf"), float("nan"), 1e9])
async def test_an_absurd_retry_after(bench: Bench, retry_after: float) -> None:
    """A `Retry-After` without an end holds for 30 seconds."""
    await bench.fails(overloaded(retry_after))
    await after(29.99)
    await bench.refused()
    await after(0.01)

    await bench.read()


@pytest.mark.parametrize(
    "error",
    [
        overloaded(0.0),
        overloaded(None),
        ServiceFailed("a 500 to a batch", scope=FaultScope.REQUEST, retry_after=9.0),
        PathFailed("a page of HTML", retry_after=9.0),
        CircuitOpen("open", retry_after=9.0),
    ],
)
async def test_what_does_not_ask_to_wait(bench: Bench, error: InventoryError) -> None:
    """Only a `Retry-After` of more than 0 in an answer of the service begins a cooldown."""
    await bench.fails(error)

    assert await bench.is_open_again()


async def test_the_refused_error(bench: Bench) -> None:
    """The error of a refused read has class and reason of the answer, and is about the read."""
    await bench.fails(overloaded(2.0))
    await after(0.5)
    with pytest.raises(ServiceOverloaded) as info:
        await bench.layer.read([B, A], attrs.evolve(CALL, correlation_id="other"))

    error = info.value
    assert "no request was sent, for 1.5 s more, after this answer: busy" == str(error)
    assert UnavailableReason.OVERLOADED is error.reason
    assert (FaultScope.PROCESS, ReachedService.NO) == (error.scope, error.reached_service)
    assert ((B, A), "other", 2) == (error.ids, error.correlation_id, error.attempts)
    assert 503 == error.status
    assert [CallRejected(Operation.READ, error, "other")] == bench.heard.signals


async def test_each_refusal_is_an_error_of_its_own(bench: Bench) -> None:
    """Two refused reads get two errors, and the answer's own stays as it was."""
    answer = overloaded(2.0)
    answer.__cause__ = cause = OSError("x")
    await bench.fails(answer)

    first, second = await bench.refused(), await bench.refused()

    assert first is not second
    assert (cause, cause) == (first.__cause__, second.__cause__)
    assert (FaultScope.SERVICE, ()) == (answer.scope, answer.ids)


async def test_a_cooldown_of_reads_stops_no_write(bench: Bench) -> None:
    """While reads wait, initializations go through, and end nothing."""
    await bench.fails(overloaded(9.0))

    await bench.initialize()

    await bench.refused()


async def test_a_cooldown_of_writes_stops_no_read(bench: Bench) -> None:
    """While initializations wait, reads go through; the refused error is about its variant."""
    bench.service.error = overloaded(9.0)
    with pytest.raises(ServiceOverloaded):
        await bench.initialize()
    bench.service.error = None

    await bench.read()

    with pytest.raises(ServiceOverloaded, match="no request was sent") as info:
        await bench.initialize()
    assert (1, (A,), "page-17") == (
        len(bench.service.initializations),
        info.value.ids,
        info.value.correlation_id,
    )
    assert [CallRejected(Operation.INITIALIZE, info.value, "page-17")] == bench.heard.signals


async def test_refused_writes_are_no_refused_reads(bench: Bench) -> None:
    """A token that may only read does not stop the reads."""
    for _ in range(2):
        bench.service.error = a_401()
        with pytest.raises(Unauthorized):
            await bench.initialize()
    bench.service.error = None

    assert await bench.is_open_again()


async def test_one_probe(bench: Bench) -> None:
    """After the pause one read goes first; the others are refused until it ends."""
    await bench.fails(overloaded(2.0))
    await after(2)
    bench.service.delay = 1.0
    probe = asyncio.create_task(bench.read())
    await after(0)
    await bench.refused()
    await after(0.99)
    await bench.refused()
    await probe

    assert await bench.is_open_again()


@pytest.mark.parametrize(
    "error",
    [
        TimedOut("late"),
        ConnectionFailed("refused"),
        overloaded(None),
        PathFailed("a page of HTML"),
        RequestRejected("400"),
        RequestBlocked("a firewall"),
        ServiceFailed("500", scope=FaultScope.REQUEST),
        ContractViolation("nonsense", scope=FaultScope.ELEMENT),
        a_401(),
    ],
)
async def test_any_outcome_of_the_probe_decides(bench: Bench, error: InventoryError) -> None:
    """Unless the probe is asked to wait again, its outcome ends the cooldown."""
    await bench.fails(overloaded(2.0))
    await after(2)
    await bench.fails(error)

    assert await bench.is_open_again()


async def test_asked_to_wait_again(bench: Bench) -> None:
    """A probe that is asked to wait begins a new cooldown, which may be shorter than a probe's."""
    await bench.fails(overloaded(2.0))
    await after(2)
    await bench.fails(overloaded(1.0))
    await after(0.99)
    await bench.refused()
    await after(0.01)
    await bench.read()

    assert await bench.is_open_again()


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        KeyError("bug"),
        CircuitOpen("open"),
        DeadlineExceeded("the caller's"),
    ],
)
async def test_a_probe_that_finds_nothing_out(bench: Bench, error: BaseException) -> None:
    """After a probe that was cancelled, or not sent at last, the next read is a probe."""
    await bench.fails(overloaded(2.0))
    await after(2)
    await bench.fails(error)
    bench.service.delay = 1.0
    probe = asyncio.create_task(bench.read())
    await after(0)
    await bench.refused()
    await probe

    assert await bench.is_open_again()


async def test_a_cancelled_probe(bench: Bench) -> None:
    """A probe whose task is cancelled makes room for the next at once."""
    await bench.fails(overloaded(2.0))
    await after(2)
    bench.service.delay = 60.0
    probe = asyncio.create_task(bench.read())
    await after(0.5)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    bench.service.delay = 0.0

    await bench.read()

    assert await bench.is_open_again()


async def test_a_lost_probe(bench: Bench) -> None:
    """Five seconds after a probe that does not end, another one goes."""
    await bench.fails(overloaded(2.0))
    await after(2)
    bench.service.delay = 60.0
    lost = asyncio.create_task(bench.read())
    await after(4.99)
    bench.service.delay = 0.0
    await bench.refused()
    await after(0.01)
    await bench.read()

    assert await bench.is_open_again()
    lost.cancel()


async def test_an_answer_to_an_earlier_request(bench: Bench) -> None:
    """An answer to what was sent before the service asked to wait does not end the cooldown."""
    bench.service.delay = 1.0
    early = asyncio.create_task(bench.read())
    await after(0.5)
    bench.service.delay = 0.0
    await bench.fails(overloaded(2.0))
    await early

    await bench.refused()


async def test_an_earlier_request_that_asks_for_more(bench: Bench) -> None:
    """Of two requests that are asked to wait the longer time holds, however late it is known."""
    bench.service.delay, bench.service.error = 1.0, overloaded(1.0)
    shorter = asyncio.create_task(bench.read())
    await after(0)
    bench.service.error = overloaded(20.0)
    longer = asyncio.create_task(bench.read())
    await after(0)
    bench.service.error = a_403()
    forbidden = asyncio.create_task(bench.read())
    await after(0)
    bench.service.delay = 0.0
    await bench.fails(overloaded(3.0))
    await asyncio.gather(shorter, longer, forbidden, return_exceptions=True)

    await after(19.99)
    await bench.refused()
    await after(0.01)
    await bench.read()


async def test_an_earlier_request_while_a_probe_is_under_way(bench: Bench) -> None:
    """A probe that is answered ends no cooldown that began after it was sent."""
    bench.service.delay, bench.service.error = 3.0, overloaded(20.0)
    early = asyncio.create_task(bench.read())
    await after(0)
    bench.service.delay = 0.0
    await bench.fails(overloaded(2.0))
    await after(2)
    bench.service.delay = 1.5
    probe = asyncio.create_task(bench.read())
    await asyncio.gather(early, probe, return_exceptions=True)

    await bench.refused()


# After refused credentials.


@pytest.mark.parametrize("error", [a_401(), CredentialsUnavailable("no token")])
async def test_one_refusal(bench: Bench, error: InventoryError) -> None:
    """One 401 does nothing: it may be of a token that has just been replaced."""
    await bench.fails(error)

    assert await bench.is_open_again()


async def test_refusals_that_are_not_in_a_row(bench: Bench) -> None:
    """A success between two 401 begins the count anew."""
    await bench.fails(a_401())
    await bench.read()
    await bench.fails(a_401())

    assert await bench.is_open_again()


@pytest.mark.parametrize("errors", [(a_401(), a_401()), (a_403(),)])
async def test_refused_credentials(bench: Bench, errors: tuple[InventoryError, ...]) -> None:
    """After two 401 in a row, or one 403, one read a second goes through."""
    for error in errors:
        await bench.fails(error)
    for _ in range(3):
        await bench.refused()
        await after(0.99)
        await bench.refused()
        await after(0.01)
        await bench.fails(a_401())

    error = await bench.refused()
    assert Unauthorized is type(error)
    assert (FaultScope.PROCESS, ReachedService.NO) == (error.scope, error.reached_service)
    assert UnavailableReason.UNAUTHORIZED is error.reason


async def test_no_token(bench: Bench) -> None:
    """Two requests without credentials begin a cooldown as well."""
    for _ in range(2):
        await bench.fails(CredentialsUnavailable("no token"))

    assert CredentialsUnavailable is type(await bench.refused())


async def test_a_success_ends_it(bench: Bench) -> None:
    """The first read that is accepted ends the cooldown."""
    await bench.fails(a_403())
    await after(1)
    await bench.read()

    assert await bench.is_open_again()


async def test_any_success_ends_it(bench: Bench) -> None:
    """An answer to what was sent before ends it, too: the credentials are good."""
    bench.service.delay = 1.0
    early = asyncio.create_task(bench.read())
    await after(0.5)
    bench.service.delay = 0.0
    await bench.fails(a_403())
    await bench.refused()
    await early

    assert await bench.is_open_again()


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (RequestRejected("400"), True),
        (ContractViolation("nonsense", scope=FaultScope.ELEMENT), True),
        (RequestBlocked("a firewall", status=403), False),
        (ServiceFailed("a 500 to a batch", scope=FaultScope.REQUEST), False),
        (TimedOut("late"), False),
        (PathFailed("a page of HTML", reached_service=ReachedService.YES), False),
        (ServiceOverloaded("503"), False),
        (DeadlineExceeded("the caller's", reached_service=ReachedService.YES), False),
        (CircuitOpen("open"), False),
    ],
)
async def test_failures_of_accepted_requests(
    bench: Bench, error: InventoryError, ends: bool
) -> None:
    """A failure ends it only if the service itself accepted the request before it failed."""
    await bench.fails(a_403())
    await after(1)
    await bench.fails(error)

    assert ends == await bench.is_open_again()


async def test_a_probe_of_credentials_that_is_cancelled(bench: Bench) -> None:
    """A cancelled read may have arrived: the next one waits for its second."""
    await bench.fails(a_403())
    await after(1)
    await bench.fails(asyncio.CancelledError())
    await bench.refused()
    await after(1)

    await bench.read()


@pytest.mark.parametrize("errors", [(a_401(), a_401()), (a_403(),)])
async def test_forgotten(bench: Bench, errors: tuple[InventoryError, ...]) -> None:
    """Five seconds after the last refusal it is forgotten, and one 401 does nothing again."""
    for error in errors:
        await bench.fails(error)
    await after(1)
    await bench.fails(a_401())
    await after(4.99)
    bench.service.delay = 1.0
    probe = asyncio.create_task(bench.read())
    await after(0)
    await bench.refused()
    await after(0.01)
    bench.service.delay = 0.0
    await bench.fails(a_401())
    await bench.fails(TimedOut("late"))

    assert await bench.is_open_again()
    await probe


async def test_refused_again_after_it_was_forgotten(bench: Bench) -> None:
    """After a refusal was forgotten, two 401 in a row begin a new cooldown."""
    await bench.fails(a_403())
    await after(5)
    for _ in range(2):
        await bench.fails(a_401())

    await bench.refused()


async def test_a_firewall_begins_nothing(bench: Bench) -> None:
    """A 403 that is not the service's is the fault of its request alone."""
    for _ in range(3):
        await bench.fails(RequestBlocked("a firewall", status=403))

    assert await bench.is_open_again()


async def test_a_retry_after_takes_the_place_of_refused_credentials(bench: Bench) -> None:
    """A probe of the credentials that is asked to wait holds all reads for that time."""
    await bench.fails(a_403())
    await after(1)
    await bench.fails(overloaded(3.0))
    await after(2.99)
    assert ServiceOverloaded is type(await bench.refused())
    await after(0.01)
    await bench.read()

    assert await bench.is_open_again()
