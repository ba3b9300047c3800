"""What the chaos test works with: a catalog on disk, and replicas that can be killed.

Run as a program, it is one replica: it handles events until it is ended.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from shelfport import InventoryEvent, ProductVariantId, StockStatus, SystemClock
from shelfport.adapters.bus.opening import open_bus
from shelfport.adapters.events.counts import SubscriptionCounts
from shelfport.adapters.events.handler import EventHandler
from shelfport.adapters.events.handler_retry import HandlerRetry
from shelfport.adapters.events.options import EventOptions
from shelfport.adapters.events.subscriber import EventSubscriber, Subscription
from shelfport.adapters.runtime.background import Background

ROOT = Path(__file__).parents[3]


class DiskCatalog:
    """A host's catalog that several processes share, with a list of all that was handled."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = OFF")
        self.database.executescript(
            "CREATE TABLE IF NOT EXISTS shown (variant TEXT PRIMARY KEY, status TEXT, as_of TEXT);"
            "CREATE TABLE IF NOT EXISTS handled (event TEXT)"
        )

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """Not used here."""

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """Not used here."""

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        self.database.execute(
            "INSERT INTO shown VALUES (?, ?, ?) ON CONFLICT (variant) DO UPDATE SET"
            " status = excluded.status, as_of = excluded.as_of WHERE excluded.as_of >= as_of",
            (str(variant), status.value, as_of.astimezone(UTC).isoformat(timespec="microseconds")),
        )

    def note(self, event: InventoryEvent) -> None:
        self.database.execute("INSERT INTO handled VALUES (?)", (str(event.event_id),))

    def handled(self) -> tuple[int, int]:
        """How many events were handled, and how often in all."""
        row = self.database.execute("SELECT count(DISTINCT event), count(*) FROM handled")
        distinct, total = row.fetchone()
        return distinct, total

    def shown(self) -> dict[ProductVariantId, StockStatus]:
        """What the catalog shows."""
        rows = self.database.execute("SELECT variant, status FROM shown")
        return {ProductVariantId(variant): StockStatus(status) for variant, status in rows}

    def close(self) -> None:
        self.database.close()


class Silent:
    """A notifier that does nothing."""

    async def notify(self, event: InventoryEvent) -> None:
        """Do nothing."""


async def replica(options: EventOptions, path: Path) -> None:
    """Handle events until SIGTERM."""
    catalog, counts, clock = DiskCatalog(path), SubscriptionCounts(), SystemClock()
    handler = EventHandler(catalog, Silent(), clock, counts, options.dedup_entries)

    async def handle(event: InventoryEvent) -> None:
        await handler.handle(event)
        catalog.note(event)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    subscription = Subscription("catalog", open_bus(options).consumer_group, handle, counts)
    async with Background() as background:
        subscriber = EventSubscriber([subscription], HandlerRetry(options), background, clock)
        async with subscriber:
            await stop.wait()
    catalog.close()


class Replicas:
    """Processes that handle the events of one consumer group."""

    def __init__(self, arguments: str, path: Path) -> None:
        self._arguments = (arguments, str(path))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int) -> None:
        """Start `count` more."""
        for _ in range(count):
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.services.events.crowd", *self._arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
            self.processes.append(process)

    def kill_one(self) -> None:
        """SIGKILL the one that was started first."""
        process = self.processes.pop(0)
        process.kill()
        process.wait()

    def end(self) -> list[int]:
        """Ask all to end; their exit codes."""
        for process in self.processes:
            process.terminate()
        codes = [process.wait(30) for process in self.processes]
        self.processes.clear()
        return codes

    def kill(self) -> None:
        """End the processes that still run."""
        while self.processes:
            self.kill_one()


def arguments_of(url: str, prefix: str, ack_timeout: float) -> str:
    """The arguments of a replica, as one string."""
    given = {"url": url, "exchange": prefix, "prefix": f"{prefix}.", "consumer_group": "shop"}
    return msgspec.json.encode({**given, "ack_timeout": ack_timeout}).decode()


def options_of(arguments: str) -> EventOptions:
    """The options of a replica, with attempts that fit any `ack_timeout`."""
    return EventOptions(
        **msgspec.json.decode(arguments), max_attempts=2, attempt_timeout=0.4, base_delay=0.1
    )


if __name__ == "__main__":
    asyncio.run(replica(options_of(sys.argv[1]), Path(sys.argv[2])))
