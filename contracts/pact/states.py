"""Provider states: what must be true of the Inventory Service before an interaction is tried.

The Inventory Service's team implements these states once. Each class is one state; its tag is the
state's name in the pact file, its fields (camelCase there) are the parameters. Several states of
one interaction hold together. In all other respects the service is healthy and has no records. The
credentials of a request are valid unless a state says otherwise, so a verification that needs real
credentials replaces only the `Authorization` header.

A state as JSON is decoded by `msgspec.convert({"state": name, **params}, ProviderState)`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from shelfport.adapters.http.wire import Quantity
from shelfport.domain.model import ProductVariantId


class _State(
    msgspec.Struct, frozen=True, rename="camel", tag_field="state", forbid_unknown_fields=True
):
    @classmethod
    def name(cls) -> str:
        """The state's name in the pact file."""
        return str(cls.__struct_config__.tag)

    def parameters(self) -> dict[str, Any]:
        """The parameters as in the pact file: JSON values under camelCase names."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        del fields["state"]
        return fields


class VariantHasStock(_State, frozen=True, tag="a variant has stock"):
    """The variant has an inventory record; no request repeats the key that opened it.

    Its `status` follows from the two numbers: 0 is OUT_OF_STOCK, up to the threshold LOW_STOCK.
    """

    product_variant_id: ProductVariantId
    available_quantity: Quantity
    """Units that can be sold."""
    low_stock_threshold: Quantity
    """The stock is low at this many units or fewer, but not at 0."""


class VariantHasNoRecord(_State, frozen=True, tag="a variant has no record"):
    """The service has no record of the variant, and remembers no key that opened one."""

    product_variant_id: ProductVariantId


class KeyOpenedRecord(_State, frozen=True, tag="an idempotency key opened a record"):
    """This key opened the record of the variant, by a request with these three values."""

    idempotency_key: UUID
    product_variant_id: ProductVariantId
    initial_quantity: Quantity
    low_stock_threshold: Quantity


class KeyBeingWorkedOn(_State, frozen=True, tag="an idempotency key is being worked on"):
    """A request with this key and these three values has arrived and is not finished yet.

    It must stay unfinished until the interaction is over.
    """

    idempotency_key: UUID
    product_variant_id: ProductVariantId
    initial_quantity: Quantity
    low_stock_threshold: Quantity


class CredentialsNotValid(_State, frozen=True, tag="the credentials are not valid"):
    """The service accepts no credentials (401)."""


class CredentialsNotEnough(_State, frozen=True, tag="the credentials do not allow the operation"):
    """The request's credentials are valid, but do not allow the operation (403)."""


class TooManyRequests(_State, frozen=True, tag="the client has sent too many requests"):
    """The client has sent too many requests, and has to wait (429)."""


class ServiceFails(_State, frozen=True, tag="the service fails"):
    """The service meets an error that it did not expect (500)."""


class ServiceUnavailable(_State, frozen=True, tag="the service is unavailable"):
    """The service is down or overloaded, says so, and does nothing else (503)."""


ProviderState = (
    VariantHasStock
    | VariantHasNoRecord
    | KeyOpenedRecord
    | KeyBeingWorkedOn
    | CredentialsNotValid
    | CredentialsNotEnough
    | TooManyRequests
    | ServiceFails
    | ServiceUnavailable
)
"""A closed union, for `match`."""

STATES: Mapping[str, type[ProviderState]] = {
    state.name(): state
    for state in (
        VariantHasStock,
        VariantHasNoRecord,
        KeyOpenedRecord,
        KeyBeingWorkedOn,
        CredentialsNotValid,
        CredentialsNotEnough,
        TooManyRequests,
        ServiceFails,
        ServiceUnavailable,
    )
}
"""Every state by its name in the pact file."""
