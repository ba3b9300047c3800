"""Every link of every page leads somewhere; nobody asks the network."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.pages import PAGES, ROOT, anchors_of, links_of, name_of


@cache
def internal(page: Path) -> list[tuple[Path, str]]:
    """The page's links into the checkout: file and anchor."""
    return [
        ((page.parent / path).resolve() if path else page, anchor)
        for path, _, anchor in (link.partition("#") for link in links_of(page))
        if not urlsplit(path).scheme
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_to_a_file_of_the_checkout(page: Path) -> None:
    """Every relative link leads to a file that is there, and below the checkout."""
    assert [] == [
        target
        for target, _ in internal(page)
        if not target.exists() or not target.is_relative_to(ROOT)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_are_headings(page: Path) -> None:
    """Every link to a part of a page names a heading of it."""
    assert [] == [
        f"{target.name}#{anchor}"
        for target, anchor in internal(page)
        if anchor and target.suffix == ".md" and anchor not in anchors_of(target)
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_others_are_well_formed(page: Path) -> None:
    """Links that leave the checkout are https and name a host. Whether it answers is not asked."""
    for link in links_of(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert "https" == parts.scheme, link
            assert "." in (parts.hostname or ""), link
            assert link.isascii(), link
            assert not any(c.isspace() for c in link), link


OURS = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]


@pytest.mark.parametrize("page", OURS, ids=name_of)
def test_every_page_is_found(page: Path) -> None:
    """Every page of docs/ is linked to by another one, so that readers find it."""
    if page.name == "index.md":
        return
    linked = {target for other in PAGES if other != page for target, _ in internal(other)}
    include = f"../{page.stem.upper()}.md"
    assert page in linked or (page.parent / include).resolve() in linked
