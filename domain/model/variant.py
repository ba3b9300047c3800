"""The identity of what is sold: a product variant."""

from collections.abc import Iterable, Sequence
from typing import NewType, cast
from uuid import UUID

ProductVariantId = NewType("ProductVariantId", UUID)
"""A product variant's id, a UUID other than nil. Made from text or a UUID by `variant_id`."""


def variant_id(value: UUID | str) -> ProductVariantId:
    """Turn a UUID, or any text that RFC 9562 calls one, into a `ProductVariantId`.

    >>> variant_id("{C9BF9E57-1685-4C89-BAFB-FF5AF830BE8A}")
    UUID('c9bf9e57-1685-4c89-bafb-ff5af830be8a')

    Raises:
        ValueError: not a UUID, or the nil UUID; the sentence quotes the value.
    """
    if isinstance(value, str):
        text = value
        try:
            value = UUID(text)
        except ValueError:
            shown = text if len(text) <= 60 else f"{text[:57]}..."
            raise ValueError(
                f"{shown!r} is not a variant id: it must be a UUID, "
                "such as 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'"
            ) from None
    elif not isinstance(value, UUID):
        raise ValueError(f"{value!r} is not a variant id: it must be a uuid.UUID or a str")
    if value.int == 0:
        raise ValueError("the nil UUID is not a variant id: it identifies nothing")
    return ProductVariantId(value)


def variant_ids(values: Sequence[UUID | str]) -> Sequence[ProductVariantId]:
    """`variant_id` of each of `values`, in their order.

    Raises:
        ValueError: as `variant_id` does, of the first that is none.
    """
    if all([type(value) is UUID and value.int for value in values]):  # noqa: C419 - faster
        return cast("Sequence[ProductVariantId]", values)  # nothing to turn: nearly all pages
    return [variant_id(value) for value in values]


def distinct(ids: Iterable[ProductVariantId]) -> list[ProductVariantId]:
    """Each of `ids` once, in first-asked order."""
    # By their numbers: the hash of a UUID is a call into Python.
    return list({variant.int: variant for variant in ids}.values())
