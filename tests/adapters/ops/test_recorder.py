import asyncio
import gc
import weakref
from itertools import pairwise

import attrs
import pytest

from shelfport import Settings, build
from shelfport.adapters.ops.log_entries import LogEntry, RenderedSignal, Severity
from shelfport.adapters.ops.recorder import SAMPLE_EVERY, Recorder
from shelfport.adapters.ops.view import folded
from shelfport.errors import Operation, ServiceOverloaded
from shelfport.ports import Call
from shelfport.ports.signals import Attempted, AttemptOutcome, BreakerChanged, BreakerState
from tests.support.clocks import EPOCH, LoopClock, ManualClock


def an_attempt(correlation_id: str, *, failed: bool = False) -> Attempted:
    error = ServiceOverloaded("enough", operation=Operation.READ) if failed else None
    outcome = AttemptOutcome.FAILED if failed else AttemptOutcome.ANSWERED
    return Attempted(Operation.READ, 1, Call(correlation_id=correlation_id), outcome, 0.01, error)


def test_memory_is_bounded() -> None:
    """However much happens, the last of it is kept, and no more; noteworthy things apart."""
    recorder = Recorder(clock=ManualClock(), kept=10, noted=3)
    recorder.signal(BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "why"))
    for number in range(100):
        recorder.signal(an_attempt(f"c-{number}"))

    assert ["circuit open"] == [happening.told.kind for happening in recorder.noted]
    assert ([], 1) == (recorder.about("c-89"), len(recorder.about("c-90")))


def test_an_error_is_let_go() -> None:
    """A happening holds no error, which would hold all that was on the stack around it."""
    recorder = Recorder(clock=ManualClock())
    signal = an_attempt("c", failed=True)
    error = weakref.ref(signal.error)
    recorder.signal(signal)
    del signal
    gc.collect()

    assert (None, 1) == (error(), len(recorder.noted))


def test_whoever_left_is_no_latency() -> None:
    """An attempt whose caller left says nothing of how long the service takes."""
    recorder = Recorder(clock=ManualClock())
    recorder.signal(attrs.evolve(an_attempt("c"), outcome=AttemptOutcome.LEFT))
    recorder.signal(an_attempt("c"))
    recorder.signal(an_attempt("c", failed=True))
    total = recorder.latency.total(0.0)

    assert (1, 1) == (sum(total.answered), sum(total.failed))


@pytest.mark.looptime
async def test_it_looks_while_the_integration_is_open() -> None:
    """Samples come every two seconds, whether anybody watches or not, and stop at the end."""
    recorder = Recorder(clock=LoopClock())
    async with build(Settings(), telemetry=[recorder]):
        await asyncio.sleep(2.5 * SAMPLE_EVERY)
        during = [sample.at for sample in recorder.samples]
    await asyncio.sleep(10 * SAMPLE_EVERY)

    assert 3 == len(during) == len(recorder.samples)
    assert [SAMPLE_EVERY] * 2 == [b - a for a, b in pairwise(during)]


@pytest.mark.looptime
async def test_opened_again_it_looks_no_oftener() -> None:
    """An integration that is closed and opened again is sampled at the same pace as before."""
    recorder = Recorder(clock=LoopClock())
    async with build(Settings(), telemetry=[recorder]):
        await asyncio.sleep(0.5 * SAMPLE_EVERY)
    async with build(Settings(), telemetry=[recorder]):
        await asyncio.sleep(2.5 * SAMPLE_EVERY)
        during = [sample.at for sample in recorder.samples]

    assert [SAMPLE_EVERY] * 2 == [b - a for a, b in pairwise(during)]


async def test_one_recorder_is_for_one_integration() -> None:
    """Two open integrations on one recorder would be mixed up: the second is refused."""
    recorder = Recorder()
    async with build(Settings(), telemetry=[recorder]):
        with pytest.raises(RuntimeError, match="make another"):
            async with build(Settings(), telemetry=[recorder]):
                pass
    async with build(Settings(), telemetry=[recorder]):
        pass


def a_happening(sentence: str) -> LogEntry:
    return LogEntry(EPOCH, RenderedSignal("kind", Severity.BAD, sentence))


def test_repetitions_are_folded() -> None:
    """Neighbours that say the same are one line with a count; others stay apart."""
    lines = folded([a_happening(s) for s in "aaabaa"])

    assert [("a", 3), ("b", 1), ("a", 2)] == [(f.last.told.sentence, f.times) for f in lines]


def test_a_storm_of_equals_is_one_line() -> None:
    """Folding looks beyond what is shown: a thousand repetitions hide nothing before them."""
    lines = folded(a_happening(s) for s in ["same"] * 1000 + ["before"])

    assert [("same", 1000), ("before", 1)] == [(f.last.told.sentence, f.times) for f in lines]
