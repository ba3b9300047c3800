"""`contracts verify`: runs a verification and prints its results."""

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
from shelfport.adapters.cli.contracts.errors import contract_errors
from shelfport.adapters.cli.options import misuse
from shelfport.adapters.cli.output import SCHEMA, print_json, print_text
from shelfport.adapters.cli.running import Exit, Misuse, print_error
from shelfport.contracts.broker import BrokerAccess
from shelfport.contracts.pact_files import packaged_pacts, read_pacts
from shelfport.contracts.verify import (
    BrokerPacts,
    InteractionVerdict,
    Mismatch,
    Provider,
    Verification,
    VerifiedInteraction,
    verify,
)
from shelfport.domain.model.text import one_line

TOKEN_VARIABLE: Final = "PACT_PROVIDER_TOKEN"  # noqa: S105 - a name
"""Holds the bearer token for the provider. Every user of a machine can read its command lines."""

_STYLES = {
    InteractionVerdict.HOLDS: "green",
    InteractionVerdict.FAILED: "red",
    InteractionVerdict.PENDING: "yellow",
}
_INDENT = " " * 9


@attrs.frozen(kw_only=True)
class VerificationOptions:
    """The options of the command."""

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
    """One interaction that was verified. Every field is always present."""

    description: str
    """The interaction's name in its pact."""
    verdict: InteractionVerdict
    """`PENDING`: it failed, but the broker does not require it yet."""
    given: str
    """The provider states of an interaction that does not hold; else empty."""
    mismatches: Sequence[Mismatch]
    """The differences from the pact."""


class VerificationDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What `contracts verify --json` prints."""

    ok: bool
    """Whether every required interaction holds."""
    published: bool
    """Whether the results were published to the broker."""
    interactions: Sequence[InteractionEntry]
    """Every interaction that was verified."""
    schema: int = SCHEMA
    """The version of this document."""


async def run_verify(options: VerificationOptions, *, as_json: bool) -> int:
    """Verify and print the results; `Exit.ANSWERED` if all hold, and are published if required."""
    with contract_errors():
        result = await _verify(options)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result, options)
    if result.not_published is not None:
        print_error(f"the results could not be published: {result.not_published}")
        return Exit.NO
    return Exit.ANSWERED if result.ok else Exit.NO


async def _verify(options: VerificationOptions) -> Verification:
    with misuse():
        provider = _provider(options)
        if options.broker is None:
            _check_without_broker(options)
            files = nullcontext(read_pacts(options.pacts)) if options.pacts else packaged_pacts()
            with files as pacts:
                return await verify(provider, pacts, only=options.only)
        if options.pacts:
            raise Misuse("--pact and --broker are both given: give one of them")
        from_broker = BrokerPacts(
            access=BrokerAccess.from_environment(options.broker, os.environ),
            provider=options.provider,
            consumer_branch=options.consumer_branch,
            pending=options.pending,
            publish=version_here(options.version, options.branch, options.build_url)
            if options.publish
            else None,
        )
        return await verify(provider, from_broker, only=options.only)


def _provider(options: VerificationOptions) -> Provider:
    given = {
        "url": options.provider_url,
        "states_url": options.states_url,
        "messages_url": options.messages_url,
    }
    token = os.environ.get(TOKEN_VARIABLE)
    return Provider(
        **{name: value for name, value in given.items() if value is not None},
        token=Secret(token) if token else None,
        timeout=options.timeout,
    )


def _check_without_broker(options: VerificationOptions) -> None:
    """Refuse options that have no effect without a broker."""
    broker_options = {
        "--publish": options.publish,
        "--pending": options.pending,
        "--consumer-branch": options.consumer_branch,
    }
    given = next((name for name, value in broker_options.items() if value), None)
    if given is not None:
        raise Misuse(f"{given} needs a Pact broker: give --broker, too")


def _document(result: Verification) -> VerificationDocument:
    return VerificationDocument(
        result.ok,
        result.published,
        [
            InteractionEntry(one.description, one.verdict, one.given, one.mismatches)
            for one in result.interactions
        ],
    )


def _print_result(result: Verification, options: VerificationOptions) -> None:
    for one in result.interactions:
        _print_interaction(one)
    total, held = len(result.interactions), len(result.with_verdict(InteractionVerdict.HOLDS))
    parts = [f"{held} of {total} interactions hold"]
    parts += [
        f"{len(ones)} {verdict.value.lower()}"
        for verdict in (InteractionVerdict.FAILED, InteractionVerdict.PENDING)
        if (ones := result.with_verdict(verdict))
    ]
    print_text(Text())
    print_text(Text(", ".join(parts), "bold"))
    if result.published:
        print_text(Text(f"The broker at {options.broker} has the results."))


def _print_interaction(one: VerifiedInteraction) -> None:
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
