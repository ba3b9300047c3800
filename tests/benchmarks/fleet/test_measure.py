from array import array

import attrs

from benchmarks.fleet.measure import SellOuts, Weighted, recovery
from benchmarks.fleet.run import Recording
from benchmarks.fleet.scenario import Day, Scene

SCENE = Scene(name="dead", begins=100.0, ends=200.0)
END = 120.0


def a_recording(**changes: object) -> Recording:
    """400 s with 40 requests and 40 views a second, none of which failed."""
    bins = [10] * 1600
    recording = Recording(
        way="memory",
        asked=bins,
        failed=[0] * 1600,
        views=bins,
        unavailable=[0] * 1600,
        ages={"calm": array("f", [1.0])},
        waits={"calm": array("f", [0.0])},
        wrongly_in_stock={},
        signals={},
        kept=0,
        seconds=1.0,
    )
    return attrs.evolve(recording, **changes)  # type: ignore[arg-type]  # by name


def with_bins(begin: float, end: float, value: int, usual: int) -> list[int]:
    bins = [usual] * 1600
    bins[int(begin * 4) : int(end * 4)] = [value] * int((end - begin) * 4)
    return bins


def test_a_service_that_stayed_steady_recovered_at_once() -> None:
    """If nothing is unusual after the outage, recovery took no time."""
    assert 0.0 == recovery(a_recording(), SCENE, END, 40.0)


def test_too_much_and_too_little_are_both_unsteady() -> None:
    """The service is steady when an average of ten seconds is, and each later one."""
    for unusual in (0, 30):
        asked = with_bins(END, END + 20, unusual, 10)
        took = recovery(a_recording(asked=asked), SCENE, END, 40.0)
        assert took is not None
        assert 10 < took <= 20


def test_failures_and_empty_pages_are_unsteady() -> None:
    """The usual load of requests that fail, or with pages that show nothing, is no recovery."""
    for what in ("failed", "unavailable"):
        bins = with_bins(END, END + 30, 5, 0)
        took = recovery(a_recording(**{what: bins}), SCENE, END, 40.0)
        assert took is not None
        assert 25 < took <= 30


def test_a_relapse_is_no_recovery() -> None:
    """A service that falls back at the scene's end has not recovered."""
    assert None is recovery(a_recording(asked=with_bins(190, 200, 30, 10)), SCENE, END, 40.0)


def test_percentiles_go_by_weight() -> None:
    """A value that stands for many counts as many."""
    values = Weighted([(5.0, 1.0), (1.0, 98.0), (9.0, 1.0)])

    assert (1.0, 5.0, 9.0) == tuple(values.percentile(share) for share in (0.5, 0.99, 1.0))


def test_wrong_seconds_are_a_share_of_the_sell_out() -> None:
    """Half of the views of one-minute sell-outs were wrong: 30 s. Other views do not count."""
    day = Day(warm_until=0.0, scenes=(SCENE,), until=400.0)
    sell_outs = SellOuts([(10.0, 70.0), (110.0, 120.0), (300.0, 360.0)])
    recording = a_recording(wrongly_in_stock={0: (3, 3), 1: (4, 4), 2: (3, 0)})

    assert 30.0 == sell_outs.wrong(recording, day, "calm")
    assert 10.0 == sell_outs.wrong(recording, day, "dead")
