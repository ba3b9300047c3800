import pytest

from shelfport.adapters.layers.retry_budget import RetryBudget


def taken(budget: RetryBudget) -> int:
    """The number of retries that it allows before it refuses one."""
    count = 0
    while budget.take():
        count += 1
    return count


def test_the_reserve_comes_first() -> None:
    """A fresh budget gives its reserve, and then nothing."""
    budget = RetryBudget()

    assert 3.0 == budget.tokens
    assert 3 == taken(budget)
    assert 0.0 == budget.tokens


def test_a_refusal_takes_nothing() -> None:
    """With less than a token, a retry is refused, and nothing is taken."""
    budget = RetryBudget(reserve=0.5)

    assert not budget.take()
    assert 0.5 == budget.tokens


@pytest.mark.parametrize(("first_attempts", "repetitions"), [(9, 0), (10, 1), (19, 1), (20, 2)])
def test_ten_first_attempts_pay_for_one_repetition(first_attempts: int, repetitions: int) -> None:
    """At a ratio of 0.1 the tenth first attempt makes a token, floating point or not."""
    budget = RetryBudget(reserve=0.0)
    for _ in range(first_attempts):
        budget.first_attempt()

    assert repetitions == taken(budget)


@pytest.mark.parametrize(("short_of_one", "given"), [(1e-9, True), (2e-9, False)])
def test_a_hair_less_than_a_token(short_of_one: float, given: bool) -> None:
    """A rounding error below one token is ignored; a larger gap is not."""
    assert given is RetryBudget(reserve=1.0 - short_of_one).take()


def test_it_is_bounded() -> None:
    """It holds at most `most` tokens."""
    budget = RetryBudget()
    for _ in range(10_000):
        budget.first_attempt()

    assert 10.0 == budget.tokens
    assert 10 == taken(budget)


@pytest.mark.parametrize("ratio", [0.0, 0.05, 0.1, 0.25, 1.0])
def test_its_share_is_kept_over_a_long_outage(ratio: float) -> None:
    """When every attempt fails, retries stay within the ratio plus the reserve."""
    budget = RetryBudget(ratio=ratio)
    repeated = 0
    for _ in range(10_000):
        budget.first_attempt()
        repeated += budget.take()

    assert repeated == pytest.approx(10_000 * ratio + 3, abs=3 if ratio == 1 else 1)


def test_bounds_may_meet() -> None:
    """A budget may keep no more than its reserve, even nothing."""
    assert 1 == taken(RetryBudget(reserve=1, most=1))
    assert 0 == taken(RetryBudget(ratio=0, reserve=0, most=0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"ratio": 1.1}, "ratio is 1.1: it must be 0 to 1 tokens"),
        ({"ratio": -0.1}, "ratio is -0.1: it must be 0 to 1 tokens"),
        ({"reserve": -1}, "reserve is -1: it must be 0 to 1000 tokens"),
        ({"reserve": 1001, "most": 2000}, "reserve is 1001: it must be 0 to 1000 tokens"),
        ({"most": 10_001}, "most is 10001: it must be 0 to 10000 tokens"),
        (
            {"reserve": 3.5, "most": 3},
            "most is 3: it must be at least the reserve (3.5 tokens)",
        ),
    ],
)
def test_numbers_out_of_bounds_are_refused(arguments: dict[str, float], sentence: str) -> None:
    """A number out of its bounds is refused by a sentence that names it."""
    with pytest.raises(ValueError, match="tokens") as info:
        RetryBudget(**arguments)

    assert sentence == str(info.value)
