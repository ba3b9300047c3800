"""The decorators of the cases: a coroutine becomes a plain test with the capabilities it needs."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import Trouble
from shelfport.ports import InventoryPort

CASE_TIMEOUT = 60.0
"""Seconds after which a case that hangs fails."""

T = TypeVar("T")
Done = Coroutine[Any, Any, None]
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

            _run(run_body())

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

            _run(run_body())

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

            _run(run_body())

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


def _run(run_body: Done) -> None:
    async def bounded() -> None:
        try:
            async with asyncio.timeout(CASE_TIMEOUT) as timeout:
                await run_body
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise AssertionError(f"the case did not end within {CASE_TIMEOUT:g} s") from error

    asyncio.run(bounded())


def _as_test(test: T, body: Any, needs: Needs) -> T:
    # Not functools.wraps: through __wrapped__ pytest would require a fixture `port` of the body.
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(test, name, getattr(body, name))
    setattr(test, _NEEDS, needs)
    return test
