from shelfport import DEFAULT_CALL, Created
from shelfport.domain.services import InventoryInitialization
from tests.support.ports import ScriptedPort
from tests.support.values import an_initial_stock


async def test_passes_the_request_to_the_port() -> None:
    """The port gets the request unchanged, its idempotency key included, and its answer returns."""
    port, request = ScriptedPort(), an_initial_stock()

    outcome = await InventoryInitialization(port).request(request, DEFAULT_CALL)

    assert isinstance(outcome, Created)
    assert request.variant_id == outcome.item.variant_id
    assert [(request, DEFAULT_CALL)] == port.initializations
