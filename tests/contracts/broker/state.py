"""The state of the broker's double: versions, pacts, verifications, deployments.

Its answers to "which pacts must be verified" and "may this be deployed" are those of the real
broker for shelfport's requests, with the real broker's sentences.
"""

import hashlib
from typing import Any

import attrs
import msgspec

MAIN_BRANCHES = ("develop", "main", "master")
"""The real broker's defaults for the main branch of a pacticipant."""
ENVIRONMENTS = {
    "test": "16926ef3-590f-4e3f-838e-719717aa88c9",
    "production": "8ec387e7-a9d1-4bbd-97ed-8e2a2d1f8d33",
}
"""The two environments of a new broker, with their ids."""


@attrs.frozen
class Publication:
    """A pact as a consumer version published it."""

    consumer: str
    provider: str
    version: str
    sha: str
    content: dict[str, Any]


@attrs.frozen
class Verified:
    """A result that a provider version published."""

    consumer: str
    provider: str
    sha: str
    version: str
    success: bool
    results: list[dict[str, Any]]


@attrs.frozen
class Row:
    """A row of the matrix: a consumer version and a provider version, or what is missing."""

    consumer: str
    consumer_version: str
    provider: str
    provider_version: str | None
    success: bool | None


@attrs.frozen
class Decision:
    """Whether something may be deployed: yes, no, or not known yet."""

    deployable: bool | None
    reasons: list[str]
    rows: list[Row] = attrs.field(factory=list)


@attrs.define
class BrokerState:
    """Everything that was published and recorded, oldest first."""

    branches: dict[tuple[str, str], set[str]] = attrs.field(factory=dict)
    """By pacticipant and version."""
    publications: list[Publication] = attrs.field(factory=list)
    verifications: list[Verified] = attrs.field(factory=list)
    deployed: dict[tuple[str, str, str | None], str] = attrs.field(factory=dict)
    """The version that runs, by pacticipant, environment and application instance."""

    def add_version(self, pacticipant: str, version: str, branch: str | None) -> None:
        known = self.branches.setdefault((pacticipant, version), set())
        if branch is not None:
            known.add(branch)

    def conflict(self, new: Publication) -> bool:
        """Whether the version published another pact before."""
        return any(
            old.sha != new.sha
            for old in self.publications
            if (old.consumer, old.provider, old.version)
            == (new.consumer, new.provider, new.version)
        )

    def publish(self, new: Publication) -> None:
        if new not in self.publications:
            self.publications.append(new)

    def main_branch(self, pacticipant: str) -> str | None:
        used = {
            b for (name, _), found in self.branches.items() if name == pacticipant for b in found
        }
        return next((branch for branch in MAIN_BRANCHES if branch in used), None)

    def for_verification(self, provider: str, selectors: list[dict[str, Any]]) -> list[Publication]:
        """The pacts that match one of `selectors`, each content once."""
        chosen: dict[str, Publication] = {}
        for consumer in sorted({p.consumer for p in self.publications if p.provider == provider}):
            of = [p for p in self.publications if (p.consumer, p.provider) == (consumer, provider)]
            for selector in selectors:
                for publication in self._selected(of, consumer, selector):
                    chosen[publication.sha] = publication
        return list(chosen.values())

    def _selected(
        self, of: list[Publication], consumer: str, selector: dict[str, Any]
    ) -> list[Publication]:
        match selector:
            case {"mainBranch": True}:
                branch = self.main_branch(consumer)
            case {"branch": str(branch)}:
                pass
            case {"deployedOrReleased": True}:
                running = {v for (name, _, _), v in self.deployed.items() if name == consumer}
                return [p for p in of if p.version in running]
            case _:
                raise ValueError(f"the double knows no selector {selector}")
        on_branch = [p for p in of if branch in self.branches[p.consumer, p.version]]
        return on_branch[-1:]

    def is_pending(self, publication: Publication) -> bool:
        """Whether the provider never kept this pact."""
        return not any(v.success for v in self.verifications if v.sha == publication.sha)

    def decide(self, pacticipant: str, version: str, environment: str) -> Decision:
        """Whether a version may be deployed to an environment."""
        if (pacticipant, version) not in self.branches:
            reason = (
                "No pacts or verifications have been published for "
                f"version {version} of {pacticipant}"
            )
            return Decision(False, [reason])
        rows: list[Row] = []
        reasons: list[str] = []
        for row, consumer, provider in self._required(pacticipant, version, environment):
            rows.append(row)
            if row.success is None:
                reasons.append(f"There is no verified pact between {consumer} and {provider}")
            elif not row.success:
                reasons.append(
                    f"The verification for the pact between {consumer} and {provider} failed"
                )
        if any(row.success is None for row in rows):
            return Decision(None, reasons, rows)
        if reasons:
            return Decision(False, reasons, rows)
        if not rows:
            return Decision(True, ["There are no missing dependencies"])
        return Decision(
            True, ["All required verification results are published and successful"], rows
        )

    def _required(
        self, pacticipant: str, version: str, environment: str
    ) -> list[tuple[Row, str, str]]:
        """The rows of the matrix, with consumer and provider as the broker's sentences name them.

        A consumer needs its providers; a provider needs the deployed consumers.
        """
        itself = f"version {version} of {pacticipant}"
        required = []
        for pact in self.publications:
            if pact.consumer == pacticipant and pact.version == version:
                running: list[str | None] = [*self._running(pact.provider, environment)]
                for there in running or [None]:
                    row = Row(
                        pacticipant, version, pact.provider, there, self._success(pact, there)
                    )
                    required.append((row, itself, _there(pact.provider, environment, there)))
            elif pact.provider == pacticipant and pact.version in self._running(
                pact.consumer, environment
            ):
                row = Row(
                    pact.consumer, pact.version, pacticipant, version, self._success(pact, version)
                )
                required.append((row, _there(pact.consumer, environment, pact.version), itself))
        return required

    def _running(self, pacticipant: str, environment: str) -> list[str]:
        return [
            version
            for (name, where, _), version in self.deployed.items()
            if (name, where) == (pacticipant, environment)
        ]

    def _success(self, pact: Publication, provider_version: str | None) -> bool | None:
        """The latest result of that pact's content by that provider version."""
        results = [
            v.success
            for v in self.verifications
            if (v.consumer, v.provider, v.sha) == (pact.consumer, pact.provider, pact.sha)
            and v.version == provider_version
        ]
        return results[-1] if results else None


def _there(pacticipant: str, environment: str, version: str | None) -> str:
    if version is None:
        return (
            f"a version of {pacticipant} currently in {environment} "
            "(no version is currently recorded as deployed/released in this environment)"
        )
    return f"the version of {pacticipant} currently in {environment} ({version})"


def sha_of(content: dict[str, Any]) -> str:
    """A hash of a pact's content that ignores the order of its members."""
    return hashlib.sha1(msgspec.json.encode(content, order="sorted")).hexdigest()
