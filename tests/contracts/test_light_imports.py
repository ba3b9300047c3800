"""Modules that do not need the extra `contracts` do not import it."""

import subprocess
import sys

# Not yaml: dependency-injector takes it where it finds it.
EXTRA = ("pact", "pact_ffi", "referencing", "openapi_spec_validator")
MODULES = "shelfport, shelfport.contracts, shelfport.contracts.sandbox, shelfport.adapters.events"


def test_nothing_of_the_extra_is_imported() -> None:
    """Only the modules that use Pact's library and the validators import them."""
    program = f"import sys, {MODULES}; print([name for name in {EXTRA} if name in sys.modules])"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert "[]\n" == ran.stdout
