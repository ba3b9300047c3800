"""The three HTTP operations of the Inventory Service, over aiohttp."""
