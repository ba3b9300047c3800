"""An extra that is missing is not imported; its use raises one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"jinja2", "opentelemetry", "prometheus_client", "structlog"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program without the extras' modules."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )


def test_without_the_extras() -> None:
    """Without the extras the library imports and works; health needs none of them."""
    done = run(
        """
import asyncio
from shelfport import Settings, build, health

async def main():
    async with build(Settings(adapter="memory")) as inventory:
        await inventory.get_stock_level("c9bf9e57-1685-4c89-bafb-ff5af830be8a")
        print(health(inventory.snapshot()).status.value)

asyncio.run(main())
print([name for name in sys.modules if name.startswith(("opentelemetry", "prometheus_client"))])
"""
    )

    assert ("ok\n[]\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (
            "shelfport.otel",
            'opentelemetry-api is not installed: pip install "shelfport[otel]"',
        ),
        (
            "shelfport.prometheus",
            'prometheus-client is not installed: pip install "shelfport[prometheus]"',
        ),
        ("shelfport.ops", 'jinja2 is not installed: pip install "shelfport[web]"'),
    ],
)
def test_a_missing_extra(module: str, sentence: str) -> None:
    """A missing extra is one sentence that names it."""
    done = run(f"import {module}")

    assert f"ModuleNotFoundError: {sentence}" == done.stderr.splitlines()[-1]


def test_they_are_not_imported_unasked() -> None:
    """With the extras installed nothing of them is imported either until it is asked for.

    dependency-injector looks for web frameworks, and FastAPI for OpenTelemetry: those are not ours.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules.update(dict.fromkeys(['fastapi', 'starlette', 'werkzeug'])); "
            "import shelfport; "
            "print({'jinja2', 'opentelemetry', 'prometheus_client'} & set(sys.modules))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )

    assert "set()\n" == done.stdout


def test_the_example_runs() -> None:
    """The program of docs/observability.md runs, and prints figures and a verdict."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "observed.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )

    state = 'shelfport_inventory_circuit_breaker_state{shelfport_circuit_breaker_state="open"'
    assert f'{state},shelfport_integration="inventory"}} 1.0' in done.stdout
    assert "# degraded: the circuit is open" in done.stdout
