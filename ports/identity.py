"""The port to the host's own references to variants."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from shelfport.domain.model import ProductVariantId

RefT = TypeVar("RefT")
RefT_contra = TypeVar("RefT_contra", contravariant=True)


class VariantMapper(Protocol[RefT]):
    """Turns the host's own references to variants (a model, a key) into ids, and back.

    Both methods must be fast and pure, and must do no I/O. `to_host(to_variant(ref))` must be the
    reference that the host wants to see; several references may have one id.
    """

    def to_variant(self, ref: RefT, /) -> UUID | str:
        """The id of `ref`: a UUID, or text in any form that `variant_id` accepts.

        Raises:
            ValueError: `ref` is not a variant; the caller of the façade gets this error.
        """
        ...

    def to_host(self, variant: ProductVariantId, /) -> RefT:
        """The host's reference to `variant`, for its catalog, its notifiers and its operators.

        Raises:
            LookupError: the host has no such variant. Events about it are not passed to the host.
        """
        ...


ToVariant = Callable[[RefT], UUID | str]
"""`VariantMapper.to_variant` alone: enough where nothing has to come back to the host."""


class PageMapper(Protocol[RefT_contra]):
    """The ids of a page: its references are turned into ids together."""

    def text(self, ref: RefT_contra, /) -> str:
        """The id of `ref`, not checked: text to find among ids that were checked before.

        Empty text is no id. May raise what `variants` raises.
        """
        ...

    def texts(self, refs: Sequence[RefT_contra], /) -> Sequence[str]:
        """`text` of each of `refs`; none at all if one of them has no text."""
        ...

    def variants(self, refs: Sequence[RefT_contra], /) -> Sequence[ProductVariantId]:
        """The id of each of `refs`.

        Raises:
            ValueError: one of them is not a variant.
        """
        ...
