"""What is read of answers that break the contract: what is shown, recorded and counted."""

from collections.abc import Iterable
from datetime import timedelta

import attrs
import pytest

from shelfport import StockLevel, StockReading
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, Unreadable
from shelfport.signals import AnswerRepaired
from tests.adapters.http.conftest import OF_ONE, Connect, facts_of
from tests.adapters.http.elements import array, element, keeping, sending
from tests.adapters.http.repairs import IN, LOW, OUT, REPAIRED
from tests.support.clocks import EPOCH
from tests.support.servers import serving
from tests.support.values import ids

A, B = ids(2)
HALF_AN_EMOJI = '"Sneaker \\ud83d"'
PLAIN = element(B)


STRICT = HttpOptions(strict=True)


@pytest.fixture
def repairs() -> list[AnswerRepaired]:
    return []


def recorded(repairs: Iterable[AnswerRepaired]) -> dict[str, str]:
    """What each signal says its member had; each is about one element."""
    assert {1} >= {repair.elements for repair in repairs}
    return {repair.member: repair.example.split(" for variant ")[0] for repair in repairs}


@pytest.mark.parametrize("name", REPAIRED)
async def test_an_element_is_read_as_far_as_it_can_be(
    connect: Connect, repairs: list[AnswerRepaired], name: str
) -> None:
    """Of an element that breaks the contract the rest is read; each repair is recorded."""
    row = REPAIRED[name]
    async with serving(sending(array([PLAIN, element(A, **row.values)]))) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    assert StockReading(row.level, EPOCH, "http") == answers[A]
    assert isinstance(answers[B], StockReading)
    assert row.repaired == recorded(repairs)


@pytest.mark.parametrize("name", REPAIRED)
async def test_a_single_level_is_read_as_far_as_it_can_be(
    connect: Connect, repairs: list[AnswerRepaired], name: str
) -> None:
    """An answer about one variant is repaired as an element of a larger answer is."""
    row = REPAIRED[name]
    async with serving(sending(array([element(A, **row.values)])[1:-1])) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A], DEFAULT_CALL)

    assert {A: StockReading(row.level, EPOCH, "http")} == answers
    assert row.repaired == recorded(repairs)


@pytest.mark.parametrize("name", REPAIRED)
async def test_strict_repairs_nothing(
    connect: Connect, repairs: list[AnswerRepaired], name: str
) -> None:
    """With `http.strict` the same element is unreadable, and the other one is read."""
    values = REPAIRED[name].values
    async with serving(sending(array([PLAIN, element(A, **values)]))) as service:
        port = await connect(service.url, STRICT, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    unreadable = answers[A]
    assert isinstance(unreadable, Unreadable)
    assert OF_ONE == facts_of(unreadable.error)
    assert isinstance(answers[B], StockReading)
    assert [] == repairs


async def test_repairs_of_one_member_are_one_signal(
    connect: Connect, repairs: list[AnswerRepaired]
) -> None:
    """A signal counts the elements of its member, and has the first of them as its example."""
    elements = [element(v, updatedAt="null", availableQuantity=q) for v, q in ((A, "-2"), (B, "7"))]
    async with serving(sending(array(elements))) as service:
        port = await connect(service.url, listener=keeping(repairs))

        await port.read([A, B], attrs.evolve(DEFAULT_CALL, correlation_id="page-17"))

    assert [
        AnswerRepaired("availableQuantity", 1, f"-2 for variant {A}, read as 0", "page-17"),
        AnswerRepaired("updatedAt", 2, f"null for variant {A}, read as unknown", "page-17"),
    ] == repairs


IGNORED = {
    "half an emoji": HALF_AN_EMOJI,
    "NaN": "NaN",
    "minus infinity": "-Infinity",
    "beyond a double": "1e999",
    "a control character": '"\x01"',
    "a line break": '"a\nb"',
    "no JSON escape": '"\\x41"',
    "not UTF-8": '"\udc80"',
    "brackets in text": '"}]{[\\"}"',
    "odd values deep inside": f'{{"a": [[], {{"b": [{HALF_AN_EMOJI}, NaN]}}]}}',
    "a leading zero": "007",
}


@pytest.mark.parametrize("value", IGNORED.values(), ids=IGNORED.keys())
async def test_ignored_values_are_not_validated(
    connect: Connect, repairs: list[AnswerRepaired], value: str
) -> None:
    """A value that a parser of JSON refuses costs nothing in a member that is ignored."""
    async with serving(sending(array([element(A, title=value), PLAIN]))) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    level = StockLevel(A, 5, IN, EPOCH)
    assert StockReading(level, EPOCH, "http") == answers[A]
    assert isinstance(answers[B], StockReading)
    assert [] == repairs


@pytest.mark.parametrize("value", [HALF_AN_EMOJI, "NaN", '"\x01"'])
async def test_strict_refuses_what_is_no_json(connect: Connect, value: str) -> None:
    """With `http.strict` such a value costs its own variant, also in a member that is ignored."""
    async with serving(sending(array([element(A, title=value), PLAIN]))) as service:
        port = await connect(service.url, STRICT)

        answers = await port.read([A, B], DEFAULT_CALL)

    unreadable = answers[A]
    assert isinstance(unreadable, Unreadable)
    assert "a value of it is no JSON" in str(unreadable.error)
    assert OF_ONE == facts_of(unreadable.error)
    assert isinstance(answers[B], StockReading)


async def test_ahead_of_this_hosts_clock(connect: Connect, repairs: list[AnswerRepaired]) -> None:
    """An `updatedAt` in the future is kept as it is: the order of readings caps it."""
    ahead = EPOCH + timedelta(days=1)
    async with serving(sending(element(A, updatedAt=f'"{ahead.isoformat()}"').encode())) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A], DEFAULT_CALL)

    assert {A: StockReading(StockLevel(A, 5, IN, ahead), EPOCH, "http")} == answers
    assert [] == repairs


LATER = EPOCH + timedelta(seconds=9)
AT_NINE = f'"{LATER.isoformat()}"'
TWICE: dict[str, tuple[list[dict[str, str | None]], StockLevel, str | None]] = {
    "the lower quantity": (
        [{"availableQuantity": "7"}, {"availableQuantity": "5"}],
        StockLevel(A, 5, IN, EPOCH),
        "7 IN_STOCK and 5 IN_STOCK",
    ),
    "the worse status": (
        [{}, {"status": '"LOW_STOCK"'}],
        StockLevel(A, 5, LOW, EPOCH),
        "5 IN_STOCK and 5 LOW_STOCK",
    ),
    "one of each": (
        [{"availableQuantity": "3"}, {"status": '"LOW_STOCK"'}],
        StockLevel(A, 3, LOW, EPOCH),
        "3 IN_STOCK and 5 LOW_STOCK",
    ),
    "none, and a later one with stock": (
        [{"availableQuantity": "0", "status": '"OUT_OF_STOCK"'}, {"updatedAt": AT_NINE}],
        StockLevel(A, 0, OUT, LATER),
        "0 OUT_OF_STOCK and 5 IN_STOCK",
    ),
    "equal": ([{}, {"updatedAt": AT_NINE}], StockLevel(A, 5, IN, LATER), None),
    "one of them malformed": (
        [{"availableQuantity": "true"}, {}],
        StockLevel(A, 5, IN, EPOCH),
        "two elements, one of them malformed (availableQuantity is true: it must be a whole "
        "number from 0 to 2147483647)",
    ),
}


@pytest.mark.parametrize("name", TWICE)
async def test_two_elements_of_one_variant(
    connect: Connect, repairs: list[AnswerRepaired], name: str
) -> None:
    """The more pessimistic holds; that they disagree is recorded."""
    elements, level, disagree = TWICE[name]
    body = array([PLAIN, *(element(A, **values) for values in elements)])
    async with serving(sending(body)) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    assert StockReading(level, EPOCH, "http") == answers[A]
    assert ({"productVariantId": disagree} if disagree else {}) == recorded(repairs)


@pytest.mark.parametrize("name", TWICE)
async def test_strict_refuses_two_elements_that_disagree(
    connect: Connect, repairs: list[AnswerRepaired], name: str
) -> None:
    """With `http.strict` the variant is unreadable, unless both elements say the same."""
    elements, _, disagree = TWICE[name]
    async with serving(sending(array([PLAIN, *(element(A, **v) for v in elements)]))) as service:
        port = await connect(service.url, STRICT, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    assert (Unreadable if disagree else StockReading) is type(answers[A])
    assert isinstance(answers[B], StockReading)
    assert [] == repairs


@pytest.mark.parametrize("odd", [{}, {"title": HALF_AN_EMOJI}], ids=["clean", "odd"])
async def test_of_two_members_with_one_name_the_last_counts(
    connect: Connect, repairs: list[AnswerRepaired], odd: dict[str, str | None]
) -> None:
    """Whether an answer is decoded as a whole or by members does not change what is read."""
    twice = element(A, **odd).replace("{", '{"availableQuantity": 0, ')
    async with serving(sending(array([twice, PLAIN]))) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A, B], DEFAULT_CALL)

    reading = answers[A]
    assert isinstance(reading, StockReading)
    assert 5 == reading.level.available_quantity
