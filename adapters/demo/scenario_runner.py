"""A story as data: steps that act, the facts they bring, and what the facts must be."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

import aiohttp
import attrs

W = TypeVar("W")

Facts = Mapping[str, object]
"""What a step brought, each fact under the words it is told with."""

_NOTHING = "nothing"


@attrs.frozen(kw_only=True)
class Step(Generic[W]):
    """One step of a story about a world `W`."""

    title: str
    lesson: str
    """What there is to be seen, in a sentence."""
    act: Callable[[W], Awaitable[Facts]]
    expected: Facts
    """The facts that must come out; what `act` brings beyond them is told as a figure."""


async def tell(world: W, steps: Sequence[Step[W]], say: Callable[[str], None]) -> bool:
    """Play `steps` in `world` and tell them; False as soon as one is not as told.

    The steps after that one are not played: each builds on those before.
    """
    for number, step in enumerate(steps, start=1):
        say(f"{number}. {step.title}")
        say(f"   {step.lesson}")
        try:
            facts = await step.act(world)
        except (aiohttp.ClientError, TimeoutError) as error:
            say(f"   NOT AS TOLD: the Product Service did not answer ({error!r}).")
            return False
        as_told = _tell_facts(facts, step.expected, say)
        say("")
        if not as_told:
            say(f"Step {number} of {len(steps)} was not as told.")
            return False
    say(f"All {len(steps)} steps went as told.")
    return True


def _tell_facts(facts: Facts, expected: Facts, say: Callable[[str], None]) -> bool:
    names = [*facts, *(name for name in expected if name not in facts)]
    width = max(map(len, names), default=0)
    as_told = True
    for name in names:
        actual = facts.get(name, _NOTHING)
        line = f"     {name:<{width}}  {actual}"
        if name in expected and expected[name] != actual:
            as_told = False
            line += f"  NOT AS TOLD: expected {expected[name]}, came {actual}"
        elif name in expected:
            line += "  (as told)"
        say(line)
    return as_told
