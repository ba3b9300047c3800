"""What a case is: a coroutine that becomes a plain test, and the capabilities that it needs."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from shelfport.contracts.conformance.capabilities import Capabilities
from shelfport.contracts.conformance.harness import Harness
from shelfport.contracts.conformance.trouble import Trouble
from shelfport.ports import InventoryPort

PATIENCE = 60.0
"""Seconds after which a case that hangs where it should not is ended as failed."""

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
    """Whatever is declared."""
    return True


def case(needs: Needs = always) -> Callable[[OnPort], Test]:
    """A case with an adapter that is open."""

    def decorate(body: OnPort) -> Test:
        def test(self: Any, harness: Harness) -> None:
            async def played() -> None:
                async with harness, harness.adapter() as port:
                    await body(self, port, harness)

            _run(played())

        return _dressed(test, body, needs)

    return decorate


def case_of_trouble(
    troubles: Iterable[Trouble], needs: Needs = always
) -> Callable[[OnTrouble], TroubleTest]:
    """A case that is repeated for each of `troubles` that the harness stages.

    The trouble has not begun when the body does: the body causes it.
    """
    kinds = frozenset(troubles)

    def decorate(body: OnTrouble) -> TroubleTest:
        def test(self: Any, harness: Harness, trouble: Trouble) -> None:
            async def played() -> None:
                async with harness, harness.adapter() as port:
                    await body(self, port, harness, trouble)

            _run(played())

        setattr(test, _TROUBLES, kinds)
        return _dressed(test, body, lambda c: bool(c.troubles & kinds) and needs(c))

    return decorate


def case_without_adapter(needs: Needs = always) -> Callable[[OnHarness], Test]:
    """A case that makes its adapters itself."""

    def decorate(body: OnHarness) -> Test:
        def test(self: Any, harness: Harness) -> None:
            async def played() -> None:
                async with harness:
                    await body(self, harness)

            _run(played())

        return _dressed(test, body, needs)

    return decorate


def chosen_by(needs: Needs) -> Callable[[Test], Test]:
    """A plain test that is chosen by capabilities too."""

    def decorate(test: Test) -> Test:
        setattr(test, _NEEDS, needs)
        return test

    return decorate


def needs_of(attribute: object) -> Needs | None:
    """What a case needs; None for what is no case."""
    return getattr(attribute, _NEEDS, None)


def troubles_of(function: object) -> frozenset[Trouble]:
    """The troubles that a case is about."""
    return getattr(function, _TROUBLES, frozenset())


def _run(played: Done) -> None:
    async def bounded() -> None:
        try:
            async with asyncio.timeout(PATIENCE) as patience:
                await played
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise AssertionError(f"the case did not end within {PATIENCE:g} s") from error

    asyncio.run(bounded())


def _dressed(test: T, body: Any, needs: Needs) -> T:
    # Not functools.wraps: by __wrapped__ pytest would see the body, and ask for a fixture `port`.
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(test, name, getattr(body, name))
    setattr(test, _NEEDS, needs)
    return test
