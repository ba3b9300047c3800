"""Opening the inventory record of a new variant (R4)."""

import attrs

from shelfport.domain.model import Call, Initialized, InitialStock
from shelfport.ports import InventoryPort


@attrs.frozen
class InventoryInitialization:
    """Asks the port to open a record, under one idempotency key for the whole operation."""

    port: InventoryPort

    async def request(self, request: InitialStock, call: Call) -> Initialized:
        """Open the record, or learn that it is already there.

        Raises:
            InventoryError: it was not opened, or nobody knows (`reached_service` tells), so that
                the host's transaction rolls the product back (R20).
        """
        return await self.port.initialize(request, call)
