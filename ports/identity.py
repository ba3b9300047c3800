"""The port to the host's own idea of a variant (R24)."""

from typing import Protocol, TypeVar

from shelfport.domain.model import ProductVariantId

RefT_contra = TypeVar("RefT_contra", contravariant=True)


class VariantMapper(Protocol[RefT_contra]):
    """Turns what the host calls a variant (a model, a SKU, a key) into a `ProductVariantId`.

    A plain function will do: `build(settings, mapper=lambda variant: variant.inventory_id)`.
    """

    def __call__(self, ref: RefT_contra, /) -> ProductVariantId:
        """The id of `ref`. Must be quick, pure and give the same id for the same variant.

        Raises:
            ValueError: `ref` names no variant; it reaches the caller of the façade as it is.
        """
        ...
