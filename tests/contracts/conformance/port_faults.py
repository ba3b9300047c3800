"""The planted faults of the suites of the smaller ports, and for each the case that finds it."""

from shelfport.contracts.conformance import (
    BusConformance,
    InitializationQueueConformance,
    NotifierConformance,
    ProductCatalogPortConformance,
    QueueHarness,
    SharedStoreConformance,
    TelemetryConformance,
)
from shelfport.outbox import InitializationQueue
from tests.contracts.conformance import faulty_buses as bus
from tests.contracts.conformance import faulty_catalogs as catalog
from tests.contracts.conformance import faulty_claims as claim
from tests.contracts.conformance import faulty_notifiers as notifier
from tests.contracts.conformance import faulty_queues as queue
from tests.contracts.conformance import faulty_stores as store
from tests.contracts.conformance import faulty_telemetry as telemetry
from tests.contracts.conformance import faulty_values as value
from tests.contracts.conformance.catalogs import MemoryCatalog, MemoryCatalogHarness
from tests.contracts.conformance.planted_ports import Plan
from tests.support.shared_store import ModelStore


class Queues(InitializationQueueConformance):
    breaks = True


class Catalogs(ProductCatalogPortConformance):
    fails = True


class Notifiers(NotifierConformance):
    fails = True
    hangs = True


class Buses(BusConformance):
    cuts = True


class Stores(SharedStoreConformance):
    breaks = True
    cuts = True


class Telemetries(TelemetryConformance):
    collects = True


class FaultyQueueHarness(QueueHarness):
    def __init__(self, kind: type[queue.HonestQueue]) -> None:
        self._kind = kind
        self._made: InitializationQueue | None = None

    def queue(self) -> InitializationQueue:
        if self._made is None or self._kind is queue.ReadsAFile:
            self._made = self._kind()
        return self._made

    def broken(self) -> InitializationQueue:
        made = self._kind()
        made.down = True
        return made


PLANS = (
    Plan(
        Queues,
        FaultyQueueHarness,
        queue.HonestQueue,
        {
            queue.ReadsAFile: "test_constructing_it_does_no_io",
            queue.MissesAMethod: "test_it_has_the_methods_of_the_port",
            queue.DropsTheHostsId: "test_an_entry_is_stored_completely",
            queue.ReplacesAnEntry: "test_a_key_is_stored_once",
            queue.ForgetsAtTheExit: "test_entries_outlive_the_client",
            queue.LetsTheDriversErrorOut: "test_a_failure_is_a_queue_failed",
            queue.CannotDropAClaimedEntry: "test_dropping_removes_an_entry",
            queue.DropsByVariant: "test_a_change_is_of_one_entry",
            queue.CountsOnlyUnheldEntries: "test_stats_count_what_waits",
            queue.ListsInAnyOrder: "test_entries_are_listed_by_age",
            queue.WakesForNothing: "test_a_new_entry_ends_a_wait",
            queue.CannotBeWoken: "test_a_wake_ends_a_wait",
            queue.LosesAnEarlyWake: "test_an_early_wake_ends_the_next_wait",
            queue.NeverWaits: "test_a_wait_ends_by_itself",
            queue.BelongsToItsFirstLoop: "test_it_can_be_opened_in_another_event_loop",
            claim.CountsNoClaim: "test_a_claim_is_noted_in_the_entry",
            claim.ClaimsWhatIsToBeSkipped: "test_entries_of_a_policy_are_skipped",
            claim.IgnoresLeases: "test_an_entry_has_one_holder_at_a_time",
            claim.ReusesTheToken: "test_each_claim_has_a_greater_token",
            claim.ClaimsTheNewestFirst: "test_the_entry_due_longest_comes_first",
            claim.ClaimsBeforeItIsDue: "test_an_entry_that_is_not_due_waits",
            claim.IgnoresTheLimit: "test_a_claim_is_limited",
            claim.ClaimsByAge: "test_a_failing_entry_does_not_delay_others",
            claim.RenewsNothing: "test_a_lease_is_renewed",
            claim.BelievesEveryDate: "test_a_clock_that_is_set_back_delays_no_entry_for_long",
            claim.BelievesNoDateAfterAMinute: "test_an_entry_due_within_the_longest_wait_waits",
            claim.ClaimsInTwoSteps: "test_many_workers_share_the_entries",
            claim.ClaimsOneByOne: "test_a_cancelled_claim_is_whole",
            claim.KeepsWhatIsDone: "test_a_completed_entry_is_removed",
            claim.PostponesUnderItsHolder: "test_a_failed_entry_is_postponed",
            claim.RefusesSomeErrors: "test_any_error_can_be_stored",
            claim.CountsEveryTryAsAnAttempt: "test_only_an_answer_counts_as_an_attempt",
            claim.KeepsTheClaims: "test_a_try_that_ends_resets_the_claims",
            claim.CountsWhatIsGivenBack: "test_an_entry_given_back_counts_nothing",
            claim.ForgetsTheClaimsBefore: "test_giving_back_uncounts_one_claim",
            claim.ForgetsTheReason: "test_a_dead_letter_says_when_and_why",
            claim.ClaimsDeadLetters: "test_a_dead_letter_is_not_claimed",
            claim.RetriesWithoutTheHistory: "test_a_retried_dead_letter_waits_again",
            claim.ForgetsAClaimAtARetry: "test_a_retried_entry_that_was_claimed_was_tried",
            claim.RetriesUnderAnotherWorker: "test_a_retried_entry_is_due_at_once",
            claim.RenewsAnyToken: "test_an_old_token_changes_nothing",
            claim.CountsTokensFromOne: "test_a_token_is_new_for_a_new_entry",
            claim.ForgetsTheMark: "test_a_mark_is_kept",
            claim.IgnoresALateMark: "test_a_late_mark_voids_the_other_claim",
            claim.ReportsNoRemovedEntry: "test_a_mark_of_a_removed_entry_is_reported",
        },
    ),
    Plan(
        Catalogs,
        MemoryCatalogHarness,
        MemoryCatalog,
        {
            catalog.MissesAMethod: "test_it_has_the_methods_of_the_port",
            catalog.IgnoresMarks: "test_a_product_is_marked_as_not_orderable",
            catalog.NeverUnmarks: "test_a_product_is_marked_as_orderable_again",
            catalog.TogglesTheMark: "test_a_repeated_mark_changes_nothing",
            catalog.MarksEveryProduct: "test_a_mark_is_of_one_product",
            catalog.RefusesToMarkTheUnknown: "test_a_mark_of_an_unknown_variant_does_nothing",
            catalog.SwallowsFailedMarks: "test_a_mark_that_fails_raises",
            catalog.ShowsTheFirstStatus: "test_every_status_is_shown",
            catalog.OneInstantForAll: "test_a_status_is_of_one_product",
            catalog.ShowsTheLastStatusThatCame: (
                "test_an_older_status_does_not_replace_a_later_one"
            ),
            catalog.RemembersTheOrderItself: "test_the_order_holds_in_every_process",
            catalog.ComparesSeconds: "test_instants_are_compared_to_the_microsecond",
            catalog.RefusesARepetition: "test_a_repeated_status_changes_nothing",
            catalog.WritesAfterAPause: "test_at_the_same_moment_the_latest_one_wins",
            catalog.UnmarksWithAStatus: "test_a_status_and_a_mark_are_two_things",
            catalog.AddsAnUnknownProduct: "test_a_status_of_an_unknown_variant_does_nothing",
            catalog.SwallowsFailedStatuses: "test_a_status_that_fails_raises",
        },
    ),
    Plan(
        Notifiers,
        notifier.FaultyNotifierHarness,
        notifier.HonestNotifier,
        {
            notifier.ReadsAFile: "test_constructing_it_does_no_io",
            notifier.MissesAMethod: "test_it_has_the_methods_of_the_port",
            notifier.KnowsTwoKinds: "test_every_kind_of_event_is_sent",
            notifier.RefusesARepetition: "test_a_repeated_event_is_accepted",
            notifier.RefusesARepetitionEverywhere: "test_an_event_is_repeated_after_a_restart",
            notifier.TakesTextOnly: "test_a_reference_of_any_type_is_accepted",
            notifier.SharesOneVariable: "test_events_are_sent_at_the_same_time",
            notifier.BlocksTheLoop: "test_the_event_loop_is_not_blocked",
            notifier.SwallowsFailures: "test_a_failure_raises",
            notifier.NotesItAsSentBeforeItIs: "test_an_event_is_sent_after_a_failure",
            notifier.SwallowsCancellation: "test_cancellation_ends_it",
            notifier.BelongsToItsFirstLoop: "test_it_can_be_used_in_another_event_loop",
            notifier.LeavesATaskBehind: "test_it_leaves_no_task_behind",
        },
    ),
    Plan(
        Buses,
        bus.FaultyBusHarness,
        bus.HonestBus,
        {
            bus.ReadsAFile: "test_constructing_it_does_no_io",
            bus.SaysItsPassword: "test_its_name_has_no_credentials",
            bus.OpensOnce: "test_it_can_be_opened_again",
            bus.BelongsToItsFirstLoop: "test_it_can_be_opened_in_another_event_loop",
            bus.HidesABrokenConnection: "test_a_broken_connection_raises",
            bus.LeavesATaskBehind: "test_it_leaves_no_task_behind",
            bus.DecodesBodies: "test_a_message_arrives_as_it_was_sent",
            bus.AddsAPrefix: "test_a_message_names_its_channel",
            bus.ReversesTheOrder: "test_messages_with_one_key_stay_in_order",
            bus.IgnoresTheLimit: "test_a_fetch_is_limited",
            bus.WaitsForAMessage: "test_a_fetch_without_messages_ends",
            bus.FetchesWhatWasThere: "test_a_message_ends_the_wait_of_a_fetch",
            bus.ForgetsAcknowledgements: "test_an_acknowledged_message_is_gone",
            bus.AcknowledgesAtOnce: "test_a_message_comes_again_without_its_acknowledgement",
            bus.CountsFromOneAgain: "test_deliveries_are_counted",
            bus.DeliversToEveryReplica: "test_a_message_goes_to_one_replica",
            bus.LosesWhatNobodyWaitsFor: "test_messages_wait_for_the_group",
            bus.SharesTheBroadcast: "test_every_replica_gets_a_broadcast",
            bus.LosesTheHeaders: "test_a_broadcast_arrives_as_it_was_sent",
            bus.BroadcastsOldMessages: "test_a_broadcast_begins_now",
            bus.BroadcastsFromTheGroup: "test_a_broadcast_takes_nothing_from_the_group",
            bus.LosesTheReason: "test_a_dead_letter_has_its_reason",
            bus.LeavesDeadLettersInTheGroup: "test_a_dead_letter_leaves_the_group",
            bus.NeverEnds: "test_dead_letters_come_to_an_end",
            bus.DropsWhatIsLookedAt: "test_a_dead_letter_that_is_only_looked_at_stays",
            bus.ReplaysWithoutTheChannel: "test_an_acknowledged_dead_letter_goes_back",
            bus.KeepsWhatIsReplayed: "test_a_replayed_dead_letter_is_gone",
        },
    ),
    Plan(
        Stores,
        store.ModelHarness,
        ModelStore,
        {
            store.LeavesOneOut: "test_a_lookup_answers_every_variant",
            store.RoundsToSeconds: "test_a_stored_reading_comes_back",
            store.StoresOneOfAPage: "test_a_page_is_stored_at_once",
            store.HasOneAgeForAll: "test_an_unknown_variant_comes_back",
            store.IgnoresTheAge: "test_a_value_that_is_too_old_is_not_current",
            store.HasNegativeAges: "test_a_date_in_the_future_has_no_age",
            store.IgnoresTokens: "test_a_token_of_no_lookup_stores_nothing",
            store.KeepsValuesForGood: "test_a_value_ends_with_its_ttl",
            value.ForgetsTheReportedStatus: "test_every_member_comes_back",
            value.GoesByAsOfAlone: "test_a_reading_is_current_by_its_request",
            value.ForgetsTheAgeOfAnUnknown: "test_an_unknown_is_current_by_its_request",
            value.IgnoresTheLimit: "test_a_limit_is_by_as_of",
            store.KeepsTheLastValueThatCame: "test_the_later_of_two_readings_stays",
            value.BelievesEveryDate: "test_a_date_in_the_future_counts_as_its_as_of",
            value.BelievesTheSecondRegression: "test_a_regression_is_held_back",
            value.NeverBelievesARegression: "test_a_regression_that_lasts_is_believed",
            value.RemembersEveryRegression: "test_a_reading_that_wins_ends_a_regression",
            value.AsksAgainAfterARegression: "test_a_regression_is_not_asked_for_at_once",
            value.AsksAgainAfterAnOlderAnswer: "test_an_older_answer_is_not_asked_for_at_once",
            value.TakesEveryUnknown: "test_an_unknown_and_a_reading_go_by_their_requests",
            value.ServesTheReadingFirst: "test_a_current_unknown_comes_first",
            value.WipesTheReading: "test_an_unknown_leaves_the_reading",
            value.KeepsAnUnknownForGood: "test_a_reading_ends_an_unknown",
            value.KeepsAnUnknownOverAFence: "test_a_fence_ends_an_unknown",
            value.EndsBothTogether: "test_a_reading_outlives_an_unknown",
            value.LeasesNoUnknown: "test_an_unknown_takes_a_lease",
            store.GivesTheLeaseToAll: "test_one_replica_holds_the_lease",
            store.HasOneLeaseForAll: "test_leases_are_of_one_variant",
            store.LeasesWhatIsCurrent: "test_a_current_value_needs_no_lease",
            store.LeasesWithoutBeingAsked: "test_a_lookup_may_take_no_lease",
            store.StoresUnderTheLease: "test_storing_ends_the_lease",
            store.ReleasesNothing: "test_releasing_ends_the_lease",
            store.ReleasesEveryLease: "test_a_lease_is_ended_by_its_holder",
            store.LeasesForGood: "test_a_lease_ends_by_itself",
            store.KeepsTokensOverAFence: "test_a_fence_invalidates_tokens",
            store.KeepsValuesOverAFence: "test_a_fence_invalidates_values",
            store.KeepsLeasesOverAFence: "test_a_fence_ends_the_lease",
            store.FencesForGood: "test_a_value_is_stored_after_a_fence",
            value.ForgetsWhenItWasFenced: ("test_an_answer_from_before_a_fence_is_not_current"),
            store.FencesEverything: "test_a_fence_is_of_its_variants",
            store.IgnoresTheOrderOfEvents: "test_events_fence_in_their_order",
            store.AnnouncesNothing: "test_a_fence_is_announced",
            store.AnnouncesEveryFence: "test_a_fence_that_does_nothing_is_not_announced",
            store.CannotBeChecked: "test_it_answers_when_checked",
            store.BelongsToItsFirstLoop: "test_it_can_be_opened_in_another_event_loop",
            store.LetsTheClientsErrorOut: "test_a_failure_is_a_shared_cache_unavailable",
            store.HidesALostConnection: "test_a_lost_connection_ends_the_invalidations",
        },
    ),
    Plan(
        Telemetries,
        telemetry.FaultyTelemetryHarness,
        telemetry.HonestTelemetry,
        {
            telemetry.KnowsNotEverySignal: "test_every_signal_is_recorded",
            telemetry.ChangesASignal: "test_a_signal_is_left_as_it_is",
            telemetry.Blocks: "test_it_is_quick",
            telemetry.LosesTheCorrelationId: "test_a_request_is_sent_with_its_call",
            telemetry.KnowsNoCancellation: "test_every_end_of_a_request_is_recorded",
            telemetry.KnowsOneRequestAtATime: "test_requests_overlap",
            telemetry.RefusesAFreshPage: "test_every_age_of_a_page_is_recorded",
            telemetry.CollectsNothing: "test_an_open_integration_is_collected",
            telemetry.CollectsAfterTheEnd: "test_a_closed_integration_is_not_collected",
            telemetry.OpensOnce: "test_an_integration_can_be_opened_again",
            telemetry.NeedsTheEventLoop: "test_metrics_are_collected_in_any_thread",
            telemetry.NeedsAQueue: "test_every_snapshot_is_collected",
        },
    ),
)
