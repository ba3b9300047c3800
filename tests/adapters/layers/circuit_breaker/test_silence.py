"""A service that answered well a moment ago and nothing since, and failures that are in doubt."""

import pytest

from shelfport import InventoryError
from shelfport.adapters.layers.circuit_breaker.breaker import CallOutcome
from shelfport.domain.model import FaultScope, ProductVariantId
from shelfport.errors import ServiceFailed
from shelfport.options import BreakerOptions
from shelfport.ports.signals import BreakerState
from tests.adapters.layers.circuit_breaker.test_breaker import (
    CLOSED,
    FAILURE,
    OPEN,
    START,
    SUCCESS,
    Bench,
)
from tests.adapters.layers.circuit_breaker.world import CALL
from tests.adapters.layers.circuit_breaker.world import Bench as LayerBench
from tests.support.values import ids

DOUBTFUL = CallOutcome.DOUBTFUL
VARIANTS = ids(9)


def after_good_calls(options: BreakerOptions | None = None) -> Bench:
    """A closed circuit after twenty good calls, a moment ago; five bad ones are no rate."""
    bench = Bench(options or BreakerOptions())
    bench.calls(*[SUCCESS] * 20)
    return bench


@pytest.mark.parametrize(("later", "state"), [(1.99, CLOSED), (2.0, OPEN)])
def test_nothing_good_for_two_seconds(later: float, state: BreakerState) -> None:
    """Without a good outcome for a fifth of the window, five failures are enough."""
    bench = after_good_calls()
    bench.calls(*[FAILURE] * 4)
    bench.now += later
    bench.call(FAILURE)

    assert state is bench.state


def test_the_fifth_is_of_the_window() -> None:
    """The time without a good outcome is a share of `window`."""
    bench = after_good_calls(BreakerOptions(window=100))
    bench.now += 19.9
    bench.calls(*[FAILURE] * 5)
    assert CLOSED is bench.state
    bench.now += 0.2
    bench.call(FAILURE)

    assert [(CLOSED, OPEN, "6 of 6 calls failed")] == bench.changes


def test_slow_ones() -> None:
    """Slow answers alone are enough as well."""
    bench = after_good_calls()
    for _ in range(5):
        bench.call(SUCCESS, took=0.9)

    assert [(CLOSED, OPEN, "5 of 5 calls took 0.8 s or more")] == bench.changes


def test_too_few() -> None:
    """Fewer than `minimum_calls` are not."""
    bench = after_good_calls()
    bench.now += 5
    bench.calls(*[FAILURE] * 4)

    assert CLOSED is bench.state


def test_a_good_one_between_them() -> None:
    """One good outcome, and the whole window counts again."""
    bench = after_good_calls()
    bench.now += 3
    bench.calls(*[FAILURE] * 4, SUCCESS, FAILURE)
    assert CLOSED is bench.state
    bench.now += 1.9
    bench.calls(*[FAILURE] * 4)

    assert CLOSED is bench.state


def test_before_a_good_one() -> None:
    """What failed before the last good outcome is no part of what came since."""
    bench = after_good_calls()
    bench.calls(*[FAILURE] * 4, SUCCESS)
    bench.now += 3
    bench.calls(*[FAILURE] * 4)

    assert CLOSED is bench.state


def test_what_has_left_the_window() -> None:
    """Failures that have left the window do not count, however long nothing was good."""
    bench = after_good_calls()
    for _ in range(6):
        bench.now += 4
        bench.call(FAILURE)

    assert CLOSED is bench.state
    assert (3, 3, 0) == bench.counts


@pytest.mark.parametrize("rate", [0.99, 1.0])
def test_a_rate_of_1(rate: float) -> None:
    """A threshold of 1 is about the whole window, however long nothing was good."""
    failing = after_good_calls(BreakerOptions(failure_rate_threshold=rate))
    failing.now += 3
    failing.calls(*[FAILURE] * 5)
    slow = after_good_calls(BreakerOptions(slow_call_rate_threshold=rate))
    for _ in range(5):
        slow.call(SUCCESS, took=0.9)

    assert [OPEN if rate < 1 else CLOSED] * 2 == [failing.state, slow.state]


def test_since_it_was_closed() -> None:
    """The answer that closes the circuit is a good one."""
    bench = Bench()
    bench.release(bench.half_open(), SUCCESS)
    bench.now += 1.9
    bench.calls(*[DOUBTFUL] * 5)
    assert CLOSED is bench.state
    bench.now += 0.1
    bench.call(DOUBTFUL)

    assert OPEN is bench.state


# Doubtful failures.


def test_doubtful_beside_good_ones() -> None:
    """While other calls end well, doubtful failures open nothing, whatever their share."""
    bench = Bench()
    bench.call(SUCCESS)
    bench.calls(*[DOUBTFUL] * 50)

    assert CLOSED is bench.state
    assert (51, 50, 0) == bench.counts


def test_the_rate_without_them() -> None:
    """The failure rate is that of the calls without doubtful ones."""
    bench = Bench()
    bench.calls(*[DOUBTFUL] * 5, SUCCESS, SUCCESS, FAILURE, FAILURE)
    assert CLOSED is bench.state
    bench.call(FAILURE)

    assert [(CLOSED, OPEN, "3 of 5 calls failed")] == bench.changes


def test_doubtful_ones_that_were_slow() -> None:
    """Doubtful failures that were slow are slow calls."""
    bench = Bench()
    for _ in range(5):
        bench.call(DOUBTFUL, took=0.9)

    assert [(CLOSED, OPEN, "5 of 5 calls took 0.8 s or more")] == bench.changes


def test_they_leave_the_window() -> None:
    """Doubtful failures that have left the window are not subtracted any more."""
    bench = Bench()
    bench.calls(*[DOUBTFUL] * 5, SUCCESS)
    bench.now = START + 10
    bench.calls(SUCCESS, SUCCESS, *[FAILURE] * 3)

    assert [(CLOSED, OPEN, "3 of 5 calls failed")] == bench.changes


def test_a_doubtful_probe() -> None:
    """A probe that fails doubtfully decides nothing; the next call is a probe again."""
    bench = Bench()
    bench.release(bench.half_open(), DOUBTFUL)
    assert BreakerState.HALF_OPEN is bench.state
    assert bench.permit().probe


# Which failures are doubtful.


def a_500(*variants: ProductVariantId, scope: FaultScope = FaultScope.SERVICE) -> InventoryError:
    return ServiceFailed("500", status=500, ids=variants, scope=scope)


async def fail(bench: LayerBench, *errors: InventoryError) -> None:
    for bench.service.error in errors:
        with pytest.raises(ServiceFailed):
            await bench.layer.read([VARIANTS[0]], CALL)
    bench.service.error = None


@pytest.mark.parametrize(("variants", "state"), [(4, CLOSED), (5, OPEN)])
async def test_few_bad_records(variants: int, state: BreakerState) -> None:
    """500s to fewer variants than `minimum_calls` are doubtful; from then on they are failures."""
    bench = LayerBench(BreakerOptions(minimum_calls=5, failure_rate_threshold=0.2))
    for _ in range(4):
        await bench.read()
    await fail(bench, *(a_500(variant) for variant in VARIANTS[:variants]))

    assert state is bench.breaker.state


async def test_bad_records_of_another_time() -> None:
    """Variants whose 500 has left the window are not among those."""
    bench = LayerBench(BreakerOptions(minimum_calls=5, failure_rate_threshold=0.2))
    await fail(bench, *(a_500(variant) for variant in VARIANTS[:4]))
    bench.clock.advance(10)
    for _ in range(4):
        await bench.read()
    await fail(bench, *(a_500(variant) for variant in VARIANTS[4:6]))

    assert CLOSED is bench.breaker.state


async def test_bad_records_one_after_the_other() -> None:
    """A variant whose 500 is in the window still is not counted again when another's has left."""
    bench = LayerBench(BreakerOptions(minimum_calls=5))
    await fail(bench, a_500(VARIANTS[0]))
    bench.clock.advance(5)
    await fail(bench, a_500(VARIANTS[1]))
    bench.clock.advance(5)
    await fail(bench, a_500(VARIANTS[0]), a_500(VARIANTS[1]))

    assert (2, 2, 0) == bench.counts


async def test_bad_batches() -> None:
    """A 500 to a batch is doubtful each time."""
    bench = LayerBench(BreakerOptions(minimum_calls=5))
    await bench.read()
    batch = [a_500(*VARIANTS, scope=FaultScope.REQUEST)] * 9
    await fail(bench, *batch)
    assert CLOSED is bench.breaker.state
    bench.clock.advance(2)
    await fail(bench, batch[0])

    assert OPEN is bench.breaker.state


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (a_500(VARIANTS[1]), OPEN),
        (a_500(*VARIANTS, scope=FaultScope.REQUEST), BreakerState.HALF_OPEN),
    ],
)
async def test_a_500_to_a_probe(error: InventoryError, state: BreakerState) -> None:
    """A 500 to a probe for one variant is a failure; one to a batch is left to its isolation."""
    bench = LayerBench()
    await bench.half_open()
    await fail(bench, error)

    assert state is bench.breaker.state
