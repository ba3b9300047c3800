"""The plan of a run: written by the test, read by every process of the run."""

import random
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import attrs
import msgspec

from shelfport import InitializationPolicy, ProductVariantId, variant_id


class Sabotage(StrEnum):
    """A protection that is taken from the workers of a run.

    Each is needed for something that the service of these runs does:

    - READ: the service crashes after it wrote the record and before it noted the key. A worker
      that sends again without reading first opens a second record, though the key is the same.
    - KEY: the service carries a request out after its client gave up waiting. A read at once
      finds nothing, and sends again; only that both requests carry one key keeps it one record.
    - LEASE: reading and sending are two steps. Two workers with one entry both read, both find
      nothing, both send; and if the service crashes after the first of the two, that makes two.
    """

    NONE = "none"
    READ = "read-before-rewrite"
    KEY = "stored key"
    LEASE = "lease"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A run. The same seed creates the same products and draws the same moments to kill at."""

    url: str
    """The host's database, which holds its products and shelfport's queue."""
    folder: str
    """Where the ledger, the notes of its requests and the tracebacks of the processes are kept."""
    service_port: int
    seed: int
    operations: int
    """How many products are created."""
    kills: int
    """How many processes are killed at least, spread over all of the run; 0 for none at all."""
    hosts: int = 2
    workers: int = 3
    at_once: int = 8
    """Entries that one worker processes at once."""
    sabotage: Sabotage = Sabotage.NONE
    lost_answers: float = 0.06
    """The share of writes after which the answer is lost, the key remembered."""
    crashes: float = 0.06
    """The share of writes after which the service crashes, the key forgotten."""
    late: float = 0.06
    """The share of writes that are carried out after their client gave up."""
    latency: float = 0.002
    """Seconds that every answer takes."""
    lease: float = 3.0
    """Seconds that a worker holds an entry."""
    patience: float = 120.0
    """Seconds until every product must exist, and the queue must be empty."""

    @property
    def service_url(self) -> str:
        """Where the Inventory Service of the run is."""
        return f"http://127.0.0.1:{self.service_port}"

    @property
    def ledger(self) -> Path:
        """The service's store."""
        return Path(self.folder) / "ledger.db"

    @property
    def attempts(self) -> Path:
        """The idempotency keys of all POST requests that the service got, one a line."""
        return Path(self.folder) / "attempts"

    def chance(self, *who: object) -> random.Random:
        """Random numbers for one part of the run."""
        return random.Random(f"{self.seed} {who}")

    def products(self) -> Iterator["Product"]:
        """Every product of the run."""
        return map(self.product, range(self.operations))

    def product(self, number: int) -> "Product":
        """Product `number`, from 0."""
        chance = self.chance("product", number)
        return Product(
            number=number,
            variant=variant_id(UUID(int=chance.getrandbits(128), version=4)),
            policy=chance.choice(
                (InitializationPolicy.RETRY_LATER, InitializationPolicy.NOT_ORDERABLE)
            ),
            orderable=chance.random() < 0.5,
            poisoned=UUID(int=chance.getrandbits(128), version=4)
            if chance.random() < 0.01
            else None,
        )


@attrs.frozen
class Product:
    """A product that a host creates."""

    number: int
    variant: ProductVariantId
    policy: InitializationPolicy
    orderable: bool
    """Whether the host creates it as orderable."""
    poisoned: UUID | None
    """An idempotency key that the service knows from another request: it refuses this product for
    good, under this key. None for nearly all."""
