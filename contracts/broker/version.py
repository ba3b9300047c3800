"""As whose pacts, or results, something is published."""

import attrs


@attrs.frozen(kw_only=True)
class Version:
    """A version of a consumer or a provider, as the broker is to know it."""

    number: str
    """Its commit: a pact that changed needs a number of its own."""
    branch: str | None = None
    build_url: str | None = None
    """Where the build that publishes it can be looked at."""
