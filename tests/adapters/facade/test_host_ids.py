"""What stands between the host's references to variants and their ids."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import pytest

from shelfport import InventoryEvent, ProductVariantId, StockStatus, variant_id
from shelfport.adapters.facade.host_ids import (
    CanonicalIds,
    CatalogInHostIds,
    MappedIds,
    NotifierInHostIds,
)
from shelfport.options import IdFormat
from tests.support.clocks import EPOCH
from tests.support.values import an_event, an_id

A, B = an_id(1), an_id(2)
SKUS = {A: "SCARF-BLUE"}


class Catalog:
    """A host's catalog, by its own ids."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    async def mark_not_orderable(self, variant: str) -> None:
        self.calls.append(("not orderable", variant))

    async def mark_orderable(self, variant: str) -> None:
        self.calls.append(("orderable", variant))

    async def show_status(self, variant: str, status: StockStatus, as_of: datetime) -> None:
        self.calls.append((status, variant, as_of))


class Notifier:
    """A host's notifier with a connection of its own."""

    def __init__(self) -> None:
        self.log: list[object] = []

    async def __aenter__(self) -> Self:
        self.log.append("opened")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.log.append("closed")

    async def notify(self, event: InventoryEvent) -> None:
        self.log.append(event)


class Plain:
    """A host's notifier without a connection."""

    def __init__(self) -> None:
        self.host_ids: list[object] = []

    async def notify(self, event: InventoryEvent) -> None:
        self.host_ids.append(event.host_id)


async def test_a_catalog_speaks_the_hosts_ids() -> None:
    """Each method of the catalog gets the host's reference, and everything else as it is."""
    own = Catalog()
    catalog = CatalogInHostIds(own, SKUS.__getitem__)

    await catalog.mark_not_orderable(A)
    await catalog.mark_orderable(A)
    await catalog.show_status(A, StockStatus.LOW_STOCK, EPOCH)

    assert own.calls == [
        ("not orderable", "SCARF-BLUE"),
        ("orderable", "SCARF-BLUE"),
        (StockStatus.LOW_STOCK, "SCARF-BLUE", EPOCH),
    ]


async def test_a_catalog_is_not_told_of_others_variants() -> None:
    """A variant that the mapper does not know, with a LookupError, is skipped."""
    own = Catalog()
    catalog = CatalogInHostIds(own, SKUS.__getitem__)

    await catalog.mark_not_orderable(B)
    await catalog.mark_orderable(B)
    await catalog.show_status(B, StockStatus.LOW_STOCK, EPOCH)

    assert [] == own.calls


async def test_an_error_of_the_catalog_is_not_hidden() -> None:
    """A LookupError of the catalog itself means "not done", so that the call is repeated."""

    class Failing(Catalog):
        async def mark_orderable(self, variant: str) -> None:
            raise LookupError("no such product yet")

    catalog = CatalogInHostIds(Failing(), SKUS.__getitem__)

    with pytest.raises(LookupError, match="no such product yet"):
        await catalog.mark_orderable(A)


async def test_a_bug_of_the_mapper_is_not_hidden() -> None:
    """Another error than LookupError of the mapper is raised."""

    def to_host(variant: ProductVariantId) -> str:
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        await CatalogInHostIds(Catalog(), to_host).mark_orderable(A)
    with pytest.raises(TypeError, match="a bug"):
        await NotifierInHostIds(Plain(), to_host).notify(an_event(variant=A))


async def test_a_notifier_gets_the_hosts_ids() -> None:
    """An event has the host's reference beside its own id; the notifier is opened and closed."""
    own, event = Notifier(), an_event(variant=A)

    async with NotifierInHostIds(own, SKUS.__getitem__) as notifier:
        await notifier.notify(event)
        await notifier.notify(an_event(variant=B))

    opened, told, closed = own.log
    assert ("opened", "closed") == (opened, closed)
    assert isinstance(told, type(event))
    assert (event, "SCARF-BLUE", A) == (told, told.host_id, told.variant_id)
    assert event.host_id is None


async def test_a_notifier_without_a_connection() -> None:
    """A notifier that is no context manager is used as it is."""
    own = Plain()
    async with NotifierInHostIds(own, SKUS.__getitem__) as notifier:
        await notifier.notify(an_event(variant=A))

    assert ["SCARF-BLUE"] == own.host_ids
    assert repr(own) in repr(notifier)


def test_ids_without_a_mapper() -> None:
    """UUIDs and text are ids; text is looked up as it is, and then made canonical."""
    ids: Any = CanonicalIds(IdFormat.UUID)
    refs = [UUID(A), A, A.upper()]

    assert [A, A, A.upper()] == list(ids.texts(refs))
    assert [A, A, A.upper()] == [ids.text(ref) for ref in refs]
    assert [A, A, A] == ids.variants(refs)
    assert ids.host_id(A) is None


@pytest.mark.parametrize("ref", [object(), None, 7])
def test_what_is_no_id_is_no_hit(ref: Any) -> None:
    """A reference of another type raises nothing before the port is asked; then it is refused."""
    ids = CanonicalIds(IdFormat.TEXT)

    assert "" == ids.text(ref)
    ids.texts([ref])  # does not raise: whether it is a hit is the cache's to say
    with pytest.raises(ValueError, match="is not a variant id"):
        ids.variants([ref])


def test_ids_of_a_mapper() -> None:
    """What the mapper returns is an id in any form that `variant_id` accepts."""
    by_sku: dict[str, UUID | str] = {"as-uuid": UUID(A), "as-text": A, "loud": A.upper()}
    ids: Any = MappedIds(by_sku.__getitem__, IdFormat.UUID)

    assert [A, A, A] == ids.variants(list(by_sku))
    assert [A, A] == list(ids.texts(["as-uuid", "as-text"]))
    assert A == ids.text("as-uuid")


def test_text_ids_of_a_mapper() -> None:
    """With the text format, the mapper may return a SKU."""
    ids: Any = MappedIds(lambda ref: f"SKU-{ref}", IdFormat.TEXT)

    assert [variant_id("SKU-7", IdFormat.TEXT)] == ids.variants([7])
    assert ["SKU-7"] == ids.texts([7])


@pytest.mark.parametrize(
    ("ref", "host_id"),
    [("SCARF", "SCARF"), (7, "7"), (UUID(B), B), (object(), None), (("a", 1), None)],
)
def test_the_hosts_own_id(ref: object, host_id: str | None) -> None:
    """Text, a number or a UUID is an id for records and lists; an object is none."""
    ids: Any = MappedIds(lambda _: A, IdFormat.UUID)

    assert host_id == ids.host_id(ref)
