"""Every planted break of a rule of the cache is found by its state machine."""

import os

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.cache_breaks import BREAKS, Break
from tests.properties.cache_model import CacheModel

EXAMPLES = 600
"""Within so many, each break must be found."""
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
PLANTED = [planted for planted in BREAKS if LONG or planted.quick]


@pytest.mark.parametrize("planted", PLANTED, ids=[planted.rule for planted in PLANTED])
def test_a_broken_rule_is_found(planted: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same examples each time, without a search for the shortest sequence."""
    planted.plant(monkeypatch)
    examples = settings(
        max_examples=EXAMPLES,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        print_blob=False,
    )

    with pytest.raises(AssertionError):
        run_state_machine_as_test(CacheModel, settings=examples)
