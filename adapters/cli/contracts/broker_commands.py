"""`publish`, `can-i-deploy` and `record-deployment`: what a Pact broker is told and asked."""

import math
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec
from rich.text import Text

from shelfport.adapters.cli.contracts.failing import contracts_tried
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
    """A consumer version and a provider version that would meet; null for what there is not."""

    consumer: str
    consumer_version: str | None
    provider: str
    provider_version: str | None
    success: bool | None


class DecisionDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `contracts can-i-deploy --json` prints."""

    deployable: bool | None
    reason: str
    pairs: Sequence[PairEntry]
    schema: int = SCHEMA


async def run_publish(
    broker: str | None, paths: tuple[Path, ...], *, consumer: str, version: Version
) -> int:
    """Publish pacts, and say so."""
    with contracts_tried() as outcome:
        with misuse():
            access = _access(broker)
            files = nullcontext(read_pacts(paths)) if paths else packaged_pacts()
        with files as pacts:
            await publish(access, pacts, version, consumer=consumer)
        branch = f" of branch {version.branch}" if version.branch else ""
        _say(f"The broker at {access.url} has the pact of {consumer} {version.number}{branch}.")
        outcome.code = Exit.ANSWERED
    return outcome.code


async def run_can_i_deploy(
    broker: str | None,
    pacticipant: str,
    version: str,
    environment: str,
    *,
    wait: float,
    as_json: bool,
) -> int:
    """Print the broker's answer; only a yes is `Exit.ANSWERED`."""
    if not 0 <= wait < math.inf:
        raise Misuse(f"--wait is {wait:g}: it must be 0 seconds or more")
    with contracts_tried() as outcome:
        with misuse():
            access = _access(broker)
        decision = await can_i_deploy(access, pacticipant, version, environment, wait=wait)
        if as_json:
            print_json(_document(decision))
        else:
            _print(decision)
        outcome.code = Exit.ANSWERED if decision.deployable else Exit.NO
    return outcome.code


async def run_record_deployment(
    broker: str | None,
    pacticipant: str,
    version: str,
    environment: str,
    *,
    instance: str | None,
) -> int:
    """Record a deployment, and say so."""
    with contracts_tried() as outcome:
        with misuse():
            access = _access(broker)
        await record_deployment(access, pacticipant, version, environment, instance=instance)
        _say(f"The broker at {access.url} knows that {pacticipant} {version} is in {environment}.")
        outcome.code = Exit.ANSWERED
    return outcome.code


def _access(broker: str | None) -> BrokerAccess:
    return BrokerAccess.from_environment(broker, os.environ)


def _say(sentence: str) -> None:
    print_text(Text(one_line(sentence)))


def _document(decision: Decision) -> DecisionDocument:
    entries = [
        PairEntry(p.consumer, p.consumer_version, p.provider, p.provider_version, p.success)
        for p in decision.pairs
    ]
    return DecisionDocument(decision.deployable, decision.reason, entries)


def _print(decision: Decision) -> None:
    answer, style = _ANSWERS[decision.deployable]
    line = Text(answer, style)
    line.append(f": {one_line(decision.reason)}")
    print_text(line)
    for pair in decision.pairs:
        print_text(Text(f"  {one_line(_named(pair))}: {_VERIFIED[pair.success]}"))


def _named(pair: Pair) -> str:
    return " with ".join(
        name if version is None else f"{name} {version}"
        for name, version in (
            (pair.consumer, pair.consumer_version),
            (pair.provider, pair.provider_version),
        )
    )
