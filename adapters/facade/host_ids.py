"""Between the host's references to variants and their ids: the host gets its own ids back."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar
from uuid import UUID

import attrs
import msgspec

from shelfport.domain.model import (
    IdFormat,
    InventoryEvent,
    ProductVariantId,
    StockStatus,
    variant_id,
)
from shelfport.domain.model.variant import NIL_UUID
from shelfport.ports import Notifier, PageMapper, ProductCatalogPort, ToVariant

RefT = TypeVar("RefT")
RefT_contra = TypeVar("RefT_contra", contravariant=True)


_UUID = frozenset({UUID})
_IDS = _UUID | {str}


class HostIds(PageMapper[RefT_contra], Protocol[RefT_contra]):
    """A `PageMapper` that knows which references are ids themselves."""

    def host_id(self, ref: RefT_contra, /) -> str | None:
        """The host's own id of a variant, for `InitialStock.host_id`; None if there is none."""
        ...


@attrs.frozen
class CanonicalIds:
    """The `HostIds` of a host without a mapper: its references are ids, as UUIDs or text."""

    id_format: IdFormat

    def text(self, ref: UUID | str) -> str:
        """See `PageMapper.text`."""
        if type(ref) is str:
            return ref
        # In C, where `str` of a UUID is a call into Python that takes longer than a hit.
        return msgspec.to_builtins(ref) if type(ref) is UUID else ""

    def texts(self, refs: Sequence[UUID | str]) -> Sequence[str]:
        """See `PageMapper.texts`: in one call, as a call for each UUID takes longer than a hit."""
        if refs and type(refs[0]) is str:
            return refs  # type: ignore[return-value]  # what is no text is no hit
        if not _IDS.issuperset(map(type, refs)):
            return ()
        found: list[str] = msgspec.to_builtins(refs)
        return found

    def variants(self, refs: Sequence[UUID | str]) -> Sequence[ProductVariantId]:
        """See `PageMapper.variants`."""
        if _UUID.issuperset(map(type, refs)):
            found: list[ProductVariantId] = msgspec.to_builtins(refs)
            if NIL_UUID not in found:
                return found  # the text of a UUID is canonical
        return [variant_id(ref, self.id_format) for ref in refs]

    def host_id(self, _ref: UUID | str) -> None:
        """See `HostIds.host_id`: there is no other id than the variant's."""


@attrs.frozen
class MappedIds(Generic[RefT]):
    """The `HostIds` of a host with a mapper of its own."""

    to_variant: ToVariant[RefT]
    id_format: IdFormat

    def text(self, ref: RefT) -> str:
        """See `PageMapper.text`."""
        found = self.to_variant(ref)
        return found if type(found) is str else variant_id(found, self.id_format)

    def texts(self, refs: Sequence[RefT]) -> Sequence[str]:
        """See `PageMapper.texts`."""
        return [self.text(ref) for ref in refs]

    def variants(self, refs: Sequence[RefT]) -> Sequence[ProductVariantId]:
        """See `PageMapper.variants`."""
        return [variant_id(self.to_variant(ref), self.id_format) for ref in refs]

    def host_id(self, ref: RefT) -> str | None:
        """See `HostIds.host_id`: a text, a number or a UUID is an id; an object is none."""
        return str(ref) if isinstance(ref, str | int | UUID) else None


@attrs.frozen
class CatalogInHostIds(Generic[RefT]):
    """The host's catalog, which is called with the host's references.

    A variant that the mapper does not know is none of the host's: nothing is done.
    """

    inner: ProductCatalogPort[RefT]
    to_host: Callable[[ProductVariantId], RefT]

    async def mark_not_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort.mark_not_orderable`."""
        for ref in self._refs(variant):
            await self.inner.mark_not_orderable(ref)

    async def mark_orderable(self, variant: ProductVariantId) -> None:
        """See `ProductCatalogPort.mark_orderable`."""
        for ref in self._refs(variant):
            await self.inner.mark_orderable(ref)

    async def show_status(
        self, variant: ProductVariantId, status: StockStatus, as_of: datetime
    ) -> None:
        """See `ProductCatalogPort.show_status`."""
        for ref in self._refs(variant):
            await self.inner.show_status(ref, status, as_of)

    def _refs(self, variant: ProductVariantId) -> Sequence[RefT]:
        try:
            return (self.to_host(variant),)
        except LookupError:
            return ()


class NotifierInHostIds:
    """The host's notifier, which gets events with the host's reference in `host_id`.

    An event about a variant that the mapper does not know is not passed on.
    """

    def __init__(self, inner: Notifier, to_host: Callable[[ProductVariantId], object]) -> None:
        self._inner = inner
        self._to_host = to_host
        self._open = AsyncExitStack()

    def __repr__(self) -> str:
        return f"NotifierInHostIds({self._inner!r})"

    async def __aenter__(self) -> Self:
        if isinstance(self._inner, AbstractAsyncContextManager):
            await self._open.enter_async_context(self._inner)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def notify(self, event: InventoryEvent) -> None:
        """See `Notifier.notify`."""
        try:
            ref = self._to_host(event.variant_id)
        except LookupError:
            return
        await self._inner.notify(attrs.evolve(event, host_id=ref))
