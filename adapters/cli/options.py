"""The options that commands share, and the settings that they load."""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from shelfport.adapters.cli.running import Misuse
from shelfport.adapters.composition.build import build
from shelfport.adapters.config.loader import LoadedSettings, load_with_origins
from shelfport.adapters.config.settings import Settings
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.facade.integration import InventoryIntegration
from shelfport.adapters.queue.options import MEMORY, QueueOptions
from shelfport.domain.model import InitializationPolicy

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
Json = Annotated[
    bool,
    Parameter(name="--json", negative=(), show_default=False, help="Print a JSON document."),
]
Verbose = Annotated[
    bool,
    Parameter(
        negative=(), show_default=False, help="Log to stderr, and print the traceback of a bug."
    ),
]
SettingsFiles = Annotated[
    tuple[Path, ...],
    Parameter(
        name="--settings",
        negative=(),
        show_default=False,
        help="A TOML file with a table [shelfport]. May be repeated: later files win over "
        "earlier ones, and variables SHELFPORT_... win over files.",
    ),
]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class CallOptions:
    """The options of every command that sends requests to the Inventory Service."""

    settings: SettingsFiles = ()
    base_url: Annotated[
        str | None,
        Parameter(help="The Inventory Service's address; wins over files and variables."),
    ] = None
    as_json: Json = False
    deadline: Annotated[float | None, Parameter(help="Seconds that one call may take.")] = None
    correlation_id: Annotated[
        str | None,
        Parameter(help="The id of the requests in logs, here and at the service; default: random."),
    ] = None
    verbose: Verbose = False

    @asynccontextmanager
    async def open_inventory(
        self, *, with_queue: bool = False
    ) -> AsyncIterator[InventoryIntegration]:
        """Build the integration and open it.

        The command `worker` alone works the queue off. Without `with_queue`, the queue does not
        have to be reachable.

        Raises:
            Misuse: the settings are not valid, or name files that cannot be used.
        """
        settings = self.load_settings()
        async with AsyncExitStack() as stack:
            with misuse():
                inventory = build(
                    _queueing_settings(settings) if with_queue else read_only_settings(settings)
                )
                await stack.enter_async_context(inventory)
            yield inventory

    def load_settings(self) -> Settings:
        """Load settings that name a service.

        Raises:
            Misuse: they are not valid, or name no service.
        """
        with misuse():
            settings = load_command_settings(self.settings, {"base_url": self.base_url}).settings
            require_service(settings)
        return settings


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class QueueCommandOptions:
    """The options of the commands below `queue`.

    The queue's address comes from the settings only: it may hold a password, and every user of a
    machine can read its command lines.
    """

    settings: SettingsFiles = ()
    as_json: Json = False
    verbose: Verbose = False


def _queueing_settings(settings: Settings) -> Settings:
    queue = attrs.evolve(settings.queue, worker=False)
    return attrs.evolve(without_events(settings), queue=queue)


def read_only_settings(settings: Settings) -> Settings:
    """`settings` for a command that only reads: without queue and bus."""
    initialization = attrs.evolve(settings.initialization, policy=InitializationPolicy.ROLL_BACK)
    return attrs.evolve(
        without_events(settings), queue=QueueOptions(), initialization=initialization
    )


def without_events(settings: Settings) -> Settings:
    """`settings` for a command without a catalog.

    With a bus, it would take events from the consumer group and acknowledge them unhandled.
    """
    return attrs.evolve(settings, events=EventOptions())


def require_queue(settings: Settings) -> None:
    """Check that the settings name a queue that other processes can see.

    Raises:
        Misuse: they do not.
    """
    address = settings.queue.url
    if address is None:
        raise Misuse(
            "queue.url is not set: set SHELFPORT_QUEUE_URL, or queue.url in a settings file"
        )
    if address.get_secret_value() == MEMORY:
        raise Misuse("queue.url is memory:, a queue that no other process can see")


def require_service(settings: Settings) -> None:
    """Check that the settings name a service, or another adapter, before anything is opened.

    Raises:
        SettingsError: they name neither.
    """
    _ = settings.adapter_name


def load_command_settings(
    files: tuple[Path, ...], command_line: Mapping[str, Any]
) -> LoadedSettings:
    """Load the settings of files and environment; the command line wins.

    Args:
        files: as for `load_settings`.
        command_line: settings by name; None for one that was not given.

    Raises:
        SettingsError: they are not valid; the sentence names the setting and its origin.
    """
    given = {
        name: (value, option_name(name))
        for name, value in command_line.items()
        if value is not None
    }
    loaded = load_with_origins(*files, given=given)
    if loaded.settings.mapper is not None:
        import_from_working_directory()
    return loaded


def import_from_working_directory() -> None:
    """Let the host's modules be imported from the working directory, as `python -m` does."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)


def option_name(setting: str) -> str:
    """The option that gives a setting: `--base-url` for `base_url`."""
    return f"--{setting.replace('_', '-')}"


@contextmanager
def misuse() -> Iterator[None]:
    """Turn a ValueError, which the library raises for bad arguments and settings, into Misuse."""
    try:
        yield
    except ValueError as error:
        raise Misuse(str(error)) from error
