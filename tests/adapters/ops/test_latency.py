from itertools import pairwise

import pytest

from shelfport.adapters.ops.latency import BOUNDS, RANGES, LatencyWindow


def test_the_ranges_cover_the_scale() -> None:
    """From a millisecond to ten seconds, each edge as many times greater than the one before."""
    ratios = {round(b / a, 6) for a, b in pairwise(BOUNDS)}

    assert (0.001, 10.0, 24) == (BOUNDS[0], round(BOUNDS[-1], 9), RANGES)
    assert {1.467799} == ratios


@pytest.mark.parametrize(
    ("seconds", "index"),
    [(0.0, 0), (0.0009, 0), (0.001, 0), (0.0015, 1), (0.1, 12), (9.9, 23), (10.0, 23), (99.0, 23)],
)
def test_a_duration_falls_into_its_range(seconds: float, index: int) -> None:
    """Durations outside the scale count in its first and last range."""
    window = LatencyWindow()
    window.add(0.0, seconds + 1e-9, failed=False)

    assert 1 == window.total(0.0).answered[index]


def test_failures_are_counted_apart() -> None:
    """A failure is no answer."""
    window = LatencyWindow()
    window.add(0.0, 0.05, failed=True)
    window.add(0.0, 0.05, failed=False)
    total = window.total(0.0)

    assert (1, 1, 2) == (sum(total.failed), sum(total.answered), total.count)


def test_what_is_old_leaves_the_window() -> None:
    """After the window has passed a duration counts no more, also if nothing came since."""
    window = LatencyWindow(slot=5, slots=60)
    window.add(2.0, 0.05, failed=False)

    counts = [window.total(now).count for now in (2.0, 299.9, 300.0, 10_000.0)]
    assert [1, 1, 0, 0] == counts


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.01), (0.97, 0.01), (0.99, 1.0)])
def test_quantiles_are_true_to_their_ranges(share: float, expected: float) -> None:
    """Of 97 short and 3 long durations the 99th of a hundred is long; to the width of a range."""
    window = LatencyWindow()
    for number in range(100):
        window.add(0.0, 0.0102 if number < 97 else 1.02, failed=False)
    found = window.total(0.0).quantile(share)

    assert found is not None
    assert expected <= found <= expected * 1.47


def test_nothing_has_no_quantile() -> None:
    """Without attempts there is nothing to say."""
    assert LatencyWindow().total(0.0).quantile(0.5) is None
