"""A double of the Pact broker: the part of its HAL interface that the official client uses.

It keeps everything in memory, answers only the requests that shelfport sends, and follows the
published examples of the real broker. `PACT_BROKER_BASE_URL` points the
tests at a real one instead.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import msgspec
from aiohttp import web

from tests.contracts.broker.state import (
    ENVIRONMENTS,
    BrokerState,
    Publication,
    Row,
    Verified,
    sha_of,
)

HAL = "application/hal+json"
CONFLICT = (
    "Cannot change the content of the pact for {consumer} version {version} and provider "
    "{provider}, as race conditions will cause unreliable results for can-i-deploy. Each pact "
    "must be published with a unique consumer version number. For more information see "
    "https://docs.pact.io/go/versioning"
)


class BrokerDouble:
    """One broker. Without credentials it accepts every request.

    Args:
        token: the required bearer token.
        basic: the required name and password.
        read_only: whether the credentials allow reading only.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        basic: tuple[str, str] | None = None,
        read_only: bool = False,
    ) -> None:
        self.state = BrokerState()
        self.url = ""
        self.requests: list[tuple[str, str]] = []
        self.read_only = read_only
        self._wanted: set[str] = set()
        if token is not None:
            self._wanted.add(f"Bearer {token}")
        if basic is not None:
            pair = base64.b64encode(":".join(basic).encode()).decode()
            self._wanted.add(f"Basic {pair}")

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=16 * 1024 * 1024)
        pact = "/pacts/provider/{provider}/consumer/{consumer}/pact-version/{sha}"
        version = "/pacticipants/{pacticipant}/versions/{version}"
        app.add_routes(
            [
                web.get("/", self._index),
                web.post("/contracts/publish", self._publish),
                web.get("/pacts/provider/{provider}/for-verification", self._to_verify),
                web.post("/pacts/provider/{provider}/for-verification", self._to_verify),
                web.get(pact, self._pact),
                web.post(f"{pact}/verification-results", self._verified),
                web.get("/pacticipants/{pacticipant}", self._pacticipant),
                web.put(
                    "/pacticipants/{pacticipant}/branches/{branch}/versions/{version}",
                    self._branch_version,
                ),
                web.get(version, self._version),
                web.post(f"{version}/deployed-versions/environment/{{uuid}}", self._deployed),
                web.get("/matrix", self._matrix),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        if self._wanted and request.headers.get("Authorization") not in self._wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Broker"'})
        reads = request.method == "GET" or request.path.endswith("for-verification")
        if self.read_only and not reads:
            return web.Response(status=403, text="Forbidden")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _index(self, _request: web.Request) -> web.Response:
        links = {
            "self": self._link(""),
            "pb:publish-contracts": self._link("/contracts/publish"),
            "pb:provider-pacts-for-verification": self._link(
                "/pacts/provider/{provider}/for-verification", templated=True
            ),
            "pb:pacticipant": self._link("/pacticipants/{pacticipant}", templated=True),
            "pb:pacticipant-version": self._link(
                "/pacticipants/{pacticipant}/versions/{version}", templated=True
            ),
        }
        return _hal({"_links": links})

    async def _publish(self, request: web.Request) -> web.Response:
        body = await request.json()
        consumer, version = body["pacticipantName"], body["pacticipantVersionNumber"]
        new = []
        for contract in body["contracts"]:
            content = msgspec.json.decode(base64.b64decode(contract["content"], validate=True))
            names = (content["consumer"]["name"], content["provider"]["name"])
            assert (contract["consumerName"], contract["providerName"]) == names
            assert consumer == contract["consumerName"]
            new.append(Publication(*names, version, sha_of(content), content))
        conflicts = [
            CONFLICT.format(consumer=each.consumer, version=version, provider=each.provider)
            for each in new
            if self.state.conflict(each)
        ]
        if conflicts:
            notices = [{"type": "error", "text": text} for text in conflicts]
            document = {"notices": notices, "errors": {"contracts": conflicts}}
            return web.json_response(document, status=409)
        self.state.add_version(consumer, version, body.get("branch"))
        notices = []
        for each in new:
            self.state.publish(each)
            self.state.branches.setdefault((each.provider, ""), set())
            text = (
                f"Pact successfully published for {consumer} version {version} "
                f"and provider {each.provider}."
            )
            notices.append({"type": "success", "text": text})
        itself = self._link(f"/pacticipants/{quote(consumer)}")
        numbered = self._link(_version_path(consumer, version), title="Version", name=version)
        return _hal(
            {
                "logs": [],
                "notices": notices,
                "_embedded": {
                    "pacticipant": {"name": consumer, "_links": {"self": itself}},
                    "version": {"number": version, "_links": {"self": numbered}},
                },
                "_links": {
                    "pb:pacticipant": itself | {"title": "Pacticipant", "name": consumer},
                    "pb:pacticipant-version": numbered,
                    "pb:pacticipant-version-tags": [],
                    "pb:contracts": [
                        self._link(_pact_path(each), title="Pact", name=each.sha) for each in new
                    ],
                },
            }
        )

    async def _to_verify(self, request: web.Request) -> web.Response:
        provider = request.match_info["provider"]
        itself = self._link(f"/pacts/provider/{quote(provider)}/for-verification")
        asked = await request.json() if request.method == "POST" else {}
        selectors = asked.get("consumerVersionSelectors", [])
        pending = asked.get("includePendingStatus", False)
        pacts = [
            {
                "shortDescription": f"{each.consumer} {each.version}",
                "verificationProperties": {"notices": []}
                | ({"pending": self.state.is_pending(each)} if pending else {}),
                "_links": {"self": self._link(_pact_path(each), name=f"Pact of {each.consumer}")},
            }
            for each in self.state.for_verification(provider, selectors)
        ]
        return _hal({"_embedded": {"pacts": pacts}, "_links": {"self": itself}})

    async def _pact(self, request: web.Request) -> web.Response:
        each = self._found(request)
        content = dict(each.content)
        # The real broker gives every interaction an id, by which the results name it.
        content["interactions"] = [
            one | {"_id": sha_of(one)} for one in content.get("interactions", [])
        ]
        content["_links"] = {
            "self": self._link(_pact_path(each)),
            "pb:provider": self._link(f"/pacticipants/{quote(each.provider)}", name=each.provider),
            "pb:publish-verification-results": self._link(
                f"{_pact_path(each)}/verification-results"
            ),
        }
        return _hal(content)

    async def _verified(self, request: web.Request) -> web.Response:
        each, result = self._found(request), await request.json()
        version = result["providerApplicationVersion"]
        self.state.add_version(each.provider, version, None)
        self.state.verifications.append(
            Verified(
                each.consumer,
                each.provider,
                each.sha,
                version,
                result["success"],
                result.get("testResults", []),
            )
        )
        return _hal(
            {
                "providerName": each.provider,
                "providerApplicationVersion": version,
                "success": result["success"],
            },
            status=201,
        )

    def _found(self, request: web.Request) -> Publication:
        name = request.match_info["sha"]
        found = next((p for p in self.state.publications if p.sha == name), None)
        if found is None:
            raise web.HTTPNotFound
        return found

    async def _pacticipant(self, request: web.Request) -> web.Response:
        name = request.match_info["pacticipant"]
        if not any(pacticipant == name for pacticipant, _ in self.state.branches):
            raise web.HTTPNotFound
        path = f"/pacticipants/{quote(name)}"
        links = {
            "self": self._link(path),
            "pb:version": self._link(f"{path}/versions/{{version}}", templated=True),
            "pb:branch-version": self._link(
                f"{path}/branches/{{branch}}/versions/{{version}}", templated=True
            ),
        }
        return _hal({"name": name, "_links": links})

    async def _branch_version(self, request: web.Request) -> web.Response:
        at = request.match_info
        self.state.add_version(at["pacticipant"], at["version"], unquote(at["branch"]))
        return _hal({}, status=201)

    async def _version(self, request: web.Request) -> web.Response:
        name, version = request.match_info["pacticipant"], request.match_info["version"]
        if (name, version) not in self.state.branches:
            raise web.HTTPNotFound
        path = _version_path(name, version)
        links = {
            "self": self._link(path),
            "pb:record-deployment": [
                self._link(f"{path}/deployed-versions/environment/{uuid}", name=environment)
                for environment, uuid in ENVIRONMENTS.items()
            ],
        }
        return _hal({"number": version, "_links": links})

    async def _deployed(self, request: web.Request) -> web.Response:
        at, asked = request.match_info, await request.json()
        [environment] = [name for name, uuid in ENVIRONMENTS.items() if uuid == at["uuid"]]
        instance = asked.get("applicationInstance")
        self.state.deployed[at["pacticipant"], environment, instance] = at["version"]
        return _hal({"uuid": str(uuid4()), "currentlyDeployed": True}, status=201)

    async def _matrix(self, request: web.Request) -> web.Response:
        query = request.query
        environment = query.get("environment")
        if environment not in ENVIRONMENTS:
            text = f"Environment with name '{environment}' does not exist"
            return web.json_response({"errors": {"environment": [text]}}, status=400)
        decision = self.state.decide(query["q[][pacticipant]"], query["q[][version]"], environment)
        kind = "success" if decision.deployable else "error"
        outcomes = [row.success for row in decision.rows]
        return _hal(
            {
                "summary": {
                    "deployable": decision.deployable,
                    "reason": "\n".join(decision.reasons),
                    "success": outcomes.count(True),
                    "failed": outcomes.count(False),
                    "unknown": outcomes.count(None),
                },
                "notices": [{"type": kind, "text": text} for text in decision.reasons],
                "matrix": [_row(row) for row in decision.rows],
            }
        )

    def _link(self, path: str, **more: Any) -> dict[str, Any]:
        return {"href": self.url + path, **more}


def _pact_path(each: Publication) -> str:
    provider, consumer = quote(each.provider), quote(each.consumer)
    return f"/pacts/provider/{provider}/consumer/{consumer}/pact-version/{each.sha}"


def _version_path(pacticipant: str, version: str) -> str:
    return f"/pacticipants/{quote(pacticipant)}/versions/{quote(version)}"


def _row(row: Row) -> dict[str, Any]:
    number = row.provider_version
    return {
        "consumer": {"name": row.consumer, "version": {"number": row.consumer_version}},
        "provider": {
            "name": row.provider,
            "version": None if number is None else {"number": number},
        },
        "verificationResult": None if row.success is None else {"success": row.success},
    }


def _hal(document: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), status=status, content_type=HAL)


@asynccontextmanager
async def running(double: BrokerDouble) -> AsyncIterator[BrokerDouble]:
    """`double`, on a free loopback port."""
    runner = web.AppRunner(double.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()
