"""`Initializer`: turns a host's requests for inventory records into the domain's."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs

from shelfport.adapters.config.settings import InitializationOptions
from shelfport.adapters.facade.host_ids import HostIds
from shelfport.domain.model import (
    BulkOutcome,
    Call,
    InitializationOutcome,
    InitializationPolicy,
    InitialStock,
    InventoryError,
    NotInitialized,
    QueuedInitialization,
)
from shelfport.domain.services import InventoryInitialization

RefT = TypeVar("RefT")


@attrs.frozen
class NewVariant(Generic[RefT]):
    """One of several new variants, with its own numbers and key."""

    variant: RefT
    """The host's own reference to the variant."""
    initial_quantity: int | None = attrs.field(default=None, kw_only=True)
    """Units on hand; None for the default of the call or the settings."""
    low_stock_threshold: int | None = attrs.field(default=None, kw_only=True)
    """Units at which stock is low; None for the default of the call or the settings."""
    idempotency_key: UUID | None = attrs.field(default=None, kw_only=True)
    """Identifies the operation, for a host that repeats it."""


@attrs.frozen(kw_only=True)
class Initializer(Generic[RefT]):
    """Fills in defaults, and refuses policies that are not possible."""

    service: InventoryInitialization
    ids: HostIds[RefT]
    initial: InitializationOptions
    new_key: Callable[[], UUID] = attrs.field(repr=False)
    new_id: Callable[[], str] = attrs.field(repr=False)
    """Makes a correlation id for a request without one; a queued entry keeps it."""
    can_mark: bool
    """Whether NOT_ORDERABLE is possible: the worker has a catalog, or runs in another process."""

    async def request(
        self, new: NewVariant[RefT], call: Call, policy: InitializationPolicy | None
    ) -> InitializationOutcome:
        """See `InventoryIntegration.request_inventory_initialization`."""
        chosen = self._possible(self.initial.policy if policy is None else policy)
        return await self.service.request(self._stock(new), self._named(call), chosen)

    async def request_all(
        self,
        news: Iterable[RefT | NewVariant[RefT]],
        call: Call,
        policy: InitializationPolicy | None,
        *,
        initial_quantity: int | None,
        low_stock_threshold: int | None,
    ) -> dict[RefT, BulkOutcome]:
        """See `InventoryIntegration.request_inventory_initializations`."""
        chosen = self._possible(self.initial.policy if policy is None else policy)
        stocks: dict[RefT, InitialStock] = {}
        for item in news:
            new: NewVariant[RefT] = item if isinstance(item, NewVariant) else NewVariant(item)
            if new.variant in stocks:
                raise ValueError(f"{new.variant!r} occurs twice: pass each variant once")
            stocks[new.variant] = self._stock(new, initial_quantity, low_stock_threshold)
        outcomes: dict[RefT, BulkOutcome] = {}
        call = self._named(call)
        todo = iter(stocks.items())
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self.initial.max_concurrency, len(stocks))):
                tasks.create_task(self._work_off(todo, outcomes, call, chosen))
        return {variant: outcomes[variant] for variant in stocks}

    def entry(
        self, new: NewVariant[RefT], call: Call, policy: InitializationPolicy | None
    ) -> QueuedInitialization:
        """See `InventoryIntegration.initialization_entry`."""
        if policy is None:
            policy = self.initial.policy
            policy = policy if policy.queues else InitializationPolicy.RETRY_LATER
        return self.service.entry(self._stock(new), self._named(call), self._possible(policy))

    def _named(self, call: Call) -> Call:
        return call if call.correlation_id else attrs.evolve(call, correlation_id=self.new_id())

    def _possible(self, policy: InitializationPolicy) -> InitializationPolicy:
        policy = InitializationPolicy(policy)  # a host without a type checker may pass its text
        if policy.queues and self.service.queue is None:
            raise ValueError(f"policy is {policy.value}, which needs a queue: set queue.url")
        if policy is InitializationPolicy.NOT_ORDERABLE and not self.can_mark:
            raise ValueError(
                "policy is NOT_ORDERABLE, which needs the host's catalog: "
                "pass one to build(settings, catalog=…)"
            )
        return policy

    def _stock(
        self, new: NewVariant[RefT], quantity: int | None = None, threshold: int | None = None
    ) -> InitialStock:
        key = new.idempotency_key
        [variant] = self.ids.variants((new.variant,))
        return InitialStock(
            variant_id=variant,
            initial_quantity=_first(new.initial_quantity, quantity, self.initial.default_quantity),
            low_stock_threshold=_first(
                new.low_stock_threshold, threshold, self.initial.default_low_stock_threshold
            ),
            idempotency_key=self.new_key() if key is None else key,
            host_id=self.ids.host_id(new.variant),
        )

    async def _work_off(
        self,
        todo: Iterator[tuple[RefT, InitialStock]],
        outcomes: dict[RefT, BulkOutcome],
        call: Call,
        policy: InitializationPolicy,
    ) -> None:
        for variant, stock in todo:
            try:
                outcomes[variant] = await self.service.request(stock, call, policy)
            except InventoryError as error:
                outcomes[variant] = NotInitialized(error)


def _first(*values: Any) -> Any:
    """The first value that is not None."""
    return next(value for value in values if value is not None)
