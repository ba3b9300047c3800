"""`publish`, `can-i-deploy` and `record-deployment`: the commands that need a Pact broker."""

import math
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
from rich.text import Text

from shelfport.adapters.cli.contracts.errors import contract_errors
from shelfport.adapters.cli.options import misuse
from shelfport.adapters.cli.output import SCHEMA, print_json, print_text
from shelfport.adapters.cli.running import Exit, Misuse
from shelfport.contracts.broker import (
    BrokerAccess,
    Decision,
    Pair,
    Version,
    can_i_deploy,
    publish,
    record_deployment,
)
from shelfport.contracts.pact_files import packaged_pacts, read_pacts
from shelfport.domain.model.text import one_line

_ANSWERS = {True: ("yes", "green"), False: ("no", "red"), None: ("not known", "yellow")}
_VERIFIED = {True: "verified", False: "failed", None: "not verified"}


class PairEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A consumer version and a provider version that would run together."""

    consumer: str
    """The consumer, by its name at the broker."""
    consumer_version: str | None
    """Its version."""
    provider: str
    """The provider, by its name at the broker."""
    provider_version: str | None
    """Its version."""
    success: bool | None
    """Whether this provider keeps this pact; null if that was not verified."""


class DecisionDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `contracts can-i-deploy --json` prints."""

    deployable: bool | None
    """Whether the version may be deployed; null if a verification is missing."""
    reason: str
    """Why, in the broker's words."""
    pairs: Sequence[PairEntry]
    """The pairs of versions that would run together."""
    schema: int = SCHEMA
    """The version of this document."""


async def run_publish(
    broker: str | None, paths: tuple[Path, ...], *, consumer: str, version: Version
) -> int:
    """Publish pacts, and print that."""
    with contract_errors():
        with misuse():
            access = _access(broker)
            files = nullcontext(read_pacts(paths)) if paths else packaged_pacts()
        with files as pacts:
            await publish(access, pacts, version, consumer=consumer)
    branch = f" of branch {version.branch}" if version.branch else ""
    _print_sentence(
        f"The broker at {access.url} has the pact of {consumer} {version.number}{branch}."
    )
    return Exit.ANSWERED


async def run_can_i_deploy(
    broker: str | None,
    pacticipant: str,
    version: str,
    environment: str,
    *,
    wait: float,
    as_json: bool,
) -> int:
    """Print the broker's answer; `Exit.ANSWERED` only if it is yes."""
    if not 0 <= wait < math.inf:
        raise Misuse(f"--wait is {wait:g}: it must be 0 seconds or more")
    with contract_errors():
        with misuse():
            access = _access(broker)
        decision = await can_i_deploy(access, pacticipant, version, environment, wait=wait)
    if as_json:
        print_json(_document(decision))
    else:
        _print_decision(decision)
    return Exit.ANSWERED if decision.deployable else Exit.NO


async def run_record_deployment(
    broker: str | None,
    pacticipant: str,
    version: str,
    environment: str,
    *,
    instance: str | None,
) -> int:
    """Record a deployment, and print that."""
    with contract_errors():
        with misuse():
            access = _access(broker)
        await record_deployment(access, pacticipant, version, environment, instance=instance)
    _print_sentence(
        f"The broker at {access.url} has recorded {pacticipant} {version} in {environment}."
    )
    return Exit.ANSWERED


def _access(broker: str | None) -> BrokerAccess:
    return BrokerAccess.from_environment(broker, os.environ)


def _print_sentence(sentence: str) -> None:
    print_text(Text(one_line(sentence)))


def _document(decision: Decision) -> DecisionDocument:
    entries = [
        PairEntry(p.consumer, p.consumer_version, p.provider, p.provider_version, p.success)
        for p in decision.pairs
    ]
    return DecisionDocument(decision.deployable, decision.reason, entries)


def _print_decision(decision: Decision) -> None:
    answer, style = _ANSWERS[decision.deployable]
    line = Text(answer, style)
    line.append(f": {one_line(decision.reason)}")
    print_text(line)
    for pair in decision.pairs:
        print_text(Text(f"  {one_line(_pair_name(pair))}: {_VERIFIED[pair.success]}"))


def _pair_name(pair: Pair) -> str:
    return " with ".join(
        name if version is None else f"{name} {version}"
        for name, version in (
            (pair.consumer, pair.consumer_version),
            (pair.provider, pair.provider_version),
        )
    )
