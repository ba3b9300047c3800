"""An HTTP client that checks every answer of the sandbox against inventory-service.yaml."""

from functools import cache
from typing import Any

import aiohttp
import attrs
import msgspec
import yaml
from multidict import CIMultiDictProxy
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from shelfport.adapters.http.wire import PROBLEM_JSON, PROBLEM_TYPE
from shelfport.contracts import inventory_service_yaml

HOST = "https://inventory.example"
"""The contract's own server, under which responses are looked up."""


@cache
def contract() -> OpenAPI:
    # openapi-core reads no problem document by itself, and would compare its bytes with the schema.
    config = Config(extra_media_type_deserializers={PROBLEM_JSON: msgspec.json.decode})
    return OpenAPI.from_dict(yaml.safe_load(inventory_service_yaml()), config=config)


@attrs.frozen
class Answered:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def slug(self) -> str:
        """The problem's type, without the contract's prefix."""
        return str(self.json["type"]).removeprefix(PROBLEM_TYPE)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


@attrs.define
class CheckedClient:
    """Requests by path; API answers that break the contract fail the test there and then."""

    session: aiohttp.ClientSession

    async def get(self, target: str, **options: Any) -> Answered:
        return await self.request("GET", target, **options)

    async def post(self, target: str, **options: Any) -> Answered:
        return await self.request("POST", target, **options)

    async def put(self, target: str, **options: Any) -> Answered:
        return await self.request("PUT", target, **options)

    async def request(self, method: str, target: str, **options: Any) -> Answered:
        async with self.session.request(method, target, **options) as response:
            answered = Answered(response.status, response.headers, await response.read())
        if target.startswith("/inventory"):
            self._check(method, target.partition("?")[0], answered)
        return answered

    async def initialize(self, key: object, variant_id: object, **members: Any) -> Answered:
        return await self.post(
            "/inventory",
            headers={"Idempotency-Key": str(key)},
            json={"productVariantId": str(variant_id), **members},
        )

    async def set_faults(self, **faults: Any) -> None:
        answered = await self.put("/_sandbox/faults", json=faults)
        assert 200 == answered.status, answered.body

    @staticmethod
    def _check(method: str, path: str, answered: Answered) -> None:
        headers = dict(answered.headers)
        contract().validate_response(
            MockRequest(HOST, method, path),
            MockResponse(
                answered.body,
                answered.status,
                headers,
                headers["Content-Type"].partition(";")[0],
            ),
        )
