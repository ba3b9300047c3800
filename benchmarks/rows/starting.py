"""P9: the cost of importing and building shelfport."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from tempfile import TemporaryDirectory

from benchmarks.measuring import Spread, Times
from benchmarks.outcome import Goal, Row
from benchmarks.surroundings import Service

CORE_PYTHON = "SHELFPORT_BENCH_CORE_PYTHON"
"""Names the interpreter of an environment with shelfport and nothing that it does not require."""

_AIOHTTP = "import aiohttp"
_SHELFPORT = "import shelfport; shelfport.build(shelfport.Settings(base_url='http://127.0.0.1:9'))"
_TIMED = """
import time
began = time.perf_counter()
{what}
print(time.perf_counter() - began)
"""
_MODULES = """
import json, sys
{what}
print(json.dumps(sorted({{module.partition('.')[0] for module in sys.modules}})))
"""


def _run(python: str, code: str, cache: str | None = None) -> str:
    """What `code` prints; it finds compiled what a run before it compiled into `cache`."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if cache is not None:
        env["PYTHONPYCACHEPREFIX"] = cache
    done = subprocess.run(
        [python, "-c", code], stdout=subprocess.PIPE, text=True, check=True, cwd="/", env=env
    )
    return done.stdout


def _names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in requirements}


def _closure(distribution: str) -> set[str]:
    """What `distribution` requires without any extra, and so on."""
    needed: set[str] = set()
    todo = {distribution}
    while todo:
        name = todo.pop()
        needed.add(name)
        try:
            lines = requires(name) or []
        except ModuleNotFoundError:
            continue  # for another version of Python
        todo |= _names(line for line in lines if "extra ==" not in line) - needed
    return needed


async def p9(service: Service) -> Row:  # noqa: ARG001 - the rows' common signature
    """Importing and building, beside importing aiohttp."""
    python = os.environ.get(CORE_PYTHON, sys.executable)
    times: dict[str, list[float]] = {"import aiohttp": [], "import shelfport, build()": []}
    # With compiled bytecode, as after an installation: the first run compiles.
    with TemporaryDirectory() as cache:
        for round_ in range(-1, 15):
            for name, what in zip(times, (_AIOHTTP, _SHELFPORT), strict=True):
                seconds = float(_run(python, _TIMED.format(what=what), cache))
                if round_ >= 0:
                    times[name].append(seconds)
    measured = Times(times)
    # Where the extras are installed: whether shelfport imports one of them.
    imported = json.loads(_run(sys.executable, _MODULES.format(what=_SHELFPORT)))
    owners = packages_distributions()
    extras = _names(line for line in requires("shelfport") or [] if "extra ==" in line)
    foreign = {owner.lower() for module in imported for owner in owners.get(module, ())} & (
        extras - _closure("shelfport")
    )
    return Row(
        "P9",
        "import `shelfport` and `build()`",
        [
            Goal(
                "1.3 × importing aiohttp",
                1.3,
                measured.ratio("import shelfport, build()", "import aiohttp"),
            ),
            Goal("extras imported", 0, Spread.of([float(len(foreign))]), exact=True),
        ],
        measured.spreads(),
        notes=[f"imported: {', '.join(sorted(foreign))}"] if foreign else [],
    )
