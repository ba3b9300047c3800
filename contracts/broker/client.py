"""Publishes pacts, requests deployment decisions and records deployments, with the official tool.

Errors of the tool become one sentence. The decision of `can-i-deploy -o json` is read from its
JSON, because its exit code is 0 for every decision.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import msgspec

from shelfport.contracts.broker.access import BrokerAccess
from shelfport.contracts.broker.version import Version
from shelfport.contracts.errors import ContractsError
from shelfport.contracts.pact_files import PactFiles, renamed
from shelfport.contracts.tool import ToolResult, run_tool

CONSUMER = "shelfport"
"""The consumer's name in the packaged pacts; a host may publish them under its own."""

_RETRIES = ("--retries", "2")
"""Two retries, within about 1.5 seconds."""
_INTERVAL = 2
"""Seconds between two requests while a verification is missing."""
_STATUS = re.compile(r"failed: (\d{3})\b")


class _Party(msgspec.Struct):
    name: str
    version: "_Number | None" = None


class _Number(msgspec.Struct):
    number: str


class _Result(msgspec.Struct):
    success: bool | None = None


class _Row(msgspec.Struct, rename="camel"):
    consumer: _Party
    provider: _Party
    verification_result: _Result | None = None


class _Summary(msgspec.Struct):
    deployable: bool | None
    reason: str = ""


class _Matrix(msgspec.Struct):
    summary: _Summary
    matrix: list[_Row]


@attrs.frozen
class Pair:
    """A consumer version and a provider version that would run together."""

    consumer: str
    consumer_version: str | None
    provider: str
    provider_version: str | None
    """None if no version is deployed."""
    success: bool | None
    """Whether this provider version keeps this pact; None if it was not verified."""


@attrs.frozen
class Decision:
    """The broker's decision whether a version may be deployed."""

    deployable: bool | None
    """None: not known, because a verification is missing; then it may not be deployed."""
    reason: str
    pairs: Sequence[Pair]


async def publish(
    access: BrokerAccess, pacts: PactFiles, version: Version, *, consumer: str = CONSUMER
) -> None:
    """Publish `pacts` for one version of the consumer.

    Args:
        access: the broker.
        pacts: the pacts of the consumer.
        version: the version of the consumer.
        consumer: its name at the broker.

    Raises:
        ContractsError: the broker has another pact of this version, refuses it, or is unreachable.
    """
    await access.check()
    with TemporaryDirectory(prefix="shelfport-publish-") as folder:
        paths = [Path(folder) / f"{number}.json" for number, _ in enumerate(pacts.paths)]
        for path, original in zip(paths, pacts.paths, strict=True):
            path.write_bytes(renamed(original, consumer))
        result = await _run_broker(
            access,
            "publish",
            *(str(path) for path in paths),
            *("--consumer-app-version", version.number),
            *(("--branch", version.branch) if version.branch else ()),
            *(("--build-url", version.build_url) if version.build_url else ()),
        )
    if "Cannot change the content of the pact" in result.out:
        raise ContractsError(
            f"the broker has another pact of {consumer} {version.number} already: "
            "publish a changed pact under another version"
        )
    if result.code != 0:
        raise _refused(access, result, f"did not take the pact of {consumer} {version.number}")


async def can_i_deploy(
    access: BrokerAccess, pacticipant: str, version: str, environment: str, *, wait: float = 0
) -> Decision:
    """Request the decision whether a version may be deployed to `environment`.

    Args:
        access: the broker.
        pacticipant: the application to deploy, by its name at the broker.
        version: its number.
        environment: its name at the broker.
        wait: seconds to wait for missing verifications.

    Raises:
        ContractsError: the broker gives no decision.
    """
    await access.check()
    result = await _run_broker(
        access,
        "can-i-deploy",
        *("--pacticipant", pacticipant, "--version", version),
        *("--to-environment", environment, "--output", "json"),
        *(_wait_options(wait) if wait else ()),
    )
    if result.code != 0:
        _check_environment(result, environment)
        raise _refused(
            access, result, f"does not say whether {pacticipant} {version} may be deployed"
        )
    try:
        answer = msgspec.json.decode(result.out, type=_Matrix)
    except msgspec.MsgspecError as error:
        raise ContractsError(f"the broker at {access.url} gave no matrix: {error}") from error
    return Decision(
        answer.summary.deployable,
        " ".join(answer.summary.reason.split()),
        [_pair(row) for row in answer.matrix],
    )


async def record_deployment(
    access: BrokerAccess,
    pacticipant: str,
    version: str,
    environment: str,
    *,
    instance: str | None = None,
) -> None:
    """Record that a version now runs in `environment` and replaces the previous one.

    Args:
        access: the broker.
        pacticipant: the deployed application, by its name at the broker.
        version: its number.
        environment: its name at the broker.
        instance: the name of the instance, if several run in one environment.

    Raises:
        ContractsError: the broker does not know version or environment, or refuses it.
    """
    await access.check()
    result = await _run_broker(
        access,
        "record-deployment",
        *("--pacticipant", pacticipant, "--version", version),
        *("--environment", environment, "--output", "json"),
        *(("--application-instance", instance) if instance else ()),
    )
    if result.code != 0:
        _check_environment(result, environment)
        if _status(result) == "404":
            raise ContractsError(
                f"the broker at {access.url} knows no {pacticipant} {version}: "
                "it has neither published a pact nor been verified"
            )
        raise _refused(access, result, f"did not record the deployment of {pacticipant} {version}")


def _wait_options(wait: float) -> tuple[str, ...]:
    retries = max(1, round(wait / _INTERVAL))
    return ("--retry-while-unknown", str(retries), "--retry-interval", str(_INTERVAL))


async def _run_broker(access: BrokerAccess, command: str, *arguments: str) -> ToolResult:
    return await run_tool("broker", command, *arguments, *_RETRIES, secrets=access.variables)


def _pair(row: _Row) -> Pair:
    consumer, provider, result = row.consumer, row.provider, row.verification_result
    return Pair(
        consumer.name,
        None if consumer.version is None else consumer.version.number,
        provider.name,
        None if provider.version is None else provider.version.number,
        None if result is None else result.success,
    )


def _status(result: ToolResult) -> str | None:
    found = _STATUS.search(result.out)
    return found and found[1]


def _check_environment(result: ToolResult, environment: str) -> None:
    if re.search(r"Environment .*does not exist", result.out):
        raise ContractsError(f"the broker has no environment {environment!r}")


def _refused(access: BrokerAccess, result: ToolResult, what: str) -> ContractsError:
    match _status(result):
        case "401" | "403" as status:
            return ContractsError(
                f"the broker at {access.url} {what}: it answers {status}, "
                "the credentials may read and not write"
            )
        case _:
            return ContractsError(f"the broker at {access.url} {what}: {result.error_text}")
