"""What a host holds: `InventoryIntegration`, its synchronous twin, and its health."""
