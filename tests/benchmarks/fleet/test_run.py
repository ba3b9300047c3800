"""A short edition of the fleet's day, small enough for every test run."""

import random

import attrs
import pytest

from benchmarks.fleet.jobs import Job
from benchmarks.fleet.judge import tight_recovery
from benchmarks.fleet.run import Recording, record
from benchmarks.fleet.scenario import Day, Fleet, Scene
from benchmarks.fleet.service import Trouble
from benchmarks.fleet.way import OFF, TIGHT, WAYS, Way
from shelfport.adapters.cli.sizing import FleetLoad, steady_load

NONE, MEMORY, SHARED, EVENTS = WAYS
SMALL = Fleet(hosts=40, variants=2000, workers=30, sample=10, sell_outs=1.0)
CALM = Day(warm_until=10.0, scenes=(), until=40.0)
SLOW = Day(
    warm_until=20.0,
    scenes=(Scene(name="slow", begins=40.0, ends=120.0),),
    until=120.0,
    troubles=(Trouble(begins=40.0, ends=60.0, slower=8.0),),
)


def test_the_same_seed_is_the_same_day() -> None:
    """A run repeats itself to the last request, and another seed is another day."""
    fleet = attrs.evolve(SMALL, thinned=True)
    first, again = (record(fleet, CALM, EVENTS) for _ in range(2))
    other = record(attrs.evolve(fleet, seed=14), CALM, EVENTS)

    assert attrs.evolve(first, seconds=0) == attrs.evolve(again, seconds=0)
    assert first.asked != other.asked


def test_without_the_library_a_view_is_a_request() -> None:
    """Hosts that use no shelfport ask for every view."""
    recording = record(SMALL, CALM, NONE)

    assert recording.views == recording.asked
    assert recording.total > 1000


@pytest.mark.parametrize("way", [MEMORY, SHARED], ids=lambda way: way.name)
def test_the_layers_ask_as_often_as_caches_should(way: Way) -> None:
    """What the real stack asks for in calm hours is what the formula of sizing says."""
    fleet = attrs.evolve(SMALL, sample=4, thinned=way.shared)
    day = attrs.evolve(CALM, until=60.0)
    recording = record(fleet, day, way)
    start = int(day.warm_until * 4)
    load = FleetLoad(
        hosts=40, views=400, capacity=1200, variants=fleet.variants, shared_cache=way.shared
    )

    per_view = sum(recording.asked[start:]) / sum(recording.views[start:])
    assert per_view == pytest.approx(steady_load(load, 5.0) / 400, rel=0.12)


def test_events_tell_the_truth_sooner() -> None:
    """Without events viewers of sold-out variants see "in stock" much more often than with them."""
    fleet = attrs.evolve(SMALL, sell_outs=6.0)
    wrong = {
        way.name: sum(said for _, said in record(fleet, CALM, way).wrongly_in_stock.values())
        for way in (MEMORY, EVENTS)
    }

    assert wrong["events"] <= wrong["memory"] / 4
    assert wrong["memory"] > 10


def test_an_outage_is_bridged_from_memory() -> None:
    """While the service is dead it is left alone, and what was seen before is still shown."""
    day = attrs.evolve(SLOW, troubles=(Trouble(begins=40.0, ends=60.0, dead=True),))
    recording = record(SMALL, day, MEMORY)
    during = slice(45 * 4, 60 * 4)

    views, nothing = sum(recording.views[during]), sum(recording.unavailable[during])
    assert 0.2 * views < nothing < 0.8 * views
    assert sum(recording.asked[during]) < 0.1 * views


def test_a_tight_service_stays_down_with_neither_budget_nor_breaker() -> None:
    """Sized for the cached load, it comes back with both; with neither it never does."""
    fleet = Fleet(workers=100, sample=200, thinned=True)
    runs = {
        way.name: (Job(way.name, fleet, SLOW, way), record(fleet, SLOW, way))
        for way in (TIGHT[0], TIGHT[-1])
    }
    took = tight_recovery(runs, "tight")

    assert took is not None
    assert took < 30
    assert None is tight_recovery(runs, "tight-neither")


SHORT = attrs.evolve(SLOW, until=70.0)


@pytest.fixture(scope="module")
def usual() -> Recording:
    """A slow hour with the defaults."""
    return record(SMALL, SHORT, MEMORY)


@pytest.mark.parametrize("way", OFF, ids=lambda way: way.name)
def test_what_is_off_is_off(usual: Recording, way: Way) -> None:
    """Each of the five differs from the defaults in what its name says, and in nothing else."""
    before = random.uniform
    assert way.title.startswith("no ")
    recording = record(SMALL, SHORT, way)

    assert before is random.uniform
    assert recording.views == usual.views
    if way.name == "no-breaker":
        assert "CallRejected" not in recording.signals
    else:
        assert recording.signals["CallRejected"] > 0
    if way.name == "no-budget":
        assert "RetryBudgetExhausted" not in recording.signals
    assert usual.signals["RetryBudgetExhausted"] > 0
