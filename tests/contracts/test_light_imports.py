"""What is imported without the extra `contracts` brings nothing of it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "shelfport",
        "shelfport.contracts",
        "shelfport.contracts.sandbox",
        "shelfport.adapters.events",
    ],
)
def test_nothing_of_the_extra_is_imported(module: str) -> None:
    """Pact's library, yaml and the validators are imported by what uses them alone."""
    extra = ("pact", "pact_ffi", "yaml", "referencing", "openapi_spec_validator")
    program = f"import sys, {module}; print([name for name in {extra} if name in sys.modules])"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert "[]\n" == ran.stdout
