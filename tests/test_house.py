"""What the house's own files say of each other."""

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
GATE = ROOT / ".ci" / "run"

_INSTALL = "python -m pip install -c constraints.txt 'nox[uv]'"


def nox_sessions() -> set[str]:
    """The sessions of noxfile.py: its functions under `@nox.session`, by name."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator) == "nox.session" for decorator in node.decorator_list)
    }


def sessions_of(line: str) -> list[str]:
    """The sessions that a shell line gives to nox; none if it runs something else."""
    found = re.fullmatch(r"\S*nox -s ([\w ]+)", line.strip())
    return found.group(1).split() if found else []


def workflow_runs() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each `run` of each job, once for each cell of its matrix, with the matrix filled in."""
    for name, job in yaml.safe_load(WORKFLOW.read_text())["jobs"].items():
        matrix: dict[str, list[str]] = job["strategy"]["matrix"]
        for values in product(*matrix.values()):
            cell = dict(zip(matrix, values, strict=True))
            for step in job["steps"]:
                if "run" in step:
                    line = re.sub(
                        r"\$\{\{ matrix\.(\w+) \}\}",
                        lambda found, cell=cell: cell[found.group(1)],  # type: ignore[misc]  # a lambda has no types
                        step["run"],
                    )
                    yield name, line, cell


def hooks() -> list[dict[str, Any]]:
    return [
        hook
        for repository in yaml.safe_load(HOOKS.read_text())["repos"]
        for hook in repository["hooks"]
    ]


def test_the_workflow_runs_nox_sessions_and_nothing_else() -> None:
    """Every job installs nox and runs one session that noxfile.py has."""
    lines = [line for _, line, _ in workflow_runs() if line != _INSTALL]

    assert [] == [line for line in lines if len(sessions_of(line)) != 1]
    assert set() == {name for line in lines for name in sessions_of(line)} - nox_sessions()


def test_the_workflow_runs_what_the_gate_runs() -> None:
    """The workflow runs every session of .ci/run, which names sessions that there are."""
    gate = {name for line in GATE.read_text().splitlines() for name in sessions_of(line)}
    run = {name for _, line, _ in workflow_runs() for name in sessions_of(line)}

    assert set() == gate - nox_sessions()
    assert gate | {"tests"} == run


def test_no_pipe_of_the_gate_ends_its_writer() -> None:
    """No reader of a pipe in .ci/run stops early: with pipefail that ends the gate by SIGPIPE."""
    assert "pipefail" in GATE.read_text()
    assert [] == re.findall(r"\|\s*(?:head\b|grep[^|\n]* -[mq]).*", GATE.read_text())


def test_the_tests_run_on_every_python_that_is_promised() -> None:
    """The session `tests` runs on each version that the classifiers name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [re.fullmatch(r".* :: Python :: (3\.\d+)", line) for line in project["classifiers"]]

    promised = [version.group(1) for version in found if version is not None]
    assert promised == [c["python"] for _, line, c in workflow_runs() if line == "nox -s tests"]


def test_actions_are_pinned() -> None:
    """Every action of the workflow is named by a commit, and says which release that is."""
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text())

    assert [] != uses
    assert [] == [u for u in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", u)]


def test_hooks_run_nox_sessions_of_this_checkout() -> None:
    """Every hook is local and runs a session that noxfile.py has, without file names."""
    repositories = yaml.safe_load(HOOKS.read_text())["repos"]

    assert {"local"} == {repository["repo"] for repository in repositories}
    assert {("system", False)} == {(h["language"], h["pass_filenames"]) for h in hooks()}
    assert [["lint"], ["types"], ["tests"]] == [sessions_of(hook["entry"]) for hook in hooks()]
    assert set() == {hook["id"] for hook in hooks()} - nox_sessions()
    assert [["pre-commit"], ["pre-commit"], ["pre-push"]] == [hook["stages"] for hook in hooks()]
