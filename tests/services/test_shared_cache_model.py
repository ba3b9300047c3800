"""Two replicas, a real Redis, events and slow reads, in any interleaving, in virtual time."""

import os
from datetime import timedelta
from random import SystemRandom

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import get_state_machine_test, rule

from shelfport import ProductVariantId
from tests.services.fleet_judge import TICK
from tests.services.fleet_model import FleetModel, quantities, variants, whichever
from tests.services.fleet_world import VARIANTS, WINDOWS
from tests.support.clocks import EPOCH
from tests.support.figures import Report

LONG = bool(os.environ.get("SHELFPORT_LONG"))
SEEDS = (1, 2, 3) if LONG else (1,)
DRAWN = "drawn"
SHRINKING = 60.0
"""Seconds; Hypothesis takes up to 300 for each failure, more than a session's limit for a hang."""


class Fleet(FleetModel):
    """With what chance alone would seldom find."""

    def calm(self) -> None:
        self.redis_changes(0.0, out=False)
        self.time_passes(1.5)
        self.the_service_changes(0.0, failing=False)

    @rule(variant=variants, quantity=quantities, which=whichever)
    def an_event_overtakes_a_slow_read(
        self, variant: ProductVariantId, quantity: int, which: int
    ) -> None:
        """Then a process reads that had not started when the event came."""
        self.calm()
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads(which, [variant], 0.0)
        self.an_event_arrives(variant, quantity, 1 - which, 0.2)
        self.time_passes(1.5)
        self.a_replica_is_started_again(1 - which)
        self.a_caller_reads(1 - which, [variant], None)
        self.time_passes(1.5)

    @rule(variant=variants, quantity=quantities, which=whichever, absent=st.booleans())
    def an_event_fences_a_stored_value(
        self, variant: ProductVariantId, quantity: int, which: int, absent: bool
    ) -> None:
        """A process that had not started when the event came finds the value from before."""
        self.calm()
        if absent:
            self.stock_changes(variant, None)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads(which, [variant], 0.0)
        self.time_passes(0.3)
        self.an_event_arrives(variant, quantity, which, 0.2)
        self.time_passes(0.3)
        self.a_replica_is_started_again(which)
        self.a_caller_reads(which, [variant], None)

    @rule(variant=variants, quantity=st.none() | quantities, changes=st.booleans())
    def a_quick_read_overtakes_a_slow_one(
        self, variant: ProductVariantId, quantity: int | None, changes: bool
    ) -> None:
        self.redis_changes(0.0, out=False)
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads(0, [variant], 0.0)
        self.time_passes(0.6)
        if changes:
            self.stock_changes(variant, quantity)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads(1, [variant], 0.0)
        self.time_passes(1.5)
        self.a_replica_is_started_again(0)
        self.a_caller_reads(0, [variant], None)

    @rule(variant=variants, seconds=st.sampled_from([20.0, 61.0]), which=whichever)
    def an_outage(self, variant: ProductVariantId, seconds: float, which: int) -> None:
        self.a_caller_reads(which, [variant], None)
        self.time_passes(0.3)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(seconds)
        self.a_caller_reads(1 - which, [variant], None)
        self.time_passes(1.5)
        self.the_service_changes(0.0, failing=False)

    @rule(variant=variants, which=whichever)
    def a_caller_with_a_limit_joins_one_without(
        self, variant: ProductVariantId, which: int
    ) -> None:
        """The first one's answer from Redis is too old for the second one."""
        self.calm()
        self.a_caller_reads(1 - which, [variant], 0.0)
        self.time_passes(1.5)
        self.time_passes(1.5)
        self.redis_changes(0.01037, out=False)
        self.a_replica_is_started_again(which)
        self.a_caller_reads(which, [variant], None)
        self.a_caller_reads(which, [variant], 2.0)
        self.time_passes(0.3)
        self.redis_changes(0.0, out=False)

    @rule(variant=variants, which=whichever, limit=st.sampled_from([2.0, 10.0, None]))
    def a_replica_finds_what_was_kept_on_the_way(
        self, variant: ProductVariantId, which: int, limit: float | None
    ) -> None:
        self.calm()
        self.redis_is_started_again()
        self.a_cache_on_the_way(30.0, obeys=False)
        self.a_caller_reads(1 - which, [variant], 0.0)
        self.time_passes(0.3)
        self.a_replica_is_started_again(which)
        self.a_cache_on_the_way(0.0, obeys=True)
        self.a_caller_reads(which, [variant], limit)
        self.time_passes(0.3)

    @rule(variant=variants, which=whichever)
    def a_clock_is_set_in_an_outage(self, variant: ProductVariantId, which: int) -> None:
        """The reading that Redis has is as old as before."""
        self.calm()
        self.a_caller_reads(1 - which, [variant], 0.0)
        self.time_passes(0.3)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(20.0)
        self.time_passes(20.0)
        self.time_passes(4.2)
        self.a_clock_is_set(which, 20.0)
        self.a_caller_reads(which, [variant], None)
        self.time_passes(1.5)
        self.the_service_changes(0.0, failing=False)

    @rule(which=whichever, really=st.booleans(), again=st.booleans())
    def an_index_is_rebuilt(self, which: int, really: bool, again: bool) -> None:
        """Known variants are missing in an answer, perhaps truly; then the service goes down."""
        self.calm()
        self.a_cache_on_the_way(0.0, obeys=True)
        self.answers_lack_variants("")
        self.a_caller_reads(which, VARIANTS, 0.0)
        self.time_passes(7.0)
        self.time_passes(1.5)
        if really:
            self.stock_changes(VARIANTS[0], None)
        self.answers_lack_variants("nothing")
        self.a_caller_reads(which, VARIANTS, 0.0)
        self.time_passes(1.5)
        if again:
            self.a_replica_is_started_again(which)
        self.a_caller_reads(which, VARIANTS, None)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(4.2)
        self.a_caller_reads(1 - which, VARIANTS, None)
        self.time_passes(1.5)
        self.the_service_changes(0.0, failing=False)
        self.answers_lack_variants("")

    @rule(variant=variants, which=whichever, lasts=st.booleans())
    def a_service_replica_lags(self, variant: ProductVariantId, which: int, lasts: bool) -> None:
        """It is not believed at once; after a `ttl` it is."""
        self.calm()
        self.a_cache_on_the_way(0.0, obeys=True)
        self.stock_changes(variant, 1)
        self.time_passes(0.3)
        self.stock_changes(variant, 2)
        self.time_passes(0.02)
        self.the_service_replica_lags(0.0)
        self.a_caller_reads(which, [variant], 0.0)
        self.the_service_replica_lags(0.2)
        self.time_passes(0.02)
        self.a_caller_reads(1 - which, [variant], 0.0)
        self.time_passes(0.02)
        self.service.lag = WINDOWS.ttl + 0.4
        self.time_passes(WINDOWS.ttl + 0.1 if lasts else WINDOWS.ttl - 0.2)
        self.a_caller_reads(which, [variant], 0.0)
        self.time_passes(0.02)
        self.the_service_replica_lags(0.0)
        if lasts and self.judged.off == 0:
            held = self.judged.held[variant].updated
            facts = [fact.since for fact in self.world.history[variant]]
            before = EPOCH + timedelta(seconds=facts[-2])
            assert held is not None
            assert held <= (before.timestamp() + TICK) * 1e6, "a regression is never believed"


@pytest.mark.parametrize("which", [*SEEDS, *([DRAWN] if LONG else [])])
def test_two_replicas_and_a_redis(
    which: int | str,
    redis_url: str,
    pytestconfig: pytest.Config,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No view is older than its windows allow, and no newer value is replaced by an older one."""
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", SHRINKING)
    number = int(pytestconfig.getoption("--hypothesis-seed") or SystemRandom().randrange(2**32))
    if which != DRAWN:
        number = int(which)
    report(f"run it again with --hypothesis-seed={number} -k {DRAWN}")
    Fleet.url = redis_url
    model = get_state_machine_test(
        Fleet,
        settings=settings(
            max_examples=60 if LONG else 12,
            stateful_step_count=40 if LONG else 25,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    seed(number)(model)()
