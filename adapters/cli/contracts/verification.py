"""`contracts verify`: a verification as the caller asked for it, and what it found, printed."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import attrs
import msgspec
from rich.text import Text
from typed_settings import Secret

from shelfport.adapters.cli.contracts.checkout import version_here
from shelfport.adapters.cli.contracts.failing import contracts_tried
from shelfport.adapters.cli.options import misuse
from shelfport.adapters.cli.output import SCHEMA, print_json, print_text
from shelfport.adapters.cli.running import Exit, Misuse, complain
from shelfport.contracts.broker import BrokerAccess
from shelfport.contracts.pact_files import packaged_pacts, read_pacts
from shelfport.contracts.verify import (
    BrokerPacts,
    Interaction,
    InteractionVerdict,
    Mismatch,
    Provider,
    Verification,
    verify,
)
from shelfport.domain.model.text import one_line

TOKEN_VARIABLE: Final = "PACT_PROVIDER_TOKEN"  # noqa: S105 - a name
"""The bearer token that the provider accepts; not an option, which everybody could read."""

_STYLES = {
    InteractionVerdict.HOLDS: "green",
    InteractionVerdict.FAILED: "red",
    InteractionVerdict.PENDING: "yellow",
}
_INDENT = " " * 9


@attrs.frozen(kw_only=True)
class VerificationOptions:
    """The options of the command, as they were given."""

    provider_url: str
    states_url: str | None
    messages_url: str | None
    pacts: tuple[Path, ...]
    broker: str | None
    provider: str
    consumer_branch: str | None
    pending: bool
    publish: bool
    version: str | None
    branch: str | None
    build_url: str | None
    only: str | None
    timeout: float


class InteractionEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One interaction that was tried. Every field is always there."""

    description: str
    verdict: InteractionVerdict
    given: str
    mismatches: Sequence[Mismatch]


class VerificationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `contracts verify --json` prints."""

    ok: bool
    published: bool
    interactions: Sequence[InteractionEntry]
    schema: int = SCHEMA


async def run_verify(asked: VerificationOptions, *, as_json: bool) -> int:
    """Verify, and print what was found; only if all held, and is published, `Exit.ANSWERED`."""
    with contracts_tried() as outcome:
        found = await _verified(asked)
        if as_json:
            print_json(_document(found))
        else:
            _print(found, asked)
        if found.not_published is not None:
            complain(f"the results could not be published: {found.not_published}")
        elif found.ok:
            outcome.code = Exit.ANSWERED
    return outcome.code


async def _verified(asked: VerificationOptions) -> Verification:
    with misuse():
        provider = _provider(asked)
        if asked.broker is None:
            _check_without_broker(asked)
            files = nullcontext(read_pacts(asked.pacts)) if asked.pacts else packaged_pacts()
            with files as pacts:
                return await verify(provider, pacts, only=asked.only)
        if asked.pacts:
            raise Misuse("--pact and --broker are both given: which pacts are meant?")
        from_broker = BrokerPacts(
            access=BrokerAccess.from_environment(asked.broker, os.environ),
            provider=asked.provider,
            consumer_branch=asked.consumer_branch,
            pending=asked.pending,
            publish=version_here(asked.version, asked.branch, asked.build_url)
            if asked.publish
            else None,
        )
        return await verify(provider, from_broker, only=asked.only)


def _provider(asked: VerificationOptions) -> Provider:
    given = {
        "url": asked.provider_url,
        "states_url": asked.states_url,
        "messages_url": asked.messages_url,
    }
    token = os.environ.get(TOKEN_VARIABLE)
    return Provider(
        **{name: value for name, value in given.items() if value is not None},
        token=Secret(token) if token else None,
        timeout=asked.timeout,
    )


def _check_without_broker(asked: VerificationOptions) -> None:
    """Refuse options that would mean nothing, rather than pass over them."""
    options = {
        "--publish": asked.publish,
        "--pending": asked.pending,
        "--consumer-branch": asked.consumer_branch,
    }
    given = next((name for name, value in options.items() if value), None)
    if given is not None:
        raise Misuse(f"{given} is about a Pact broker: give --broker as well")


def _document(found: Verification) -> VerificationDocument:
    return VerificationDocument(
        found.ok,
        found.published,
        [
            InteractionEntry(one.description, one.verdict, one.given, one.mismatches)
            for one in found.interactions
        ],
    )


def _print(found: Verification, asked: VerificationOptions) -> None:
    for one in found.interactions:
        _print_interaction(one)
    total, held = len(found.interactions), len(found.of(InteractionVerdict.HOLDS))
    parts = [f"{held} of {total} interactions hold"]
    parts += [
        f"{len(ones)} {verdict.value.lower()}"
        for verdict in (InteractionVerdict.FAILED, InteractionVerdict.PENDING)
        if (ones := found.of(verdict))
    ]
    print_text(Text())
    print_text(Text(", ".join(parts), "bold"))
    if found.published:
        print_text(Text(f"The broker at {asked.broker} has the results."))


def _print_interaction(one: Interaction) -> None:
    if one.verdict is not InteractionVerdict.HOLDS:
        print_text(Text())
    line = Text(f"{one.verdict.value.lower():<{len(_INDENT)}}", _STYLES[one.verdict])
    line.append(
        one_line(one.description), "bold" if one.verdict is InteractionVerdict.FAILED else ""
    )
    print_text(line)
    if one.given:
        print_text(Text(f"{_INDENT}given that {one_line(one.given)}", "dim"))
    for mismatch in one.mismatches:
        print_text(Text(f"{_INDENT}{mismatch.where}: {one_line(mismatch.what)}"))
    if one.verdict is not InteractionVerdict.HOLDS:
        print_text(Text())
