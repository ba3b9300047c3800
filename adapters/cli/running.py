"""Running a command: signals, logging, and from every way to end to an exit code and a sentence."""

import asyncio
import logging
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any

from shelfport.domain.model.text import one_line


class Exit(IntEnum):
    """The exit codes; `--help` tells them as well."""

    ANSWERED = 0
    NO = 1
    """Something was answered "no"."""
    MISUSED = 2
    BUG = 70
    """EX_SOFTWARE of sysexits.h."""
    NOT_WRITTEN = 74
    """EX_IOERR of sysexits.h."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells count."""
    PIPE_CLOSED = 141
    """128 + SIGPIPE: what others exit with whose reader has left."""


class Misuse(Exception):
    """Arguments or settings make no sense; the message is one sentence."""


def complain(sentence: str) -> None:
    """Write one line to stderr, with nothing in it that a terminal would obey."""
    line = one_line(sentence)
    # A closed stderr leaves nobody to complain to.
    with suppress(OSError):
        print(f"shelfport: {line}", file=sys.stderr, flush=True)


def guarded(command: Callable[[], int], *, verbose: bool = False) -> int:
    """Run `command`, and turn whatever it raises into a sentence and an exit code."""
    try:
        code = command()
        sys.stdout.flush()
    except Misuse as error:
        if verbose:
            traceback.print_exc()
        complain(str(error))
        return Exit.MISUSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return Exit.PIPE_CLOSED
    except OSError as error:
        # The network's own are InventoryErrors by here, and the files' SettingsErrors.
        if verbose:
            traceback.print_exc()
        _discard_output()
        complain(f"the output could not be written: {error.strerror or error}")
        return Exit.NOT_WRITTEN
    except Exception as error:
        if verbose:
            traceback.print_exc()
        advice = "" if verbose else ", run with --verbose for the traceback"
        complain(f"unexpected {type(error).__name__}: {error}; this is a bug{advice}")
        return Exit.BUG
    return code


def _discard_output() -> None:
    """Let stdout lead nowhere: the interpreter flushes it at its end, which must not fail again."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - its descriptor is all that is wanted
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def run_async(command: Callable[[], Coroutine[Any, Any, int]], *, verbose: bool) -> int:
    """Run a coroutine function in an event loop of its own; see `guarded`."""

    def run() -> int:
        with logs_shown(verbose):
            return asyncio.run(command())

    return guarded(run, verbose=verbose)


async def until_signalled(serve: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `serve`, and set the event that it is given at Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows' loops have no signal handlers: there Ctrl-C cancels, which ends it as well.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await serve(stop)
    return Exit.ANSWERED


@contextmanager
def logs_shown(verbose: bool) -> Iterator[None]:
    """Show the library's records on stderr if `verbose`; else show none, not even warnings."""
    root = logging.getLogger()
    level = root.level
    handler: logging.Handler = logging.NullHandler()
    if verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.setLevel(logging.INFO)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
