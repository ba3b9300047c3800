"""`SyncInventoryIntegration`, for hosts that are not asynchronous. Needs the extra `sync`."""

try:
    from shelfport.adapters.facade.sync import SyncInventoryIntegration
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "anyio":
        raise
    raise ModuleNotFoundError(
        'shelfport.sync needs anyio, which is not installed: pip install "shelfport[sync]"',
        name="anyio",
    ) from error

__all__ = ["SyncInventoryIntegration"]
