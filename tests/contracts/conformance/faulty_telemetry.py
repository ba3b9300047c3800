"""Telemetries with one fault each, and the honest one."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shelfport.contracts.conformance import TelemetryHarness
from shelfport.ports import Call, ObservedRequest, RequestContext, Snapshot, Telemetry
from shelfport.signals import QueueRecovered, ServedStale, Signal


class Observed:
    def __init__(self, call: Call) -> None:
        self._call = call

    @property
    def call(self) -> Call:
        return self._call

    def ended(self, status: int | None, error: BaseException | None, seconds: float) -> None:
        """Do nothing."""


class HonestTelemetry:
    """No fault: the base of the others."""

    def __init__(self) -> None:
        self.snapshots: list[Callable[[], Snapshot]] = []

    def signal(self, signal: Signal, /) -> None:
        """Do nothing."""

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        return Observed(context.call)

    def page_age(self, seconds: float, /) -> None:
        """Do nothing."""

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        self.snapshots.append(snapshot)
        try:
            yield
        finally:
            self.snapshots.remove(snapshot)

    def collect(self) -> None:
        for snapshot in self.snapshots:
            snapshot()


class FaultyTelemetryHarness(TelemetryHarness):
    def __init__(self, kind: type[HonestTelemetry]) -> None:
        self._telemetry = kind()

    def telemetry(self) -> Telemetry:
        return self._telemetry

    def collect(self) -> None:
        self._telemetry.collect()


class KnowsNotEverySignal(HonestTelemetry):
    def signal(self, signal: Signal, /) -> None:
        if isinstance(signal, QueueRecovered):
            raise NotImplementedError


class ChangesASignal(HonestTelemetry):
    def signal(self, signal: Signal, /) -> None:
        if isinstance(signal, ServedStale):
            object.__setattr__(signal, "oldest", round(signal.oldest))


class Blocks(HonestTelemetry):
    def signal(self, signal: Signal, /) -> None:
        time.sleep(0.06)


class LosesTheCorrelationId(HonestTelemetry):
    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        return Observed(Call(traceparent=context.call.traceparent))


class KnowsNoCancellation(HonestTelemetry):
    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        class Ended(Observed):
            def ended(
                self, status: int | None, error: BaseException | None, seconds: float
            ) -> None:
                if status is None and not isinstance(error, Exception):
                    raise TypeError(error)

        return Ended(context.call)


class KnowsOneRequestAtATime(HonestTelemetry):
    def __init__(self) -> None:
        super().__init__()
        self.last: Observed | None = None

    def request_started(self, method: str, url: str, context: RequestContext, /) -> ObservedRequest:
        telemetry = self

        class Last(Observed):
            @property
            def call(self) -> Call:
                assert telemetry.last is not None
                return telemetry.last._call

        self.last = Last(context.call)
        return self.last


class RefusesAFreshPage(HonestTelemetry):
    def page_age(self, seconds: float, /) -> None:
        if seconds == 0:
            raise ValueError("no age")


class CollectsNothing(HonestTelemetry):
    def collect(self) -> None:
        """Do nothing."""


class CollectsAfterTheEnd(HonestTelemetry):
    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        self.snapshots.append(snapshot)
        yield


class OpensOnce(HonestTelemetry):
    opened = False

    @contextmanager
    def attach(self, snapshot: Callable[[], Snapshot], /) -> Iterator[None]:
        if self.opened:
            raise ValueError("it is open already")
        self.opened = True
        yield


class NeedsTheEventLoop(HonestTelemetry):
    def collect(self) -> None:
        asyncio.get_running_loop()
        super().collect()


class NeedsAQueue(HonestTelemetry):
    """After the first snapshot with a queue it expects one always."""

    needed = False

    def collect(self) -> None:
        for snapshot in self.snapshots:
            has = snapshot().queue is not None
            assert has or not self.needed, "no queue"
            self.needed = has
