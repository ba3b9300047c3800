"""Every planted fault fails the case of the suite that names its obligation."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.contracts.conformance.faults import FAULTS, Planted

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of the cases that failed, for each class of planted.py that has any.

    Of a faulty adapter the one case is run that must find the fault; of the sound one, all.
    """
    report = tmp_path_factory.mktemp("planted") / "report.xml"
    planted = Path(__file__).with_name("planted.py")
    cases = [f"{planted}::Test{f.adapter.__name__}::{f.caught_by}" for f in FAULTS]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"{planted}::TestNothingPlanted", *cases,
         "-q", "--tb=no", "-p", "no:cacheprovider",
         "-o", "console_output_style=classic", f"--junitxml={report}"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    failed: dict[str, set[str]] = defaultdict(set)
    for case in ET.parse(report).iter("testcase"):
        assert case.find("error") is None, f"{case.get('name')} did not get to its end"
        cls = str(case.get("classname")).rsplit(".", 1)[-1]
        if case.find("failure") is not None:
            failed[cls].add(str(case.get("name")).partition("[")[0])
        else:
            failed[cls]
    return failed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.adapter.__name__)
def test_a_planted_fault_is_named(failed: dict[str, set[str]], fault: Planted) -> None:
    """The case that is called after the broken obligation fails."""
    assert fault.caught_by in failed[f"Test{fault.adapter.__name__}"]


def test_nothing_planted_nothing_found(failed: dict[str, set[str]]) -> None:
    """The same adapter without a fault passes every case, so the faults alone are to blame."""
    assert failed["TestNothingPlanted"] == set()
