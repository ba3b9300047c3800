"""`--install-completion`: writes a completion script for the shell."""

from pathlib import Path
from typing import Literal

from cyclopts import App
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from shelfport.adapters.cli.running import Exit, Misuse, print_error

# In the order of cyclopts: typing caches unions of Literals that are equal as sets.
Shell = Literal["zsh", "bash", "fish", "powershell"]


def install_completion(app: App, *, shell: Shell | None, output: Path | None) -> int:
    """Write the completion script of `app`, and print its path.

    Args:
        app: the command to complete.
        shell: the shell; None for the one that runs this command.
        output: the only file to write; None for the shell's own place.

    Raises:
        Misuse: no shell is named, and none is recognised.
    """
    try:
        chosen = shell or detect_shell()
    except ShellDetectionError as error:
        raise Misuse(
            "the shell is not recognised: give --shell bash, zsh, fish or powershell"
        ) from error
    try:
        path = app.install_completion(shell=chosen, output=output, add_to_startup=output is None)
    except OSError as error:
        print_error(f"{error.filename} could not be written: {error.strerror}")
        return Exit.NOT_WRITTEN
    print(f"Completion for {chosen}: {path}")
    if output is None:
        print(f"It works in every {chosen} that starts from now on.")
    return Exit.ANSWERED
