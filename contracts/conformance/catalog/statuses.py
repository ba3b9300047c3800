"""Statuses: the latest one is shown, in whatever order they come."""

# ruff: noqa: S101, SIM300 - a suite asserts, expected value first
import asyncio
from datetime import UTC, datetime, timedelta

from shelfport.contracts.conformance.catalog.harness import CatalogHarness
from shelfport.contracts.conformance.port_suite import port_case
from shelfport.contracts.conformance.raising import raises
from shelfport.domain.model import StockStatus

IN, LOW, OUT = StockStatus.IN_STOCK, StockStatus.LOW_STOCK, StockStatus.OUT_OF_STOCK


def _at(seconds: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


class StatusCases:
    """`show_status`."""

    @port_case()
    async def test_every_status_is_shown(self, harness: CatalogHarness[object]) -> None:
        """The product shows each status that it is given in turn."""
        catalog, ref = harness.catalog(), await harness.add_product()
        for number, status in enumerate((OUT, IN, LOW)):
            await catalog.show_status(ref, status, _at(number))
            assert status == await harness.status(ref)

    @port_case()
    async def test_a_status_is_of_one_product(self, harness: CatalogHarness[object]) -> None:
        """Other products show what they showed, and their instants count by themselves."""
        catalog = harness.catalog()
        first, second = await harness.add_product(), await harness.add_product()
        await catalog.show_status(first, OUT, _at(10))
        assert await harness.status(second) is None

        await catalog.show_status(second, LOW, _at(1))

        assert LOW == await harness.status(second)

    @port_case()
    async def test_an_older_status_does_not_replace_a_later_one(
        self, harness: CatalogHarness[object]
    ) -> None:
        """A status that comes late is not shown."""
        catalog, ref = harness.catalog(), await harness.add_product()
        await catalog.show_status(ref, LOW, _at(10))

        await catalog.show_status(ref, IN, _at(9))

        assert LOW == await harness.status(ref)

    @port_case()
    async def test_the_order_holds_in_every_process(self, harness: CatalogHarness[object]) -> None:
        """A catalog that has just begun does not show an older status either."""
        ref = await harness.add_product()
        await harness.catalog().show_status(ref, LOW, _at(10))

        await harness.catalog().show_status(ref, IN, _at(9))

        assert LOW == await harness.status(ref)

    @port_case()
    async def test_instants_are_compared_to_the_microsecond(
        self, harness: CatalogHarness[object]
    ) -> None:
        """Of two changes within one second, the later one is shown."""
        catalog, ref = harness.catalog(), await harness.add_product()
        await catalog.show_status(ref, OUT, _at(0.000002))
        await catalog.show_status(ref, IN, _at(0.000001))
        assert OUT == await harness.status(ref)

        await catalog.show_status(ref, LOW, _at(0.000003))

        assert LOW == await harness.status(ref)

    @port_case()
    async def test_a_repeated_status_changes_nothing(self, harness: CatalogHarness[object]) -> None:
        """The same status with the same instant may come twice, also after a later one."""
        catalog, ref = harness.catalog(), await harness.add_product()
        await catalog.show_status(ref, OUT, _at(1))
        await catalog.show_status(ref, OUT, _at(1))
        assert OUT == await harness.status(ref)
        await catalog.show_status(ref, IN, _at(2))

        await catalog.show_status(ref, OUT, _at(1))

        assert IN == await harness.status(ref)

    @port_case()
    async def test_at_the_same_moment_the_latest_one_wins(
        self, harness: CatalogHarness[object]
    ) -> None:
        """Of calls that run at once, the one with the latest instant is shown."""
        ref = await harness.add_product()
        catalogs = [harness.catalog(), harness.catalog()]
        instants = [3, 9, 1, 7, 5, 0, 8, 2, 6, 4]

        await asyncio.gather(
            *(catalogs[n % 2].show_status(ref, LOW if n == 9 else IN, _at(n)) for n in instants)
        )

        assert LOW == await harness.status(ref)

    @port_case()
    async def test_a_status_and_a_mark_are_two_things(
        self, harness: CatalogHarness[object]
    ) -> None:
        """A status leaves the mark as it is, and a mark the status."""
        catalog, ref = harness.catalog(), await harness.add_product()
        await catalog.mark_not_orderable(ref)
        await catalog.show_status(ref, IN, _at(1))
        assert await harness.orderable(ref) is False

        await catalog.mark_orderable(ref)
        assert IN == await harness.status(ref)

        await catalog.show_status(ref, OUT, _at(2))
        assert await harness.orderable(ref) is True

    @port_case()
    async def test_a_status_of_an_unknown_variant_does_nothing(
        self, harness: CatalogHarness[object]
    ) -> None:
        """A variant that the host does not know is no error, and makes no product."""
        unknown = harness.unknown()

        await harness.catalog().show_status(unknown, IN, _at(1))

        assert await harness.status(unknown) is None

    @port_case(lambda suite: suite.fails)
    async def test_a_status_that_fails_raises(self, harness: CatalogHarness[object]) -> None:
        """A status that was not stored raises, so that it is repeated; then it is shown."""
        catalog, ref = harness.catalog(), await harness.add_product()
        await harness.fail(True)
        assert await raises(catalog.show_status(ref, OUT, _at(1))), (
            "the status was not stored, and nothing was raised"
        )
        await harness.fail(False)

        await catalog.show_status(ref, OUT, _at(1))

        assert OUT == await harness.status(ref)
