"""What does without the extra `contracts` brings nothing of it."""

import subprocess
import sys

# Not yaml: dependency-injector takes it where it finds it.
EXTRA = ("pact", "pact_ffi", "referencing", "openapi_spec_validator")
MODULES = "shelfport, shelfport.contracts, shelfport.contracts.sandbox, shelfport.adapters.events"


def test_nothing_of_the_extra_is_imported() -> None:
    """Pact's library and the validators are imported by what uses them alone."""
    program = f"import sys, {MODULES}; print([name for name in {EXTRA} if name in sys.modules])"

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert "[]\n" == ran.stdout
