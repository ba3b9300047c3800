"""Type-checks the pages' Python blocks and the examples by pyright: run by `nox -s types`.

mypy checks the package and is strict. Many editors use pyright: what a host copies from a page or
an example shows no error there.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.docs.check_types import HEAD_LINES, write_blocks
from tests.support.pages import ROOT

EXAMPLES = ROOT / "examples"
# Django has no types, and pyright infers some of what Django makes at run time wrongly.
DJANGO = {
    "root": "examples/hosts/django_shop",
    "reportArgumentType": False,
    "reportAttributeAccessIssue": False,
    "reportGeneralTypeIssues": False,
}
# Without these, pyright looks for a newer release of itself, and Node would come from elsewhere
# than from the package that the dependency group pins.
OFFLINE = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "PYRIGHT_PYTHON_GLOBAL_NODE": "0"}


def copy_examples(folder: Path) -> dict[str, str]:
    """Copy each module of the examples to `folder`, as pyright checks nothing outside of it.

    Where each stands, by its path in `folder`.
    """
    places: dict[str, str] = {}
    for path in sorted(EXAMPLES.rglob("*.py")):
        place = path.relative_to(ROOT)
        # A developer may have made an environment in an example's folder.
        if any(part.startswith(".") for part in place.parts):
            continue
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / place)
        places[str(place)] = str(place)
    return places


def run_pyright(folder: Path) -> dict[str, Any]:
    """Check all modules in `folder`: pyright's report."""
    extra_paths = [
        str(ROOT),
        str(folder / "examples" / "hosts"),
        str(folder / "examples" / "adapter-csv" / "src"),
    ]
    config = {
        "typeCheckingMode": "basic",
        "executionEnvironments": [
            {**environment, "extraPaths": extra_paths} for environment in (DJANGO, {"root": "."})
        ],
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--project", str(folder)),
            *("--pythonpath", sys.executable, "--outputjson"),
        ],
        env={**os.environ, **OFFLINE},
        text=True,
        capture_output=True,
        check=False,
    )
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"pyright made no report: {done.stdout}{done.stderr}") from None
    return report


def shown(found: dict[str, Any], folder: Path, places: dict[str, str]) -> str:
    """A finding of pyright, with the page or the example in which it is."""
    file, line = str(Path(found["file"]).relative_to(folder)), found["range"]["start"]["line"] + 1
    if file.startswith("block_"):
        line -= HEAD_LINES
    return f"{places[file]}, line {line}: {found['message']} ({found.get('rule', 'syntax')})"


def main() -> int:
    """Check them all at once; 1 if there is an error, or if pyright left a file out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        blocks, examples = write_blocks(folder), copy_examples(folder)
        report = run_pyright(folder)
    errors = [found for found in report["generalDiagnostics"] if found["severity"] == "error"]
    for error in errors:
        sys.stdout.write(f"{shown(error, folder, blocks | examples)}\n")
    checked, given = report["summary"]["filesAnalyzed"], len(blocks) + len(examples)
    sys.stdout.write(
        f"pyright checked {checked} of {given} files: {len(blocks)} Python blocks of pages and "
        f"{len(examples)} modules of examples; {len(errors)} errors\n"
    )
    return 1 if errors or checked != given else 0


if __name__ == "__main__":
    sys.exit(main())
