from datetime import timedelta
from typing import Any

import attrs
import pytest

from shelfport import InitializationPolicy
from shelfport.domain.model import DeadLetter
from shelfport.outbox import DeadLetterReason, QueuedInitialization
from tests.support.clocks import EPOCH
from tests.support.values import an_initial_stock

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENTRY = QueuedInitialization(request=an_initial_stock(), queued_at=EPOCH)


def changed(**changes: Any) -> QueuedInitialization:
    return attrs.evolve(ENTRY, **changes)


def test_a_new_entry() -> None:
    """An entry is due when it is made, was not tried, and waits for a worker, not for the host."""
    assert (0, 0, 0) == (ENTRY.tries, ENTRY.attempts, ENTRY.claims)
    assert (EPOCH, None, None, None) == (
        ENTRY.due_at,
        ENTRY.holder,
        ENTRY.dead_letter,
        ENTRY.last_error,
    )
    assert InitializationPolicy.RETRY_LATER is ENTRY.policy


def test_rolling_back_queues_nothing() -> None:
    """An entry of the policy that queues nothing is refused with a sentence."""
    with pytest.raises(ValueError, match="policy is ROLL_BACK: it must be RETRY_LATER or NOT_ORD"):
        changed(policy=InitializationPolicy.ROLL_BACK)


@pytest.mark.parametrize("field", ["queued_at", "due_at"])
def test_naive_instants_are_refused(field: str) -> None:
    """An instant without an offset is none."""
    with pytest.raises(ValueError, match=f"{field} is .*, without a UTC offset"):
        changed(**{field: EPOCH.replace(tzinfo=None)})


def test_hostile_ids_are_cleaned() -> None:
    """What goes into headers later is cleaned when the entry is made."""
    entry = changed(correlation_id="a\r\nb", traceparent="nonsense")

    assert ("ab", None) == (entry.correlation_id, entry.traceparent)
    assert TRACE == changed(traceparent=TRACE).traceparent


@pytest.mark.parametrize(
    ("policy", "marked", "must"),
    [
        (InitializationPolicy.RETRY_LATER, False, False),
        (InitializationPolicy.NOT_ORDERABLE, False, True),
        (InitializationPolicy.NOT_ORDERABLE, True, False),
    ],
)
def test_when_a_product_must_be_marked(
    policy: InitializationPolicy, marked: bool, must: bool
) -> None:
    """The catalog is marked once, and only under NOT_ORDERABLE."""
    assert must is changed(policy=policy, marked=marked).must_mark


def test_dead_letter() -> None:
    """A dead letter has an instant and one of the reasons."""
    DeadLetter(at=EPOCH + timedelta(days=1), reason=DeadLetterReason.REJECTED)
    with pytest.raises(ValueError, match="reason is 'REJECTED'"):
        DeadLetter(at=EPOCH, reason="REJECTED")  # type: ignore[arg-type]  # what is tested


def test_policies_as_settings_spell_them() -> None:
    """A policy is shown as it is written in settings."""
    assert ["ROLL_BACK", "RETRY_LATER", "NOT_ORDERABLE"] == [str(p) for p in InitializationPolicy]


def test_a_policy_by_its_name() -> None:
    """A policy may be given by its name; another text is refused with all that are allowed."""
    assert InitializationPolicy.NOT_ORDERABLE is InitializationPolicy("NOT_ORDERABLE")

    with pytest.raises(ValueError, match="policy is 'later'") as info:
        InitializationPolicy("later")
    assert str(info.value) == (
        "policy is 'later': it must be one of ROLL_BACK, RETRY_LATER, NOT_ORDERABLE"
    )
