"""`worker`: works the queue off in a process of its own, until it is told to stop."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from pathlib import Path

import attrs
from dependency_injector import providers

from shelfport.adapters.cli.options import load_given, misuse, without_events
from shelfport.adapters.cli.running import Misuse, until_signalled
from shelfport.adapters.cli.servers import say
from shelfport.adapters.composition.container import Container
from shelfport.adapters.queue.options import MEMORY
from shelfport.domain.model import QueueFailed
from shelfport.ports import ProductCatalogPort


async def run_worker(*, files: tuple[Path, ...], base_url: str | None, catalog: str | None) -> int:
    """Work the queue off until Ctrl-C or SIGTERM; what is in hand then is finished or given back.

    Args:
        files: settings files.
        base_url: where the Inventory Service lives; None for the settings'.
        catalog: MODULE:NAME of what makes the host's catalogue; None for none.

    Raises:
        Misuse: there is nothing to work off, or nobody to ask.
    """
    make = None if catalog is None else _factory(catalog)
    with misuse():
        settings = load_given(files, {"base_url": base_url}).settings
    if settings.queue.url is None:
        raise Misuse("where is the queue? Set SHELFPORT_QUEUE_URL, or queue.url in a settings file")
    if settings.queue.url.get_secret_value() == MEMORY:
        raise Misuse("queue.url is memory:, a queue that no other process sees: there is no work")
    if settings.base_url is None and settings.adapter is None:
        raise Misuse("where is the Inventory Service? Give --base-url, or set SHELFPORT_BASE_URL")
    settings = attrs.evolve(settings, queue=attrs.evolve(settings.queue, worker=True))
    if make is None:
        settings = without_events(settings)
    made: object = None if make is None else _made(make, catalog or "")

    async def serve(stop: asyncio.Event) -> None:
        async with AsyncExitStack() as opened:
            if isinstance(made, AbstractAsyncContextManager):
                await opened.enter_async_context(made)
            container = Container(
                settings=providers.Object(settings), catalog=providers.Object(made)
            )
            try:
                with misuse():
                    inventory = container.integration()
                await opened.enter_async_context(inventory)
            except QueueFailed as error:
                raise Misuse(str(error)) from error
            say(f"Works off {container.queue()!r}; Ctrl-C ends it.")
            await stop.wait()

    return await until_signalled(serve)


def _factory(name: str) -> Callable[[], object]:
    """What `MODULE:NAME` names; the current directory is looked into, as by `python -m`."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise Misuse(f"--catalog is {name!r}: it must be MODULE:NAME, such as shop.stock:catalogue")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:
        raise Misuse(f"--catalog is {name!r}, which cannot be imported: {error}") from error
    if not callable(found):
        raise Misuse(f"--catalog is {name!r}: it must be a class or a function without arguments")
    made: Callable[[], object] = found
    return made


def _made(make: Callable[[], object], name: str) -> ProductCatalogPort:
    made = make()
    if not isinstance(made, ProductCatalogPort):
        raise Misuse(
            f"--catalog is {name!r}, which made a {type(made).__name__}: it must have "
            "mark_not_orderable, mark_orderable and show_status"
        )
    return made
