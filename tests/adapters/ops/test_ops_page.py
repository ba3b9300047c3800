import asyncio
import re
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from shelfport import InitializationPolicy
from shelfport.contracts.sandbox import Faults
from shelfport.errors import FaultScope, Operation, QueueFailed
from shelfport.outbox import DeadLetterReason
from shelfport.ports.message_bus import Message
from tests.adapters.ops.conftest import TOKEN, Desk
from tests.support.streams import next_fragments
from tests.support.values import an_id
from tests.support.waiting import eventually

HOSTILE = "<script>alert('1')</script> & \"quotes\" ${style} {{ 7*7 }}"


async def queued(desk: Desk, correlation_id: str = "shop-1") -> str:
    """An entry of the queue; its key."""
    entry = desk.inventory.initialization_entry(
        an_id(9), policy=InitializationPolicy.RETRY_LATER, correlation_id=correlation_id
    )
    assert desk.inventory.queue is not None
    await desk.inventory.queue.add(entry)
    return str(entry.request.idempotency_key)


async def test_the_page_shows_the_snapshot(desk: Desk) -> None:
    """The page shows the circuit, budget, queue, cache and events of the snapshot."""
    await desk.inventory.get_stock_level(an_id(1))
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await desk.page()))

    for words in ("All is well", "closed", "of 10 tokens", "1 variants", "connected", "0 waiting"):
        assert words in page


async def test_the_page_shows_an_outage(desk: Desk) -> None:
    """The headline has the open circuit and its next probe; the log has the failure."""
    desk.sandbox.faults = Faults(mode="down")
    for _ in range(3):
        await desk.inventory.get_stock_level(an_id(1))
    page = await desk.page()

    assert "the circuit is open" in page
    assert re.search(r"Next probe</dt><dd>in \d+ s", page)
    assert "circuit open" in page
    assert "503 Service Unavailable" in page


async def test_the_page_shows_whose_fault_the_failures_are(desk: Desk) -> None:
    """Each scope has its count of five minutes; without a failure a sentence says so."""
    before = await desk.page()
    desk.sandbox.faults = Faults(error_rate=1.0, error_status=403)
    await desk.inventory.get_stock_level(an_id(1))
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await desk.page()))

    assert "There was no failure." in before
    assert "service 0 path 0 credentials 1 request 0 element 0 caller 0 this process 0" in page


async def test_a_request_is_found_by_its_correlation_id(desk: Desk) -> None:
    """A search finds everything with an id, and nothing with another id."""
    for correlation_id in ("checkout-17", "checkout-18"):
        await desk.inventory.get_stock_level(an_id(1), correlation_id=correlation_id)
    await queued(desk, "checkout-17")
    page = await desk.page("?correlation=checkout-17")

    assert "<b>2</b> found under <code>checkout-17</code>" in page
    assert "read answered" in page
    assert f"In the queue: <code>{an_id(9)}" in page
    assert "checkout-18" not in page


async def test_an_unknown_id_finds_nothing(desk: Desk) -> None:
    """A search without a result is a sentence; the id stays text."""
    answer = await desk.client.get("/ops/", params={"correlation": HOSTILE})
    page = await answer.text()

    assert "Nothing was found under" in page
    assert (1, False) == (page.count("<script"), "49" in page.partition("Nothing was")[2][:300])


async def test_hostile_ids_stay_text(desk: Desk) -> None:
    """A caller's correlation id becomes no markup in any fragment."""
    desk.sandbox.faults = Faults(mode="down")
    await desk.inventory.get_stock_level(an_id(1), correlation_id=HOSTILE)
    await queued(desk, HOSTILE)
    page = await desk.page()

    assert (1, False) == (page.count("<script"), "alert('1')" in page)


async def test_a_dead_letter_is_retried(desk: Desk) -> None:
    """The button puts the entry back into the queue, due at once, and says so."""
    key = await queued(desk)
    queue = desk.inventory.queue
    assert queue is not None
    now = desk.recorder.clock.now()
    (claim,) = await queue.claim(holder="w", limit=1, now=now, lease=60)
    await queue.dead_letter(claim, now=now, reason=DeadLetterReason.EXHAUSTED, error=HOSTILE)
    before = await desk.page()
    answer = await desk.client.post("/ops/retry", data={"key": key})
    after = await answer.text()

    assert f'id="retry-{key}"' in before
    assert "&lt;script&gt;alert" in before
    assert (200, "/ops/") == (answer.status, answer.url.path)
    assert "The entry is due now" in after
    assert (1, 0) == ((await queue.stats()).waiting, (await queue.stats()).dead_letters)


async def test_all_dead_letters_are_retried(desk: Desk) -> None:
    """One button does it for all of them."""
    queue = desk.inventory.queue
    assert queue is not None
    for _ in range(3):
        await queued(desk)
    now = desk.recorder.clock.now()
    for claim in await queue.claim(holder="w", limit=3, now=now, lease=60):
        await queue.dead_letter(claim, now=now, reason=DeadLetterReason.REJECTED, error="no")
    await desk.client.post("/ops/retry-all")

    assert (3, 0) == ((await queue.stats()).waiting, (await queue.stats()).dead_letters)


async def test_an_entry_is_dropped_once(desk: Desk) -> None:
    """Dropping removes the entry; a second drop says that it is gone."""
    key = await queued(desk)
    first = await (await desk.client.post("/ops/drop", data={"key": key})).text()
    second = await (await desk.client.post("/ops/drop", data={"key": key})).text()

    assert "The entry is dropped." in first
    assert "The entry is gone" in second


async def test_the_circuit_is_held_and_released(desk: Desk) -> None:
    """An operator holds the circuit open, which the page shows, and releases it."""
    held = await (await desk.client.post("/ops/circuit", data={"hold": "open"})).text()
    released = await (await desk.client.post("/ops/circuit", data={"hold": "none"})).text()

    assert "held by hand" in held
    assert "held by hand: pages" not in released
    assert not desk.inventory.snapshot().circuit_breaker.forced


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("retry", {"key": "x"}, 400),
        ("retry", {}, 400),
        ("drop", {"key": HOSTILE}, 400),
        ("circuit", {"hold": "half-open"}, 400),
        ("nothing", {}, 404),
    ],
)
async def test_bad_forms_are_refused(
    desk: Desk, path: str, form: dict[str, str], status: int
) -> None:
    """An invalid form is refused with a sentence, and changes nothing."""
    answer = await desk.client.post(f"/ops/{path}", data=form)

    assert status == answer.status
    assert "<h1>" in await answer.text()


@pytest.mark.parametrize("desk", [{"actions": False}], indirect=True)
async def test_read_only_has_no_buttons(desk: Desk) -> None:
    """Unless it is enabled, there is no button on the page, and none behind it."""
    key = await queued(desk)
    page = await desk.page()
    answers = [
        await desk.client.post(f"/ops/{path}", data={"key": key, "hold": "open"})
        for path in ("retry", "retry-all", "drop", "circuit")
    ]

    assert ({403}, False) == ({a.status for a in answers}, 'method="post"' in page)
    assert not desk.inventory.snapshot().circuit_breaker.forced
    assert str(an_id(9)) in await desk.page()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_other_sites_press_no_button(desk: Desk, headers: dict[str, str]) -> None:
    """A form that another site's page sends through an operator's browser is refused."""
    key = await queued(desk)
    answer = await desk.client.post("/ops/drop", data={"key": key}, headers=headers)

    assert 403 == answer.status
    assert str(an_id(9)) in await desk.page()


async def test_an_event_is_in_the_log(desk: Desk) -> None:
    """Events are listed with their outcomes: handled, duplicate, late, dead-lettered."""
    now = datetime.now(UTC)

    def message(event_id: str, at: datetime) -> Message:
        body = {
            "eventId": event_id,
            "timestamp": at.isoformat(),
            "productVariantId": str(an_id(1)),
        }
        return Message(dumps(body).encode(), channel="inventory.low-stock")

    first, older = message(str(uuid4()), now), message(str(uuid4()), now - timedelta(minutes=1))
    unreadable = Message(b"{", channel="inventory.low-stock")
    for sent in (first, first, older, unreadable):
        await desk.bus.publish(sent)
    await eventually(lambda: len(desk.recorder.events) == 4)
    page = await desk.page()

    found = re.findall(r'<span class="tag (handled|duplicate|late|dead-lettered)">', page)
    assert {"handled", "duplicate", "late", "dead-lettered"} == set(found)


async def test_the_page_is_live(desk: Desk) -> None:
    """The stream has all fragments first, and then only those that have changed."""
    async with desk.client.get("/ops/live") as answer:
        first = await next_fragments(answer.content)
        await desk.client.post("/ops/circuit", data={"hold": "open"})
        later: dict[str, str] = {}
        while "circuit" not in later:
            later = await next_fragments(answer.content)

    assert {"headline", "circuit", "queue", "dead", "latency", "faults", "served"} <= first.keys()
    assert "held by hand" in later["circuit"]
    assert "log" in first
    assert "bus" not in later


async def test_the_document_has_the_same_figures(desk: Desk) -> None:
    """`snapshot.json` has the figures of the page, in camelCase, for programs."""
    await desk.inventory.get_stock_level(an_id(1))
    answer = await desk.client.get("/ops/snapshot.json")
    document = await answer.json()

    assert ("application/json", 1) == (answer.content_type, document["schema"])
    assert ("closed", None) == (
        document["snapshot"]["circuitBreaker"]["state"],
        document["snapshot"]["circuitBreaker"]["nextProbe"],
    )
    assert 1 == document["latency"]["attempts"]


async def test_the_document_counts_failures_by_scope(desk: Desk) -> None:
    """`snapshot.json` has a count of each scope, by its value."""
    desk.sandbox.faults = Faults(mode="garbage")
    await desk.inventory.get_stock_level(an_id(1))
    document = await (await desk.client.get("/ops/snapshot.json")).json()

    assert {scope.value for scope in FaultScope} == document["faults"].keys()
    assert {"path"} == {scope for scope, count in document["faults"].items() if count}


async def test_a_page_without_its_slash_leads_to_it(desk: Desk) -> None:
    """The page without its slash redirects, as its addresses are relative to a folder."""
    answer = await desk.client.get("/ops", allow_redirects=False)
    landed = await desk.client.get("/ops")

    assert (301, "ops/") == (answer.status, answer.headers["Location"])
    assert (200, "/ops/") == (landed.status, landed.url.path)


async def test_every_reply_keeps_the_policy(desk: Desk) -> None:
    """Every reply has the content security policy: page, files, stream, document, errors."""
    answers = [
        await desk.client.get(path)
        for path in (
            "/ops/",
            "/ops/style.css",
            "/ops/live.js",
            "/ops/icon.svg",
            "/ops/snapshot.json",
            "/ops/nothing",
        )
    ]
    answers.append(await desk.client.delete("/ops/"))
    async with desk.client.get("/ops/live") as stream:
        answers.append(stream)

    assert [200, 200, 200, 200, 200, 404, 405, 200] == [a.status for a in answers]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
        assert "nosniff" == answer.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "1.2.3.4"}, {"Host": "evil.example"}])
async def test_without_a_token_the_page_is_this_machine_s(
    desk: Desk, headers: dict[str, str]
) -> None:
    """A request through a proxy or by another name is refused, with the advice to set a token."""
    for path in ("/ops/", "/ops/live", "/ops/snapshot.json"):
        answer = await desk.client.get(path, headers=headers)
        assert 403 == answer.status
        assert "Give ops_app or ops_asgi a token" in await answer.text()


@pytest.mark.parametrize("desk", [{"token": TOKEN}], indirect=True)
async def test_a_token_is_asked_for(desk: Desk) -> None:
    """With a token, requests need it; the form takes it, and sets a cookie."""
    jar: Any = aiohttp.CookieJar(unsafe=True)
    url = desk.client.make_url("/ops/")
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        statuses = []
        for path in ("", "live", "snapshot.json"):
            async with browser.get(url.join(type(url)(path))) as answer:
                statuses.append(answer.status)
        async with browser.post(url / "login", data={"token": "wrong" * 5}) as wrong:
            refusal = await wrong.text()
        async with browser.post(url / "login", data={"token": TOKEN}) as right:
            page = await right.text()
        async with browser.get(url / "snapshot.json") as document:
            pass

    assert [401, 401, 401] == statuses
    assert (401, True) == (wrong.status, "The token is wrong" in refusal)
    assert (200, True) == (right.status, "Circuit breaker" in page)
    assert 200 == document.status


@pytest.mark.parametrize("desk", [{"token": TOKEN}], indirect=True)
@pytest.mark.parametrize(
    ("authorization", "status"),
    [(f"Bearer {TOKEN}", 200), ("Bearer nonsense", 401), (f"Basic {TOKEN}", 401), ("", 401)],
)
async def test_programs_bring_the_token(desk: Desk, authorization: str, status: int) -> None:
    """A program sends a bearer token, also through a proxy."""
    headers = {"Authorization": authorization, "X-Forwarded-For": "1.2.3.4"}
    answer = await desk.client.get("/ops/snapshot.json", headers=headers)

    assert status == answer.status


async def failing(*_args: object, **_kwargs: object) -> Any:
    """A queue whose database is gone."""
    raise QueueFailed("the database is gone", operation=Operation.INITIALIZE)


async def hanging(*_args: object, **_kwargs: object) -> Any:
    """A queue whose database does not answer."""
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("broken", "words"),
    [(failing, "the database is gone"), (hanging, "it did not answer within 1 s")],
    ids=["fails", "hangs"],
)
async def test_a_failing_queue_affects_its_own_part_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, broken: Any, words: str
) -> None:
    """A queue that fails or hangs is a sentence in its part; the rest of the page is complete."""
    monkeypatch.setattr(desk.inventory.queue, "stats", broken)
    monkeypatch.setattr(desk.inventory.queue, "entries", broken)
    page = await desk.page("?correlation=any")

    assert f"The queue cannot be read: {words}" in page
    assert "The queue could not be searched" in page
    assert "Circuit breaker" in page


async def test_a_button_with_a_failing_queue(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the queue is unavailable, a button is 503 with the reason."""
    monkeypatch.setattr(desk.inventory.queue, "drop", failing)
    answer = await desk.client.post("/ops/drop", data={"key": str(uuid4())})

    assert (503, True) == (answer.status, "the database is gone" in await answer.text())


async def test_a_retry_wakes_the_worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry wakes the worker, which does not wait for its next poll."""
    woken: list[bool] = []
    monkeypatch.setattr(desk.inventory, "wake_worker", lambda: woken.append(True))
    for path in ("retry", "retry-all"):
        await desk.client.post(f"/ops/{path}", data={"key": await queued(desk)})

    assert [True, True] == woken
