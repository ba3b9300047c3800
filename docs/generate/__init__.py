"""Pages, and parts of pages, that are made from the code: `nox -s docs -- --write` writes them.

- `settings.md`, `errors.md` and `command.md` keep their prose around one generated part.
- The pages in `api/` are generated as a whole.

`tests/docs/` checks that all of them are current, and what they say.
"""
