"""Figures that tests measure: shown at the end of the run, whatever its verbosity."""

from collections.abc import Callable

import pytest

Report = Callable[[str], None]
"""The fixture `report`: takes a line, which is shown under the test's name."""

FIGURES = pytest.StashKey[list[str]]()
