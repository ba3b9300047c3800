"""`InventoryPortConformance`: all cases, chosen by the capabilities."""

from typing import Any, ClassVar

import pytest

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.case import needs_of, troubles_of
from shelfport.contracts.conformance.cases.concurrency import ConcurrencyCases
from shelfport.contracts.conformance.cases.deadlines import DeadlineCases
from shelfport.contracts.conformance.cases.declaration import DeclarationCases
from shelfport.contracts.conformance.cases.failures import FailureCases
from shelfport.contracts.conformance.cases.initialization import InitializationCases
from shelfport.contracts.conformance.cases.initialization_trouble import (
    InitializationTroubleCases,
)
from shelfport.contracts.conformance.cases.lifecycle import LifecycleCases
from shelfport.contracts.conformance.cases.ownership import OwnershipCases
from shelfport.contracts.conformance.cases.reading import ReadingCases
from shelfport.contracts.conformance.cases.staleness import StalenessCases
from shelfport.contracts.conformance.harness import Harness


class InventoryPortConformance(
    DeclarationCases,
    ReadingCases,
    StalenessCases,
    OwnershipCases,
    FailureCases,
    DeadlineCases,
    ConcurrencyCases,
    InitializationCases,
    InitializationTroubleCases,
    LifecycleCases,
):
    """Every obligation of `InventoryPort`, one case each.

    A subclass sets `capabilities` and defines the fixture `harness`. pytest collects only the
    cases whose capabilities are declared. Mark a known deviation in the subclass::

        test_a_removed_record_is_unknown = pytest.mark.xfail(strict=True, reason="known gap")(
            InventoryPortConformance.test_a_removed_record_is_unknown
        )
    """

    capabilities: ClassVar[Capabilities]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = getattr(cls, "capabilities", None)
        if declared is None:
            return
        for name, needs in ((n, needs_of(c)) for n, c in vars_of(InventoryPortConformance).items()):
            if needs is None or name in vars(cls):
                continue
            # pytest collects by name, nearest class first: None in the subclass hides the case.
            chosen = getattr(InventoryPortConformance, name) if needs(declared) else None
            setattr(cls, name, chosen)

    @pytest.fixture
    def harness(self) -> Harness:
        """A harness that is not entered; every subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} must define the fixture `harness`")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a case of trouble once for each trouble that the harness can cause."""
        kinds = troubles_of(metafunc.function) & self.capabilities.troubles
        if kinds:
            metafunc.parametrize(
                "trouble",
                [pytest.param(t, id=t.name) for t in sorted(kinds, key=lambda t: t.name)],
            )


def vars_of(suite: type) -> dict[str, object]:
    """Every attribute of a class and of its bases."""
    found: dict[str, object] = {}
    for base in reversed(suite.__mro__):
        found.update(vars(base))
    return found
