"""`TelemetryConformance`: all cases of a telemetry."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
import copy
import time
from collections.abc import Callable
from typing import ClassVar, get_args

import attrs

from shelfport.contracts.conformance.port_suite import PortSuite, port_case
from shelfport.contracts.conformance.telemetry.examples import (
    ADDRESS,
    CALL,
    CONTEXT,
    SIGNALS,
    SMALL,
    SNAPSHOTS,
)
from shelfport.contracts.conformance.telemetry.harness import TelemetryHarness
from shelfport.domain.model import ConnectionFailed, ServiceFailed
from shelfport.ports import ObservesPageAge, Snapshot
from shelfport.ports.signals import Signal

_QUICK = 0.05
"""Seconds for the quickest of a few calls: a call that blocks takes longer each time."""
_ENDS: tuple[tuple[int | None, BaseException | None], ...] = (
    (200, None),
    (404, None),
    (503, ServiceFailed("the Inventory Service answered 503", status=503)),
    (None, ConnectionFailed("the connection was refused")),
    (None, asyncio.CancelledError()),
    (None, RuntimeError("a bug")),
)


class TelemetryConformance(PortSuite):
    """Every obligation of `Telemetry` and `ObservesPageAge`, one case each.

    A subclass defines the fixture `harness`, which returns a `TelemetryHarness`::

        class TestMyMetrics(TelemetryConformance):
            collects = True

            @pytest.fixture
            def harness(self) -> MyMetricsHarness:
                return MyMetricsHarness()
    """

    collects: ClassVar[bool] = False
    """`TelemetryHarness.collect` collects the metrics, which reads the snapshot."""

    @port_case()
    async def test_every_signal_is_recorded(self, harness: TelemetryHarness) -> None:
        """No kind of signal makes it raise, before the integration is open and while it is."""
        telemetry = harness.telemetry()
        assert set(get_args(Signal)) == {type(signal) for signal in SIGNALS}
        for signal in SIGNALS:
            telemetry.signal(signal)
        with telemetry.attach(lambda: SMALL):
            for signal in SIGNALS:
                telemetry.signal(signal)

    @port_case()
    async def test_a_signal_is_left_as_it_is(self, harness: TelemetryHarness) -> None:
        """A signal and its call go to others as well."""
        telemetry = harness.telemetry()
        before = repr(SIGNALS)

        for signal in SIGNALS:
            telemetry.signal(signal)

        assert before == repr(SIGNALS)

    @port_case()
    async def test_it_is_quick(self, harness: TelemetryHarness) -> None:
        """A signal, a request and the age of a page take no time that a page would notice."""
        telemetry = harness.telemetry()
        signal = SIGNALS[0]

        def request() -> None:
            telemetry.request_started("GET", ADDRESS, CONTEXT).ended(200, None, 0.1)

        assert _quickest(lambda: telemetry.signal(signal)) < _QUICK, "signal blocks"
        assert _quickest(request) < _QUICK, "request_started or ended blocks"
        if isinstance(telemetry, ObservesPageAge):
            page_age = telemetry.page_age
            assert _quickest(lambda: page_age(1.0)) < _QUICK, "page_age blocks"

    @port_case()
    async def test_a_request_is_sent_with_its_call(self, harness: TelemetryHarness) -> None:
        """The call is unchanged, or a copy with another `traceparent`."""
        observed = harness.telemetry().request_started("GET", ADDRESS, CONTEXT)
        call = observed.call
        observed.ended(200, None, 0.1)

        assert CALL == attrs.evolve(call, traceparent=CALL.traceparent)
        assert call.traceparent is not None, "the trace context of the host is lost"

    @port_case()
    async def test_every_end_of_a_request_is_recorded(self, harness: TelemetryHarness) -> None:
        """An answer, a failure, a cancellation and a bug are ends, and none makes it raise."""
        telemetry = harness.telemetry()
        for status, error in _ENDS:
            for method in ("GET", "POST"):
                observed = telemetry.request_started(method, ADDRESS, CONTEXT)
                await asyncio.sleep(0)
                observed.ended(status, error, 0.25)

    @port_case()
    async def test_requests_overlap(self, harness: TelemetryHarness) -> None:
        """Requests of several tasks are under way at once, and end in any order."""
        telemetry = harness.telemetry()
        calls: list[object] = []

        async def send(number: int) -> None:
            context = attrs.evolve(
                CONTEXT, call=attrs.evolve(CALL, correlation_id=f"request-{number}")
            )
            observed = telemetry.request_started("GET", ADDRESS, context)
            await asyncio.sleep(0.001 * (5 - number))
            calls.append(observed.call.correlation_id)
            observed.ended(200, None, 0.1)

        await asyncio.gather(*(send(number) for number in range(5)))

        assert {f"request-{number}" for number in range(5)} == set(calls)

    @port_case()
    async def test_every_age_of_a_page_is_recorded(self, harness: TelemetryHarness) -> None:
        """If it observes pages, no age makes it raise."""
        telemetry = harness.telemetry()
        if isinstance(telemetry, ObservesPageAge):
            for age in (0.0, 1, 0.000_001, 86_400.0, 1e9):
                telemetry.page_age(age)

    @port_case(lambda suite: suite.collects)
    async def test_an_open_integration_is_collected(self, harness: TelemetryHarness) -> None:
        """Each collection reads the snapshot, while the integration is open."""
        read = _Reads()
        with harness.telemetry().attach(read):
            harness.collect()
            first = read.count
            harness.collect()

        assert 0 < first < read.count

    @port_case(lambda suite: suite.collects)
    async def test_a_closed_integration_is_not_collected(self, harness: TelemetryHarness) -> None:
        """After the end nothing is read, as the integration is closed."""
        read = _Reads()
        with harness.telemetry().attach(read):
            pass
        harness.collect()

        assert 0 == read.count

    @port_case()
    async def test_an_integration_can_be_opened_again(self, harness: TelemetryHarness) -> None:
        """An integration that was closed, or failed to open, is attached once more."""
        telemetry = harness.telemetry()
        for failure in (None, RuntimeError("it did not open"), None):
            try:
                with telemetry.attach(lambda: SMALL):
                    if failure is not None:
                        raise failure
            except RuntimeError as error:
                if error is not failure:
                    raise
            else:
                assert failure is None, "the context swallowed an exception"

    @port_case(lambda suite: suite.collects)
    async def test_metrics_are_collected_in_any_thread(self, harness: TelemetryHarness) -> None:
        """A scrape comes in a thread without an event loop."""
        read = _Reads()
        with harness.telemetry().attach(read):
            await asyncio.to_thread(harness.collect)

        assert read.count

    @port_case(lambda suite: suite.collects)
    async def test_every_snapshot_is_collected(self, harness: TelemetryHarness) -> None:
        """Every part of a snapshot may be there, or missing, at any moment."""
        read = _Reads()
        with harness.telemetry().attach(read):
            for snapshot in (*SNAPSHOTS, *reversed(SNAPSHOTS)):
                read.snapshot = copy.copy(snapshot)
                before = read.count
                harness.collect()
                assert before < read.count, "the snapshot was not read"


class _Reads:
    """A snapshot that counts how often it is read."""

    def __init__(self) -> None:
        self.snapshot: Snapshot = SMALL
        self.count = 0

    def __call__(self) -> Snapshot:
        self.count += 1
        return self.snapshot


def _quickest(action: Callable[[], object]) -> float:
    """The shortest of a few durations of `action`, as the machine may be loaded."""
    durations = []
    for _ in range(5):
        began = time.perf_counter()
        action()
        durations.append(time.perf_counter() - began)
    return min(durations)
