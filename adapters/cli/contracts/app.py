"""The commands below `contracts` and their help."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from shelfport.adapters.cli import help  # noqa: A004 - nothing here asks Python for help
from shelfport.adapters.cli.contracts import broker_commands, checkout, generation, verification
from shelfport.adapters.cli.running import guarded, run_async
from shelfport.contracts.broker import CONSUMER
from shelfport.contracts.verify import PROVIDER

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
Json = Annotated[
    bool,
    Parameter(
        name="--json", negative=(), show_default=False, help="Print one JSON document instead."
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
    verbose: Flag = False,
) -> int:
    """Generate the pact from the contract's yaml files, and show what it changes.

    Args:
        service: An inventory-service.yaml; without it, shelfport's own.
        events: An inventory-events.asyncapi.yaml; without it, shelfport's own.
        pact: The pact file to compare with; without it, shelfport's own.
        write: Write the pact to this file, and compare it with nothing.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return guarded(lambda: generation.run_generate(service, events, pact, write), verbose=verbose)


@contracts_app.command(help_epilogue=help.VERIFY, version_flags=())
def verify(
    *,
    provider_url: str,
    states_url: str | None = None,
    messages_url: str | None = None,
    pact: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
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
    verbose: Flag = False,
) -> int:
    """Find out whether an Inventory Service keeps what its consumers ask of it.

    Args:
        provider_url: The Inventory Service: below it is /inventory.
        states_url: Where provider states are set; without it, /_pact/states below the provider.
        messages_url: Where events are asked for; without it, /_pact/messages below the provider.
        pact: A pact file, or a folder of them; may be repeated. Without it, shelfport's own.
        broker: Take the pacts of this Pact broker instead.
        provider: The Inventory Service's name at the broker.
        consumer_branch: Also the consumers' latest pacts of this branch, from the broker.
        pending: Let pacts fail that the broker has never seen kept, without failing.
        publish: Give the results to the broker.
        provider_version: As whose results; without it, the git commit.
        provider_branch: The branch of that version; without it, git's.
        build_url: Where the build that publishes can be looked at.
        only: Try those interactions only whose description has this text in it.
        timeout: Seconds that each answer of the provider may take.
        as_json: Print one JSON document instead.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    asked = verification.VerificationOptions(
        provider_url=provider_url,
        states_url=states_url,
        messages_url=messages_url,
        pacts=pact,
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
    return run_async(lambda: verification.run_verify(asked, as_json=as_json), verbose=verbose)


@contracts_app.command(help_epilogue=help.PUBLISH, version_flags=())
def publish(
    *,
    broker: str | None = None,
    pact: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
    consumer: str = CONSUMER,
    version: str | None = None,
    branch: str | None = None,
    build_url: str | None = None,
    verbose: Flag = False,
) -> int:
    """Publish the pacts of a consumer version at a Pact broker.

    Args:
        broker: The Pact broker; without it, PACT_BROKER_BASE_URL.
        pact: A pact file, or a folder of them; may be repeated. Without it, shelfport's own.
        consumer: Under whose name; the service that embeds shelfport has one of its own.
        version: As whose pacts; without it, the git commit.
        branch: The branch of that version; without it, git's.
        build_url: Where the build that publishes can be looked at.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: broker_commands.run_publish(
            broker,
            pact,
            consumer=consumer,
            version=checkout.version_here(version, branch, build_url),
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
    verbose: Flag = False,
) -> int:
    """Ask a Pact broker whether a version fits what runs in an environment.

    Args:
        to_environment: The environment, by its name at the broker.
        broker: The Pact broker; without it, PACT_BROKER_BASE_URL.
        pacticipant: What is to be deployed, by its name at the broker.
        version: Its version; without it, the git commit.
        wait: Seconds to wait for verifications that are missing.
        as_json: Print one JSON document instead.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: broker_commands.run_can_i_deploy(
            broker,
            pacticipant,
            checkout.commit_here(version),
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
    verbose: Flag = False,
) -> int:
    """Tell a Pact broker that a version runs in an environment now.

    Args:
        environment: The environment, by its name at the broker.
        broker: The Pact broker; without it, PACT_BROKER_BASE_URL.
        pacticipant: What was deployed, by its name at the broker.
        version: Its version; without it, the git commit.
        instance: Which of several that run there beside each other.
        verbose: Log to stderr; a bug comes with its traceback.
    """
    return run_async(
        lambda: broker_commands.run_record_deployment(
            broker, pacticipant, checkout.commit_here(version), environment, instance=instance
        ),
        verbose=verbose,
    )
