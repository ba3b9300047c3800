"""The `shelfport` command.

It needs the extra `cli`; without it, `main` prints one sentence.
"""

import io
import sys
from collections.abc import Sequence

from shelfport.adapters.cli.running import Exit, guarded, print_error

__all__ = ["main"]

_EXTRA_PACKAGES = frozenset({"cyclopts", "rich"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        arguments: without the program's name; None for those of the process.
    """
    if sys.__stdout__ is None:
        print_error("standard output is closed")
        return Exit.NOT_WRITTEN
    _write_any_character()
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else list(arguments)))


def _write_any_character() -> None:
    """Let the output contain escapes for characters that the terminal's encoding does not have.

    Python would raise for them on stdout, so that the command would end without its answer.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _run(arguments: list[str]) -> int:
    try:
        # Imported here, so that a missing extra is one sentence instead of a traceback.
        from shelfport.adapters.cli.app import run  # noqa: PLC0415 - the extra may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA_PACKAGES:
            raise
        print_error(
            f'the command needs {error.name}, which is not installed: pip install "shelfport[cli]"'
        )
        return Exit.MISUSED
    return run(arguments)
