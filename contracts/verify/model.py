"""The result of a verification, interaction by interaction."""

from collections.abc import Sequence
from enum import Enum

import attrs


class InteractionVerdict(Enum):
    """Whether the provider keeps an interaction."""

    HOLDS = "HOLDS"
    FAILED = "FAILED"
    PENDING = "PENDING"
    """Failed, but the broker does not require it of the provider yet."""


@attrs.frozen
class Mismatch:
    """One difference from the pact."""

    where: str
    """`status`, `header Retry-After`, `body $.status`, `metadata contentType`, `state`, `request`
    or `message`."""
    what: str
    """The expected and the actual value, or the reason."""


@attrs.frozen
class VerifiedInteraction:
    """An interaction of a pact, and its verdict."""

    description: str
    verdict: InteractionVerdict
    given: str = ""
    """The provider states of an interaction that does not hold; else empty."""
    mismatches: Sequence[Mismatch] = ()


@attrs.frozen
class Verification:
    """Every verified interaction, in the order of the pacts; at least one."""

    interactions: Sequence[VerifiedInteraction]
    published: bool = False
    """Whether the broker has the results."""
    not_published: str | None = None
    """The reason, if the results could not be published."""

    def with_verdict(self, verdict: InteractionVerdict) -> list[VerifiedInteraction]:
        """The interactions with this verdict."""
        return [one for one in self.interactions if one.verdict is verdict]

    @property
    def ok(self) -> bool:
        """Whether no interaction has the verdict FAILED; PENDING is allowed."""
        return not self.with_verdict(InteractionVerdict.FAILED)
