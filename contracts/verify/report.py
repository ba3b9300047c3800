"""The tool's JSON report, read into interactions."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shelfport.contracts.failures import ContractsError
from shelfport.contracts.verify.model import Interaction, Mismatch, Verdict


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
    """There where the interaction could not be tried to its end."""


class _Error(msgspec.Struct):
    interaction: str
    """A sentence: `Verifying a pact between A and B Given S And T - description`."""
    mismatch: _Outcome


class _Result(msgspec.Struct):
    description: str
    result: str


class Report(msgspec.Struct, rename="camel"):
    """What the tool writes with `--json`, as far as it is used here."""

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


def read_report(content: bytes, refused_states: Mapping[str, str]) -> list[Interaction]:
    """Every interaction that the tool tried, in its order.

    Args:
        content: the report as the tool wrote it.
        refused_states: by state, why it could not be set up; the tool does not say.

    Raises:
        ContractsError: it tried none, or could not try one of the pacts; one sentence.
    """
    report = msgspec.json.decode(content, type=Report)
    failed = {Verdict.FAILED: report.errors, Verdict.PENDING: report.pending_errors}
    tried = []
    for result in report.interaction_results:
        if result.result == "OK":
            tried.append(Interaction(result.description, Verdict.HOLDS))
        else:
            tried.append(_failed(result.description, failed, refused_states))
    for left in (*report.errors, *report.pending_errors):
        # What belongs to no interaction: a pact that could not be loaded, or none at all.
        reason = left.mismatch.message or left.interaction
        raise ContractsError(f"nothing is verified: {reason}")
    if not tried:
        raise ContractsError("nothing is verified: no interaction was tried")
    return tried


def _failed(
    description: str,
    failed: Mapping[Verdict, list[_Error]],
    refused_states: Mapping[str, str],
) -> Interaction:
    """The failure of `description`, taken out of `failed`: the tool tells it by a sentence only."""
    ending = f" - {description}"
    for verdict, errors in failed.items():
        error = next((e for e in errors if e.interaction.endswith(ending)), None)
        if error is not None:
            errors.remove(error)
            _, _, given = error.interaction.removesuffix(ending).partition(" Given ")
            return Interaction(
                description,
                verdict,
                given.replace(" And ", " and "),
                _mismatches(error.mismatch, given, refused_states),
            )
    raise ContractsError(f"the verifier says that {description!r} failed, and not how")


def _mismatches(outcome: _Outcome, given: str, refused_states: Mapping[str, str]) -> list[Mismatch]:
    if outcome.message is None:
        return [
            Mismatch(_WHERE[d.type](d) if d.type in _WHERE else d.type, _what(d))
            for d in outcome.mismatches
        ]
    reasons = [
        Mismatch("state", reason)
        for state, reason in refused_states.items()
        if (state in given if state else not given)
    ]
    if "state change" in outcome.message and reasons:
        return reasons
    return [Mismatch("request", outcome.message)]


def _what(difference: _Difference) -> str:
    if difference.type == "StatusMismatch":
        return f"expected {difference.expected}, got {difference.actual}"
    return difference.mismatch
