"""What an adapter says of itself: the cases are chosen by it."""

from collections.abc import Iterable

import attrs

from shelfport.contracts.conformance.trouble import Trouble
from shelfport.domain.model.validators import number


def _all_of(troubles: Iterable[Trouble]) -> frozenset[Trouble]:
    return frozenset(troubles)


@attrs.frozen(kw_only=True)
class Capabilities:
    """What the adapter can do, and what its harness can stage.

    A case that needs what is not declared is not collected: there are no skips. One case of its
    own says whether the declaration makes sense.
    """

    initializes: bool = True
    """It opens inventory records. If not, `initialize` refuses everything (see there)."""
    remembers_keys: bool = True
    """What it talks to remembers idempotency keys: a repetition is `Created` again."""
    honours_deadline: bool = True
    """It stops waiting when `call.deadline` passes. Only a layer that never waits may not."""
    keeps_readings: bool = False
    """It may answer from memory, with CACHED or STALE readings."""
    describes_errors: bool = True
    """Its errors carry operation, ids and correlation id. Only a fake that raises what it is
    told to may not."""
    holds_resources: bool = False
    """It is an async context manager, and no use outside; `Harness.unopened` makes one."""
    counts_requests: bool = False
    """`Harness.requests` tells how many requests arrived."""
    spoils_one: bool = False
    """`Harness.spoil` makes one variant unreadable and no other."""
    troubles: frozenset[Trouble] = attrs.field(default=(), converter=_all_of)
    """What `Harness.cause` can stage; `troubles=Trouble` declares every one."""
    many_ids: int = attrs.field(default=200, validator=number(2, unit="ids"))
    """How many ids one `read` takes: 1,000 for a stack with the `split` layer."""

    def can_stage(self, *troubles: Trouble) -> bool:
        """Whether the harness stages all of these."""
        return self.troubles.issuperset(troubles)

    def contradictions(self) -> Iterable[str]:
        """What does not fit together in this declaration, a sentence each."""
        if self.can_stage(Trouble.HANG) and not self.honours_deadline:
            yield "troubles has HANG, so honours_deadline must be declared: else nothing ends it"
        if self.initializes and self.can_stage(Trouble.ANSWER_LOST) and not self.remembers_keys:
            yield "after ANSWER_LOST only remembers_keys tells whether the record was opened"
        if self.remembers_keys and not self.initializes:
            yield "remembers_keys is about initialize: without initializes, declare it False"
        if self.spoils_one and not self.troubles:
            yield "spoils_one is declared, but no trouble that costs every answer"
