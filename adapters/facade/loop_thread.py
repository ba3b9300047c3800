"""`open_portal`: an event loop in an operating-system thread, under gevent as well."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal


@contextmanager
def open_portal(name: str) -> Iterator[BlockingPortal]:
    """Start the thread `name` with an event loop; on leaving, end both, and wait for that.

    gevent replaces `threading.Thread` by a greenlet. An event loop in a greenlet would be the
    running loop of the whole operating-system thread: Django's ORM would refuse every query of the
    host, and `asyncio.run` every call. So under gevent the loop has a thread that gevent does not
    know, and greenlets wait for it without blocking each other.

    Raises:
        RuntimeError: eventlet has replaced the threads.
    """
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        raise RuntimeError(
            "eventlet has replaced this process's threads, and shelfport's event loop needs a real "
            "one: use a worker with threads or gevent (gunicorn: -k gthread or -k gevent), or call "
            "eventlet.monkey_patch(thread=False)"
        )
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        with start_blocking_portal(name=name) as portal:
            yield portal
        return
    start: Callable[..., Any] = monkey.get_original("_thread", "start_new_thread")
    opened: Future[BlockingPortal] = Future()
    ended: Future[None] = Future()
    start(_run, (opened, ended))
    with waiting():
        portal = opened.result()
    cancel_remaining = True
    try:
        yield portal
        cancel_remaining = False
    finally:
        with waiting():
            portal.call(portal.stop, cancel_remaining)
            ended.result()


@contextmanager
def waiting() -> Iterator[None]:
    """Around a wait for the loop's thread: under gevent the other greenlets go on meanwhile.

    gevent takes a wait for a thread that it does not know for a deadlock, unless something else in
    its hub may happen.
    """
    hub = _hub()
    if hub is None:
        yield
        return
    watcher = hub.loop.async_()
    watcher.start(lambda: None)
    try:
        yield
    finally:
        watcher.stop()
        watcher.close()


def refuse_to_block_a_loop() -> None:
    """Refuse a blocking call in a coroutine, whose event loop would stand still meanwhile.

    Raises:
        RuntimeError: an event loop runs in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    # Under gevent the loop may be of another greenlet, which goes on meanwhile.
    if _hub() is None:
        raise RuntimeError(
            "a SyncInventoryIntegration blocks its caller, and this thread's event loop would "
            "stand still: in a coroutine, use `await inventory.run(lambda inventory: ...)`, or "
            "call it in another thread"
        )


def _hub() -> Any:
    """Gevent's hub of this thread; None without gevent."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return sys.modules["gevent"].get_hub()


def _run(opened: "Future[BlockingPortal]", ended: "Future[None]") -> None:
    async def serve() -> None:
        async with BlockingPortal() as portal:
            opened.set_result(portal)
            await portal.sleep_until_stopped()

    try:
        anyio.run(serve)
    except BaseException as error:
        if not opened.done():
            opened.set_exception(error)
        ended.set_exception(error)
    else:
        ended.set_result(None)
