"""What a queue's worker meets in the model: a service and a catalog with faults, and crashes."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import attrs

from shelfport import ProductVariantId, StockStatus
from shelfport.domain.model import RequestBlocked
from shelfport.errors import (
    CircuitOpen,
    ConnectionFailed,
    OperationInProgress,
    ReachedService,
    RequestRejected,
    TimedOut,
)
from shelfport.ports import Call, Initialized, InitialStock, UnknownVariant
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading


class Trouble(Enum):
    """The fault of one attempt."""

    NONE = "none"
    UNREACHABLE = "nothing arrives"
    LOST = "written, the answer lost"
    FORGOTTEN = "written, the answer lost, the key forgotten"
    LATE = "carried out later"
    BLOCKED = "something before the service refuses it"
    PUT_OFF = "the service says: not yet"
    REJECTED = "refused for good"
    CIRCUIT = "not sent"
    CATALOGUE = "the host's catalog fails"


CrashPoint = tuple[int, bool] | None
"""The outside call of an attempt, counted from 0, before or after which its worker crashes."""


class Crashed(BaseException):
    """The worker crashes: none of its code runs any more."""


@attrs.define
class Outside:
    """The service and the catalog: their state and their behaviour."""

    records: dict[ProductVariantId, list[UUID]] = attrs.field(factory=dict)
    """The keys that opened each record; two are one too many."""
    remembered: set[UUID] = attrs.field(factory=set)
    pending: list[tuple[ProductVariantId, UUID]] = attrs.field(factory=list)
    orderable: dict[ProductVariantId, bool] = attrs.field(factory=dict)
    trouble: Trouble = Trouble.NONE
    crash_at: CrashPoint = None
    calls: int = 0
    sent: bool = False
    """Whether the request of this attempt has arrived."""

    def begin(self, trouble: Trouble, crash_at: CrashPoint) -> None:
        self.trouble, self.crash_at, self.calls, self.sent = trouble, crash_at, 0, False

    def before_call(self) -> None:
        if self.crash_at == (self.calls, False):
            raise Crashed

    def after_call(self) -> None:
        if self.crash_at == (self.calls, True):
            raise Crashed
        self.calls += 1

    def mark(self, variant: ProductVariantId, orderable: bool) -> None:
        if self.trouble is Trouble.CATALOGUE:
            raise RuntimeError("no catalog today")
        self.orderable[variant] = orderable

    def read(self, variant: ProductVariantId) -> bool:
        self.refuse_early()
        return variant in self.records

    def send(self, variant: ProductVariantId, key: UUID) -> None:
        self.refuse_early()
        self.sent = True
        if self.trouble is Trouble.REJECTED:
            raise RequestRejected("no")
        if self.trouble is Trouble.PUT_OFF or (variant, key) in self.pending:
            raise OperationInProgress("being worked on")
        if self.trouble is Trouble.LATE:
            self.pending.append((variant, key))
            raise TimedOut("too late")
        self.write(variant, key, remembered=self.trouble is not Trouble.FORGOTTEN)
        if self.trouble in {Trouble.LOST, Trouble.FORGOTTEN}:
            raise TimedOut("written, perhaps")

    def refuse_early(self) -> None:
        if self.trouble is Trouble.UNREACHABLE:
            raise ConnectionFailed("refused", reached_service=ReachedService.NO)
        if self.trouble is Trouble.BLOCKED:
            raise RequestBlocked("403 of a firewall")
        if self.trouble is Trouble.CIRCUIT:
            raise CircuitOpen("not sent")

    def write(self, variant: ProductVariantId, key: UUID, *, remembered: bool) -> None:
        if key not in self.remembered:
            self.records.setdefault(variant, []).append(key)
        if remembered:
            self.remembered.add(key)

    def carry_out(self) -> None:
        """Carry out the pending requests."""
        for variant, key in self.pending:
            self.write(variant, key, remembered=True)
        self.pending.clear()


class Crashing:
    """Whatever a worker calls: each call is a step, before and after which the worker may die."""

    def __init__(self, inner: object, outside: Outside) -> None:
        self._inner = inner
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def step(*args: Any, **options: Any) -> Any:
            self._outside.before_call()
            result = await method(*args, **options)
            self._outside.after_call()
            return result

        return step


@attrs.define
class Port:
    """The service as a port."""

    outside: Outside

    async def read(self, ids: Ids, call: Call) -> Answers:
        [variant] = ids
        there = self.outside.read(variant)
        return {variant: a_reading(variant) if there else UnknownVariant(variant)}

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        self.outside.send(request.variant_id, request.idempotency_key)
        return await ScriptedPort().initialize(request, call)


@attrs.define
class Catalog:
    """The catalog as a port."""

    outside: Outside

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        self.outside.mark(variant, False)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        self.outside.mark(variant, True)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        raise AssertionError("no worker shows a status")
