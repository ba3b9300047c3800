"""`play`: runs a scenario, which is data: steps that act, and the facts that they must bring."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

import aiohttp
import attrs

W = TypeVar("W")

Facts = Mapping[str, object]
"""The results of a step, each under the words that it is printed with."""

_MISSING = "nothing"


@attrs.frozen(kw_only=True)
class Step(Generic[W]):
    """One step of a scenario in a world `W`."""

    title: str
    lesson: str
    """What the step shows, in a sentence."""
    act: Callable[[W], Awaitable[Facts]]
    expected: Facts
    """The facts that the step must bring; its other facts are printed as figures."""


async def play(world: W, steps: Sequence[Step[W]], say: Callable[[str], None]) -> bool:
    """Run `steps` in `world` and print their facts; False after the first unexpected fact.

    The steps after it are not run, as each step builds on those before.
    """
    for number, step in enumerate(steps, start=1):
        say(f"{number}. {step.title}")
        say(f"   {step.lesson}")
        try:
            facts = await step.act(world)
        except (aiohttp.ClientError, TimeoutError) as error:
            say(f"   NOT AS EXPECTED: the Product Service did not answer ({error!r}).")
            return False
        passed = _say_facts(facts, step.expected, say)
        say("")
        if not passed:
            say(f"Step {number} of {len(steps)} did not go as expected.")
            return False
    say(f"All {len(steps)} steps went as expected.")
    return True


def _say_facts(facts: Facts, expected: Facts, say: Callable[[str], None]) -> bool:
    names = [*facts, *(name for name in expected if name not in facts)]
    width = max(map(len, names), default=0)
    passed = True
    for name in names:
        actual = facts.get(name, _MISSING)
        line = f"     {name:<{width}}  {actual}"
        if name in expected and expected[name] != actual:
            passed = False
            line += f"  NOT AS EXPECTED: expected {expected[name]}, got {actual}"
        elif name in expected:
            line += "  (as expected)"
        say(line)
    return passed
