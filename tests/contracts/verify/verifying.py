"""Verification of the packaged pacts on a sandbox, or on a server in front of it."""

from typing import Any

from shelfport.contracts.pact_files import packaged_pacts
from shelfport.contracts.sandbox import Sandbox
from shelfport.contracts.verify import InteractionVerdict, Provider, Verification, verify


def provider_at(url: str, sandbox: Sandbox, **terms: Any) -> Provider:
    """A provider at `url`, whose states are those of `sandbox`."""
    messages = sandbox.messages_url.removeprefix(sandbox.url)
    urls = {"url": url, "states_url": sandbox.states_url, "messages_url": url + messages}
    return Provider(**urls | terms)


async def verified(provider: Provider, *, only: str | None = None) -> Verification:
    with packaged_pacts() as pacts:
        return await verify(provider, pacts, only=only)


def failed(found: Verification) -> dict[str, list[tuple[str, str]]]:
    """What failed: by description, where and how."""
    return {
        one.description: [(mismatch.where, mismatch.what) for mismatch in one.mismatches]
        for one in found.with_verdict(InteractionVerdict.FAILED)
    }
