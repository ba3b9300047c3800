"""The port to the host's own references to variants."""

from typing import Protocol, TypeVar

from shelfport.domain.model import ProductVariantId

RefT_contra = TypeVar("RefT_contra", contravariant=True)


class VariantMapper(Protocol[RefT_contra]):
    """Turns the host's own reference to a variant (a model, a key) into a `ProductVariantId`.

    A plain function is enough: `build(settings, mapper=lambda variant: variant.inventory_id)`.
    """

    def __call__(self, ref: RefT_contra, /) -> ProductVariantId:
        """The id of `ref`. Must be fast, pure, and return the same id for the same variant.

        Raises:
            ValueError: `ref` is not a variant; the caller of the façade gets this error.
        """
        ...
