"""`verify`: runs the tool on pacts and a provider, and reads its report."""

import asyncio
import re
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import attrs
import msgspec

from shelfport.contracts.broker.access import BrokerAccess
from shelfport.contracts.broker.version import Version
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.pact_files import PactFiles
from shelfport.contracts.tool import ToolResult, run_tool
from shelfport.contracts.verify.model import Verification
from shelfport.contracts.verify.provider import PROVIDER, Provider
from shelfport.contracts.verify.relay import Relay, Unreachable
from shelfport.contracts.verify.report import Refusals, read_report

T = TypeVar("T")

_NOT_PUBLISHED = re.compile(r"Publishing of verification results failed with an error: (.*)")


@attrs.frozen(kw_only=True)
class BrokerPacts:
    """The pacts that a broker has for a provider.

    The pacts of each consumer's main branch, and of every consumer version that is deployed or
    released.
    """

    access: BrokerAccess
    provider: str = PROVIDER
    consumer_branch: str | None = None
    """Adds the latest pacts of this branch, of every consumer that has it."""
    pending: bool = False
    """Whether a pact that the provider never kept gets the verdict PENDING if it fails."""
    publish: Version | None = None
    """The provider's version, if the results are published to the broker."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The tool's arguments; secrets are in `access.variables`."""
        selectors: list[dict[str, Any]] = [{"mainBranch": True}, {"deployedOrReleased": True}]
        if self.consumer_branch is not None:
            selectors.append({"branch": self.consumer_branch})
        chosen = [
            part
            for selector in selectors
            for part in ("--consumer-version-selectors", msgspec.json.encode(selector).decode())
        ]
        if self.pending:
            chosen.append("--enable-pending")
        if self.publish is not None:
            chosen += ["--publish", "--provider-version", self.publish.number]
            if self.publish.branch is not None:
                chosen += ["--provider-branch", self.publish.branch]
            if self.publish.build_url is not None:
                chosen += ["--build-url", self.publish.build_url]
        return ("--provider-name", self.provider, "--retries", "2", *chosen)


async def verify(
    provider: Provider, pacts: PactFiles | BrokerPacts, *, only: str | None = None
) -> Verification:
    """Try every interaction of `pacts` on `provider`.

    Args:
        provider: the provider to verify.
        pacts: the pacts that it must keep.
        only: verify only the interactions whose description contains this text.

    Raises:
        ContractsError: the verification could not run; one sentence. `Unreachable` and
            `ToolMissing` are subclasses.
        ValueError: no description contains `only`, or a partial result would be published.
    """
    source = _source(pacts, only)
    secrets = None
    if isinstance(pacts, BrokerPacts):
        await pacts.access.check()
        secrets = pacts.access.variables
    async with Relay(provider) as relay:
        with TemporaryDirectory(prefix="shelfport-verify-") as folder:
            report = Path(folder) / "report.json"
            result = await _until_unreachable(
                run_tool(
                    *("verifier", "--no-colour", "--json", str(report)),
                    *relay.arguments,
                    *source,
                    *(("--filter-description", re.escape(only)) if only else ()),
                    secrets=secrets,
                ),
                relay.unreachable,
            )
            try:
                content = report.read_bytes()
            except FileNotFoundError:
                raise ContractsError(f"the verifier failed: {result.error_text}") from None
    tried = read_report(content, Refusals(relay.refused_states, relay.refused_messages))
    if isinstance(pacts, PactFiles):
        expected = sorted(d for d in pacts.descriptions if only is None or only in d)
        if expected != sorted(one.description for one in tried):
            raise ContractsError(
                f"the verifier tried {len(tried)} interactions of {len(expected)}: "
                "its result is not complete"
            )
        return Verification(tried)
    refused = _not_published(pacts, result)
    published = pacts.publish is not None and refused is None
    return Verification(tried, published=published, not_published=refused)


def _source(pacts: PactFiles | BrokerPacts, only: str | None) -> tuple[str, ...]:
    if isinstance(pacts, BrokerPacts):
        if only is not None and pacts.publish is not None:
            raise ValueError(
                "a partial result is not published: do not give both `only` and `publish`"
            )
        return pacts.arguments
    if only is not None and not any(only in description for description in pacts.descriptions):
        raise ValueError(f"no interaction has {only!r} in its description")
    return tuple(part for path in pacts.paths for part in ("--file", str(path)))


def _not_published(pacts: BrokerPacts, result: ToolResult) -> str | None:
    """Why the broker refused the results; the tool only logs it, and exits with success."""
    if pacts.publish is None:
        return None
    failed = _NOT_PUBLISHED.search(result.err) or _NOT_PUBLISHED.search(result.out)
    return None if failed is None else failed[1].strip()


async def _until_unreachable(
    work: Coroutine[Any, Any, T], unreachable: asyncio.Future[Unreachable]
) -> T:
    """The result of `work`; raises as soon as `unreachable` is done, and cancels `work`."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task, unreachable), return_when=asyncio.FIRST_COMPLETED)
        if unreachable.done():
            raise unreachable.result()
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
