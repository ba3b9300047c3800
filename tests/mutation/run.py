"""Mutation testing, a module at a time: `nox -s mutation`, or `python tests/mutation/run.py`.

mutmut changes one small thing at a time in a module and runs the tests that pass through it; a
change that no test notices has survived. Each module works in a scratch copy of the checkout, as
mutmut does not follow the links of `src/shelfport` and writes beside what it mutates. What is
done is kept in `reports/mutation.json`, and is done again only if the module or its tests change.

It fails if a module's score is under 95 %, or if a survivor is not listed, with a reason, in
`docs/mutation.md`.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "reports" / "mutation.json"
LISTED = ROOT / "docs" / "mutation.md"
LINKED = ("adapters", "contracts", "domain", "ports")
"""The root folders that `src/shelfport` links to."""
_FLAT = {"layers", "cli"}
"""Folders of tests in which a file holds a module by itself."""
MUTATED = ("adapters/layers", "adapters/cli/sizing.py", "domain")
SHARED = ("tests/support", "tests/conftest.py")
"""What every module's tests stand on."""

KILLED = {1, 3}
"""pytest's exit codes for failed tests and for an internal error, which a mutant may cause."""
NO_MUTANTS = "could not find any test case for any mutant"
"""What mutmut says of a module without functions, which has nothing to mutate."""
TIMED_OUT = {36, 24, -24, 152, 255}


@dataclass(frozen=True)
class Result:
    """The outcome of one module's mutants."""

    fingerprint: str
    mutants: int
    killed: int
    """Those that ran into mutmut's time limit included: a test noticed that nothing ends."""
    survivors: list[str]
    """A line for each, as `docs/mutation.md` has to list it."""
    seconds: float

    @property
    def score(self) -> float:
        """The share of mutants that were killed, in per cent; none at all is all of them."""
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tests_of(module: str) -> list[str]:
    """What has to notice a change of `module`.

    Its own tests; the tests of its layer's folder, where a layer is one; for the domain, all of it.
    """
    path = Path(module)
    if path.parts[0] == "domain":
        return ["tests/domain"]
    own = Path("tests") / path.with_name(f"test_{path.name}")
    return [str(own if (ROOT / own).exists() and own.parent.name in _FLAT else own.parent)]


def files(*places: str) -> Iterator[Path]:
    """The Python files at `places`, relative to the checkout."""
    for place in places:
        path = ROOT / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(ROOT)


def modules() -> list[str]:
    return [str(file) for file in files(*MUTATED) if file.name != "__init__.py"]


def fingerprint(module: str) -> str:
    """Changes with the module, its tests, and mutmut."""
    seen = hashlib.sha256(version("mutmut").encode())
    for file in [Path(module), *files(*tests_of(module), *SHARED)]:
        seen.update(str(file).encode() + b"\0" + (ROOT / file).read_bytes())
    return seen.hexdigest()[:16]


@contextmanager
def scratch_copy() -> Iterator[Path]:
    """A copy of the checkout as it stands, with real folders in the place of links."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    with tempfile.TemporaryDirectory(prefix="shelfport-mutation-") as folder:
        copy = Path(folder)
        for name in filter(None, listing.split("\0")):
            source = ROOT / name
            if source.is_symlink() or not source.is_file():
                continue
            inside = "src/shelfport" if Path(name).parts[0] in LINKED else ""
            target = copy / inside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        yield copy


def configure(copy: Path, module: str) -> None:
    """Tell mutmut, in the copy's pyproject.toml, what to mutate and which tests to run."""
    settings = {
        "source_paths": ["src/shelfport"],
        "only_mutate": [f"src/shelfport/{module}"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "pytest_add_cli_args_test_selection": tests_of(module),
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    own = (ROOT / "pyproject.toml").read_text()
    (copy / "pyproject.toml").write_text("\n".join([own, "[tool.mutmut]", *lines, ""]))


class MutmutFailed(Exception):
    """mutmut itself ended with an error; the message is the end of what it printed."""


def mutmut(copy: Path, *arguments: str) -> str:
    """What mutmut prints; a failure of its own ends everything."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=copy,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        last = "\n".join(re.split(r"[\r\n]+", done.stdout + done.stderr)[-40:])
        raise MutmutFailed(f"mutmut {' '.join(arguments)} failed:\n{last}")
    return done.stdout


def mutate(copy: Path, module: str, seen: str) -> Result:
    """Try all mutants of `module` in a fresh state of the copy."""
    began = time.monotonic()
    shutil.rmtree(copy / "mutants", ignore_errors=True)
    configure(copy, module)
    try:
        mutmut(copy, "run")
    except MutmutFailed as failure:
        if NO_MUTANTS not in str(failure):
            raise
    meta = copy / "mutants" / "src" / "shelfport" / f"{module}.meta"
    codes: dict[str, int | None] = {}
    if meta.exists():  # a module without functions has none
        codes = json.loads(meta.read_text())["exit_code_by_key"]
    left = [name for name, code in codes.items() if code not in KILLED | TIMED_OUT]
    return Result(
        seen,
        len(codes),
        len(codes) - len(left),
        [summary_of(copy, name) for name in left],
        round(time.monotonic() - began, 1),
    )


def summary_of(copy: Path, name: str) -> str:
    """A mutant in one line that stays the same when others come and go: where, and what."""
    function = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    function = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    changed = [line for line in mutmut(copy, "show", name).splitlines() if line[:1] in "+-"]
    body = [line for line in changed if not line.startswith(("---", "+++"))]
    old, new = (
        " ".join(line[1:].strip() for line in body if line.startswith(sign)) for sign in "-+"
    )
    return f"- `{function}`: `{old}` → `{new}`"


def explained(module: str) -> set[str]:
    """The survivors of `module` that docs/mutation.md lists: a line each, and its reason below."""
    if not LISTED.exists():
        return set()
    _, found, after = LISTED.read_text().partition(f"\n## {module}\n")
    section = after.partition("\n## ")[0].splitlines() if found else []
    return {
        line
        for line, reason in pairwise([*section, ""])
        if line.startswith("- `") and reason.startswith("  ") and reason.strip()
    }


def judge(module: str, result: Result, least: float) -> bool:
    """Print the module's score and what is wrong with it; whether all is well."""
    listed = explained(module)
    missing = [line for line in result.survivors if line not in listed]
    verdict = "ok" if result.score >= least and not missing else "NOT ENOUGH"
    say(
        f"{module}: {result.score:.1f} % ({result.killed} of {result.mutants} killed, "
        f"{result.seconds:.0f} s): {verdict}"
    )
    for line in missing:
        say(f"  survived, and is not in docs/mutation.md:\n    {line}")
    for line in sorted(listed - set(result.survivors)):
        say(f"  is in docs/mutation.md, but does not survive any more:\n    {line}")
    return verdict == "ok"


def load() -> dict[str, Result]:
    if not REPORT.exists():
        return {}
    return {module: Result(**kept) for module, kept in json.loads(REPORT.read_text()).items()}


def save(results: dict[str, Result]) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    kept = {module: asdict(result) for module, result in sorted(results.items())}
    REPORT.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def chosen(given: Iterable[str]) -> list[str]:
    """The modules to try: those given, as files or folders below the checkout, or all."""
    wanted = [str(file) for file in files(*given)] or modules()
    strange = [module for module in wanted if not (ROOT / module).exists()]
    if strange:
        sys.exit(f"no such module: {', '.join(strange)}")
    return wanted


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Mutation testing, a module at a time.")
    parser.add_argument("modules", nargs="*", help=f"files or folders; all of {MUTATED} by default")
    parser.add_argument("--least", type=float, default=95.0, help="the least score, in per cent")
    parser.add_argument("--fresh", action="store_true", help="forget what was done before")
    options = parser.parse_args(arguments)
    results = {} if options.fresh else load()
    good = True
    # Taken with the copy: what is edited while this runs is not what was tried.
    seen = {module: fingerprint(module) for module in chosen(options.modules)}
    with scratch_copy() as copy:
        for module, taken in seen.items():
            if module not in results or results[module].fingerprint != taken:
                results[module] = mutate(copy, module, taken)
                save(results)
            good &= judge(module, results[module], options.least)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MutmutFailed as failure:
        sys.exit(str(failure))
