"""Marks: whether a product is orderable."""

# ruff: noqa: S101 - a suite asserts
from shelfport.contracts.conformance.catalog.harness import CatalogHarness
from shelfport.contracts.conformance.port_suite import port_case
from shelfport.contracts.conformance.raising import raises
from shelfport.ports import ProductCatalogPort


class MarkCases:
    """`mark_not_orderable` and `mark_orderable`."""

    @port_case()
    async def test_it_has_the_methods_of_the_port(self, harness: CatalogHarness[object]) -> None:
        """A dependency injection that checks types accepts it as a `ProductCatalogPort`."""
        assert isinstance(harness.catalog(), ProductCatalogPort)

    @port_case()
    async def test_a_product_is_marked_as_not_orderable(
        self, harness: CatalogHarness[object]
    ) -> None:
        """After the mark the product is not orderable."""
        ref = await harness.add_product()

        await harness.catalog().mark_not_orderable(ref)

        assert await harness.orderable(ref) is False

    @port_case()
    async def test_a_product_is_marked_as_orderable_again(
        self, harness: CatalogHarness[object]
    ) -> None:
        """A product whose record exists is orderable, whichever process marked it before."""
        ref = await harness.add_product()
        await harness.catalog().mark_not_orderable(ref)

        await harness.catalog().mark_orderable(ref)

        assert await harness.orderable(ref) is True

    @port_case()
    async def test_a_repeated_mark_changes_nothing(self, harness: CatalogHarness[object]) -> None:
        """Each mark may come twice, also for a product that has this state already."""
        catalog, ref = harness.catalog(), await harness.add_product()
        for _ in range(2):
            await catalog.mark_orderable(ref)
            assert await harness.orderable(ref) is True
        for _ in range(2):
            await catalog.mark_not_orderable(ref)
            assert await harness.orderable(ref) is False

        await catalog.mark_orderable(ref)

        assert await harness.orderable(ref) is True

    @port_case()
    async def test_a_mark_is_of_one_product(self, harness: CatalogHarness[object]) -> None:
        """Other products stay as they are."""
        catalog = harness.catalog()
        first, second = await harness.add_product(), await harness.add_product()
        await catalog.mark_not_orderable(first)

        assert await harness.orderable(second) is True
        await catalog.mark_not_orderable(second)
        await catalog.mark_orderable(first)
        assert await harness.orderable(second) is False

    @port_case()
    async def test_a_mark_of_an_unknown_variant_does_nothing(
        self, harness: CatalogHarness[object]
    ) -> None:
        """A variant that the host does not know is no error."""
        catalog, unknown = harness.catalog(), harness.unknown()

        await catalog.mark_not_orderable(unknown)
        await catalog.mark_orderable(unknown)

    @port_case(lambda suite: suite.fails)
    async def test_a_mark_that_fails_raises(self, harness: CatalogHarness[object]) -> None:
        """A mark that was not made raises, so that it is repeated; then it is made."""
        catalog, ref = harness.catalog(), await harness.add_product()
        for mark, expected in (
            (catalog.mark_not_orderable, False),
            (catalog.mark_orderable, True),
        ):
            await harness.fail(True)
            assert await raises(mark(ref)), "the mark was not made, and nothing was raised"
            await harness.fail(False)
            await mark(ref)
            assert await harness.orderable(ref) is expected
