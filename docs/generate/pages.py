"""Every generated page, as it should be now."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.generate import api, public
from docs.generate.command import command
from docs.generate.errors import errors
from docs.generate.settings import settings

DOCS = Path(__file__).parents[1]
API = DOCS / "api"
MARKS = re.compile(
    r"(<!-- generated: (\w+).*?-->\n).*?(\n<!-- end of what is generated -->)", re.DOTALL
)
PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "errors": errors,
    "command": command,
}
"""Pages that keep their prose around a generated part, by their names."""


def current() -> Iterator[tuple[Path, str]]:
    """Each generated page and the text that it should have."""
    for name in PARTS:
        path = DOCS / f"{name}.md"
        yield path, renewed(path.read_text("utf-8"))
    yield API / "README.md", api.index()
    for module in public.MODULES:
        yield API / public.page_of(module), api.page(module)


def renewed(page: str) -> str:
    """The page's text with its generated part made anew."""
    text, count = MARKS.subn(
        lambda found: f"{found.group(1)}\n{PARTS[found.group(2)]()}\n{found.group(3)}", page
    )
    if count != 1:
        raise ValueError(f"a page has {count} generated parts: it must have one")
    return text
