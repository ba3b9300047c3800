"""`check` with services that answer in every way, and without one."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from shelfport.adapters.cli.check import connection
from shelfport.adapters.cli.check.model import SAMPLE_VARIANT
from shelfport.contracts.sandbox import CATALOGUE, Faults, Sandbox
from tests.adapters.cli.conftest import MAIN, SOURCES, Ended, Shelfport
from tests.support.servers import (
    Handler,
    always,
    conversing,
    problem,
    raw,
    serving,
    wire_level,
)

VARIANT = str(CATALOGUE[0].variant_id)
NOWHERE = "http://127.0.0.1:9"
CHECKS = (
    "settings",
    "variables",
    "role",
    "adapter",
    "dns",
    "tcp",
    "tls",
    "token",
    "read",
    "clock",
    "queue",
    "shared_cache",
    "bus",
)
SERVICE = CHECKS[4:9]
SURROUNDINGS = dict.fromkeys(CHECKS[10:], "not tried")


def outcomes(done: Ended) -> dict[str, str]:
    """The outcome of each check, from the printed list."""
    lines = done.out.split("Checks\n")[1].splitlines()
    rows = [line.split(None, 1) for line in lines if "To do:" not in line]
    words = ("ok", "failed", "not tried")
    return {name: next(w for w in words if rest.startswith(w)) for name, rest in rows}


async def test_all_is_well(run_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """With a working service every check is ok; in a pipe the list is plain text."""
    done = await run_shelfport("check", "--base-url", sandbox.url, "--variant", VARIANT)

    not_tried = {"tls": "not tried", "token": "not tried"} | SURROUNDINGS
    assert dict.fromkeys(CHECKS, "ok") | not_tried == outcomes(done)
    assert (0, "", False) == (done.code, done.err, "\x1b" in done.out)
    assert f"{VARIANT} is IN_STOCK, 34 available, in " in done.out
    assert f"connected to 127.0.0.1, port {sandbox.url.rpartition(':')[2]}, in " in done.out


async def test_columns_are_aligned(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """Values and their origins begin in one column each, and so do the details of the checks."""
    done = await call_shelfport("check", "--base-url", sandbox.url)

    settings, checks = done.out.removeprefix("Settings\n").split("\n\nChecks\n")
    rows = settings.splitlines()
    assert len({row.rindex("default") for row in rows if row.endswith("default")}) == 1
    [given] = [row for row in rows if "command line" in row]
    assert rows[1].index("default") == given.index("command line: --base-url")
    assert {15} == {row.index("ok") - 1 for row in checks.splitlines() if "not tried" not in row}


async def test_an_unknown_variant_is_an_answer(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """Without --variant an unknown variant is read, and "unknown" is a valid answer."""
    done = await call_shelfport("check", "--base-url", sandbox.url, "--correlation-id", "c-1")

    assert (0, "ok") == (done.code, outcomes(done)["read"])
    assert "has no record: a valid answer of the contract" in done.out
    assert [("c-1", 404)] == [(e.correlation_id, e.status) for e in sandbox.journal]


async def test_memory_needs_no_connection(call_shelfport: Shelfport) -> None:
    """With the adapter `memory` there is nothing to connect to: that is not a failure."""
    done = await call_shelfport("check", SHELFPORT_ADAPTER="memory")

    assert (0, "not tried", "not tried", "ok") == (
        done.code,
        *(outcomes(done)[name] for name in ("dns", "tcp", "read")),
    )
    assert "set base_url to ask one" in done.out


async def test_without_a_base_url(call_shelfport: Shelfport) -> None:
    """Without a base URL and an adapter, the check `adapter` fails and names both."""
    done = await call_shelfport("check")

    assert (1, "ok", "failed", "not tried") == (
        done.code,
        *(outcomes(done)[name] for name in ("settings", "adapter", "read")),
    )
    assert "SHELFPORT_BASE_URL" in done.out
    assert 'adapter="memory"' in done.out


async def test_an_unknown_variable(call_shelfport: Shelfport) -> None:
    """A variable of no setting fails the check, which names the nearest; others are tried."""
    done = await call_shelfport(
        "check", SHELFPORT_ADAPTER="memory", SHELFPORT_CACHE_TTTL="3", SHELFPORT_PORT="tcp://x:1"
    )

    assert (1, "failed", "ok") == (
        done.code,
        *(outcomes(done)[name] for name in ("variables", "read")),
    )
    assert "ignored: SHELFPORT_CACHE_TTTL (did you mean SHELFPORT_CACHE_TTL?)\n" in done.out


@pytest.mark.parametrize(
    ("variables", "role"),
    [
        ({}, "opens records under ROLL_BACK, and has no queue; it receives no events"),
        (
            {"QUEUE_URL": "memory:", "EVENTS_URL": "nats://127.0.0.1:9"},
            "and works the queue off: NOT_ORDERABLE entries only with a catalog; events invalidate "
            "its cache, and only with a catalog it joins the consumer group 'shelfport' and "
            "notifies the log\n",
        ),
        (
            {
                "QUEUE_URL": "memory:",
                "QUEUE_WORKER": "false",
                "EVENTS_URL": "nats://127.0.0.1:9",
                "EVENTS_CONSUME": "false",
            },
            "and leaves the queue to others (queue.worker is false); events invalidate its cache, "
            "and it joins no consumer group (events.consume is false)",
        ),
        (
            {
                "EVENTS_URL": "nats://127.0.0.1:9",
                "NOTIFICATIONS_LOW_STOCK_WEBHOOK": "https://chat.internal/s3cret",
            },
            "notifies the log and 1 webhook\n",
        ),
    ],
)
async def test_the_role(call_shelfport: Shelfport, variables: dict[str, str], role: str) -> None:
    """The check `role` says what a host with these settings takes on."""
    given: dict[str, Any] = {f"SHELFPORT_{name}": value for name, value in variables.items()}
    done = await call_shelfport("check", "--deadline", "0.2", SHELFPORT_ADAPTER="memory", **given)

    assert role in done.out
    assert "s3cret" not in done.out


async def test_a_closed_port(call_shelfport: Shelfport) -> None:
    """At a closed port tcp fails with advice, and the read is not tried."""
    done = await call_shelfport("check", "--base-url", NOWHERE)

    assert ("ok", "failed", *["not tried"] * 3) == tuple(outcomes(done)[n] for n in SERVICE)
    assert "no connection to port 9: 127.0.0.1 refuses" in done.out
    assert "To do: start the service" in done.out
    assert (1, "", True) == (done.code, done.err, "tcp failed" in done.out)


async def test_a_name_that_does_not_resolve(call_shelfport: Shelfport) -> None:
    """A name without addresses fails at dns, and later checks are not tried."""
    done = await call_shelfport("check", "--base-url", "https://inventory.invalid")

    assert ("failed", *["not tried"] * 4) == tuple(outcomes(done)[n] for n in SERVICE)
    assert "the name inventory.invalid does not resolve" in done.out
    assert (1, 5) == (done.code, done.out.count("dns failed"))


def test_name_servers_that_are_silent() -> None:
    """A resolver that hangs costs the deadline, and does not delay the end of the command."""
    hanging = "import socket, time; socket.getaddrinfo = lambda *args, **options: time.sleep(120); "
    arguments = ("check", "--base-url", "https://inventory.internal", "--deadline", "0.05")
    done = subprocess.run(
        [sys.executable, "-c", hanging + MAIN, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": SOURCES},
        check=False,
    )

    assert (1, "") == (done.returncode, done.stderr)
    assert "no answer about the name inventory.internal within 0.05 s" in done.stdout


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [
        ("2", "192.0.2.1 does not answer within 0.05 s, 192.0.2.2 does not answer within 0.05 s"),
        ("0.02", "the check timed out after 0.02 s"),
    ],
)
async def test_addresses_that_are_silent(
    call_shelfport: Shelfport, monkeypatch: pytest.MonkeyPatch, deadline: str, expected: str
) -> None:
    """Every address is tried for connect_timeout, all of them within the deadline."""

    async def two(host: str, port: int) -> tuple[str, ...]:
        return ("192.0.2.1", "192.0.2.2")

    async def never(host: str, port: int) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(connection, "_resolve", two)
    monkeypatch.setattr("asyncio.open_connection", never)
    done = await call_shelfport(
        *("check", "--base-url", "https://inventory.internal", "--deadline", deadline),
        SHELFPORT_HTTP_CONNECT_TIMEOUT="0.05",
    )

    assert "inventory.internal is 192.0.2.1, 192.0.2.2" in done.out
    assert (1, "failed", True) == (done.code, outcomes(done)["tcp"], expected in done.out)


async def test_one_address_that_answers_is_enough(
    call_shelfport: Shelfport, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one dead address and one live address, tcp succeeds."""

    async def two(host: str, port: int) -> tuple[str, ...]:
        return ("127.0.0.2", "127.0.0.1")

    monkeypatch.setattr(connection, "_resolve", two)
    done = await call_shelfport("check", "--base-url", sandbox.url)

    assert "connected to 127.0.0.1, port" in done.out


async def redirecting(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=308, headers={"Location": "https://elsewhere.example/"})


async def unauthenticated(request: web.BaseRequest) -> web.StreamResponse:
    return problem(401, "unauthenticated", "no token")


async def not_ours(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=404, text="<h1>Not Found</h1>", content_type="text/html")


async def welcoming(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="<h1>Welcome to nginx!</h1>", content_type="text/html")


async def firewall(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=403, text="<h1>Request blocked</h1>", content_type="text/html")


async def refusing(request: web.BaseRequest) -> web.StreamResponse:
    return problem(400, "invalid-request", "no such parameter")


async def failing(request: web.BaseRequest) -> web.StreamResponse:
    return problem(500, "internal-error")


async def overloaded(request: web.BaseRequest) -> web.StreamResponse:
    return problem(503, "unavailable")


@pytest.mark.parametrize(
    ("answer", "problem", "fix"),
    [
        (unauthenticated, "answered 401 Unauthorized (no token)", "set token, for example with"),
        (
            not_ours,
            "answered 404 Not Found, which the service does not: something before it did",
            "its path up to /inventory",
        ),
        (redirecting, "answered 308 Permanent Redirect", "set base_url to the service"),
        (
            welcoming,
            "is not the service's, or was damaged on the way: its body is no JSON",
            "another program answers there, or something on the way",
        ),
        (always("hello"), "broke the contract", "another program answers there, or a service"),
        (
            firewall,
            "answered 403 Forbidden, without a problem document",
            "what is before the service (a firewall, a gateway), and at the credentials",
        ),
        (refusing, "answered 400 Bad Request (no such parameter)", "shelfport contracts verify"),
        (failing, "answered 500 Internal Server Error", "look into the service's own log"),
        (overloaded, "answered 503 Service Unavailable", "wait a moment"),
    ],
    ids=["401", "404", "308", "HTML", "garbage", "firewall", "400", "500", "503"],
)
async def test_wrong_answers(
    call_shelfport: Shelfport, answer: Handler, problem: str, fix: str
) -> None:
    """A wrong answer prints the error's sentence, with advice and the correlation id."""
    async with serving(answer) as service:
        done = await call_shelfport("check", "--base-url", service.url, "--correlation-id", "c-7")

    line, to_do = done.out.splitlines()[-6:-4]
    assert (1, "failed") == (done.code, outcomes(done)["read"])
    assert problem in line
    assert fix in to_do
    assert "(correlation id c-7)" in to_do


@pytest.mark.parametrize(
    ("seconds", "outcome", "words"),
    [
        (0, "ok", "the service's clock and this machine's differ by "),
        (-30, "ok", "the service's clock and this machine's differ by "),
        (3600, "failed", "s ahead of this machine's"),
        (-3600, "failed", "s behind this machine's"),
    ],
)
async def test_the_services_clock(
    call_shelfport: Shelfport, seconds: float, outcome: str, words: str
) -> None:
    """A clock that differs by more than a minute fails a check of its own; the read is ok."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    async with serving(always(wire_level(SAMPLE_VARIANT.variant), Date=date)) as service:
        done = await call_shelfport("check", "--base-url", service.url)

    assert ("ok", outcome) == (outcomes(done)["read"], outcomes(done)["clock"]), done.out
    failed = outcome == "failed"
    assert (int(failed), True, failed) == (
        done.code,
        words in done.out,
        "To do: set the clock that is wrong" in done.out,
    ), done.out


async def test_an_answer_without_a_date(call_shelfport: Shelfport) -> None:
    """Without the header Date the clocks are not compared: that is not a failure."""
    content = json.dumps(wire_level(SAMPLE_VARIANT.variant)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    async with conversing(raw(head + content)) as url:
        done = await call_shelfport("check", "--base-url", url)

    assert (0, "not tried") == (done.code, outcomes(done)["clock"])
    assert "the answer has no header Date" in done.out


async def test_an_answer_of_a_cache(call_shelfport: Shelfport) -> None:
    """A cache that answers in place of the service is named, with the age of its answer."""
    async with serving(always(wire_level(SAMPLE_VARIANT.variant), Age="600")) as service:
        done = await call_shelfport("check", "--base-url", service.url)

    assert ("ok", True) == (
        outcomes(done)["read"],
        "ms, from a cache on the way that had it for 600 s" in done.out,
    )


async def test_a_token_that_is_not_accepted(call_shelfport: Shelfport) -> None:
    """If the service refuses the token, the advice is to replace it; it is not printed."""
    async with serving(unauthenticated) as service:
        done = await call_shelfport("check", "--base-url", service.url, SHELFPORT_TOKEN="hunter2")

    assert "replace token, or correct the settings auth.*: the service does not" in done.out
    assert "hunter2" not in done.out + done.err
    assert "environment: SHELFPORT_TOKEN" in done.out


async def test_a_server_that_does_not_speak_http(call_shelfport: Shelfport) -> None:
    """An answer that is not HTTP is named as such."""
    async with conversing(raw(b"220 mail.example ESMTP\r\n")) as url:
        done = await call_shelfport("check", "--base-url", url)

    assert (1, True) == (done.code, "does not speak HTTP" in done.out)
    assert "To do: request base_url with curl: another program answers there" in done.out


async def test_https_to_a_plain_port(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """TLS to a plain port fails, with the advice to use http://."""
    url = sandbox.url.replace("http://", "https://")
    done = await call_shelfport("check", "--base-url", url)

    assert ("ok", "failed") == (outcomes(done)["tcp"], outcomes(done)["tls"])
    assert "what answers speaks no TLS: must base_url begin with http://?" in done.out


async def test_a_service_that_hangs(call_shelfport: Shelfport, sandbox: Sandbox) -> None:
    """A read that exceeds the deadline fails, with the advice to give more time."""
    sandbox.faults = Faults(mode="hang")
    done = await call_shelfport("check", "--base-url", sandbox.url, "--deadline", "0.2")

    assert (1, "failed") == (done.code, outcomes(done)["read"])
    assert "To do: give more time with --deadline" in done.out


async def test_json_is_one_document(run_shelfport: Shelfport) -> None:
    """With --json stdout is one document with every field, also with a failed check."""
    done = await run_shelfport("check", "--json", "--base-url", NOWHERE, "--correlation-id", "c-1")

    document = json.loads(done.out)
    assert ["correlationId", "ok", "settings", "checks", "schema"] == list(document)
    assert ("c-1", False, 1) == (document["correlationId"], document["ok"], document["schema"])
    assert (1, "") == (done.code, done.err)
    assert {
        "name": "base_url",
        "value": NOWHERE,
        "origin": "COMMAND_LINE",
        "place": "--base-url",
    } == document["settings"][0]
    assert [*["OK"] * 5, "FAILED", *["NOT_TRIED"] * 7] == [c["outcome"] for c in document["checks"]]
    assert {
        "name": "read",
        "outcome": "NOT_TRIED",
        "detail": "tcp failed",
        "fix": None,
        "because": "tcp",
        "milliseconds": None,
    } == document["checks"][8]
    assert 0 <= document["checks"][5]["milliseconds"] < 2000


async def test_json_of_bad_settings(call_shelfport: Shelfport) -> None:
    """Invalid settings are a document, too, with the settings as given; the exit code is 2."""
    done = await call_shelfport("check", "--json", SHELFPORT_DEADLINE="soon")

    document = json.loads(done.out)
    [deadline] = [s for s in document["settings"] if s["name"] == "deadline"]
    assert ("soon", "ENVIRONMENT", "SHELFPORT_DEADLINE") == tuple(
        deadline[k] for k in ("value", "origin", "place")
    )
    assert ["FAILED", *["NOT_TRIED"] * 12] == [c["outcome"] for c in document["checks"]]
    assert (2, 1) == (done.code, len(done.err.splitlines()))


async def test_bad_settings_end_with_2(call_shelfport: Shelfport) -> None:
    """Invalid settings fail the first check, stop the others, and are one sentence on stderr."""
    done = await call_shelfport("check", "--base-url", NOWHERE, SHELFPORT_DEADLINE="0")

    assert {"settings": "failed", **dict.fromkeys(CHECKS[1:], "not tried")} == outcomes(done)
    assert (2, 1) == (done.code, len(done.err.splitlines()))
    assert "deadline is 0" in done.err
    assert done.err.endswith("(from SHELFPORT_DEADLINE)\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan"])
async def test_an_invalid_deadline(call_shelfport: Shelfport, seconds: str) -> None:
    """An invalid --deadline ends the command before any check."""
    done = await call_shelfport("check", f"--deadline={seconds}")

    assert (2, "") == (done.code, done.out)
    assert f"shelfport: --deadline is {seconds}: it must be more than 0 seconds\n" == done.err


async def test_values_cannot_command_the_terminal(call_shelfport: Shelfport) -> None:
    """Control characters in a value or in an answer do not reach the terminal."""
    async with serving(always({"detail": "a\x1b[31mb"}, 500)) as service:
        answered = await call_shelfport("check", "--base-url", service.url)
    set_ = await call_shelfport("check", SHELFPORT_BASE_URL="https://a\x1b[31mb.example")

    assert "\x1b" not in answered.out + set_.out + set_.err


async def test_an_invalid_variant(call_shelfport: Shelfport) -> None:
    """An invalid --variant ends the command before any check."""
    done = await call_shelfport("check", "--variant", "7")

    assert (2, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert "'7' is not a variant id" in done.err
