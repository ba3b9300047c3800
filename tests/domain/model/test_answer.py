import pytest

from shelfport import ProductVariantId
from shelfport.domain.model import settled
from shelfport.errors import TimedOut
from shelfport.ports import Answer, UnknownVariant, Unreadable
from tests.support.clocks import EPOCH
from tests.support.values import a_reading, an_id

A, B = an_id(1), an_id(2)
FAILED = Unreadable(TimedOut("first"))


@pytest.mark.parametrize("answered", [a_reading(A), UnknownVariant(A)])
def test_one_answer_makes_failures_values(answered: Answer) -> None:
    """If one variant was answered, "unknown" included, the others' failures are values."""
    answers = {B: FAILED, A: answered}

    assert answers is settled(answers)


def test_no_answer_raises_the_first_failure() -> None:
    """If no variant was answered, the first error is raised."""
    with pytest.raises(TimedOut, match="first"):
        settled({A: FAILED, B: Unreadable(TimedOut("second"))})


def test_a_shared_error_is_raised_anew() -> None:
    """A copy with the same cause is raised, so that a shared error's traceback does not grow."""
    shared = TimedOut("late", ids=(A,))
    shared.__cause__ = cause = OSError("reset")
    raised = []
    for _ in range(3):
        with pytest.raises(TimedOut) as info:
            settled({A: Unreadable(shared)})
        raised.append(info.value)

    assert shared.__traceback__ is None
    assert 4 == len({id(error) for error in (shared, *raised)})
    assert [(cause, vars(shared))] * 3 == [(error.__cause__, vars(error)) for error in raised]


def test_nothing_asked() -> None:
    """Without variants there is no failure."""
    nothing: dict[ProductVariantId, Answer] = {}

    assert nothing == settled(nothing)


def test_unknown_is_unknown() -> None:
    """Two "unknown" of one variant are equal, whatever they say of their age and their cause."""
    assert UnknownVariant(A) == UnknownVariant(A, EPOCH, upstream_age=5.0, confirmed=True)
    assert UnknownVariant(A) != UnknownVariant(B)


def test_an_unknown_of_our_own_request() -> None:
    """By default an "unknown" was asked for by this call, is not old, and not yet confirmed."""
    answer = UnknownVariant(A)

    assert (None, 0.0, False) == (answer.as_of, answer.upstream_age, answer.confirmed)
