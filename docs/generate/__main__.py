"""`python -m docs.generate` writes the pages that are not current, and says which."""

import sys

from docs.generate.pages import API, DOCS, current


def main() -> None:
    """Write what is not current, and remove pages of modules that are not public any more."""
    pages = dict(current())
    API.mkdir(exist_ok=True)
    for path, text in pages.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            sys.stdout.write(f"{path.relative_to(DOCS.parent)} written\n")
    for path in API.glob("*.md"):
        if path not in pages:
            path.unlink()
            sys.stdout.write(f"{path.relative_to(DOCS.parent)} removed\n")


if __name__ == "__main__":
    main()
