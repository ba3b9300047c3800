"""The planted faults, and for each the case of the suite that must name it."""

import attrs

from shelfport.contracts.conformance import Trouble
from tests.contracts.conformance import faulty_reading as reading
from tests.contracts.conformance import faulty_scopes as scopes
from tests.contracts.conformance import faulty_writing as writing


@attrs.frozen
class Planted:
    """A faulty adapter, and the case that must name its fault."""

    adapter: type[reading.Faulty]
    caught_by: str
    needs: frozenset[Trouble] = frozenset()
    """The troubles beside the quick ones of every plan, where the fault shows in no other."""
    keeps_readings: bool = False


FAULTS = (
    Planted(reading.ReversesTheOrder, "test_answers_come_in_first_asked_order"),
    Planted(reading.LeavesOneOut, "test_every_id_asked_for_is_answered"),
    Planted(reading.AddsOne, "test_nothing_else_is_answered"),
    Planted(reading.AnswersUnknownInTrouble, "test_a_read_in_trouble_raises_an_inventory_error"),
    Planted(reading.ReturnsWhatItShouldRaise, "test_failures_alone_are_raised"),
    Planted(reading.RaisesWhatItShouldReturn, "test_a_failure_beside_an_answer_is_a_value"),
    Planted(reading.LetsForeignErrorsOut, "test_a_read_in_trouble_raises_an_inventory_error"),
    Planted(reading.ForgetsTheCorrelationId, "test_an_error_of_a_read_says_what_it_is_about"),
    Planted(reading.SortsTheIds, "test_the_ids_are_left_as_they_were"),
    Planted(reading.ReturnsOneMappingToAll, "test_two_callers_have_answers_of_their_own"),
    Planted(reading.KeepsTheIds, "test_the_ids_are_not_kept"),
    Planted(reading.MixesUpTheLevels, "test_a_reading_is_about_the_id_that_it_stands_under"),
    Planted(reading.CallsUnknownOutOfStock, "test_an_id_without_a_record_is_unknown"),
    Planted(reading.IgnoresTheDeadline, "test_a_read_whose_deadline_passed_is_not_made"),
    Planted(
        reading.WaitsPastTheDeadline, "test_a_read_ends_at_its_deadline", frozenset({Trouble.HANG})
    ),
    Planted(
        reading.DatesByReceipt, "test_as_of_is_when_the_request_was_sent", frozenset({Trouble.SLOW})
    ),
    Planted(reading.DatesByTheLastChange, "test_as_of_lies_within_the_call"),
    Planted(reading.DatesWithoutAnOffset, "test_as_of_is_aware"),
    Planted(
        reading.AnswersFromMemory,
        "test_no_staleness_is_never_answered_from_memory",
        keeps_readings=True,
    ),
    Planted(reading.CallsKeptReadingsLive, "test_a_kept_reading_says_so", keeps_readings=True),
    Planted(reading.AsksForNothing, "test_no_ids_send_no_request"),
    Planted(
        reading.CancelsTheOthers,
        "test_a_caller_cancelled_half_way_disturbs_no_other",
        frozenset({Trouble.SLOW}),
    ),
    Planted(
        reading.SwallowsCancellation, "test_cancellation_passes_through", frozenset({Trouble.HANG})
    ),
    Planted(reading.LeavesATaskBehind, "test_it_leaves_no_task_behind"),
    Planted(writing.OpensASecondRecord, "test_a_repetition_gives_the_same_item"),
    Planted(writing.MakesUpAKey, "test_the_key_outlives_the_adapter"),
    Planted(writing.OverwritesTheStock, "test_a_record_that_was_there_is_left_alone"),
    Planted(writing.CallsAnExistingRecordCreated, "test_another_key_finds_the_record_there"),
    Planted(writing.ForgetsTheThreshold, "test_it_passes_the_threshold_on"),
    Planted(writing.LosesTheConflict, "test_a_key_of_another_request_is_a_conflict"),
    Planted(writing.SaysThatNothingArrived, "test_it_says_no_only_if_nothing_arrived"),
    Planted(writing.KeepsUnknown, "test_a_new_record_is_seen_by_the_next_read"),
    Planted(
        scopes.BlamesTheServiceForOneVariant,
        "test_an_unreadable_variant_is_no_fault_of_the_service",
    ),
    Planted(scopes.BlamesTheRequestForAnOutage, "test_an_outage_is_no_fault_of_the_request"),
    Planted(scopes.BlamesTheRecordForAnOutage, "test_an_outage_is_no_fault_of_the_record"),
    Planted(
        scopes.BlamesTheServiceForTheCredentials,
        "test_refused_credentials_are_no_fault_of_the_service",
        frozenset({Trouble.UNAUTHORIZED}),
    ),
    Planted(
        scopes.BlamesTheRecordForTheCredentials,
        "test_refused_credentials_are_no_fault_of_the_record",
        frozenset({Trouble.UNAUTHORIZED}),
    ),
    Planted(scopes.BlamesTheServiceForTheDeadline, "test_a_read_whose_deadline_passed_is_not_made"),
    Planted(
        scopes.BlamesTheServiceForTheDeadline,
        "test_an_initialization_whose_deadline_passed_is_not_made",
    ),
    Planted(scopes.BlamesTheServiceForAConflict, "test_a_key_of_another_request_is_a_conflict"),
    Planted(
        scopes.CallsGarbageTransient,
        "test_garbage_is_retryable_only_if_it_was_damaged_on_the_way",
        frozenset({Trouble.GARBAGE}),
    ),
)
