"""Sphinx over docs/: `nox -s docs`. The pages stay plain Markdown, readable on a forge.

So what Sphinx alone needs is added here, while a page is read: each page that leads to others says
so in ordinary links, and these are its table of contents.
"""

import re
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent

project = "shelfport"
author = "The shelfport authors"
project_copyright = "The shelfport authors"
version = release = version_of("shelfport")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4

LEADING = (
    "index",
    "concepts/README",
    "guides",
    "reference",
    "api/README",
    "project",
    "decisions/README",
)
"""Pages that lead to others, in the order of their links."""
FURTHER = {"guides": ("performance*", "scale*")}
"""Pages that a leading page has below it where they exist, without a link of its own."""
AT_HOME = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages of the root folder that have a page here, so that links to them stay inside."""

html_theme = "pydata_sphinx_theme"
html_title = f"shelfport {release}"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["shelfport.css"]
html_theme_options = {
    "logo": {"text": "shelfport"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def contents(docname: str, text: str) -> str:
    """The toctree of a leading page: those it links to, in this order, and further ones."""
    here = (DOCS / docname).parent
    links = (here / link for link in re.findall(r"\]\(([^):#]+\.md)\)", text))
    further = (
        path for glob in FURTHER.get(docname, ()) for path in sorted(DOCS.glob(f"{glob}.md"))
    )
    pages = dict.fromkeys(
        path.resolve().relative_to(DOCS).with_suffix("").as_posix() for path in (*links, *further)
    )
    below = [f"/{page}" for page in pages]
    return "\n".join(["", "```{toctree}", ":hidden:", "", *below, "```", ""])


def prepare(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Add to a page, as it is read, what Sphinx alone needs."""
    for theirs, ours in AT_HOME.items():
        up = "../" * docname.count("/")
        source[0] = re.sub(
            rf"\]\({re.escape(f'{up}../{theirs}')}(?=[)#])", f"]({up}{ours}", source[0]
        )
    if docname in LEADING:
        source[0] += contents(docname, source[0])


def setup(app: Sphinx) -> None:
    """Sphinx's hook."""
    app.connect("source-read", prepare)
