"""`ProductVariantId`: the identity of a product variant."""

from collections.abc import Iterable, Sequence
from typing import NewType
from uuid import UUID

ProductVariantId = NewType("ProductVariantId", UUID)
"""A product variant's id, a UUID other than nil. `variant_id` makes it from text or a UUID."""


def variant_id(value: UUID | str) -> ProductVariantId:
    """Turn a UUID, or text that Python's `UUID` accepts, into a `ProductVariantId`.

    >>> variant_id("{C9BF9E57-1685-4C89-BAFB-FF5AF830BE8A}")
    UUID('c9bf9e57-1685-4c89-bafb-ff5af830be8a')

    Raises:
        ValueError: the value is not a UUID, or is the nil UUID; the message quotes it.
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
        ValueError: a value is not a variant id; the message quotes the first such value.
    """
    if all([type(value) is UUID and value.int for value in values]):  # noqa: C419 - faster
        return values  # type: ignore[return-value]  # all are UUIDs: the common case, no copy
    return [variant_id(value) for value in values]


def distinct(ids: Iterable[ProductVariantId]) -> list[ProductVariantId]:
    """Each of `ids` once, in the order of first occurrence."""
    # By their integers: the hash of a UUID is a call into Python.
    return list({variant.int: variant for variant in ids}.values())
