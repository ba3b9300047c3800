"""When "the service has no record of this variant" is believed: only from a whole answer to it."""

import time

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from shelfport import StockReading
from shelfport.adapters.http.headers import sign_of_more
from shelfport.errors import ContractViolation
from shelfport.ports import DEFAULT_CALL, UnknownVariant, Unreadable
from tests.adapters.http.conftest import OF_ONE, OF_OTHERS, Connect, answering, facts_of
from tests.support.servers import always, json_response, serving, stocked, wire_level
from tests.support.values import ids

A, B, C, D = ids(4)


async def test_alone_an_unknown_variant_is_confirmed(connect: Connect) -> None:
    """A 404 for one variant confirms that it is unknown; an answer about several does not."""
    async with serving(stocked([])) as service:
        port = await connect(service.url)
        alone = await port.read([A], DEFAULT_CALL)
        together = await port.read([A, B], DEFAULT_CALL)

    confirmed = [a.confirmed for a in (alone[A], together[A]) if isinstance(a, UnknownVariant)]
    assert [True, False] == confirmed


async def test_an_answer_with_others(connect: Connect) -> None:
    """Beside elements that were not asked for, a missing variant is unreadable, not unknown."""
    async with serving(always([wire_level(A), wire_level(C), wire_level(D)])) as service:
        port = await connect(service.url)
        answers = await port.read([A, B], DEFAULT_CALL)

    missing = answers[B]
    assert isinstance(answers[A], StockReading)
    assert isinstance(missing, Unreadable)
    assert (OF_ONE, (B,)) == (facts_of(missing.error), missing.error.ids)
    assert "lacks this variant" in str(missing.error)
    assert str(missing.error).endswith("it is about 2 variants that were not asked for")


async def test_an_answer_about_others(connect: Connect) -> None:
    """An answer about other variants alone is a fault of the way, for the whole request."""
    async with serving(always([wire_level(C), wire_level(D)])) as service:
        port = await connect(service.url)
        with pytest.raises(ContractViolation, match="does a cache on the way ignore") as info:
            await port.read([A, B], DEFAULT_CALL)

    assert (OF_OTHERS, (A, B)) == (facts_of(info.value), info.value.ids)
    assert "it is about 2 variants that were not asked for, and about none" in str(info.value)


async def test_an_answer_about_another(connect: Connect) -> None:
    """The same of the answer about one variant."""
    async with serving(always(wire_level(B))) as service:
        port = await connect(service.url)
        with pytest.raises(ContractViolation, match=f"is about variant {B}, not {A}") as info:
            await port.read([A], DEFAULT_CALL)

    assert OF_OTHERS == facts_of(info.value)


async def test_others_and_a_malformed_one(connect: Connect) -> None:
    """A malformed element of a variant that was asked for shows that the query was read."""
    malformed = {**wire_level(A), "availableQuantity": "many"}
    async with serving(always([malformed, wire_level(C)])) as service:
        port = await connect(service.url)
        with pytest.raises(ContractViolation, match="availableQuantity") as info:
            await port.read([A, B], DEFAULT_CALL)

    assert OF_ONE == facts_of(info.value)


@pytest.mark.parametrize(
    ("name", "value", "sign"),
    [
        ("Link", '</inventory?page=2>; rel="next"', 'next page (rel="next")'),
        ("X-Total-Count", "3", "X-Total-Count says 3, and it has 1 elements"),
        ("Content-Range", "items 0-0/3", "Content-Range says items 0-0/3"),
    ],
)
async def test_a_part_of_an_answer(connect: Connect, name: str, value: str, sign: str) -> None:
    """In the first page of several a missing variant is unreadable, and the reason is said."""
    response = json_response([wire_level(A)])
    response.headers[name] = value
    async with serving(answering(response)) as service:
        port = await connect(service.url)
        answers = await port.read([A, B], DEFAULT_CALL)

    missing = answers[B]
    assert isinstance(answers[A], StockReading)
    assert isinstance(missing, Unreadable)
    assert OF_ONE == facts_of(missing.error)
    assert sign in str(missing.error)


def sign(*headers: tuple[str, str], elements: int = 24) -> bool:
    """Whether one of `headers` says that there is more than 24 elements."""
    return sign_of_more(CIMultiDictProxy(CIMultiDict(headers)), elements) is not None


@pytest.mark.parametrize(
    ("value", "more"),
    [
        ('<p>; rel="next"', True),
        ("<p>; rel=next", True),
        ("<p>;rel = NEXT", True),
        ('<p>; REL="last Next"', True),
        ('<a>; rel="prev", <b>; rel="next"', True),
        ('<a;b,c>; title="x, y"; rel="next"', True),
        ('<p>; title="a \\" b"; rel=next', True),
        ('<p>; rel="next', True),
        ('<p>; rel="prev"', False),
        ('<p>; rel="nextish"', False),
        ('<p>; rev="next"', False),
        ('<p>; title="; rel=next"', False),
        ('<p?rel="next">; rel="self"', False),
        ('<p>; rel="self"; rel="next"', False),
        ("next", False),
        ("", False),
        ('"; rel=next', False),
    ],
)
def test_link(value: str, more: bool) -> None:
    """A link with the relation `next`, in every form of RFC 8288 §3, and in no other text."""
    assert more == sign(("Link", value))


@pytest.mark.parametrize(
    ("name", "value", "more"),
    [
        ("X-Total-Count", "25", True),
        ("X-Total-Count", "24", False),
        ("X-Total-Count", " 25 ", True),
        ("X-Total-Count", "9" * 5000, True),
        ("X-Total-Count", "many", False),
        ("X-Total-Count", "-25", False),
        ("Content-Range", "items 0-23/100", True),
        ("Content-Range", "items 0-23/24", False),
        ("Content-Range", "items 24-47/48", True),
        ("Content-Range", "0-23/100", True),
        ("Content-Range", "bytes 0-3999/4000", False),
        ("Content-Range", "items */100", True),
        ("Content-Range", "items */0", False),
        ("Content-Range", "items 0-23/*", False),
        ("Content-Range", "nonsense", False),
        ("Content-Range", f"items 0-23/{'9' * 5000}", False),
    ],
)
def test_totals(name: str, value: str, more: bool) -> None:
    """A total that is more than the answer has; a malformed one says nothing."""
    assert more == sign((name, value))


@pytest.mark.parametrize("value", ["<", '"\\', ';rel="', "; rel=x", "<>;a=b,", ';a="\\"', "; "])
def test_a_hostile_link_costs_little(value: str) -> None:
    """64 headers of 8,190 bytes are read in a moment, whatever they repeat."""
    headers = [("Link", (value * 8190)[:8190])] * 64
    began = time.perf_counter()

    assert not sign(*headers)
    assert time.perf_counter() - began < 1.0
