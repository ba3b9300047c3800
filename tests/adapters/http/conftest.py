from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from shelfport import InventoryError
from shelfport.errors import ContractViolation, FaultScope, PathFailed, ReachedService
from shelfport.http import HttpInventory
from shelfport.options import HttpOptions
from tests.support.clocks import ManualClock
from tests.support.servers import Handler

Connect = Callable[..., Awaitable[HttpInventory]]
Facts = tuple[type[InventoryError], FaultScope, ReachedService]
"""The class of an error, whose fault it is, and whether its request arrived."""

GARBLED: Facts = (PathFailed, FaultScope.PATH, ReachedService.YES)
OF_OTHERS: Facts = (ContractViolation, FaultScope.PATH, ReachedService.YES)
OF_ONE: Facts = (ContractViolation, FaultScope.ELEMENT, ReachedService.YES)
OF_ALL: Facts = (ContractViolation, FaultScope.SERVICE, ReachedService.YES)


def facts_of(error: InventoryError) -> Facts:
    return type(error), error.scope, error.reached_service


def answering(response: web.Response) -> Handler:
    """A handler that gives every request the same answer."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return response

    return handler


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def connect(clock: ManualClock) -> AsyncIterator[Connect]:
    """Opens adapters, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def connect(
            url: str, options: HttpOptions | None = None, **more: Any
        ) -> HttpInventory:
            port = HttpInventory(url, clock=clock, options=options, **more)
            return await stack.enter_async_context(port)

        yield connect
