"""Answers with a byte order mark or gzip in members around them, and odd problem documents."""

import gzip
from collections.abc import Callable

import pytest

from shelfport import AlreadyThere, Created, ProductVariantId, StockReading
from shelfport.errors import ContractViolation
from shelfport.options import HttpOptions
from shelfport.ports import DEFAULT_CALL, UnknownVariant
from shelfport.signals import AnswerRepaired
from tests.adapters.http.conftest import OF_ALL, Connect, facts_of
from tests.adapters.http.elements import array, element, keeping, sending
from tests.support.servers import serving
from tests.support.values import an_initial_stock, ids

A, B = ids(2)
PLAIN = element(B)
HALF_AN_EMOJI = '"Sneaker \\ud83d"'
STRICT = HttpOptions(strict=True)


@pytest.fixture
def repairs() -> list[AnswerRepaired]:
    return []


MARK = b"\xef\xbb\xbf"
WRAPPED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte order mark": (lambda body: MARK + body, "identity"),
    "gzip": (gzip.compress, "gzip"),
    "gzip in two members": (lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:]), "gzip"),
    "gzip with empty members": (
        lambda b: gzip.compress(b"") + gzip.compress(b) + gzip.compress(b"") * 999,
        "gzip",
    ),
    "x-gzip": (gzip.compress, "x-gzip"),
    "a byte order mark in gzip": (lambda body: gzip.compress(MARK + body), "X-GZip"),
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("asked", [[A, B], [A]], ids=["several", "one"])
async def test_wrapped_answers(
    connect: Connect, repairs: list[AnswerRepaired], asked: list[ProductVariantId], name: str
) -> None:
    """A byte order mark, gzip in members, and gzip's older name are read, and are no repair."""
    wrap, encoding = WRAPPED[name]
    content = array([element(A), PLAIN]) if len(asked) > 1 else element(A).encode()
    async with serving(sending(wrap(content), encoding)) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read(asked, DEFAULT_CALL)

    assert {StockReading} == {type(answer) for answer in answers.values()}
    assert [] == repairs


async def test_strict_refuses_a_byte_order_mark(
    connect: Connect, repairs: list[AnswerRepaired]
) -> None:
    """With `http.strict` it breaks the contract."""
    async with serving(sending(MARK + array([element(A), PLAIN]))) as service:
        port = await connect(service.url, STRICT, listener=keeping(repairs))

        with pytest.raises(ContractViolation, match="begins with a byte order mark") as info:
            await port.read([A, B], DEFAULT_CALL)

    assert OF_ALL == facts_of(info.value)


PROBLEM = '"type": "https://inventory.example/problems/unknown-variant", "status": 404'


@pytest.mark.parametrize(
    "body",
    [
        MARK + f"{{{PROBLEM}}}".encode(),
        f'{{{PROBLEM}, "detail": {HALF_AN_EMOJI}}}'.encode(),
        f'{{{PROBLEM}, "trace": NaN}}'.encode(),
    ],
    ids=["a byte order mark", "half an emoji in the detail", "NaN in an ignored member"],
)
async def test_odd_problem_documents(
    connect: Connect, repairs: list[AnswerRepaired], body: bytes
) -> None:
    """A problem document is understood, whatever its texts and its ignored members have."""
    async with serving(sending(body, status=404)) as service:
        port = await connect(service.url, listener=keeping(repairs))

        answers = await port.read([A], DEFAULT_CALL)

    assert isinstance(answers[A], UnknownVariant)


ODD_VALUES = [HALF_AN_EMOJI, "NaN", "1e999", '"\x01"']


@pytest.mark.parametrize("value", ODD_VALUES)
async def test_an_odd_record_is_created_all_the_same(connect: Connect, value: str) -> None:
    """A 201 with a byte order mark, and a value that is no JSON in an ignored member, is read."""
    item = element(A, id=f'"{B}"', quantity="5", title=value)
    async with serving(sending(MARK + item.encode(), status=201)) as service:
        port = await connect(service.url)

        assert isinstance(await port.initialize(an_initial_stock(A), DEFAULT_CALL), Created)


@pytest.mark.parametrize("value", ODD_VALUES)
async def test_an_odd_existing_record_is_read(
    connect: Connect, repairs: list[AnswerRepaired], value: str
) -> None:
    """The level in a conflict is read as far as any other, and its repairs are recorded."""
    conflict = PROBLEM.replace("unknown-variant", "record-exists").replace("404", "409")
    body = f'{{{conflict}, "current": {element(A, availableQuantity="-1", title=value)}}}'
    async with serving(sending(body.encode(), status=409)) as service:
        port = await connect(service.url, listener=keeping(repairs))

        outcome = await port.initialize(an_initial_stock(A), DEFAULT_CALL)

    assert isinstance(outcome, AlreadyThere)
    assert 0 == outcome.level.available_quantity
    assert ["availableQuantity"] == [repair.member for repair in repairs]
