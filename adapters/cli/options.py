"""The options of every command that asks the Inventory Service, and the settings they make."""

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
from shelfport.adapters.queue.options import QueueOptions
from shelfport.domain.model import InitializationPolicy


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class CallOptions:
    """What `get`, `init` and `check` have in common."""

    settings: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(),
            show_default=False,
            help="A TOML file with a table [shelfport]; may be repeated, later ones win. The "
            "variables SHELFPORT_… win over files.",
        ),
    ] = ()
    base_url: Annotated[
        str | None,
        Parameter(help="Where the Inventory Service lives; wins over every setting."),
    ] = None
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", negative=(), show_default=False, help="Print one JSON document instead."
        ),
    ] = False
    deadline: Annotated[float | None, Parameter(help="Seconds until the answer must be there.")] = (
        None
    )
    correlation_id: Annotated[
        str | None,
        Parameter(help="Ties the requests to other records; without it, a new one."),
    ] = None
    verbose: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Log to stderr; a bug comes with its traceback."
        ),
    ] = False

    @asynccontextmanager
    async def opened(self, *, queueing: bool = False) -> AsyncIterator[InventoryIntegration]:
        """The integration that the settings and `--base-url` make, open.

        Raises:
            Misuse: they make none, or name files that cannot be used.
        """
        async with AsyncExitStack() as stack:
            with misuse():
                inventory = await stack.enter_async_context(self.inventory(queueing=queueing))
            yield inventory

    def inventory(self, *, queueing: bool = False) -> InventoryIntegration:
        """The integration that the settings and `--base-url` make, not open yet.

        No command but `worker` works the queue off; one that is not `queueing` has none, and needs
        none of it to be reachable.

        Raises:
            Misuse: they make none.
        """
        settings = self.loaded()
        with misuse():
            return build(_queueing(settings) if queueing else without_others(settings))

    def loaded(self) -> Settings:
        """The settings, with a service to ask.

        Raises:
            Misuse: they make no sense, or name no service.
        """
        with misuse():
            settings = load_given(self.settings, {"base_url": self.base_url}).settings
        if settings.base_url is None:
            raise Misuse(
                "where is the Inventory Service? Give --base-url, or set SHELFPORT_BASE_URL, "
                "or base_url in a settings file"
            )
        return settings


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class QueueCommandOptions:
    """What the commands about the queue have in common.

    The queue's address comes from the settings alone: it may hold a password, and a command line
    is seen by everybody on the machine.
    """

    settings: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(),
            show_default=False,
            help="A TOML file with a table [shelfport]; may be repeated, later ones win. The "
            "variables SHELFPORT_… win over files.",
        ),
    ] = ()
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", negative=(), show_default=False, help="Print one JSON document instead."
        ),
    ] = False
    verbose: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Log to stderr; a bug comes with its traceback."
        ),
    ] = False


def _queueing(settings: Settings) -> Settings:
    queue = attrs.evolve(settings.queue, worker=False)
    return attrs.evolve(without_events(settings), queue=queue)


def without_others(settings: Settings) -> Settings:
    """`settings`, for what only reads: neither queue nor bus has to be reachable."""
    initialization = attrs.evolve(settings.initialization, policy=InitializationPolicy.ROLL_BACK)
    return attrs.evolve(
        without_events(settings), queue=QueueOptions(), initialization=initialization
    )


def without_events(settings: Settings) -> Settings:
    """`settings`, for what has no catalogue to show an event in.

    It would take events out of the group's work queue, and they would count as handled.
    """
    return attrs.evolve(settings, events=EventOptions())


def load_given(files: tuple[Path, ...], command_line: Mapping[str, Any]) -> LoadedSettings:
    """Settings of files and the environment, under what the command line says.

    Args:
        files: as for `load_settings`.
        command_line: settings by name; None for one that was not given.

    Raises:
        SettingsError: they make no sense; the sentence names the setting and its place.
    """
    given = {
        name: (value, option_name(name))
        for name, value in command_line.items()
        if value is not None
    }
    return load_with_origins(*files, given=given)


def option_name(setting: str) -> str:
    """The option that gives a setting: `--base-url` for `base_url`."""
    return f"--{setting.replace('_', '-')}"


@contextmanager
def misuse() -> Iterator[None]:
    """The library raises ValueError for bad arguments and settings, and for nothing else."""
    try:
        yield
    except ValueError as error:
        raise Misuse(str(error)) from error
