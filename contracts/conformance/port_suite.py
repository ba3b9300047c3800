"""`PortSuite` and `PortHarness`: what the suites of the smaller ports share.

`InventoryPortConformance` has `Capabilities` and troubles as well; these suites have none. What an
implementation or its harness cannot do is declared by class attributes of the suite.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest

from shelfport.contracts.conformance.running import Done, named_after, run_case

Needs = Callable[[Any], bool]
"""Whether a suite's class attributes call for a case."""
Test = Callable[[Any, Any], None]
T = TypeVar("T")

_NEEDS = "__port_case_needs__"


class PortHarness:
    """The environment of one case: it makes the implementation, and knows what is behind it.

    Every case gets its own harness, and enters it first. Start servers in `__aenter__`, and delete
    in `__aexit__` what the case left; both run in the event loop of the case.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


class PortSuite:
    """The base of a suite: its cases, chosen by its class attributes.

    pytest collects only the cases that the attributes call for, so that no skip hides a gap.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, case in _cases_of(cls).items():
            if name not in vars(cls):
                # pytest collects by name, nearest class first: None in the subclass hides the case.
                setattr(cls, name, case if getattr(case, _NEEDS)(cls) else None)

    @pytest.fixture
    def harness(self) -> Any:
        """A harness that is not entered; every subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} must define the fixture `harness`")


def always(_suite: Any) -> bool:
    """True for every suite."""
    return True


def port_case(needs: Needs = always) -> Callable[[Callable[[Any, Any], Done]], Test]:
    """A case: a coroutine that gets the harness, which is entered."""

    def decorate(body: Callable[[Any, Any], Done]) -> Test:
        def test(self: Any, harness: Any) -> None:
            async def run_body() -> None:
                async with harness:
                    await body(self, harness)

            run_case(run_body())

        return chosen_by(needs)(named_after(body, test))

    return decorate


def chosen_by(needs: Needs) -> Callable[[T], T]:
    """A plain test that the suite chooses by its class attributes."""

    def decorate(test: T) -> T:
        setattr(test, _NEEDS, needs)
        return test

    return decorate


def cases_in(suite: type[PortSuite]) -> set[str]:
    """The names of the cases that pytest collects from `suite`."""
    return {name for name in _cases_of(suite) if getattr(suite, name) is not None}


def missing_method(method: str, attribute: str) -> NotImplementedError:
    """The error of a harness that does not define what the suite's attribute needs."""
    return NotImplementedError(
        f"the harness must define {method}(), because the suite has {attribute} = True"
    )


def _cases_of(suite: type[PortSuite]) -> dict[str, Any]:
    """Every case by its name, in the version of the nearest class that has it."""
    found: dict[str, Any] = {}
    for base in reversed(suite.__mro__):
        found.update({n: v for n, v in vars(base).items() if hasattr(v, _NEEDS)})
    return found
