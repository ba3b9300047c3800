"""Publish, ask and record at the broker, through the official command line.

What it says is turned into one sentence; what its exit code does not say (`can-i-deploy -o json`
exits with 0 whatever the answer) is read from its JSON.
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
from shelfport.contracts.tool import Ran, run_tool

CONSUMER = "shelfport"
"""The consumer's name in the packaged pacts; a host may publish them under its own."""

_RETRIES = ("--retries", "2")
"""Half a second and one more: a broker that is down for longer is down."""
_INTERVAL = 2
"""Seconds between two questions, while an answer is waited for."""
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
    """A consumer version and a provider version that would meet."""

    consumer: str
    consumer_version: str | None
    provider: str
    provider_version: str | None
    """None where no version is there."""
    success: bool | None
    """Whether this provider version keeps this pact; None where nobody verified it."""


@attrs.frozen
class Decision:
    """The broker's answer to "may I deploy?"."""

    deployable: bool | None
    """None: it cannot tell, as a verification is missing; that is no yes."""
    reason: str
    pairs: Sequence[Pair]


async def publish(
    access: BrokerAccess, pacts: PactFiles, version: Version, *, consumer: str = CONSUMER
) -> None:
    """Publish `pacts` as those of one version of the consumer.

    Args:
        access: the broker.
        pacts: what the consumer asks of its provider.
        version: as whose they are published.
        consumer: its name at the broker.

    Raises:
        ContractsError: the broker has another pact of this version, refuses it, or is not there.
    """
    await access.check()
    with TemporaryDirectory(prefix="shelfport-publish-") as folder:
        paths = [Path(folder) / f"{number}.json" for number, _ in enumerate(pacts.paths)]
        for path, original in zip(paths, pacts.paths, strict=True):
            path.write_bytes(renamed(original, consumer))
        ran = await _ask(
            access,
            "publish",
            *(str(path) for path in paths),
            *("--consumer-app-version", version.number),
            *(("--branch", version.branch) if version.branch else ()),
            *(("--build-url", version.build_url) if version.build_url else ()),
        )
    if "Cannot change the content of the pact" in ran.out:
        raise ContractsError(
            f"the broker has another pact of {consumer} {version.number} already: "
            "what has changed is published under a version of its own"
        )
    if ran.code != 0:
        raise _refused(access, ran, f"did not take the pact of {consumer} {version.number}")


async def can_i_deploy(
    access: BrokerAccess, pacticipant: str, version: str, environment: str, *, wait: float = 0
) -> Decision:
    """Ask whether a version may be deployed to `environment`.

    Args:
        access: the broker.
        pacticipant: what is to be deployed, by its name at the broker.
        version: its number.
        environment: its name at the broker.
        wait: how long, in seconds, to wait for verifications that are missing.

    Raises:
        ContractsError: the broker does not answer the question.
    """
    await access.check()
    ran = await _ask(
        access,
        "can-i-deploy",
        *("--pacticipant", pacticipant, "--version", version),
        *("--to-environment", environment, "--output", "json"),
        *(_patience(wait) if wait else ()),
    )
    if ran.code != 0:
        _check_environment(ran, environment)
        raise _refused(access, ran, f"does not say whether {pacticipant} {version} may be deployed")
    try:
        answer = msgspec.json.decode(ran.out, type=_Matrix)
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
    """Tell the broker that a version now runs in `environment`, in place of what ran there.

    Args:
        access: the broker.
        pacticipant: what was deployed, by its name at the broker.
        version: its number.
        environment: its name at the broker.
        instance: which of several that run beside each other there; None where there is one.

    Raises:
        ContractsError: the broker does not know version or environment, or refuses it.
    """
    await access.check()
    ran = await _ask(
        access,
        "record-deployment",
        *("--pacticipant", pacticipant, "--version", version),
        *("--environment", environment, "--output", "json"),
        *(("--application-instance", instance) if instance else ()),
    )
    if ran.code != 0:
        _check_environment(ran, environment)
        if _status(ran) == "404":
            raise ContractsError(
                f"the broker at {access.url} knows no {pacticipant} {version}: "
                "it has neither published a pact nor been verified"
            )
        raise _refused(access, ran, f"did not record the deployment of {pacticipant} {version}")


def _patience(wait: float) -> tuple[str, ...]:
    times = max(1, round(wait / _INTERVAL))
    return ("--retry-while-unknown", str(times), "--retry-interval", str(_INTERVAL))


async def _ask(access: BrokerAccess, command: str, *arguments: str) -> Ran:
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


def _status(ran: Ran) -> str | None:
    found = _STATUS.search(ran.out)
    return found and found[1]


def _check_environment(ran: Ran, environment: str) -> None:
    if re.search(r"Environment .*does not exist", ran.out):
        raise ContractsError(f"the broker has no environment {environment!r}")


def _refused(access: BrokerAccess, ran: Ran, what: str) -> ContractsError:
    match _status(ran):
        case "401" | "403" as status:
            return ContractsError(
                f"the broker at {access.url} {what}: it answers {status}, "
                "the credentials may read and not write"
            )
        case _:
            return ContractsError(f"the broker at {access.url} {what}: {ran.complaint}")
