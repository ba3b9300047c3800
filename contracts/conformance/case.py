"""The decorators of the cases: a coroutine becomes a plain test with the capabilities it needs."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.running import Done, named_after, run_case
from shelfport.contracts.conformance.trouble import Trouble
from shelfport.ports import InventoryPort

T = TypeVar("T")
Needs = Callable[[Capabilities], bool]
OnPort = Callable[[Any, InventoryPort, Harness], Done]
OnTrouble = Callable[[Any, InventoryPort, Harness, Trouble], Done]
OnHarness = Callable[[Any, Harness], Done]
Test = Callable[[Any, Harness], None]
TroubleTest = Callable[[Any, Harness, Trouble], None]

_NEEDS = "__conformance_needs__"
_TROUBLES = "__conformance_troubles__"


def always(_capabilities: Capabilities) -> bool:
    """True for every declaration."""
    return True


def case(needs: Needs = always) -> Callable[[OnPort], Test]:
    """A case with an open adapter."""

    def decorate(body: OnPort) -> Test:
        def test(self: Any, harness: Harness) -> None:
            async def run_body() -> None:
                async with harness, harness.adapter() as port:
                    await body(self, port, harness)

            run_case(run_body())

        return _as_test(test, body, needs)

    return decorate


def case_of_trouble(
    troubles: Iterable[Trouble], needs: Needs = always
) -> Callable[[OnTrouble], TroubleTest]:
    """A case that runs once for each of `troubles` that the harness can cause.

    The body causes the trouble.
    """
    kinds = frozenset(troubles)

    def decorate(body: OnTrouble) -> TroubleTest:
        def test(self: Any, harness: Harness, trouble: Trouble) -> None:
            async def run_body() -> None:
                async with harness, harness.adapter() as port:
                    await body(self, port, harness, trouble)

            run_case(run_body())

        setattr(test, _TROUBLES, kinds)
        return _as_test(test, body, lambda c: bool(c.troubles & kinds) and needs(c))

    return decorate


def case_without_adapter(needs: Needs = always) -> Callable[[OnHarness], Test]:
    """A case that opens its adapters itself."""

    def decorate(body: OnHarness) -> Test:
        def test(self: Any, harness: Harness) -> None:
            async def run_body() -> None:
                async with harness:
                    await body(self, harness)

            run_case(run_body())

        return _as_test(test, body, needs)

    return decorate


def chosen_by(needs: Needs) -> Callable[[Test], Test]:
    """A plain test that the suite chooses by capabilities."""

    def decorate(test: Test) -> Test:
        setattr(test, _NEEDS, needs)
        return test

    return decorate


def needs_of(attribute: object) -> Needs | None:
    """The predicate of a case on the capabilities; None if the attribute is no case."""
    return getattr(attribute, _NEEDS, None)


def troubles_of(function: object) -> frozenset[Trouble]:
    """The troubles of a case."""
    return getattr(function, _TROUBLES, frozenset())


def _as_test(test: T, body: Any, needs: Needs) -> T:
    setattr(test, _NEEDS, needs)
    return named_after(body, test)
