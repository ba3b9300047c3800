import random
from itertools import accumulate

import pytest

from shelfport.adapters.cli.sizing import FleetLoad, size_fleet, steady_load


def a_load(*, shared: bool = False, **changes: float) -> FleetLoad:
    numbers = {"hosts": 1000, "views": 10_000, "capacity": 12_000} | changes
    return FleetLoad(shared_cache=shared, **numbers)  # type: ignore[arg-type]  # numbers


def test_the_load_is_that_of_caches_that_are_asked_at_random() -> None:
    """The formula agrees with caches that were played through, view by view."""
    draw = random.Random(7)
    weights = list(accumulate(1 / rank for rank in range(1, 2001)))
    asked, views, until = 0, 0, 400.0
    for _ in range(5):
        fresh_until = [0.0] * 2000
        now = draw.expovariate(20)
        while now < until:
            [rank] = draw.choices(range(2000), cum_weights=weights)
            views += 1
            if now >= fresh_until[rank]:
                asked += 1
                fresh_until[rank] = now + 5
            now += draw.expovariate(20)

    said = steady_load(a_load(hosts=5, views=100, variants=2000), 5.0)
    assert said / 100 == pytest.approx(asked / views, rel=0.03)


def test_a_shared_cache_is_one_keeper() -> None:
    """Hosts that share a cache ask as one host would that has all the views."""
    one = steady_load(a_load(hosts=1), 5.0)

    assert one == pytest.approx(steady_load(a_load(shared=True), 5.0))
    assert steady_load(a_load(), 5.0) > 2 * one


def test_nothing_is_fresh_means_a_request_a_view() -> None:
    """Without a fresh window every view is a request, however many variants there are."""
    assert steady_load(a_load(), 0.0) == pytest.approx(10_000)
    assert steady_load(a_load(variants=7), 0.0) == pytest.approx(10_000)


def test_room_enough_leaves_the_defaults() -> None:
    """A service with room gets the default windows and budget."""
    size = size_fleet(a_load(capacity=20_000))

    assert (5.0, 0.1) == (size.ttl, size.budget_ratio)


def test_the_window_is_the_shortest_that_fits() -> None:
    """One second less, and calm hours would use more than 70 % of the capacity."""
    load = a_load(capacity=3000, shared=True)
    window = size_fleet(load).ttl

    assert window is not None
    assert steady_load(load, window) <= 0.7 * 3000 < steady_load(load, window - 1)


def test_a_service_that_is_too_small_is_said_to_be() -> None:
    """If no window up to five minutes is enough, there is none to recommend."""
    assert size_fleet(a_load(capacity=1000)).ttl is None


def test_the_budget_is_what_the_service_has_left() -> None:
    """With 4 % of room above cold caches, 4 % may be repeated; without any, nothing."""
    assert (0.04, 0.0) == (
        size_fleet(a_load(capacity=10_400)).budget_ratio,
        size_fleet(a_load(capacity=9000, shared=True)).budget_ratio,
    )


def test_the_limit_keeps_the_queue_within_the_timeout() -> None:
    """All hosts together queue no more than the service answers before they give up."""
    size = size_fleet(a_load(hosts=100, views=10_000, latency=0.2))

    assert (29, True) == (size.max_concurrency, size.queue_seconds < 1)
    tight = size_fleet(a_load(hosts=1000, latency=2, capacity=14_000, attempt_timeout=1))
    assert (14, 1.0) == (tight.max_concurrency, tight.queue_seconds)


def test_a_limit_is_never_below_two() -> None:
    """One slow request must not keep a host from all others, however small the service."""
    assert 2 == size_fleet(a_load(hosts=100_000, capacity=12_000)).max_concurrency


def test_a_number_out_of_bounds_is_refused() -> None:
    """A fleet without hosts is a mistake, and the sentence names it."""
    with pytest.raises(ValueError, match="hosts is 0: "):
        a_load(hosts=0)
