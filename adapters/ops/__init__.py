"""The ops page: what an integration did lately and how it stands, live, for a person.

`shelfport.ops` has the public names. It needs the extra `web`; nothing of it is imported without.
"""

try:
    import jinja2  # noqa: F401 - so that a missing extra is one sentence
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'jinja2 is not installed: pip install "shelfport[web]"', name=error.name
    ) from error
