"""`Capabilities`: what an adapter declares; the suite chooses its cases by them."""

from collections.abc import Iterable

import attrs

from shelfport.contracts.conformance.trouble import Trouble
from shelfport.domain.model.validators import number


def _all_of(troubles: Iterable[Trouble]) -> frozenset[Trouble]:
    return frozenset(troubles)


@attrs.frozen(kw_only=True)
class Capabilities:
    """What the adapter can do, and which troubles its harness can cause.

    The suite collects only the cases whose capabilities are declared, and skips none. One case
    checks the declaration itself.
    """

    initializes: bool = True
    """It opens inventory records. If not, `initialize` raises a permanent error."""
    remembers_keys: bool = True
    """Its service remembers idempotency keys: a repetition is `Created` again."""
    honours_deadline: bool = True
    """Its calls end when `call.deadline` passes. Only a layer that never waits declares False."""
    keeps_readings: bool = False
    """It may answer from memory, with CACHED or STALE readings."""
    describes_errors: bool = True
    """Its errors carry operation, ids and correlation id. Only a fake that raises given errors
    declares False."""
    holds_resources: bool = False
    """It is an async context manager that must be entered; `Harness.unopened` makes one."""
    counts_requests: bool = False
    """`Harness.requests` counts the requests that arrived."""
    spoils_one: bool = False
    """`Harness.spoil` makes one variant unreadable and no other."""
    troubles: frozenset[Trouble] = attrs.field(default=(), converter=_all_of)
    """The troubles that `Harness.cause` can cause; `troubles=Trouble` declares all of them."""
    many_ids: int = attrs.field(default=200, validator=number(2, unit="ids"))
    """How many ids one `read` takes: 1,000 for a stack with `BatchingLayer`."""

    def can_stage(self, *troubles: Trouble) -> bool:
        """Whether the harness can cause all of these."""
        return self.troubles.issuperset(troubles)

    def contradictions(self) -> Iterable[str]:
        """The contradictions in this declaration, a sentence each."""
        if self.can_stage(Trouble.HANG) and not self.honours_deadline:
            yield "troubles has HANG, so honours_deadline must be declared: else no call ends"
        if self.initializes and self.can_stage(Trouble.ANSWER_LOST) and not self.remembers_keys:
            yield "troubles has ANSWER_LOST, so remembers_keys must be declared"
        if self.remembers_keys and not self.initializes:
            yield "remembers_keys needs initializes: declare both, or remembers_keys=False"
        if self.spoils_one and not self.troubles:
            yield "spoils_one needs troubles: declare at least one trouble"
