"""The state machine of the cache: single rules, and sequences that chance would seldom find."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from shelfport import ProductVariantId
from tests.properties.cache_host import VARIANTS
from tests.properties.cache_rules import CacheRules, quantities, variants
from tests.properties.cache_service import Cut, Way


class CacheModel(CacheRules):
    """Every view that has ended is judged by the history alone."""

    @rule(variant=variants, quantity=quantities)
    def an_event_overtakes_a_slow_read(self, variant: ProductVariantId, quantity: int) -> None:
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.stock_changes_and_an_event_tells(variant, quantity)
        self.time_passes(1.5)
        self.a_caller_reads([variant], None)

    @rule(variant=variants, quantity=st.none() | quantities, changes=st.booleans())
    def a_quick_read_overtakes_a_slow_one(
        self, variant: ProductVariantId, quantity: int | None, changes: bool
    ) -> None:
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.time_passes(0.6)
        if changes:
            self.stock_changes(variant, quantity)
        self.the_service_changes(0.1, failing=False)
        self.a_caller_reads([variant], 0.0)
        self.time_passes(1.5)
        self.a_caller_reads([variant], None)

    @rule(
        variant=variants,
        absent=st.booleans(),
        seconds=st.sampled_from([7.0, 20.0, 50.0, 61.0]),
        suspended=st.booleans(),
        step=st.sampled_from([0.0, 0.0, -100.0, 100.0]),
    )
    def an_outage(
        self, variant: ProductVariantId, absent: bool, seconds: float, suspended: bool, step: float
    ) -> None:
        """Perhaps after the record was deleted, and with the host's clocks out of order."""
        self.all_is_well_again()
        self.stock_changes(variant, 5)
        self.a_caller_reads([variant], 0.0)
        if absent:
            self.stock_changes(variant, None)
            self.a_caller_reads([variant], 0.0)
        self.the_service_changes(0.0, failing=True)
        if step:
            self.the_wall_clock_is_set(step)
        self.the_host_is_suspended(seconds) if suspended else self.time_passes(seconds)
        self.a_caller_reads([variant], None)
        self.a_caller_reads([variant], 10.0)
        self.the_service_changes(0.0, failing=False)

    @rule(
        variant=variants,
        quantity=quantities,
        limit=st.sampled_from([None, None, 0.0, 10.0]),
        step=st.sampled_from([0.0, 0.0, -20.0]),
    )
    def a_lagging_replica_answers(
        self, variant: ProductVariantId, quantity: int, limit: float | None, step: float
    ) -> None:
        """For longer than a `ttl`."""
        self.all_is_well_again()
        self.time_passes(20.0)
        self.stock_changes(variant, quantity)
        self.a_caller_reads([variant], 0.0)
        if step:
            self.the_wall_clock_is_set(step)
        self.the_service_changes(0.0, failing=False, lag=20.0)
        for seconds in (7.0, 0.6, 3.0, 3.0, 0.6):
            self.time_passes(seconds)
            self.a_caller_reads([variant], limit)
        self.the_service_changes(0.0, failing=False)

    @rule(variant=variants, quantity=quantities)
    def a_lagging_replica_is_the_last_to_answer(
        self, variant: ProductVariantId, quantity: int
    ) -> None:
        """Shortly before the level that is kept is too old for an outage."""
        self.all_is_well_again()
        self.time_passes(20.0)
        self.stock_changes(variant, quantity)
        self.a_caller_reads([variant], 0.0)
        self.time_passes(57.0)
        self.the_service_changes(0.0, failing=False, lag=70.0)
        self.a_caller_reads([variant], None)
        self.the_service_changes(0.0, failing=True)
        self.time_passes(7.0)
        self.a_caller_reads([variant], None)
        self.the_service_changes(0.0, failing=False)

    @rule(variant=variants)
    def data_is_nonsense_for_a_while(self, variant: ProductVariantId) -> None:
        self.all_is_well_again()
        self.time_passes(61.0)
        self.data_breaks_or_is_mended(variant)
        self.a_caller_reads([variant], None)
        self.data_breaks_or_is_mended(variant)
        self.time_passes(7.0)
        self.a_caller_reads([variant], None)

    @rule(variant=variants, quantity=quantities)
    def the_services_clock_is_set_right(self, variant: ProductVariantId, quantity: int) -> None:
        self.all_is_well_again()
        self.the_services_clock_is_set(240.0)
        self.stock_changes(variant, quantity)
        self.a_caller_reads([variant], 0.0)
        self.the_services_clock_is_set(0.0)
        self.time_passes(0.6)
        self.stock_changes(variant, quantity + 1)
        self.a_caller_reads([variant], 0.0)
        self.a_caller_reads([variant], None)

    @rule(lacking=st.frozensets(variants, min_size=1), gone=st.booleans())
    def a_page_lacks_what_is_known(self, lacking: frozenset[ProductVariantId], gone: bool) -> None:
        """Although it has a record, or as it has none any more."""
        self.all_is_well_again()
        for variant in VARIANTS:
            self.stock_changes(variant, 7)
        self.a_caller_reads(VARIANTS, 0.0)
        if gone:
            self.stock_changes(min(lacking), None)
        else:
            self.the_way_changes(Way.DIRECT, lacking, Cut.SILENT)
        for seconds in (7.0, 0.6, 7.0):
            self.time_passes(seconds)
            self.a_caller_reads(VARIANTS, None)
        self.all_is_well_again()

    @rule(
        variant=variants,
        quantity=st.none() | quantities,
        seconds=st.sampled_from([3.0, 7.0, 20.0]),
        told=st.booleans(),
    )
    def a_copy_is_repeated(
        self, variant: ProductVariantId, quantity: int | None, seconds: float, told: bool
    ) -> None:
        """Perhaps after a page or an event told that it is out of date; then comes an outage."""
        self.all_is_well_again()
        self.the_way_changes(Way.CARELESS, frozenset(), Cut.SILENT)
        self.stock_changes(variant, quantity)
        self.a_caller_reads([variant], 0.0)
        if quantity is None:
            self.stock_changes(variant, 3)
            self.a_caller_reads(VARIANTS, 0.0)
        self.time_passes(seconds)
        if told:
            self.stock_changes_and_an_event_tells(variant, 4)
        for limit in (None, None, 2.0, 10.0):
            self.a_caller_reads([variant], limit)
            self.time_passes(0.6)
        self.all_is_well_again()
        self.the_service_changes(0.0, failing=True)
        self.time_passes(50.0)
        self.a_caller_reads([variant], None)
        self.all_is_well_again()

    @rule(
        variant=variants, seconds=st.sampled_from([3.0, 20.0]), limit=st.sampled_from([None, 2.0])
    )
    def the_host_is_suspended_and_read(
        self, variant: ProductVariantId, seconds: float, limit: float | None
    ) -> None:
        self.all_is_well_again()
        self.a_caller_reads([variant], None)
        self.the_host_is_suspended(seconds)
        self.the_service_changes(1.0, failing=False)
        self.a_caller_reads([variant], limit)
        self.time_passes(1.5)
