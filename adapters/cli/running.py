"""Runs a command: its signals, its logging, and its exit code, with a sentence for each failure."""

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
    """The exit codes; `--help` lists them, too."""

    ANSWERED = 0
    NO = 1
    """An answer is "no"."""
    MISUSED = 2
    """Arguments or settings are not valid."""
    BUG = 70
    """EX_SOFTWARE of sysexits.h."""
    NOT_WRITTEN = 74
    """EX_IOERR of sysexits.h."""
    INTERRUPTED = 130
    """128 + SIGINT, as shells count."""
    PIPE_CLOSED = 141
    """128 + SIGPIPE: the usual code when the reader of the output closed it."""


class Misuse(Exception):
    """Arguments or settings are not valid; the message is one sentence."""


class AnsweredNo(Exception):
    """The command ends with `Exit.NO`; the message is one sentence."""


def print_error(sentence: str) -> None:
    """Write one line to stderr, without control characters."""
    line = one_line(sentence)
    # stderr may be closed.
    with suppress(OSError):
        print(f"shelfport: {line}", file=sys.stderr, flush=True)


def guarded(command: Callable[[], int], *, verbose: bool = False) -> int:
    """Run `command`, and turn any exception into a sentence and an exit code."""
    try:
        code = command()
        sys.stdout.flush()
    except Misuse as error:
        if verbose:
            traceback.print_exc()
        print_error(str(error))
        return Exit.MISUSED
    except AnsweredNo as error:
        print_error(str(error))
        return Exit.NO
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return Exit.PIPE_CLOSED
    except OSError as error:
        # Not from the network or from files: those are InventoryErrors and SettingsErrors.
        if verbose:
            traceback.print_exc()
        _discard_output()
        print_error(f"the output could not be written: {error.strerror or error}")
        return Exit.NOT_WRITTEN
    except Exception as error:
        if verbose:
            traceback.print_exc()
        advice = "" if verbose else ", run with --verbose for the traceback"
        print_error(f"unexpected {type(error).__name__}: {error}; this is a bug{advice}")
        return Exit.BUG
    return code


def _discard_output() -> None:
    """Redirect stdout to nowhere: the interpreter flushes it at exit, which must not fail again."""
    with open(os.devnull, "wb") as null:  # noqa: PTH123 - only its descriptor is used
        os.dup2(null.fileno(), sys.stdout.fileno())


def run_async(command: Callable[[], Coroutine[Any, Any, int]], *, verbose: bool) -> int:
    """Run a coroutine function in its own event loop; see `guarded`."""

    def run() -> int:
        with log_output(verbose):
            return asyncio.run(command())

    return guarded(run, verbose=verbose)


async def until_signalled(serve: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `serve` with an event that Ctrl-C and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows' loops have no signal handlers: there Ctrl-C cancels the task.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await serve(stop)
    return Exit.ANSWERED


@contextmanager
def log_output(verbose: bool) -> Iterator[None]:
    """Write the library's log to stderr if `verbose`; else nowhere, warnings included."""
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
