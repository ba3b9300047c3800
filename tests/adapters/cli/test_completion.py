import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from cyclopts.completion.detect import ShellDetectionError

from shelfport.adapters.cli.app import app
from tests.adapters.cli.conftest import Shelfport

COMMANDS = {
    "check", "contracts", "demo", "events", "get", "init", "queue", "reconcile", "sandbox",
    "worker",
}  # fmt: skip
CONTRACTS = {"generate", "verify", "publish", "can-i-deploy", "record-deployment"}
SHELLS: tuple[Literal["bash", "zsh", "fish"], ...] = ("bash", "zsh", "fish")


def completed(script: Path, *words: str) -> set[str]:
    """The completions of bash for the last of `words`."""
    done = subprocess.run(
        [
            *("bash", "--norc", "-c"),
            'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shelfport;'
            ' printf "%s\\n" "${COMPREPLY[@]}"',
            *("bash", str(script), *words),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "" == done.stderr
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("shelfport", ""), COMMANDS),
        (("shelfport", "ch"), {"check"}),
        (("shelfport", "check", "--va"), {"--variant"}),
        (("shelfport", "get", "--base"), {"--base-url"}),
        (("shelfport", "contracts", ""), CONTRACTS),
        (("shelfport", "contracts", "verify", "--prov"), {"--provider-url", "--provider-version"}),
        (("shelfport", "--inst"), {"--install-completion"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bash_completes(tmp_path: Path, words: tuple[str, ...], offered: set[str]) -> None:
    """The script completes commands and options in bash."""
    script = tmp_path / "shelfport.bash"
    script.write_text(app.generate_completion(shell="bash"))

    assert set() == offered - completed(script, *words)


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_script_has_every_command(
    call_shelfport: Shelfport, tmp_path: Path, shell: str
) -> None:
    """With --output only one file is written; it names every command."""
    script = tmp_path / "script"
    home = tmp_path / "home"
    home.mkdir()
    done = await call_shelfport(
        *("--install-completion", "--shell", shell, "--output", str(script)), HOME=str(home)
    )

    assert (0, f"Completion for {shell}: {script}\n", "") == (done.code, done.out, done.err)
    assert set() == {name for name in COMMANDS if name not in script.read_text()}
    assert [] == list(home.iterdir())


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_parses_in_its_shell(
    tmp_path: Path, shell: Literal["bash", "zsh", "fish"]
) -> None:
    """Each installed shell finds no syntax error in its script."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    script = tmp_path / "script"
    script.write_text(app.generate_completion(shell=shell))

    assert 0 == subprocess.run([shell, "-n", str(script)], check=False).returncode


@pytest.mark.parametrize(
    ("shell", "startup"), [("bash", ".bashrc"), ("zsh", ".zshrc"), ("fish", None)]
)
async def test_completion_is_installed_where_the_shell_looks(
    call_shelfport: Shelfport, tmp_path: Path, shell: str, startup: str | None
) -> None:
    """Without --output the script is in the home folder, and is loaded once after two runs."""
    for _ in range(2):
        done = await call_shelfport(
            *("--install-completion", "--shell", shell), HOME=str(tmp_path), ZSH="", ZSH_CUSTOM=""
        )

    first, second = done.out.splitlines()
    script = Path(first.removeprefix(f"Completion for {shell}: "))
    assert (0, "", True) == (done.code, done.err, script.is_relative_to(tmp_path))
    assert "check" in script.read_text()  # noqa: ASYNC240 - no other task uses the loop
    assert f"It works in every {shell} that starts from now on." == second
    if startup is not None:
        lines = (tmp_path / startup).read_text().splitlines()
        assert 1 == len([line for line in lines if str(script.parent) in line])


async def test_the_shell_is_recognised(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """Without --shell, it is the shell that runs the command."""
    script = str(tmp_path / "script")
    done = await call_shelfport(
        "--install-completion", "--output", script, ZSH_VERSION="", BASH_VERSION="5.2"
    )

    assert (0, f"Completion for bash: {script}\n") == (done.code, done.out)


async def test_a_shell_that_is_not_recognised(
    call_shelfport: Shelfport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no shell is recognised, one sentence names the option."""
    from shelfport.adapters.cli import completion

    def unknown() -> None:
        raise ShellDetectionError

    monkeypatch.setattr(completion, "detect_shell", unknown)
    done = await call_shelfport("--install-completion")

    assert (2, "") == (done.code, done.out)
    assert (
        "shelfport: the shell is not recognised: give --shell bash, zsh, fish or powershell\n"
        == done.err
    )


async def test_a_script_that_cannot_be_written(call_shelfport: Shelfport, tmp_path: Path) -> None:
    """A file that cannot be written is one sentence with its path."""
    (tmp_path / "file").touch()
    script = tmp_path / "file" / "script"
    done = await call_shelfport("--install-completion", "--shell", "bash", "--output", str(script))

    assert (74, "", 1) == (done.code, done.out, len(done.err.splitlines()))
    assert str(tmp_path / "file") in done.err
