"""What a verification found, interaction by interaction."""

from collections.abc import Sequence
from enum import Enum

import attrs


class InteractionVerdict(Enum):
    """What became of an interaction."""

    HOLDS = "HOLDS"
    FAILED = "FAILED"
    PENDING = "PENDING"
    """Failed, and the broker says that this must not fail the provider's build yet."""


@attrs.frozen
class Mismatch:
    """One thing that was not as the pact asks."""

    where: str
    """`status`, `header Retry-After`, `body $.status`, `metadata contentType`, `state`, `request`
    or `message`."""
    what: str


@attrs.frozen
class Interaction:
    """An interaction of a pact that was tried."""

    description: str
    verdict: InteractionVerdict
    given: str = ""
    """The provider states of one that did not hold."""
    mismatches: Sequence[Mismatch] = ()


@attrs.frozen
class Verification:
    """Every interaction that was tried, in the order of the pacts; never none."""

    interactions: Sequence[Interaction]
    published: bool = False
    """Whether the broker has the results."""
    not_published: str | None = None
    """Why it has not, where it should."""

    def of(self, verdict: InteractionVerdict) -> list[Interaction]:
        """The interactions with this verdict."""
        return [tried for tried in self.interactions if tried.verdict is verdict]

    @property
    def ok(self) -> bool:
        """Whether no interaction failed; pending ones may have."""
        return not self.of(InteractionVerdict.FAILED)
