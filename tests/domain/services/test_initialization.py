from collections.abc import Callable

import attrs
import pytest

from shelfport import (
    AlreadyThere,
    Created,
    InitializationPolicy,
    InventoryError,
    PermanentlyRejected,
    ProductVariantId,
    Queued,
)
from shelfport.domain.services import InventoryInitialization
from shelfport.errors import (
    CircuitOpen,
    Conflict,
    ConnectionFailed,
    QueueFailed,
    ReachedService,
    RequestRejected,
    ServiceFailed,
    TimedOut,
    Unauthorized,
)
from shelfport.outbox import InMemoryQueue
from shelfport.ports import (
    Answer,
    Call,
    Initialized,
    InitialStock,
    UnknownVariant,
)
from shelfport.signals import InitializationQueued, Signal
from tests.support.clocks import EPOCH, ManualClock
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_level, a_reading, an_initial_stock

ROLL_BACK = InitializationPolicy.ROLL_BACK
QUEUEING = (InitializationPolicy.RETRY_LATER, InitializationPolicy.NOT_ORDERABLE)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CALL = Call(correlation_id="c", traceparent=TRACE)


class Failing(ScriptedPort):
    """A port whose initializations end in `error`, and whose reads in `found`."""

    def __init__(
        self,
        error: InventoryError,
        found: Callable[[ProductVariantId], Answer] | InventoryError = UnknownVariant,
    ) -> None:
        async def read(ids: Ids, call: Call) -> Answers:
            if isinstance(found, InventoryError):
                raise found
            return {variant: found(variant) for variant in ids}

        super().__init__(read)
        self.error = error

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.initializations.append((request, call))
        raise self.error


@attrs.define
class World:
    port: ScriptedPort
    queue: InMemoryQueue | None = attrs.field(factory=InMemoryQueue)
    clock: ManualClock = attrs.field(factory=ManualClock)
    signals: list[Signal] = attrs.field(factory=list)

    @property
    def service(self) -> InventoryInitialization:
        return InventoryInitialization(self.port, self.clock, 2.0, self.queue, self.signals.append)


@pytest.mark.parametrize("policy", list(InitializationPolicy))
async def test_success_is_the_same_under_every_policy(policy: InitializationPolicy) -> None:
    """A record that was opened at once is `Created`; the request was sent once, unchanged."""
    world, request = World(ScriptedPort()), an_initial_stock()

    outcome = await world.service.request(request, CALL, policy)

    assert isinstance(outcome, Created)
    assert [request] == [asked for asked, _ in world.port.initializations]
    assert {CALL.correlation_id} == {call.correlation_id for _, call in world.port.initializations}
    assert world.queue is not None
    assert (0, []) == ((await world.queue.stats()).waiting, world.signals)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed("refused", reached_service=ReachedService.NO),
        CircuitOpen("open"),
        Unauthorized("token"),
        RequestRejected("no"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_known_outcome_is_raised_at_once(error: InventoryError) -> None:
    """Under ROLL_BACK a request that was refused, or did not arrive, is not followed by a read."""
    world = World(Failing(error))

    with pytest.raises(type(error)) as caught:
        await world.service.request(an_initial_stock(), CALL, ROLL_BACK)

    assert caught.value is error
    assert [] == world.port.reads


async def test_a_record_that_is_found_is_a_success() -> None:
    """After an attempt that may have arrived, a record that a read finds is a success."""
    world, request = World(Failing(TimedOut("late"), a_reading)), an_initial_stock()

    outcome = await world.service.request(request, CALL, ROLL_BACK)

    assert AlreadyThere(a_level(request.variant_id)) == outcome
    [(ids, call)] = world.port.reads
    assert ([request.variant_id], 0, "c", TRACE) == (
        ids,
        call.max_staleness,
        call.correlation_id,
        call.traceparent,
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (UnknownVariant, "a read afterwards found no record"),
        (ServiceFailed("500"), r"a read afterwards failed, too \(500\)"),
    ],
)
async def test_an_unknown_outcome_is_raised(
    found: Callable[[ProductVariantId], Answer] | InventoryError, words: str
) -> None:
    """If the read finds no record, the error keeps its class, and says that it is unknown."""
    error = TimedOut("no answer in 1 s", attempts=3, correlation_id="c")
    world = World(Failing(error, found))

    with pytest.raises(TimedOut, match=f"no answer in 1 s; {words}: the record may") as caught:
        await world.service.request(an_initial_stock(), CALL, ROLL_BACK)

    assert (ReachedService.UNKNOWN, 3, "c") == (
        caught.value.reached_service,
        caught.value.attempts,
        caught.value.correlation_id,
    )
    assert error is caught.value.__cause__


@pytest.mark.parametrize(
    ("deadline", "writing", "reading"), [(None, 101.6, 102.0), (110.0, 108.0, 110.0)]
)
async def test_time_is_kept_for_reading(
    deadline: float | None, writing: float, reading: float
) -> None:
    """A fifth of the caller's time is reserved for the read, within the caller's deadline."""
    world = World(Failing(TimedOut("late"), a_reading))
    world.clock.advance(100.0)

    await world.service.request(
        an_initial_stock(), attrs.evolve(CALL, deadline=deadline), ROLL_BACK
    )

    assert [writing] == [call.deadline for _, call in world.port.initializations]
    assert [reading] == [call.deadline for _, call in world.port.reads]


async def test_a_deadline_that_has_passed_gets_no_longer() -> None:
    """A deadline that has passed is not extended."""
    world = World(Failing(CircuitOpen("open")))
    world.clock.advance(100.0)

    with pytest.raises(CircuitOpen):
        await world.service.request(
            an_initial_stock(), attrs.evolve(CALL, deadline=50.0), ROLL_BACK
        )

    assert [50.0] == [call.deadline for _, call in world.port.initializations]


@pytest.mark.parametrize("policy", QUEUEING)
@pytest.mark.parametrize(
    ("error", "tries", "words"),
    [
        (TimedOut("late"), 1, "late"),
        (Unauthorized("token"), 1, "token"),
        (CircuitOpen("open"), 0, None),
    ],
)
async def test_a_transient_failure_is_queued(
    policy: InitializationPolicy, error: InventoryError, tries: int, words: str | None
) -> None:
    """A transient failure is queued with its request's ids; a request that was sent is a try."""
    world, request = World(Failing(error)), an_initial_stock()
    world.clock.advance(5)

    outcome = await world.service.request(request, CALL, policy)

    assert isinstance(outcome, Queued)
    entry = outcome.entry
    assert world.queue is not None
    assert entry == await world.queue.find(request.idempotency_key)
    assert (request, policy, "c", TRACE, tries, words) == (
        entry.request,
        entry.policy,
        entry.correlation_id,
        entry.traceparent,
        entry.tries,
        entry.last_error,
    )
    assert (0, 0) == (entry.attempts, entry.claims)
    assert 5 == (entry.queued_at - EPOCH).total_seconds()
    assert error is outcome.error
    assert [InitializationQueued(entry, error)] == world.signals


@pytest.mark.parametrize("policy", QUEUEING)
@pytest.mark.parametrize("error", [Conflict("key"), RequestRejected("no")])
async def test_a_final_refusal_is_not_queued(
    policy: InitializationPolicy, error: InventoryError
) -> None:
    """A final refusal is an outcome, and is not queued."""
    world = World(Failing(error))

    assert PermanentlyRejected(error) == await world.service.request(
        an_initial_stock(), CALL, policy
    )
    assert world.queue is not None
    assert 0 == (await world.queue.stats()).waiting


async def test_a_queue_that_fails_is_an_error() -> None:
    """If the queue fails, too, its error is raised, and the service's error is its cause."""

    class Full(InMemoryQueue):
        async def add(self, entry: object) -> bool:
            raise QueueFailed("the disk is full")

    late = TimedOut("late")
    world = World(Failing(late), Full())

    with pytest.raises(QueueFailed, match="the disk is full") as caught:
        await world.service.request(an_initial_stock(), CALL, InitializationPolicy.RETRY_LATER)
    assert late is caught.value.__cause__


@pytest.mark.parametrize("policy", QUEUEING)
async def test_without_a_queue(policy: InitializationPolicy) -> None:
    """A policy that queues is refused without a queue, before a request is sent."""
    world = World(ScriptedPort(), None)

    with pytest.raises(ValueError, match=f"policy is {policy.value}, which needs a queue"):
        await world.service.request(an_initial_stock(), CALL, policy)
    assert [] == world.port.initializations
