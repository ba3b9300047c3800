import random
from itertools import accumulate

import pytest

from shelfport.adapters.cli.sizing import FleetLoad, size_fleet, steady_load


def a_load(*, shared: bool = False, **changes: float) -> FleetLoad:
    numbers = {"hosts": 1000, "views": 10_000, "capacity": 12_000} | changes
    return FleetLoad(shared_cache=shared, **numbers)  # type: ignore[arg-type]  # numbers


def test_the_load_agrees_with_a_simulation() -> None:
    """The formula agrees with caches that are simulated view by view."""
    draw = random.Random(7)
    weights = list(accumulate(1 / rank for rank in range(1, 2001)))
    requests, views, end = 0, 0, 400.0
    for _ in range(5):
        fresh_until = [0.0] * 2000
        now = draw.expovariate(20)
        while now < end:
            [rank] = draw.choices(range(2000), cum_weights=weights)
            views += 1
            if now >= fresh_until[rank]:
                requests += 1
                fresh_until[rank] = now + 5
            now += draw.expovariate(20)

    computed = steady_load(a_load(hosts=5, views=100, variants=2000), 5.0)
    assert computed / 100 == pytest.approx(requests / views, rel=0.03)


def test_a_shared_cache_counts_as_one_host() -> None:
    """Hosts with a shared cache send as many requests as one host with all the views."""
    one = steady_load(a_load(hosts=1), 5.0)

    assert one == pytest.approx(steady_load(a_load(shared=True), 5.0))
    assert steady_load(a_load(), 5.0) > 2 * one


def test_without_a_ttl_every_view_is_a_request() -> None:
    """With a ttl of 0 every view is a request, with any number of variants."""
    assert steady_load(a_load(), 0.0) == pytest.approx(10_000)
    assert steady_load(a_load(variants=7), 0.0) == pytest.approx(10_000)


def test_enough_capacity_leaves_the_defaults() -> None:
    """With enough capacity, ttl and retry budget are the defaults."""
    size = size_fleet(a_load(capacity=20_000))

    assert (5.0, 0.1) == (size.ttl, size.budget_ratio)


@pytest.mark.parametrize("capacity", [1500, 2000, 2500, 3000, 3100, 3200])
def test_the_ttl_is_the_shortest_that_fits(capacity: int) -> None:
    """With one second less, the steady load uses more than 70 % of the capacity."""
    load = a_load(capacity=capacity, shared=True)
    ttl = size_fleet(load).ttl

    assert ttl is not None
    assert ttl.is_integer()
    assert steady_load(load, ttl) <= 0.7 * capacity < steady_load(load, ttl - 1)


def test_rare_variants_are_summed_as_an_integral() -> None:
    """The ranks beyond the exact ones add what a sum over each of them would add."""
    variants, ttl = 1010, 5.0
    first = 10.0 / sum(1 / rank for rank in range(1, variants + 1))
    exact = sum(first / rank / (1 + first / rank * ttl) for rank in range(1, variants + 1))

    load = a_load(hosts=1, views=10, variants=variants)
    assert steady_load(load, ttl) == pytest.approx(exact, rel=1e-6)


def test_the_loads_of_a_size() -> None:
    """A size states the steady load at its ttl, and the load with empty caches, with retries."""
    load = a_load(capacity=10_410)
    size = size_fleet(load)

    assert size.ttl is not None
    assert (0.04, 10_400.0) == (size.budget_ratio, size.cold_load)
    assert size.cold_share == pytest.approx(10_400 / 10_410)
    assert size.steady_load == steady_load(load, size.ttl)


def test_a_longer_timeout_allows_a_longer_queue() -> None:
    """A service that may take two seconds may have twice the requests in its queue."""
    load = a_load(hosts=1000, latency=2, capacity=7000, attempt_timeout=2)

    assert 14 == size_fleet(load).max_concurrency


def test_a_fleet_larger_than_the_service_gets_the_limit_that_it_needs() -> None:
    """Where not even one request a host fits, the limit is what a host needs."""
    load = a_load(hosts=100_000, views=100_000, latency=60, capacity=12_000)

    assert 2 < size_fleet(load).max_concurrency


def test_a_service_that_is_too_small_has_no_ttl() -> None:
    """If a ttl of five minutes is not enough, there is none."""
    assert size_fleet(a_load(capacity=1000)).ttl is None


def test_the_budget_is_the_spare_capacity() -> None:
    """With 4 % spare capacity at empty caches, the budget is 4 %; without any, it is 0."""
    assert (0.04, 0.0) == (
        size_fleet(a_load(capacity=10_400)).budget_ratio,
        size_fleet(a_load(capacity=9000, shared=True)).budget_ratio,
    )


def test_the_limit_keeps_the_queue_within_the_timeout() -> None:
    """All hosts together queue at most what the service answers within the attempt timeout."""
    size = size_fleet(a_load(hosts=100, views=10_000, latency=0.2))

    assert (29, True) == (size.max_concurrency, size.queue_seconds < 1)
    tight = size_fleet(a_load(hosts=1000, latency=2, capacity=14_000, attempt_timeout=1))
    assert (14, 1.0) == (tight.max_concurrency, tight.queue_seconds)


def test_a_limit_is_never_below_two() -> None:
    """A limit of 1 would let one slow request block a host: the limit is at least 2."""
    assert 2 == size_fleet(a_load(hosts=100_000, capacity=12_000)).max_concurrency


def test_a_number_out_of_bounds_is_refused() -> None:
    """A fleet without hosts raises a ValueError that names the number."""
    with pytest.raises(ValueError, match="hosts is 0: "):
        a_load(hosts=0)
