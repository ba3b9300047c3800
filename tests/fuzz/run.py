"""The fuzzer behind `nox -s fuzz`: bounded in time, resumable, with figures at its end.

An input with a new kind of outcome joins the corpus and is mutated further. The corpus is in
`.fuzz/`, so that the next run continues from it with other random numbers. The run ends with 1 at
the first input on which a parser raises an undocumented error, and keeps that input.
"""

import argparse
import json
import random
import signal
import sys
import time
import traceback
from collections import Counter
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.targets import TARGETS, Target
from tests.properties.damage import damaged, damaged_bytes

HOME = Path(__file__).parents[2] / ".fuzz"
HANG = 2.0
"""Seconds of computing that one input may take; not of the clock, as the machine may be busy."""
STUCK = 120.0
"""Seconds of the clock after which it waits for something that does not come."""
MOST_KEPT = 400


class Hung(Exception):
    """One input took too long."""


def _hung(_signal: int, _frame: FrameType | None) -> None:
    raise Hung(f"no outcome within {HANG:g} s of computing, or {STUCK:g} s of the clock")


def _watch(*, on: bool) -> None:
    signal.setitimer(signal.ITIMER_PROF, HANG if on else 0)
    signal.setitimer(signal.ITIMER_REAL, STUCK if on else 0)


def seeds_of(target: Target) -> list[bytes]:
    return [s.encode() if isinstance(s, str) else json.dumps(s).encode() for s in target.seeds]


def next_input(target: Target, corpus: list[bytes], rng: random.Random) -> bytes:
    if rng.random() < 0.4:
        seed: Any = rng.choice(target.seeds)
        return (
            damaged(seed, rng) if not isinstance(seed, str) else damaged_bytes(seed.encode(), rng)
        )
    return damaged_bytes(rng.choice(corpus), rng)[:20_000]


def fuzz(target: Target, inputs: int, seconds: float, rng: random.Random) -> Counter[str] | None:
    """Feed `target`; None if it broke its promise."""
    folder = HOME / target.name
    folder.mkdir(parents=True, exist_ok=True)
    corpus = seeds_of(target) + [f.read_bytes() for f in sorted(folder.glob("*.input"))]
    seen: set[tuple[str, int]] = set()
    outcomes: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while outcomes.total() < inputs and time.monotonic() < until:
        content = next_input(target, corpus, rng)
        _watch(on=True)
        try:
            outcome = target.parse(content)
        except BaseException:
            _watch(on=False)
            found = HOME / f"found-{target.name}-{sha256(content).hexdigest()[:12]}.input"
            found.write_bytes(content)
            traceback.print_exc(limit=-5)
            print(f"{target.name}: broke its promise on {len(content)} bytes, kept in {found.name}")
            return None
        _watch(on=False)
        outcomes[outcome] += 1
        kind = (outcome, len(content).bit_length())
        if kind not in seen:
            seen.add(kind)
            if len(corpus) < MOST_KEPT:
                corpus.append(content)
                (folder / f"{sha256(content).hexdigest()[:16]}.input").write_bytes(content)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_050_000, help="over all targets")
    parser.add_argument("--seconds", type=float, default=600, help="over all targets")
    parser.add_argument("targets", nargs="*", help="their names; all of them without")
    given = parser.parse_args()
    targets = [t for t in TARGETS if not given.targets or t.name in given.targets]
    for late in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(late, _hung)
    HOME.mkdir(exist_ok=True)
    runs = HOME / "runs"
    run = int(runs.read_text()) + 1 if runs.exists() else 1
    runs.write_text(str(run))
    total, began = 0, time.monotonic()
    left = given.inputs
    # The settings' parser reads a file and builds everything: a tenth of the others' speed.
    weights = {t.name: 0.1 if t.name == "settings" else 1.0 for t in targets}
    for number, target in enumerate(targets):
        rest = targets[number:]
        share = weights[target.name] / sum(weights[t.name] for t in rest)
        time_left = given.seconds - (time.monotonic() - began)
        outcomes = fuzz(
            target,
            round(left * share),
            time_left / len(rest),
            random.Random(f"{run} {target.name}"),
        )
        if outcomes is None:
            return 1
        left -= outcomes.total()
        total += outcomes.total()
        counts = ", ".join(f"{n:,} {name}" for name, n in sorted(outcomes.items()))
        print(f"{target.name:<15} {outcomes.total():>9,} inputs: {counts}", flush=True)
    took = time.monotonic() - began
    print(
        f"run {run}: {total:,} inputs in {took:.0f} s, no crash, no hang, no unclassified exception"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
