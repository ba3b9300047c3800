"""The ops page: the state and the recent log of one integration, live in a browser.

`shelfport.ops` has the public names. It needs the extra `web`, and is imported with it alone.
"""

try:
    import jinja2  # noqa: F401 - so that a missing extra is one sentence
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'jinja2 is not installed: pip install "shelfport[web]"', name=error.name
    ) from error
