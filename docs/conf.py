"""Sphinx over docs/: `nox -s docs`. The pages stay plain Markdown, readable on a forge."""

import re
from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "shelfport"
author = "The shelfport authors"
project_copyright = "The shelfport authors"
version = release = version_of("shelfport")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
root_doc = "index"
nitpicky = False
# A single backtick in a docstring is a name of ours where there is one, and else mere code.
default_role = "py:obj"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# Pages of the root folder that have a page here, so that links to them stay inside.
AT_HOME = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "undoc-members": False}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "pydata_sphinx_theme"
html_title = f"shelfport {release}"
html_static_path = ["_static"]
html_css_files = ["shelfport.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "shelfport"},
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def stay_inside(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to pages of the root folder lead to their page in these documents."""
    del app
    up = "../" * (docname.count("/") + 1)
    for theirs, ours in AT_HOME.items():
        here = "../" * docname.count("/") + ours
        source[0] = re.sub(rf"\]\({re.escape(up + theirs)}(?=[)#])", f"]({here}", source[0])


def setup(app: Sphinx) -> None:
    """Sphinx's hook."""
    app.connect("source-read", stay_inside)
