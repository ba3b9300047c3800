"""The pages, taken apart as CommonMark: links, headings, and blocks of code."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for glob in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(glob)
    if not any(part.startswith((".", "_")) for part in page.relative_to(ROOT).parts)
)
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_MARK = re.compile(r"<!-- ([a-z ]+)(?:: (.*?))? -->")


class Block(NamedTuple):
    """A fenced block of code."""

    page: Path
    line: int
    language: str
    text: str
    mark: str | None
    """What a comment right above the block says of it, such as `not run`."""
    reason: str | None
    """What the comment says after its colon."""

    @property
    def name(self) -> str:
        """Where it is."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def tokens_of(page: Path) -> list[Token]:
    """The page's tokens, as markdown-it makes them."""
    return _MARKDOWN.parse(page.read_text("utf-8"))


def blocks_of(page: Path) -> Iterator[Block]:
    """Every fenced block of the page."""
    before: Token | None = None
    for token in tokens_of(page):
        if token.type == "fence":
            found = _MARK.match(before.content) if before and before.type == "html_block" else None
            mark, reason = found.groups() if found else (None, None)
            line = token.map[0] + 1 if token.map else 0
            yield Block(page, line, token.info.strip(), token.content, mark, reason)
        before = token


def spans_of(page: Path) -> Iterator[str]:
    """Every span of code in the page's prose."""
    for token in tokens_of(page):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content


def links_of(page: Path) -> Iterator[str]:
    """Where the page's links and pictures lead."""
    for token in tokens_of(page):
        for child in token.children or ():
            target = child.attrs.get("href") or child.attrs.get("src")
            if target is not None:
                yield str(target)


@cache
def anchors_of(page: Path) -> set[str]:
    """The page's headings as a forge, and Sphinx, spell them in a link."""
    anchors: set[str] = set()
    tokens = tokens_of(page)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(
                child.content for child in inline.children or () if child.type != "html_inline"
            )
            slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            number = 0
            while (anchor := f"{slug}-{number}" if number else slug) in anchors:
                number += 1
            anchors.add(anchor)
    return anchors


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def name_of(value: Block | Path) -> str:
    """How a test's parameter is shown."""
    return value.name if isinstance(value, Block) else str(value.relative_to(ROOT))
