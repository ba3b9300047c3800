"""How old an answer is: what a read asks of caches on the way, and what they say (RFC 9111)."""

from datetime import datetime, timedelta

import pytest

from shelfport import StockReading
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, Call, UnknownVariant, Unreadable
from shelfport.signals import AnswerRepaired, Signal
from tests.adapters.http.conftest import Connect, answering
from tests.support.clocks import EPOCH
from tests.support.servers import Handler, always, conversing, problem, raw, serving, wire_level
from tests.support.values import an_id, ids

A, B = ids(2)
TEN_MINUTES = timedelta(minutes=10)


def dated(answer: object) -> tuple[datetime | None, float]:
    """Since when an answer of the port may be old, and for how long a cache had it."""
    assert isinstance(answer, StockReading | UnknownVariant)
    return answer.as_of, answer.upstream_age


@pytest.mark.parametrize(
    ("answer", "asked"),
    [(always(wire_level(A), Age="600"), [A]), (always([wire_level(A)], Age="600"), [A, B])],
    ids=["one", "several"],
)
async def test_the_age_of_a_cached_answer_counts(
    connect: Connect, answer: Handler, asked: list[str]
) -> None:
    """`as_of` is the sending of the request less `Age`; an unknown variant has it as well."""
    async with serving(answer) as service:
        port = await connect(service.url)
        answers = await port.read([an_id(n + 1) for n in range(len(asked))], DEFAULT_CALL)

    assert [(EPOCH - TEN_MINUTES, 600.0)] * len(asked) == [dated(a) for a in answers.values()]


async def test_a_404_of_a_cache(connect: Connect) -> None:
    """A 404 `unknown-variant` from a cache has its age, too."""
    response = problem(404, "unknown-variant")
    response.headers["Age"] = "600"
    async with serving(answering(response)) as service:
        port = await connect(service.url)
        answers = await port.read([A], DEFAULT_CALL)

    assert (EPOCH - TEN_MINUTES, 600.0) == dated(answers[A])


async def test_an_answer_of_the_service(connect: Connect) -> None:
    """Without `Age` an unknown variant has no instant: the request was sent for this call."""
    async with serving(always([wire_level(A)])) as service:
        port = await connect(service.url)
        answers = await port.read([A, B], DEFAULT_CALL)

    assert [(EPOCH, 0.0), (None, 0.0)] == [dated(answer) for answer in answers.values()]


@pytest.mark.parametrize(
    ("lines", "age", "example"),
    [
        ("Age: 600", 600.0, None),
        ("Age: 0", 0.0, None),
        ("Age: 000600", 600.0, None),
        ("Age:\t 600 ", 600.0, None),
        (f"Age: {'9' * 5000}", 2.0**31, None),
        ("Age: 2147483649", 2.0**31, None),
        ("Age: -1", 0.0, "'-1', ignored"),
        ("Age: 1.5", 0.0, "'1.5', ignored"),
        ("Age: soon", 0.0, "'soon', ignored"),
        ("Age:", 0.0, "'', ignored"),
        ("Age: 3, 600", 600.0, "'3, 600', read as 600 s"),
        ("Age: 600\r\nAge: 3", 600.0, "'600, 3', read as 600 s"),
        ("Age: soon\r\nAge: 3", 3.0, "'soon, 3', read as 3 s"),
    ],
)
async def test_the_forms_of_age(
    connect: Connect, lines: str, age: float, example: str | None
) -> None:
    """A malformed age is ignored and reported; of several the largest holds."""
    signals: list[Signal] = []
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{lines}\r\n\r\n[]"
    async with conversing(raw(head.encode())) as url:
        port = await connect(url, listener=signals.append)
        answers = await port.read([A, B], Call(correlation_id="c-1"))

    assert [age] * 2 == [dated(answer)[1] for answer in answers.values()]
    expected = [] if example is None else [AnswerRepaired("Age", 1, example, "c-1")]
    assert expected == signals


@pytest.mark.parametrize(
    ("ttl", "max_staleness", "sent"),
    [
        (5.0, None, "max-age=5"),
        (5.9, None, "max-age=5"),
        (5.0, 60.0, "max-age=5"),
        (5.0, 2.5, "max-age=2"),
        (5.0, 0.9, "no-cache"),
        (5.0, 0.0, "no-cache"),
        (0.0, None, "no-cache"),
        (0.5, 60.0, "no-cache"),
        (1e12, None, "max-age=2147483648"),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
async def test_a_read_says_how_old_an_answer_may_be(
    connect: Connect, ttl: float, max_staleness: float | None, sent: str, count: int
) -> None:
    """The lesser of `ttl` and `max_staleness`, in whole seconds; `no-cache` below one."""
    answer = always(wire_level(A) if count == 1 else [])
    async with serving(answer) as service:
        port = await connect(service.url, cache_ttl=ttl)
        await port.read(ids(count), Call(max_staleness=max_staleness))

    assert [sent] == service.requests[0].headers.getall("Cache-Control")


async def test_repairs_are_reported(connect: Connect) -> None:
    """Each member that was repaired is reported once an answer, with the call's correlation id."""
    signals: list[Signal] = []
    odd = [{**wire_level(variant), "updatedAt": None} for variant in (A, B)]
    async with serving(always(odd)) as service:
        port = await connect(service.url, listener=signals.append)
        await port.read([A, B], Call(correlation_id="c-1"))

    [repaired] = [signal for signal in signals if isinstance(signal, AnswerRepaired)]
    assert ("updatedAt", 2, "c-1") == (
        repaired.member,
        repaired.elements,
        repaired.correlation_id,
    )


async def test_strict_repairs_nothing(connect: Connect) -> None:
    """With `strict` an odd member makes its variant unreadable, and is not reported as repaired."""
    signals: list[Signal] = []
    odd = {**wire_level(A), "updatedAt": None}
    async with serving(always([odd, wire_level(B)])) as service:
        port = await connect(service.url, HttpOptions(strict=True), listener=signals.append)
        answers = await port.read([A, B], DEFAULT_CALL)

    assert [Unreadable, StockReading] == [type(answer) for answer in answers.values()]
    assert [] == [signal for signal in signals if isinstance(signal, AnswerRepaired)]
