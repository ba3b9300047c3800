"""Reads the tool's JSON report into interactions."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import msgspec

from shelfport.contracts.errors import ContractsError
from shelfport.contracts.verify.model import InteractionVerdict, Mismatch, VerifiedInteraction
from shelfport.contracts.verify.relay import UNANSWERED


class _Difference(msgspec.Struct):
    type: str
    mismatch: str = ""
    path: str = ""
    key: str = ""
    expected: Any = None
    actual: Any = None


class _Outcome(msgspec.Struct):
    mismatches: list[_Difference] = []
    message: str | None = None
    """Set if the interaction could not be completed."""


class _Error(msgspec.Struct):
    interaction: str
    """A sentence: `Verifying a pact between A and B Given S And T - description`."""
    mismatch: _Outcome


class _Result(msgspec.Struct):
    description: str
    result: str


class Report(msgspec.Struct, rename="camel"):
    """The used part of the report that the tool writes with `--json`."""

    errors: list[_Error]
    pending_errors: list[_Error]
    interaction_results: list[_Result]


_WHERE: Mapping[str, Callable[[_Difference], str]] = {
    "StatusMismatch": lambda _: "status",
    "HeaderMismatch": lambda difference: f"header {difference.key}",
    "BodyTypeMismatch": lambda _: "body",
    "BodyMismatch": lambda difference: f"body {difference.path}",
    "MetadataMismatch": lambda difference: f"metadata {difference.key}",
}


@attrs.frozen
class Refusals:
    """The reasons that the tool drops: why a state was not set, or an event is missing."""

    states: Mapping[str, str]
    """By the state's name."""
    messages: Mapping[str, str]
    """By the interaction's description."""


def read_report(content: bytes, refusals: Refusals) -> list[VerifiedInteraction]:
    """Every interaction in the report, in its order.

    Args:
        content: the report.
        refusals: the reasons from the relay.

    Raises:
        ContractsError: the tool tried no interaction, or could not load a pact; one sentence.
    """
    report = msgspec.json.decode(content, type=Report)
    failed = {
        InteractionVerdict.FAILED: report.errors,
        InteractionVerdict.PENDING: report.pending_errors,
    }
    tried = []
    for result in report.interaction_results:
        if result.result == "OK":
            tried.append(VerifiedInteraction(result.description, InteractionVerdict.HOLDS))
        else:
            tried.append(_failed(result.description, failed, refusals))
    for left in (*report.errors, *report.pending_errors):
        # An error without an interaction: a pact could not be loaded, or there is none.
        reason = left.mismatch.message or left.interaction
        raise ContractsError(f"nothing is verified: {reason}")
    if not tried:
        raise ContractsError("nothing is verified: no interaction was tried")
    return tried


def _failed(
    description: str,
    failed: Mapping[InteractionVerdict, list[_Error]],
    refusals: Refusals,
) -> VerifiedInteraction:
    """The failure of `description`, removed from `failed`; the tool names it in a sentence."""
    ending = f" - {description}"
    for verdict, errors in failed.items():
        error = next((e for e in errors if e.interaction.endswith(ending)), None)
        if error is not None:
            errors.remove(error)
            _, _, given = error.interaction.removesuffix(ending).partition(" Given ")
            outcome = error.mismatch
            if description in refusals.messages:
                mismatches = [Mismatch("message", refusals.messages[description])]
            elif outcome.message is not None:
                mismatches = _not_tried(outcome.message, given, refusals)
            else:
                mismatches = _mismatches(outcome)
            return VerifiedInteraction(
                description, verdict, given.replace(" And ", " and "), mismatches
            )
    raise ContractsError(f"the verifier reports no reason for the failure of {description!r}")


def _not_tried(message: str, given: str, refusals: Refusals) -> list[Mismatch]:
    reasons = [
        Mismatch("state", reason)
        for state, reason in refusals.states.items()
        if (state in given if state else not given)
    ]
    return reasons if reasons and "state change" in message else [Mismatch("request", message)]


def _mismatches(outcome: _Outcome) -> list[Mismatch]:
    statuses = {str(d.actual) for d in outcome.mismatches if d.type == "StatusMismatch"}
    for status, sentence in UNANSWERED.items():
        if str(status) in statuses:
            return [Mismatch("status", sentence)]
    return [
        Mismatch(_WHERE[d.type](d) if d.type in _WHERE else d.type, _what(d))
        for d in outcome.mismatches
    ]


def _what(difference: _Difference) -> str:
    if difference.type == "StatusMismatch":
        return f"expected {difference.expected}, got {difference.actual}"
    return difference.mismatch
