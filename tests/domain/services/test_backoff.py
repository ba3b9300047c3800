import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfport.domain.services.backoff import Backoff

BACKOFF = Backoff(base_delay=2.0, max_delay=60.0)


@pytest.mark.parametrize(
    ("attempt", "bound"),
    [(-3, 2), (0, 2), (1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (7, 60), (9_999, 60)],
)
def test_the_bound_doubles_up_to_max_delay(attempt: int, bound: float) -> None:
    """The bound begins at base_delay, doubles with each attempt, and ends growing at max_delay."""
    assert bound == BACKOFF.bound(attempt)


@pytest.mark.parametrize(
    ("share", "retry_after", "delay"),
    [(0.0, None, 0), (0.5, None, 4), (1.0, None, 8), (1.0, 0.0, 8), (0.5, 30.0, 34)],
)
def test_the_delay_is_a_share_of_the_bound(
    share: float, retry_after: float | None, delay: float
) -> None:
    """The delay is the drawn share of the bound; Retry-After is added."""
    assert delay == BACKOFF.delay(3, share, retry_after)


@given(
    base=st.floats(0, 900),
    extra=st.floats(0, 900),
    attempt=st.integers(-1, 10_000),
    share=st.floats(0, 1),
)
def test_a_delay_is_never_above_max_delay(
    base: float, extra: float, attempt: int, share: float
) -> None:
    """Without Retry-After, every delay lies between 0 and max_delay."""
    assert 0 <= Backoff(base, base + extra).delay(attempt, share) <= base + extra


def test_a_base_delay_above_max_delay_is_refused() -> None:
    """The first delay cannot be longer than the longest."""
    with pytest.raises(ValueError, match="base_delay") as info:
        Backoff(5, 4)

    assert "base_delay is 5: it must be at most max_delay (4 seconds)" == str(info.value)


def test_equal_delays_are_accepted() -> None:
    """With base_delay equal to max_delay every bound is the same."""
    assert [3, 3, 3] == [Backoff(3, 3).bound(attempt) for attempt in (1, 2, 50)]
