"""The package and its documents speak plain English, in the field's terms (docs/glossary.md)."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("domain", "ports", "adapters", "contracts", "src", "examples", "docs")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs", "examples")

SUBJECTS = {
    r"nobody|somebody|anybody|everybody|no one|no-one": "name the caller, the host or the operator",
    r"whoever|whosoever|those who": "name the caller, the reader or the part of the program",
    r"what(?:ever)? (?:comes|came)|whatever (?:happens|becomes)": "say which value or event it is",
    r"befalls?|befell|befallen|lest|thereof|whence|whereof": "use a word of everyday English",
    r"whose \w+ (?:is it|are they)\?": "say which two settings belong together",
    r"more than it is worth": "say what bounds the cost",
}
"""Subjects and turns that leave open which thing of the program acts: a pattern, and the remedy."""

TERMS = {
    r"fresh_for": "ttl",
    r"refresh_for": "stale_while_revalidate",
    r"stale_for": "stale_if_error",
    r"unknown_for": "negative_ttl",
    r"quiet_for|quiet period": "cooldown",
    r"chunk_size": "max_size",
    r"at_once": "max_concurrency",
    r"first_delay": "base_delay",
    r"longest_delay": "max_delay",
    r"longest_retry_after": "max_retry_after",
    r"slow_after": "slow_call_duration",
    r"open_for": "open_duration",
    r"probe_lease": "half_open_timeout",
    r"stop_within": "shutdown_timeout",
    r"redeliver_after": "ack_timeout",
    r"environment_proxy": "trust_env",
    r"reload_every": "file_poll_interval",
    r"client_auth": "token_endpoint_auth_method",
    r"renew_before": "refresh_before",
    r"shelf|shelves": "store",
    r"tally|tallies": "stats",
    r"(?:a|the|at a) glance|glances": "lookup",
    r"aloft|boarding|has landed|(?<!single )(?<!in )flights?": "in-flight read",
    r"second level": "shared cache",
    r"change feed|ChangeFeed": "backplane",
    r"buried|bury|buries": "dead-lettered",
    r"lived to finish": "delivered without being acknowledged",
    r"pass(?:ed)? over": "discarded",
    r"put off": "postponed",
    r"happenings?": "log entry",
    r"(?:knowledge|work) subscription": "invalidation, or consumer group",
    r"bought|purchases?": "fetched",
    r"(?:is|are) (?:not|un)[ -]?heard": "received",
    r"inventory (?:read|initialize) of": "reading the stock of",
    r"`(?:Cached|Deadlined|Coalesced|Shared|Split|Retried|Limited|Guarded|Observed|Checked)[`(]": (
        "the name of the layer: CacheLayer, DeadlineLayer, …"
    ),
    r"StockKnowledge|EmbeddedEvents|Announcer|SecondLevel|Shelf": "the name in the code",
}
"""Terms that the field's own words have replaced: a pattern, and the word to use."""

BANNED = [
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", flags), remedy)
    for table, flags in ((SUBJECTS, re.IGNORECASE), (TERMS, 0))
    for pattern, remedy in table.items()
]
REQUIREMENT = re.compile(r"\bR(?:[1-9]|[12]\d|3[01])\b(?!\.)")
"""The number of a requirement: only docs/requirements.md has them."""

RENAMED = re.compile(r"<!-- renamed -->.*?<!-- end of renamed -->", re.DOTALL)
"""The table of docs/metrics.md that maps old names of metrics to new ones."""


class Words(NamedTuple):
    """A piece of text, and where it stands."""

    place: str
    text: str


def in_code(path: Path) -> Iterator[Words]:
    """Every docstring, string literal and comment of a module."""
    source = path.read_text("utf-8")
    place = path.relative_to(ROOT)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Words(f"{place}:{node.lineno}", node.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Words(f"{place}:{token.start[0]}", token.string)


def in_document(path: Path) -> Iterator[Words]:
    """Every line of a document, without the table of renamed metrics."""
    text = RENAMED.sub(lambda found: "\n" * found.group().count("\n"), path.read_text("utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        yield Words(f"{path.relative_to(ROOT)}:{number}", line)


def files(places: tuple[str, ...], suffix: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]


def breaches(words: Words) -> list[str]:
    """What of `words` is banned, each with its place and the remedy."""
    return [
        f"{words.place}: {found.group()!r}: {remedy}"
        for pattern, remedy in BANNED
        for found in pattern.finditer(words.text)
    ]


CODE_FILES = [path for path in files(CODE, ".py") if not path.is_symlink()]
DOCUMENT_FILES = list(files(DOCUMENTS, ".md"))


@pytest.mark.parametrize("place", sorted({path.relative_to(ROOT).parts[0] for path in CODE_FILES}))
def test_the_code_speaks_plain_english(place: str) -> None:
    """Docstrings, string literals and comments have no banned subject and no old term."""
    found = [
        breach
        for path in CODE_FILES
        if path.relative_to(ROOT).parts[0] == place
        for words in in_code(path)
        for breach in breaches(words)
    ]

    assert [] == found


@pytest.mark.parametrize("path", DOCUMENT_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_documents_speak_plain_english(path: Path) -> None:
    """No line of a document has a banned subject or an old term."""
    assert [] == [breach for words in in_document(path) for breach in breaches(words)]


def test_requirement_numbers_stay_on_their_page() -> None:
    """Only docs/requirements.md names a requirement by its number."""
    texts = [
        *(words for path in CODE_FILES for words in in_code(path)),
        *(
            words
            for path in DOCUMENT_FILES
            if path != ROOT / "docs" / "requirements.md"
            for words in in_document(path)
        ),
    ]

    assert [] == [f"{w.place}: {w.text.strip()[:80]}" for w in texts if REQUIREMENT.search(w.text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "What is under way is joined, and what has landed is not.",
        "delivered 20 times, and nobody lived to finish it",
        "Make it due, alive, and nobody's.",
        "Passed through; whatever came of it, what was read before is not believed any more.",
        "tokens, bought ahead of time, one purchase for all",
        "whose key is it?",
        "a cache outside this process, which may never cost more than it is worth",
        "stock events are not heard",
        "inventory read of 48 failed",
        "The way of a happening to an operator",
        "Raise `cache.fresh_for` for less load.",
        "The shelf keeps what the last flight brought.",
    ],
)
def test_a_banned_sentence_is_found(sentence: str) -> None:
    """Each example of a sentence that the glossary rejects is a breach."""
    assert [] != breaches(Words("here:1", sentence))
