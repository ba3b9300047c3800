"""The `shelfport` command: stock, a sandbox Inventory Service and a demo, from a terminal.

It needs the extra `cli`; without it, `main` says so in a sentence.
"""

import sys
from collections.abc import Sequence

from shelfport.adapters.cli.running import Exit, complain, guarded

__all__ = ["main"]

_OF_THE_EXTRA = frozenset({"cyclopts", "rich"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; what it returns is the exit code.

    Args:
        arguments: without the program's name; None takes them from the process.
    """
    if sys.__stdout__ is None:
        complain("standard output is closed")
        return Exit.NOT_WRITTEN
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)))


def _run(arguments: list[str]) -> int:
    try:
        # Here, so that a missing extra is a sentence and no traceback.
        from shelfport.adapters.cli.app import run  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        complain(
            f'the command needs {error.name}, which is not installed: pip install "shelfport[cli]"'
        )
        return Exit.MISUSED
    return run(arguments)
