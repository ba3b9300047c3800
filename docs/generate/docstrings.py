"""A docstring of ours in its parts, and as Markdown."""

import re
from collections.abc import Sequence
from typing import NamedTuple

SECTIONS = ("Args", "Returns", "Yields", "Raises")
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):\n", re.MULTILINE)


class Docstring(NamedTuple):
    """What a docstring says."""

    body: str
    args: Sequence[tuple[str, str]]
    """Each parameter and its meaning."""
    returns: str
    raises: Sequence[tuple[str, str]]
    """Each error and when it is raised."""


def parse(text: str) -> Docstring:
    """Take a cleaned docstring apart at its Google-style sections."""
    body, *rest = _SECTION.split(text)
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    return Docstring(
        body.strip(),
        _items(sections.get("Args", "")),
        joined(sections.get("Returns", "") or sections.get("Yields", "")),
        _items(sections.get("Raises", "")),
    )


def _items(section: str) -> list[tuple[str, str]]:
    """`name: text` at the section's own indentation; deeper lines go on."""
    return [
        (name, joined(text))
        for name, text in re.findall(
            r"^    ([\w.*]+): (.*(?:\n {5,}.*)*)", section.rstrip(), re.MULTILINE
        )
    ]


def joined(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def summary(text: str) -> str:
    """The first sentence of a docstring."""
    first = joined(parse(text).body.split("\n\n")[0])
    found = re.match(r"(.+?[.!?])(?= [A-Z`]|$)", first)
    return found.group(1) if found else first


def markdown(body: str) -> str:
    """The prose of a docstring as Markdown: indented code and sessions become blocks of code."""
    blocks: list[str] = []
    for block in body.split("\n\n"):
        is_code = block.startswith((">>>", "    "))
        if not is_code:
            blocks.append(re.sub(r"::$", ":", block))
        elif blocks and blocks[-1].startswith("```") and block.startswith("    "):
            blocks[-1] = blocks[-1].removesuffix("\n```") + f"\n\n{_dedented(block)}\n```"
        else:
            blocks.append(f"```py\n{_dedented(block)}\n```")
    return "\n\n".join(blocks)


def _dedented(block: str) -> str:
    plain = re.sub(r"^    ", "", block.rstrip(), flags=re.MULTILINE)
    return re.sub(r" {2,}# ", "  # ", plain)  # as the project's formatter has it


def cell(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|")


def table(*head: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; nothing if it has no rows."""
    if not rows:
        return []
    return [_row(head), f"|{'---|' * len(head)}", *map(_row, rows), ""]


def _row(texts: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell(text)} ' if text else ' ' for text in texts)}|"


def code(text: str) -> str:
    """The text as a span of code; nothing if there is none."""
    return f"`{text}`" if text else ""
