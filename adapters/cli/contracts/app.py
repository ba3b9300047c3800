"""The commands below `contracts` and their options, as cyclopts parses them."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from shelfport.adapters.cli import help  # noqa: A004 - Python's help is not used here
from shelfport.adapters.cli.contracts.broker_commands import (
    run_can_i_deploy,
    run_publish,
    run_record_deployment,
)
from shelfport.adapters.cli.contracts.checkout import commit_here, version_here
from shelfport.adapters.cli.contracts.generation import run_generate
from shelfport.adapters.cli.contracts.verification import VerificationOptions, run_verify
from shelfport.adapters.cli.options import Flag, Json, Verbose
from shelfport.adapters.cli.running import guarded, run_async
from shelfport.contracts.broker import CONSUMER
from shelfport.contracts.verify import PROVIDER

PactPaths = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--pact",
        negative=(),
        show_default=False,
        help="A pact file, or a folder of them; may be repeated. Default: shelfport's own.",
    ),
]

contracts_app: Final = App(
    name="contracts",
    help="Verify the pacts between shelfport and an Inventory Service.",
    help_epilogue=help.CONTRACTS,
    version_flags=(),
)


@contracts_app.command(help_epilogue=help.GENERATE, version_flags=())
def generate(
    *,
    service: Path | None = None,
    events: Path | None = None,
    pact: Path | None = None,
    write: Path | None = None,
    verbose: Verbose = False,
) -> int:
    """Generate the pact from the contract's yaml files, and show what changed.

    Args:
        service: An inventory-service.yaml; default: shelfport's own.
        events: An inventory-events.asyncapi.yaml; default: shelfport's own.
        pact: The pact file to compare with; default: shelfport's own.
        write: Write the pact to this file instead of comparing it.
    """
    return guarded(lambda: run_generate(service, events, pact, write), verbose=verbose)


@contracts_app.command(help_epilogue=help.VERIFY, version_flags=())
def verify(
    *,
    provider_url: str,
    states_url: str | None = None,
    messages_url: str | None = None,
    pacts: PactPaths = (),
    broker: str | None = None,
    provider: str = PROVIDER,
    consumer_branch: str | None = None,
    pending: Flag = False,
    publish: Flag = False,
    provider_version: str | None = None,
    provider_branch: str | None = None,
    build_url: str | None = None,
    only: str | None = None,
    timeout: float = 5.0,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Verify that an Inventory Service keeps the pacts of its consumers.

    Args:
        provider_url: The Inventory Service's address, without /inventory.
        states_url: Sets provider states; default: /_pact/states below the provider.
        messages_url: Returns events; default: /_pact/messages below the provider.
        broker: Verify the pacts of this Pact broker instead.
        provider: The Inventory Service's name at the broker.
        consumer_branch: Verify the latest pacts of this branch of the consumers, too.
        pending: Accept failures of pacts that have not been verified successfully before.
        publish: Publish the results to the broker.
        provider_version: The provider's version; default: the git commit.
        provider_branch: The branch of that version; default: git's.
        build_url: The address of the build that publishes.
        only: Verify only the interactions whose description contains this text.
        timeout: Seconds that each answer of the provider may take.
    """
    options = VerificationOptions(
        provider_url=provider_url,
        states_url=states_url,
        messages_url=messages_url,
        pacts=pacts,
        broker=broker,
        provider=provider,
        consumer_branch=consumer_branch,
        pending=pending,
        publish=publish,
        version=provider_version,
        branch=provider_branch,
        build_url=build_url,
        only=only,
        timeout=timeout,
    )
    return run_async(lambda: run_verify(options, as_json=as_json), verbose=verbose)


@contracts_app.command(help_epilogue=help.PUBLISH, version_flags=())
def publish(
    *,
    broker: str | None = None,
    pacts: PactPaths = (),
    consumer: str = CONSUMER,
    version: str | None = None,
    branch: str | None = None,
    build_url: str | None = None,
    verbose: Verbose = False,
) -> int:
    """Publish the pacts of a consumer version to a Pact broker.

    Args:
        broker: The Pact broker's address; default: PACT_BROKER_BASE_URL.
        consumer: The consumer's name; a service that embeds shelfport gives its own.
        version: The consumer's version; default: the git commit.
        branch: The branch of that version; default: git's.
        build_url: The address of the build that publishes.
    """
    return run_async(
        lambda: run_publish(
            broker,
            pacts,
            consumer=consumer,
            version=version_here(version, branch, build_url),
        ),
        verbose=verbose,
    )


@contracts_app.command(help_epilogue=help.CAN_I_DEPLOY, version_flags=())
def can_i_deploy(
    *,
    to_environment: str,
    broker: str | None = None,
    pacticipant: str = CONSUMER,
    version: str | None = None,
    wait: float = 0.0,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Ask a Pact broker whether a version can be deployed to an environment.

    Args:
        to_environment: The environment, by its name at the broker.
        broker: The Pact broker's address; default: PACT_BROKER_BASE_URL.
        pacticipant: The application to deploy, by its name at the broker.
        version: Its version; default: the git commit.
        wait: Seconds to wait for missing verifications.
    """
    return run_async(
        lambda: run_can_i_deploy(
            broker,
            pacticipant,
            commit_here(version),
            to_environment,
            wait=wait,
            as_json=as_json,
        ),
        verbose=verbose,
    )


@contracts_app.command(help_epilogue=help.RECORD_DEPLOYMENT, version_flags=())
def record_deployment(
    *,
    environment: str,
    broker: str | None = None,
    pacticipant: str = CONSUMER,
    version: str | None = None,
    instance: str | None = None,
    verbose: Verbose = False,
) -> int:
    """Record at a Pact broker that a version was deployed to an environment.

    Args:
        environment: The environment, by its name at the broker.
        broker: The Pact broker's address; default: PACT_BROKER_BASE_URL.
        pacticipant: The deployed application, by its name at the broker.
        version: Its version; default: the git commit.
        instance: The name of the instance, if several run in one environment.
    """
    return run_async(
        lambda: run_record_deployment(
            broker, pacticipant, commit_here(version), environment, instance=instance
        ),
        verbose=verbose,
    )
