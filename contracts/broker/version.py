"""The version under which pacts or verification results are published."""

import attrs


@attrs.frozen(kw_only=True)
class Version:
    """A version of a consumer or a provider at the broker."""

    number: str
    """Its commit: a changed pact needs another number."""
    branch: str | None = None
    build_url: str | None = None
    """The address of the build that publishes it."""
