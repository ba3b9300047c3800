"""Elements of answers as text, so that a member may have a value that is no JSON."""

from collections.abc import Iterable

from aiohttp import web

from shelfport import ProductVariantId
from shelfport.ports import Listener
from shelfport.signals import AnswerRepaired, Signal
from tests.support.clocks import EPOCH
from tests.support.servers import Handler


def element(variant: ProductVariantId, **values: str | None) -> str:
    """A good element, with the JSON of some members replaced, or None to leave one out."""
    good = {
        "productVariantId": f'"{variant}"',
        "availableQuantity": "5",
        "status": '"IN_STOCK"',
        "updatedAt": f'"{EPOCH.isoformat()}"',
    }
    members: dict[str, str | None] = {**good, **values}
    inside = (f'"{name}": {value}' for name, value in members.items() if value is not None)
    return f"{{{', '.join(inside)}}}"


def array(elements: Iterable[str]) -> bytes:
    """The elements as the body of an answer; half an emoji is written as its three bytes."""
    return f"[{', '.join(elements)}]".encode("utf-8", "surrogatepass")


def sending(content: bytes, encoding: str = "identity", status: int = 200) -> Handler:
    """A handler that gives every request the same body."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Encoding": encoding}
        return web.Response(
            status=status, body=content, content_type="application/json", headers=headers
        )

    return handler


def keeping(repairs: list[AnswerRepaired]) -> Listener:
    """A listener that keeps what was repaired. The clocks of tests differ from the servers'."""

    def listener(signal: Signal) -> None:
        if isinstance(signal, AnswerRepaired):
            repairs.append(signal)

    return listener
