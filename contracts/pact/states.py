"""Provider states: what must be true of the Inventory Service before an interaction is tried.

This is the vocabulary that the Inventory Service's team implements, once. Each class is one state;
its tag is the state's name in the pact file, its fields (camelCase there) are the parameters. One
interaction may ask for several states, and they hold together. Whatever they do not mention is as
in a healthy service without any records; the credentials of a request are valid unless a state says
otherwise, so a verification that needs real ones replaces the `Authorization` header and no more.

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
        """What the pact file calls this state."""
        return str(cls.__struct_config__.tag)

    def parameters(self) -> dict[str, Any]:
        """The parameters as they stand in the pact file: JSON values under camelCase names."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        del fields["state"]
        return fields


class VariantHasStock(_State, frozen=True, tag="a variant has stock"):
    """The variant has an inventory record, opened long ago by a key that nobody uses again.

    Its `status` follows from the two numbers: 0 is OUT_OF_STOCK, up to the threshold LOW_STOCK.
    """

    product_variant_id: ProductVariantId
    available_quantity: Quantity
    """Units that can be sold."""
    low_stock_threshold: Quantity
    """At this many units or fewer, but not 0, the stock is low."""


class VariantHasNoRecord(_State, frozen=True, tag="a variant has no record"):
    """The service has no inventory record of the variant, and no key that would have opened one."""

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
    """Whatever credentials the request carries, the service does not accept them (401)."""


class CredentialsNotEnough(_State, frozen=True, tag="the credentials do not allow the operation"):
    """The request's credentials are genuine, and not enough for what it asks (403)."""


class TooManyRequests(_State, frozen=True, tag="the client has sent too many requests"):
    """The client has used up what it may ask, and has to wait (429)."""


class ServiceFails(_State, frozen=True, tag="the service fails"):
    """The service meets an error that it did not expect (500)."""


class ServiceUnavailable(_State, frozen=True, tag="the service is unavailable"):
    """The service is down or overloaded, knows it, and does nothing (503)."""


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
