"""The README's examples are the files: `python tests/hosts/readme_tabs.py` puts them there."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BEGIN, END = "<!-- the examples -->\n", "<!-- end of the examples -->\n"

TABS = {
    "FastAPI": ("fastapi_shop.py",),
    "Litestar": ("litestar_shop.py",),
    "aiohttp.web": ("aiohttp_shop.py",),
    "Django": tuple(f"django_shop/{name}.py" for name in ("stock", "urls", "wsgi", "asgi")),
    "Flask": ("flask_shop.py",),
    "No framework": ("script.py",),
}
"""What is shown of each example, all of it but Django's own files."""


def section() -> str:
    """The part of the README between the two marks, as it must be."""
    return "\n".join(_tab(name, files) for name, files in TABS.items())


def _tab(name: str, files: tuple[str, ...]) -> str:
    shown = "\n".join(f"`examples/hosts/{file}`\n\n{_code(file)}" for file in files)
    return f"<details>\n<summary>{name}</summary>\n\n{shown}\n</details>\n"


def _code(file: str) -> str:
    return f"```python\n{(ROOT / 'examples' / 'hosts' / file).read_text('utf-8')}```\n"


def split(readme: str) -> tuple[str, str, str]:
    """The README before, between and after the marks."""
    before, begin, rest = readme.partition(BEGIN)
    between, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md has no lines {BEGIN.strip()} and {END.strip()}")
    return before + begin, between, end + after


if __name__ == "__main__":
    before, _, after = split(README.read_text("utf-8"))
    README.write_text(before + section() + after, "utf-8")
