"""`--install-completion`: the shell completes commands and options."""

from pathlib import Path
from typing import Literal

from cyclopts import App
from cyclopts.completion.detect import ShellDetectionError, detect_shell

from shelfport.adapters.cli.running import Exit, Misuse, complain

Shell = Literal["bash", "zsh", "fish", "powershell"]


def install_completion(app: App, *, shell: Shell | None, output: Path | None) -> int:
    """Write the completion script of `app`, and say where it is.

    Args:
        app: the command to complete.
        shell: for which shell; None for the one that runs this.
        output: the file to write, and nothing else; None for where the shell looks.

    Raises:
        Misuse: no shell was named, and none is recognised.
    """
    try:
        chosen = shell or detect_shell()
    except ShellDetectionError as error:
        raise Misuse("which shell is this? Give --shell bash, zsh, fish or powershell") from error
    try:
        path = app.install_completion(shell=chosen, output=output, add_to_startup=output is None)
    except OSError as error:
        complain(f"{error.filename} could not be written: {error.strerror}")
        return Exit.NOT_WRITTEN
    print(f"Completion for {chosen}: {path}")
    if output is None:
        print(f"It works in every {chosen} that is started from now on.")
    return Exit.ANSWERED
