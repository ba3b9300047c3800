"""Collects all output of an integration, to search it for secrets."""

import contextlib
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from shelfport.otel import OpenTelemetry
from shelfport.prometheus import Prometheus

OURS = str(Path(__file__).parents[2])


class Kept(logging.Handler):
    """Every record of every logger, formatted, with its fields."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def everything_logged() -> Iterator[Kept]:
    kept = Kept()
    root = logging.getLogger()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        root.removeHandler(kept)
        root.setLevel(level)


def recorded(error: BaseException) -> str:
    """An error as error trackers record it: with causes and the variables of all frames."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(whole.format())


def recorded_by_us(error: BaseException) -> str:
    """As `recorded`, but only with the variables of our frames: clients need the password."""
    seen, whole = {id(error)}, [recorded_without_variables(error)]
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        whole += [repr(v) for frame in frames(one.__traceback__) for v in frame.values()]
        more = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
        waiting += [e for e in more if e is not None and id(e) not in seen]
        seen.update(id(e) for e in waiting)
    return "\n".join(whole)


def recorded_without_variables(error: BaseException) -> str:
    """An error as a log records it, with its causes."""
    return "".join(traceback.format_exception(error))


def frames(trace: TracebackType | None) -> Iterator[dict[str, Any]]:
    """The variables of our own frames."""
    while trace is not None:
        code = trace.tb_frame.f_code.co_filename
        # What attrs generated for our classes is passed by: a host that gives plain text has it.
        if code.startswith(OURS) and "/site-packages/" not in code and "/tests/" not in code:
            yield dict(trace.tb_frame.f_locals)
        trace = trace.tb_next


def reprs(thing: object, depth: int = 6, seen: set[int] | None = None) -> Iterator[str]:
    """The `repr` of an object and of all our objects in it."""
    seen = set() if seen is None else seen
    if depth == 0 or id(thing) in seen:
        return
    seen.add(id(thing))
    yield repr(thing)
    if type(thing).__module__.startswith("typed_settings"):
        return  # the box itself
    slots = [
        n for c in type(thing).__mro__ for n in getattr(c, "__slots__", ()) if hasattr(thing, n)
    ]
    held: dict[str, Any] = {**getattr(thing, "__dict__", {})}
    if type(thing).__module__.startswith("shelfport"):
        held |= {name: getattr(thing, name) for name in slots}
        for value in held.values():
            yield from reprs(value, depth - 1, seen)


class Telemetries:
    """Both telemetries with real SDKs, and all that they export."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        meters = MeterProvider([self._metrics], shutdown_on_exit=False)
        self._registry = CollectorRegistry()
        self.all = (
            OpenTelemetry(tracer_provider=tracers, meter_provider=meters),
            Prometheus(self._registry),
        )

    def shown(self) -> list[str]:
        """The spans, the metrics and the registry's text; none may be empty."""
        spans = [span.to_json() for span in self._spans.get_finished_spans()]
        data = self._metrics.get_metrics_data()
        assert data is not None
        assert spans
        return [*spans, data.to_json(), generate_latest(self._registry).decode()]
