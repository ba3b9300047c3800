"""`top`: the ops page of a running host, live in a terminal."""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from yarl import URL

from shelfport.adapters.cli.running import Exit, Misuse, print_error, until_signalled
from shelfport.domain.model.text import one_line

TOKEN_VARIABLE: Final = "SHELFPORT_OPS_TOKEN"  # noqa: S105 - its name, not its value
_TIMEOUT: Final = 5.0
"""Seconds that the host may take for an answer."""
_STYLES: Final = {"good": "green", "note": "yellow", "bad": "red", "routine": "dim"}
_STATES: Final = {
    "closed": "green",
    "half-open": "yellow",
    "open": "red",
    "ok": "green",
    "degraded": "yellow",
    "not ready": "red",
}
_PIPE_WIDTH: Final = 200
"""Columns into a pipe, whatever the terminal has."""
_BAR: Final = 30
"""Columns of the bar of what was served."""
_FAULTS: Final = {"process": "this process"}
"""Scopes of faults that have another name for people."""
_SERVED: Final = {"fresh": "green", "stale": "yellow", "missed": "blue", "unreadable": "red"}


class _NoAnswer(Exception):
    """The host did not answer with a snapshot; the message is one sentence."""


async def run_top(*, url: str, interval: float, once: bool, as_json: bool) -> int:
    """Show what the ops page at `url` says, until Ctrl-C; or once.

    Raises:
        Misuse: `url` is no address.
    """
    address = _address(url)
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
    token = os.environ.get(TOKEN_VARIABLE)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        if once or as_json or not sys.stdout.isatty():
            return await _print_once(session, address, as_json=as_json)
        return await until_signalled(lambda stop: _watch(session, address, interval, stop))


def _address(url: str) -> URL:
    try:
        address = URL(url if "://" in url else f"http://{url}")
    except ValueError as error:
        raise Misuse(f"{url!r} is no address: {error}") from error
    if address.scheme not in {"http", "https"} or not address.host:
        raise Misuse(f"{url!r} is no address of an ops page, such as http://127.0.0.1:8000/ops/")
    return address.with_path(f"{address.path.rstrip('/')}/snapshot.json")


async def _print_once(session: aiohttp.ClientSession, address: URL, *, as_json: bool) -> int:
    try:
        document = await _fetched(session, address)
    except _NoAnswer as error:
        print_error(str(error))
        return Exit.NO
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        console = Console(file=sys.stdout, width=width, highlight=False)
        with console.capture() as captured:
            console.print(render(document))
        for line in captured.get().splitlines():
            print(line.rstrip())
    return Exit.ANSWERED


async def _watch(
    session: aiohttp.ClientSession, address: URL, interval: float, stop: asyncio.Event
) -> None:
    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            try:
                picture = render(await _fetched(session, address))
            except _NoAnswer as error:
                picture = Text(f"{error}; trying again", "red")
            live.update(picture, refresh=True)
            try:
                async with asyncio.timeout(interval):
                    await stop.wait()
            except TimeoutError:
                pass


async def _fetched(session: aiohttp.ClientSession, address: URL) -> Mapping[str, Any]:
    try:
        async with session.get(address, allow_redirects=False) as answer:
            status, body = answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = str(error) or f"no answer within {_TIMEOUT:g} s"
        raise _NoAnswer(f"{address.host} does not answer: {reason}") from error
    if status == 401:
        raise _NoAnswer(f"{address.parent} wants its token: set {TOKEN_VARIABLE}")
    try:
        document = msgspec.json.decode(body) if status == 200 else None
    except msgspec.DecodeError:
        document = None
    if not isinstance(document, dict) or "snapshot" not in document:
        raise _NoAnswer(f"{address.parent} is no ops page of shelfport: it answered {status}")
    return document


def render(document: Mapping[str, Any]) -> RenderableType:
    """The document as text, tables and bars."""
    snapshot, latency = document["snapshot"], document["latency"]
    circuit, health = snapshot["circuitBreaker"], document["health"]
    at = datetime.fromisoformat(document["at"]).astimezone(UTC)
    parts = Table.grid(padding=(0, 2))
    parts.add_column(style="dim")
    parts.add_column()
    parts.add_row("circuit", _circuit(circuit))
    parts.add_row(
        "retry budget",
        f"{snapshot['retryBudget']:.1f} of {document['retryBudgetMax']:g} tokens",
    )
    parts.add_row("served, 5 min", _served(document["served"]))
    parts.add_row(
        "attempts, 5 min",
        f"{latency['attempts']}, {latency['failed']} failed; p50 {_ms(latency['p50'])}, "
        f"p95 {_ms(latency['p95'])}, p99 {_ms(latency['p99'])}, "
        f"deadline {document['deadline']:g} s",
    )
    if "faults" in document:  # a host of an earlier edition does not count them
        parts.add_row("faults, 5 min", _faults(document["faults"]))
    parts.add_row("queue", _queue(document["queue"], at))
    parts.add_row("events", _events(snapshot["events"]))
    return Group(
        Text.assemble(
            (str(document["title"]), "bold"),
            f"  {at:%H:%M:%S}Z  ",
            (health["status"], _STATES.get(health["status"], "")),
        ),
        *(Text(f"  {one_line(reason)}", "yellow") for reason in health["reasons"]),
        Text(),
        parts,
        Text(),
        _log(document["log"]),
    )


def _circuit(circuit: Mapping[str, Any]) -> Text:
    text = Text(circuit["state"], _STATES.get(circuit["state"], ""))
    if circuit["forced"]:
        text.append(", held by hand")
    if circuit["nextProbe"] is not None:
        text.append(f", next probe in {circuit['nextProbe']:.1f} s")
    text.append(f"; of {circuit['calls']} calls {circuit['failures']} failed, ")
    return text.append(f"{circuit['slow']} were slow")


def _served(served: Mapping[str, int]) -> Text:
    total = sum(served.values())
    text = Text()
    for kind, style in _SERVED.items():
        text.append("█" * round(_BAR * served[kind] / max(total, 1)), style)
    for kind, style in _SERVED.items():
        text.append(f"  {kind} ", "dim").append(str(served[kind]), style)
    return text


def _faults(faults: Mapping[str, int]) -> Text:
    found = [(scope, count) for scope, count in faults.items() if count]
    text = Text("" if found else "no failures")
    for number, (scope, count) in enumerate(found):
        text.append(f"{', ' if number else ''}{_FAULTS.get(scope, one_line(scope))} ", "dim")
        text.append(str(count))
    return text


def _queue(queue: Mapping[str, Any] | None, at: datetime) -> Text:
    if queue is None:
        return Text("none", "dim")
    if queue["trouble"]:
        return Text(one_line(queue["trouble"]), "red")
    text = Text(f"{queue['waiting']} waiting")
    if queue["oldest"] is not None:
        age = (at - datetime.fromisoformat(queue["oldest"])).total_seconds()
        text.append(f", the oldest for {max(age, 0):.0f} s")
    return text.append(
        f", {queue['deadLetters']} dead letters", "red" if queue["deadLetters"] else ""
    )


def _events(events: Mapping[str, Any] | None) -> Text:
    if events is None:
        return Text("no bus", "dim")
    catalog = events["catalog"]
    text = Text(f"{one_line(events['bus'])}: ")
    # A host without a catalog has one subscription alone.
    parts = [events["invalidation"], *([catalog] if catalog["wanted"] else [])]
    connected = all(part["connected"] for part in parts)
    text.append(*(("connected", "green") if connected else ("not connected", "red")))
    return text.append(
        f"; {catalog['handled']} handled, {catalog['duplicates']} duplicates, "
        f"{catalog['late']} late, {catalog['deadLettered']} dead letters"
    )


def _log(entries: list[Mapping[str, Any]]) -> Table:
    rows = Table.grid(padding=(0, 2))
    for entry in entries:
        at = datetime.fromisoformat(entry["at"]).astimezone(UTC)
        times = f" ×{entry['times']}" if entry["times"] > 1 else ""
        rows.add_row(
            Text(f"{at:%H:%M:%S}", "dim"),
            Text(entry["kind"] + times, _STYLES.get(entry["severity"], ""), no_wrap=True),
            Text(one_line(entry["sentence"]), no_wrap=True, overflow="ellipsis"),
        )
    return rows


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.3g} ms"
