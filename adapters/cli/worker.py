"""`worker`: works the queue off in its own process, until Ctrl-C or SIGTERM."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib import import_module
from pathlib import Path

import attrs
from dependency_injector import providers

from shelfport.adapters.cli.options import (
    import_from_working_directory,
    load_command_settings,
    misuse,
    require_queue,
    require_service,
    without_events,
)
from shelfport.adapters.cli.output import print_line
from shelfport.adapters.cli.running import Misuse, until_signalled
from shelfport.adapters.composition.container import Container
from shelfport.domain.model import QueueFailed
from shelfport.ports import ProductCatalogPort


async def run_worker(*, files: tuple[Path, ...], base_url: str | None, catalog: str | None) -> int:
    """Work the queue off until Ctrl-C or SIGTERM, then finish or release the claimed entries.

    Args:
        files: settings files.
        base_url: the Inventory Service's address; None for the settings'.
        catalog: MODULE:NAME of a callable that makes the host's catalog; None without one.

    Raises:
        Misuse: the settings name no queue or no service, or `catalog` makes no catalog.
    """
    factory = None if catalog is None else _catalog_factory(catalog)
    with misuse():
        settings = load_command_settings(files, {"base_url": base_url}).settings
    require_queue(settings)
    with misuse():
        require_service(settings)
    settings = attrs.evolve(settings, queue=attrs.evolve(settings.queue, worker=True))
    if factory is None:
        settings = without_events(settings)
    instance: object = None if factory is None else _make_catalog(factory, catalog or "")

    container = Container(settings=providers.Object(settings), catalog=providers.Object(instance))
    with misuse():
        inventory = container.integration()

    async def serve(stop: asyncio.Event) -> None:
        async with AsyncExitStack() as opened:
            if isinstance(instance, AbstractAsyncContextManager):
                await opened.enter_async_context(instance)
            try:
                await opened.enter_async_context(inventory)
            except QueueFailed as error:
                raise Misuse(str(error)) from error
            print_line(f"Working off {container.queue()!r}; Ctrl-C ends it.")
            await stop.wait()

    return await until_signalled(serve)


def _catalog_factory(name: str) -> Callable[[], object]:
    """Import `MODULE:NAME`, also from the current directory, as `python -m` does."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise Misuse(f"--catalog is {name!r}: it must be MODULE:NAME, such as shop.stock:Catalog")
    import_from_working_directory()
    try:
        factory = getattr(import_module(module), attribute)
    except Exception as error:
        raise Misuse(f"--catalog is {name!r}, which cannot be imported: {error}") from error
    if not callable(factory):
        raise Misuse(f"--catalog is {name!r}: it must be a class or a function without arguments")
    checked: Callable[[], object] = factory
    return checked


def _make_catalog(factory: Callable[[], object], name: str) -> ProductCatalogPort:
    catalog = factory()
    if not isinstance(catalog, ProductCatalogPort):
        raise Misuse(
            f"--catalog is {name!r}, which made a {type(catalog).__name__}: it must have "
            "mark_not_orderable, mark_orderable and show_status"
        )
    return catalog
