"""The suite itself: how it chooses cases, and what it says of a harness that does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import shelfport
from shelfport import InventoryPort
from shelfport.contracts.conformance import (
    Capabilities,
    InventoryPortConformance,
    Trouble,
)
from tests.contracts.conformance.harnesses import MemoryHarness, SandboxHarness
from tests.support.values import an_id

SOURCES = str(Path(shelfport.__file__).parents[1])


def cases_of(suite: type[InventoryPortConformance]) -> set[str]:
    return {name for name in dir(suite) if name.startswith("test_") and getattr(suite, name)}


class ReadOnly(InventoryPortConformance):
    capabilities = Capabilities(initializes=False, remembers_keys=False)


class Everything(ReadOnly):
    capabilities = Capabilities(
        troubles=Trouble,
        keeps_readings=True,
        holds_resources=True,
        counts_requests=True,
        spoils_one=True,
    )


def test_what_is_not_declared_is_not_there() -> None:
    """A read-only adapter has one case about initialization: that it says so."""
    assert {"test_what_opens_no_records_says_so"} == {
        name for name in cases_of(ReadOnly) if "record" in name and "opens" in name
    }
    assert not any("trouble" in name for name in cases_of(ReadOnly))


def test_a_subclass_chooses_anew() -> None:
    """A subclass that declares a capability gets the cases that its base class left out."""
    left_out = cases_of(InventoryPortConformance) - cases_of(Everything)

    assert left_out == {
        "test_what_opens_no_records_says_so",
        "test_without_a_memory_every_reading_is_live",
    }


def test_a_case_of_ones_own_stays() -> None:
    """A subclass may mark a case, and it is not put back."""
    marked = pytest.mark.xfail(InventoryPortConformance.test_a_removed_record_is_unknown)

    class Deviating(ReadOnly):
        test_a_removed_record_is_unknown = marked

    assert marked is Deviating.test_a_removed_record_is_unknown


@pytest.mark.parametrize(
    ("capabilities", "complaint"),
    [
        (Capabilities(troubles={Trouble.HANG}, honours_deadline=False), "honours_deadline"),
        (Capabilities(initializes=False), "remembers_keys needs initializes"),
        (Capabilities(spoils_one=True), "spoils_one needs troubles"),
        (Capabilities(troubles={Trouble.ANSWER_LOST}, remembers_keys=False), "ANSWER_LOST"),
    ],
)
def test_contradictions_are_named(capabilities: Capabilities, complaint: str) -> None:
    """A contradictory declaration is explained in a sentence."""
    [sentence] = capabilities.contradictions()

    assert complaint in sentence


async def test_a_missing_method_of_a_harness_is_named() -> None:
    """The error names the missing method of a harness, and the capability that needs it."""
    harness = MemoryHarness()

    with pytest.raises(NotImplementedError, match=r"must define spoil.* declare spoils_one"):
        await harness.spoil(an_id(1))
    with pytest.raises(NotImplementedError, match="must define requests"):
        harness.requests()
    with pytest.raises(NotImplementedError, match="must define unopened"):
        harness.unopened()


def test_io_while_constructing_is_seen(tmp_path: Path) -> None:
    """An adapter that reads a file when it is made fails the case about it, by the file's name."""
    file = tmp_path / "stock.csv"
    file.touch()

    class Eager(SandboxHarness):
        def unopened(self) -> InventoryPort:
            file.read_bytes()
            return super().unopened()

    with pytest.raises(AssertionError, match=r"stock\.csv"):
        Everything().test_constructing_it_does_no_io(Eager(tmp_path))


def test_without_pytest_it_says_so() -> None:
    """Where pytest is missing, the import fails with one sentence that names it."""
    script = (
        "import sys; sys.modules['pytest'] = None\n"
        "try:\n    import shelfport.contracts.conformance\n"
        "except ImportError as error:\n    print(error)"
    )

    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": SOURCES},
    )

    assert result.stdout.strip() == (
        "shelfport.contracts.conformance is a pytest suite and needs pytest: install pytest"
    )


def test_the_library_never_imports_it() -> None:
    """A host that imports shelfport and its sandbox has imported neither the suite nor pytest."""
    script = (
        "import sys, shelfport, shelfport.contracts.sandbox\n"
        "print([m for m in sys.modules if m in ('pytest', 'shelfport.contracts.conformance')])"
    )

    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": SOURCES},
    )

    assert result.stdout.strip() == "[]"
