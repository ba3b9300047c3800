import asyncio

from shelfport import Settings, build, request_context
from shelfport.contracts.sandbox import Sandbox
from tests.support.ports import ScriptedPort
from tests.support.values import an_id

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_the_ambient_request() -> None:
    """Calls inside a request's context carry its ids; those outside do not."""
    port = ScriptedPort()
    async with build(Settings(), adapter=port) as inventory:
        with request_context(correlation_id="page-17", traceparent=TRACE):
            await inventory.get_stock_level(an_id(1))
            await inventory.request_inventory_initialization(an_id(2))
        await inventory.get_stock_level(an_id(3))

    [(_, inside), (_, outside)] = port.reads
    [(_, opened)] = port.initializations
    assert ("page-17", TRACE) == (inside.correlation_id, inside.traceparent)
    assert ("page-17", TRACE) == (opened.correlation_id, opened.traceparent)
    assert "page-17" != outside.correlation_id
    assert TRACE != outside.traceparent


async def test_a_calls_own_id_goes_first() -> None:
    """An id that is passed with a call wins over the ambient one."""
    port = ScriptedPort()
    async with build(Settings(), adapter=port) as inventory:
        with request_context(correlation_id="page-17"):
            await inventory.get_stock_level(an_id(1), correlation_id="mine")

    assert ["mine"] == [call.correlation_id for _, call in port.reads]


async def test_trace_context_on_the_wire() -> None:
    """The service gets the ambient trace context unchanged; without one, a new one is made."""
    async with Sandbox() as sandbox, build(Settings(base_url=sandbox.url)) as inventory:
        with request_context(traceparent=TRACE):
            await inventory.get_stock_level(an_id(1))
        await inventory.get_stock_level(an_id(2))
        await inventory.get_stock_level(an_id(3), correlation_id="no trace id")

    passed_on, begun, none = sandbox.journal
    assert TRACE == passed_on.traceparent
    assert f"00-{begun.correlation_id}-{str(begun.correlation_id)[:16]}-00" == begun.traceparent
    assert none.traceparent is None


async def test_requests_do_not_mix() -> None:
    """Concurrent requests keep their own ids."""
    port = ScriptedPort()
    async with build(Settings(), adapter=port) as inventory:

        async def handle(number: int) -> None:
            with request_context(correlation_id=f"page-{number}"):
                await asyncio.sleep(0)
                await inventory.request_inventory_initialization(an_id(number))

        await asyncio.gather(*(handle(number) for number in range(1, 6)))

    assert [(an_id(n), f"page-{n}") for n in range(1, 6)] == sorted(
        (request.variant_id, call.correlation_id) for request, call in port.initializations
    )
