"""How arrays and objects are split without reading them, and what that costs."""

import json
import time
from contextlib import suppress

import pytest

from shelfport.adapters.http.malformed import BrokenDocument, Malformed
from shelfport.adapters.http.splitting import MAX_DEPTH, elements_of, members_of

VALUES = (
    b"1", b"-1.5e-3", b"null", b"NaN", b'""', b'"a"', b'"\\""', b'"\\\\"', b'"],["', b"{}", b"[]",
    b'{"a":1}', b"[1,2]", b"[[]]", b'{"a":{"b":[{}]}}', b'[ { "a" : "}" } , [ ] ]', b'"\xff"',
)  # fmt: skip


@pytest.mark.parametrize("gap", [b"", b" ", b"\r\n\t "])
def test_elements(gap: bytes) -> None:
    """Each element is cut out as it is, whatever it is and whatever white space is around it."""
    separator = gap + b"," + gap
    text = gap + b"[" + gap + separator.join(VALUES) + gap + b"]" + gap

    assert list(VALUES) == elements_of(text)


@pytest.mark.parametrize("text", [b"[]", b" [ ] "])
def test_no_elements(text: bytes) -> None:
    """An array may be empty."""
    assert [] == elements_of(text)


@pytest.mark.parametrize("gap", [b"", b" ", b"\r\n\t "])
def test_members(gap: bytes) -> None:
    """Each value is cut out as it is, under its name."""
    members = {f"m{number}".encode(): value for number, value in enumerate(VALUES)}
    inside = [b'"' + n + b'"' + gap + b":" + gap + v for n, v in members.items()]
    text = gap + b"{" + gap + (gap + b"," + gap).join(inside) + gap + b"}" + gap

    assert members == members_of(text)


@pytest.mark.parametrize("text", [b"{}", b" { } "])
def test_no_members(text: bytes) -> None:
    """An object may be empty."""
    assert {} == members_of(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (rb'{"\u0061": 1}', b"a"),
        (rb'{"a\n": 1}', b"a\n"),
        (rb'{"\ud83d": 1}', rb"\ud83d"),
        (b'{"\\n\xff": 1}', b"\\n\xff"),
    ],
    ids=["an escaped letter", "a line break", "half an emoji", "not UTF-8"],
)
def test_names(text: bytes, name: bytes) -> None:
    """A name may have escapes; one that cannot be decoded is none that is looked for."""
    assert {name: b"1"} == members_of(text)


def test_depth() -> None:
    """An element may be as deep as the limit, and no deeper."""
    assert 1 == len(elements_of(b"[" + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]"))

    with pytest.raises(BrokenDocument, match="nested too deeply"):
        elements_of(b"[" + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"]")


HARD = {
    "flat until late": lambda n: b'[{"a":' + b'"b","a":' * n + b"[]}]",
    "strings of quotes": lambda n: b'["' + b'\\"' * n + b'"]',
    "a string without an end": lambda n: b'[{"a":[]},"' + b"\\\\" * n,
    "strings without a comma": lambda n: b"[" + b'"a"' * n,
    "small elements": lambda n: b"[" + b"{}," * n + b"{}]",
    "nested elements": lambda n: b"[" + b"[{}]," * n + b"{}]",
    "brackets of another kind": lambda n: b"[" + b"[{]}" * n,
    "white space": lambda n: b"[" + b" " * n + b"1" + b" " * n + b"2]",
    "words": lambda n: b"[" + b"a" * n + b'"]',
    "members that are nested": lambda n: b'[{"a":[' + b'{"a":[]},' * n + b"[]]}]",
}


@pytest.mark.parametrize("shape", HARD)
def test_the_time_is_linear(shape: str) -> None:
    """A text that is four times as long takes less than ten times as long."""

    def seconds(n: int) -> float:
        text = HARD[shape](n)
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            with suppress(Malformed, ValueError):
                members_of(max(elements_of(text), key=len))
            best = min(best, time.process_time() - began)
        return best

    assert seconds(40_000) < 10 * seconds(10_000) + 0.001


def test_it_agrees_with_a_parser_of_json() -> None:
    """The pieces of a large document are those that Python's parser sees."""
    document = [{"id": n, "in": [n, {"t": 'a"]}\\', "n": None}], "": {}} for n in range(50)]

    elements = elements_of(json.dumps(document, indent=1).encode())

    assert document == [json.loads(element) for element in elements]
    assert document[7] == {
        name.decode(): json.loads(value) for name, value in members_of(elements[7]).items()
    }
