import asyncio
import gc
import weakref
from itertools import pairwise

import attrs
import pytest

from shelfport import Settings, build
from shelfport.adapters.observability.signal_row import Severity
from shelfport.adapters.ops.log_entries import LogEntry
from shelfport.adapters.ops.recorder import SAMPLE_EVERY, Recorder
from shelfport.adapters.ops.view import log_lines
from shelfport.errors import Operation, ServiceOverloaded
from shelfport.ports import Call
from shelfport.ports.signals import Attempted, AttemptOutcome, BreakerChanged, BreakerState
from tests.support.clocks import EPOCH, LoopClock, ManualClock


def an_attempt(correlation_id: str, *, failed: bool = False) -> Attempted:
    error = ServiceOverloaded("enough", operation=Operation.READ) if failed else None
    outcome = AttemptOutcome.FAILED if failed else AttemptOutcome.ANSWERED
    return Attempted(Operation.READ, 1, Call(correlation_id=correlation_id), outcome, 0.01, error)


def test_memory_is_bounded() -> None:
    """The recorder keeps the last entries only; those of the log are kept apart."""
    recorder = Recorder(clock=ManualClock(), max_entries=10, max_log_entries=3)
    recorder.signal(BreakerChanged(BreakerState.CLOSED, BreakerState.OPEN, "why"))
    for number in range(100):
        recorder.signal(an_attempt(f"c-{number}"))

    assert ["circuit open"] == [entry.kind for entry in recorder.log]
    assert ([], 1) == (recorder.about("c-89"), len(recorder.about("c-90")))


def test_an_error_is_released() -> None:
    """An entry holds no error, which would hold its traceback."""
    recorder = Recorder(clock=ManualClock())
    signal = an_attempt("c", failed=True)
    error = weakref.ref(signal.error)
    recorder.signal(signal)
    del signal
    gc.collect()

    assert (None, 1) == (error(), len(recorder.log))


def test_an_abandoned_attempt_is_no_latency() -> None:
    """An attempt whose caller left says nothing of how long the service takes."""
    recorder = Recorder(clock=ManualClock())
    recorder.signal(attrs.evolve(an_attempt("c"), outcome=AttemptOutcome.LEFT))
    recorder.signal(an_attempt("c"))
    recorder.signal(an_attempt("c", failed=True))
    total = recorder.latency.total(0.0)

    assert (1, 1) == (sum(total.answered), sum(total.failed))


@pytest.mark.looptime
async def test_it_samples_while_the_integration_is_open() -> None:
    """Samples are taken every two seconds while the integration is open, without a browser too."""
    recorder = Recorder(clock=LoopClock())
    async with build(Settings(adapter="memory"), telemetry=[recorder]):
        await asyncio.sleep(2.5 * SAMPLE_EVERY)
        during = [sample.at for sample in recorder.samples]
    await asyncio.sleep(10 * SAMPLE_EVERY)

    assert 3 == len(during) == len(recorder.samples)
    assert [SAMPLE_EVERY] * 2 == [b - a for a, b in pairwise(during)]


@pytest.mark.looptime
async def test_opened_again_it_samples_at_the_same_pace() -> None:
    """An integration that is closed and opened again is sampled at the same pace as before."""
    recorder = Recorder(clock=LoopClock())
    async with build(Settings(adapter="memory"), telemetry=[recorder]):
        await asyncio.sleep(0.5 * SAMPLE_EVERY)
    async with build(Settings(adapter="memory"), telemetry=[recorder]):
        await asyncio.sleep(2.5 * SAMPLE_EVERY)
        during = [sample.at for sample in recorder.samples]

    assert [SAMPLE_EVERY] * 2 == [b - a for a, b in pairwise(during)]


async def test_one_recorder_is_for_one_integration() -> None:
    """A recorder refuses a second open integration."""
    recorder = Recorder()
    async with build(Settings(adapter="memory"), telemetry=[recorder]):
        with pytest.raises(RuntimeError, match="make another"):
            async with build(Settings(adapter="memory"), telemetry=[recorder]):
                pass
    async with build(Settings(adapter="memory"), telemetry=[recorder]):
        pass


def an_entry(sentence: str) -> LogEntry:
    return LogEntry(EPOCH, "kind", Severity.BAD, sentence)


def test_equal_entries_in_a_row_are_one_line() -> None:
    """Equal neighbours are one line with a count; others stay apart."""
    lines = log_lines([an_entry(s) for s in "aaabaa"])

    assert [("a", 3), ("b", 1), ("a", 2)] == [(line.last.sentence, line.times) for line in lines]


def test_many_equal_entries_hide_no_other() -> None:
    """A thousand equal entries are one line, and the entry before them is shown."""
    lines = log_lines(an_entry(s) for s in ["same"] * 1000 + ["before"])

    assert [("same", 1000), ("before", 1)] == [(line.last.sentence, line.times) for line in lines]
