from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shelfport.adapters.observability.sampling import Sampler, Suppressed
from shelfport.options import LogOptions


def written(sampler: Sampler[str], key: str, times: list[float]) -> list[float]:
    """The times at which a record of `key` is written."""
    return [now for now in times if sampler.admits(key, now)]


def test_the_first_ones_are_written() -> None:
    """So many of a kind are written in a period, and the rest is counted."""
    sampler = Sampler[str](LogOptions(burst=2, period=10))

    assert [0.0, 1.0] == written(sampler, "a", [0.0, 1.0, 2.0, 3.5])
    assert [] == list(sampler.ended(9.9))
    assert [Suppressed("a", 2, 3.5)] == list(sampler.ended(10.0))


def test_a_new_period() -> None:
    """After a period the first records are written again, and the count is yielded once."""
    sampler = Sampler[str](LogOptions(burst=1, period=10))
    written(sampler, "a", [0.0, 1.0])
    told = list(sampler.ended(12.0))

    assert [12.0] == written(sampler, "a", [12.0, 13.0])
    assert [Suppressed("a", 1, 1.0)] == told
    assert [] == list(sampler.ended(13.0))


def test_kinds_do_not_mix() -> None:
    """Each kind has its own first ones: a flood of one does not hide another."""
    sampler = Sampler[str](LogOptions(burst=1, period=10))
    written(sampler, "flood", [float(n) / 100 for n in range(500)])

    assert [5.0] == written(sampler, "rare", [5.0])


def test_a_quiet_period_tells_nothing() -> None:
    """Without a record that was left out, there is no count."""
    sampler = Sampler[str](LogOptions(burst=3, period=10))
    written(sampler, "a", [0.0, 1.0])

    assert [] == list(sampler.ended(100.0))


@given(
    first=st.integers(1, 4),
    records=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=60),
)
def test_nothing_is_lost(first: int, records: list[tuple[str, float]]) -> None:
    """Written and counted together are all there were; the first of each kind is written."""
    sampler = Sampler[str](LogOptions(burst=first, period=5))
    out, counted, now = Counter[str](), Counter[str](), 0.0
    for key, pause in records:
        now += pause
        for told in sampler.ended(now):
            counted[told.key] += told.count
        admitted = sampler.admits(key, now)
        assert admitted or out[key] > 0
        out[key] += admitted
    for told in sampler.ended(float("inf")):
        counted[told.key] += told.count

    assert Counter(key for key, _ in records) == out + counted
