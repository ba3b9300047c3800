"""Checks a request against the contract; an error is one sentence that names the field."""

import re
from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

import msgspec
from aiohttp import web

from shelfport.adapters.http.wire import (
    CORRELATION_ID,
    IDEMPOTENCY_KEY,
    MAX_IDS,
    MAX_TARGET_BYTES,
    InitializeInventoryRequestBody,
)
from shelfport.contracts.sandbox.problems import RequestRefused
from shelfport.domain.model import (
    MAX_QUANTITY,
    IdFormat,
    ProductVariantId,
    is_variant_id,
    variant_id,
)

MAX_BODY_BYTES = 64 * 1024
"""The longest allowed body of a request."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CORRELATION_ID = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")
_UNITS = f"an integer from 0 to {MAX_QUANTITY}"
_ID_RULES = {
    IdFormat.UUID: "a UUID in its 36 character form",
    IdFormat.TEXT: "1 to 128 ASCII characters from '!' to '~', and not '.' or '..'",
}

T = TypeVar("T")


class _StrictRequest(InitializeInventoryRequestBody, frozen=True, forbid_unknown_fields=True):
    """The body as the service reads it: unlike the wire's struct, without unknown members."""


def uuid_of(name: str, text: str) -> UUID:
    """The UUID in `text`.

    Raises:
        RequestRefused: not a UUID in its 36 character form, or the nil UUID.
    """
    if _UUID.fullmatch(text) is None:
        raise RequestRefused(
            "invalid-request",
            f"{name} has {_shown(text)}: it must be {_ID_RULES[IdFormat.UUID]}.",
        )
    value = UUID(text)
    if value.int == 0:
        raise RequestRefused("invalid-request", f"{name} has the nil UUID, which names nothing.")
    return value


def variant_of(name: str, text: str, id_format: IdFormat) -> ProductVariantId:
    """The variant's id in `text`.

    Raises:
        RequestRefused: it is not an id of this format.
    """
    if id_format is IdFormat.UUID:
        return variant_id(uuid_of(name, text))
    if not is_variant_id(text):
        raise RequestRefused(
            "invalid-request", f"{name} has {_shown(text)}: it must be {_ID_RULES[id_format]}."
        )
    return ProductVariantId(text)


def variants_of(request: web.BaseRequest, id_format: IdFormat) -> list[ProductVariantId]:
    """The ids of `GET /inventory`, in the order of the request.

    Raises:
        RequestRefused: the parameter is missing, given twice, too long, or holds no id.
    """
    values = request.query.getall("productVariantIds", [])
    if len(values) != 1:
        raise RequestRefused(
            "invalid-request",
            f"productVariantIds is given {len(values)} times: "
            "it must be there once, with its ids separated by commas.",
        )
    texts = values[0].split(",")
    if len(texts) > MAX_IDS:
        raise RequestRefused(
            "invalid-request",
            f"productVariantIds names {len(texts)} variants: at most {MAX_IDS} are allowed.",
        )
    return [variant_of("productVariantIds", text, id_format) for text in texts]


def idempotency_key_of(request: web.BaseRequest) -> UUID:
    """The idempotency key of a POST.

    Raises:
        RequestRefused: the header is missing, given twice, or not a UUID.
    """
    values = request.headers.getall(IDEMPOTENCY_KEY, [])
    if len(values) != 1:
        raise RequestRefused(
            "invalid-request",
            f"{IDEMPOTENCY_KEY} is given {len(values)} times: it must be there once.",
        )
    return uuid_of(IDEMPOTENCY_KEY, values[0])


def correlation_id_of(request: web.BaseRequest) -> str | None:
    """The request's correlation id; None if it has none, or an invalid one."""
    text = request.headers.get(CORRELATION_ID)
    return text if text is not None and _CORRELATION_ID.fullmatch(text) else None


def check_envelope(request: web.BaseRequest) -> None:
    """Check the length of the target, and the correlation id.

    Raises:
        RequestRefused: one of them is not valid.
    """
    length = len(request.raw_path.encode("utf-8", "surrogateescape"))
    if length > MAX_TARGET_BYTES:
        raise RequestRefused(
            "invalid-request",
            f"The request target has {length} bytes: at most {MAX_TARGET_BYTES} are allowed.",
        )
    if CORRELATION_ID in request.headers and correlation_id_of(request) is None:
        raise RequestRefused(
            "invalid-request",
            f"{CORRELATION_ID} is not 1 to 128 printable ASCII characters without a space at "
            "either end.",
        )


async def initialization_of(
    request: web.BaseRequest, id_format: IdFormat
) -> InitializeInventoryRequestBody:
    """The body of `POST /inventory`.

    Raises:
        RequestRefused: the body is not JSON by its type or content, or does not match the contract.
    """
    body = await json_body_of(request)
    rules = {
        "productVariantId": _ID_RULES[id_format],
        "initialQuantity": _UNITS,
        "lowStockThreshold": _UNITS,
    }
    decoded = decode(body, _StrictRequest, rules)
    variant = variant_of("productVariantId", decoded.variant_id, id_format)
    # The plain wire struct: the store compares its encoding.
    return InitializeInventoryRequestBody(
        variant, decoded.initial_quantity, decoded.low_stock_threshold
    )


async def json_body_of(request: web.BaseRequest) -> bytes:
    """The body's bytes.

    Raises:
        RequestRefused: its content type is not JSON, or it is longer than `MAX_BODY_BYTES`.
    """
    if request.content_type != "application/json":
        raise RequestRefused(
            "invalid-request",
            f"The body is {_shown(request.content_type)}: it must be application/json.",
        )
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RequestRefused(
            "invalid-request", f"The body is too long: at most {MAX_BODY_BYTES} bytes are allowed."
        ) from None


def decode(body: bytes, shape: type[T], rules: Mapping[str, str]) -> T:
    """Decode JSON into `shape`.

    Args:
        body: the JSON text.
        shape: a Struct that forbids unknown fields.
        rules: the allowed values of each field, by its name in JSON.

    Raises:
        RequestRefused: it does not match; the sentence names the field and its allowed values.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        detail = _explained(str(error), rules)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        detail = f"The body is not JSON: {error}."
    raise RequestRefused("invalid-request", detail)


def _explained(message: str, rules: Mapping[str, str]) -> str:
    if match := re.search(r"(?:at|in) `\$\.(\w+)", message):
        name = match[1]
        return f"{name} is not valid: it must be {rules[name]}."
    if match := re.search(r"unknown field `(.*)`", message, re.DOTALL):
        return f"{_shown(match[1])} is not a field: the fields are {', '.join(rules)}."
    if match := re.search(r"missing required field `(\w+)`", message):
        name = match[1]
        return f"{name} is missing: it must be {rules[name]}."
    if message.startswith("Expected `object`"):
        return f"The body must be a JSON object with the fields {', '.join(rules)}."
    return message  # from a struct's own check, which names the field


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
