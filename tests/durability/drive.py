"""Drives a run: `python -m tests.durability.drive FILE` with the plan in FILE; prints JSON.

A process of its own, without an event loop and without threads, so that it can fork: a child is at
work a moment after its forerunner was killed, and the kills meet work, not imports. Only what this
process forked is killed, and the driver waits for each to end.
"""

import asyncio
import ctypes
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import attrs
import msgspec

from shelfport.contracts.sandbox.ledger import Ledger
from tests.durability import check
from tests.durability.host import Allowed, create_products
from tests.durability.plan import Plan
from tests.durability.service import serve
from tests.durability.shop import Shop
from tests.durability.worker import work

TICK = 0.02
"""Seconds between two checks of the children."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a run."""

    violations: list[tuple[str, str]]
    kills: int
    kills_of_workers: int
    products: int
    records: int
    requests: int
    """POST requests that reached the service."""
    dead: int
    """Dead letters: those of poisoned products."""
    seconds: float


@attrs.define
class Child:
    """A process that this one forked."""

    pid: int
    role: str
    run: Callable[[], None]


class Shared(Allowed):
    """`Allowed` in memory that forked children see; written by the driver alone."""

    def __init__(self) -> None:
        self._number = ctypes.c_int64.from_buffer(mmap.mmap(-1, 8))

    @property
    def value(self) -> int:
        return self._number.value

    @value.setter
    def value(self, number: int) -> None:
        self._number.value = number


@attrs.define
class Driver:
    """Forks the children of a run, kills them at random, and forks the next."""

    plan: Plan
    allowed: Shared = attrs.field(factory=Shared)
    children: dict[int, Child] = attrs.field(factory=dict)
    failures: list[str] = attrs.field(factory=list)
    kills: int = 0
    kills_of_workers: int = 0
    workers_made: int = 0
    until: float = 0.0
    """On the monotonic clock: an entry that is not done by then is lost."""

    def run(self) -> Outcome:
        """The whole run."""
        began = time.monotonic()
        self.until = began + self.plan.patience
        service = self.fork("service", lambda: asyncio.run(serve(self.plan)))
        try:
            for share in range(self.plan.hosts):
                self.fork_host(share)
            for _ in range(self.plan.workers):
                self.fork_worker()
            self.create()
            self.finish()
        finally:
            self.end_all(but=service)
            self.end_all()
        return self.outcome(time.monotonic() - began)

    def seen(self, look: Callable[[Shop], int]) -> int:
        """The shop, over a connection that no child inherits."""
        with closing(Shop(self.plan.url)) as shop:
            return look(shop)

    def create(self) -> None:
        """Let the hosts create all products, and the kills keep pace with them."""
        chance = self.plan.chance("kills")
        while time.monotonic() < self.until and (
            self.seen(Shop.count) < self.plan.operations or self.kills < self.plan.kills
        ):
            share = min(1.0, (self.kills + 1) / max(self.plan.kills, 1))
            self.allowed.value = max(int(self.plan.operations * share), self.plan.hosts)
            time.sleep(chance.uniform(0.02, 0.15))
            # Some die by their own hand, in between two steps: they are the other half.
            mortal = [child for child in self.children.values() if child.role != "service"]
            if mortal and self.plan.kills and chance.random() < 0.5:
                os.kill(chance.choice(mortal).pid, signal.SIGKILL)
            self.reap(again=True)

    def finish(self) -> None:
        """Wait until the queue is empty; workers go on crashing meanwhile."""
        while self.seen(Shop.waiting) and time.monotonic() < self.until:
            time.sleep(5 * TICK)
            self.reap(again=True)

    def fork_host(self, share: int) -> None:
        self.fork("host", lambda: create_products(self.plan, share, self.allowed))

    def fork_worker(self) -> None:
        self.workers_made += 1
        chance = self.plan.chance("worker", self.workers_made)
        mortal = self.plan.kills > 0 and chance.random() < 0.7
        dies_after = chance.randint(1, 400) if mortal else None
        self.fork("worker", lambda: asyncio.run(work(self.plan, dies_after)))

    def fork(self, role: str, run: Callable[[], None]) -> Child:
        pid = os.fork()
        if pid == 0:
            self.be_child(run)
        self.children[pid] = child = Child(pid, role, run)
        return child

    def be_child(self, run: Callable[[], None]) -> None:
        """Never returns: a child that returned would drive too."""
        code = 1
        try:
            run()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def reap(self, *, again: bool) -> None:
        """Note the children that have ended; with `again`, replace each that was killed."""
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self.children.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if code == -signal.SIGKILL and child.role != "service":
                self.kills += 1
                self.kills_of_workers += child.role == "worker"
            elif code != 0:
                self.failures.append(f"a {child.role} ended with {code}")
            if again and child.role == "worker":
                self.fork_worker()
            elif again and child.role == "host" and code != 0:
                self.fork(child.role, child.run)

    def end_all(self, *, but: Child | None = None) -> None:
        """Send SIGTERM, and wait; a child that does not end in time is a failure."""
        for child in self.children.values():
            if child is not but:
                os.kill(child.pid, signal.SIGTERM)
        until = time.monotonic() + 10
        while set(self.children) - ({but.pid} if but else set()):
            if time.monotonic() > until:
                for child in self.children.values():
                    if child is not but:
                        self.failures.append(f"a {child.role} did not end at SIGTERM")
                        os.kill(child.pid, signal.SIGABRT)
                until += 10
            time.sleep(TICK)
            self.reap(again=False)

    def outcome(self, seconds: float) -> Outcome:
        """Collect the state after the run."""
        plan = self.plan
        shop = Shop(plan.url)
        ledger = Ledger(plan.ledger, lambda: datetime.now(UTC))
        ledger.open()
        openings = ledger.openings()
        ledger.close()
        attempts = [UUID(line) for line in plan.attempts.read_text().split()]
        left = shop.left()
        evidence = check.Evidence(
            wanted=list(plan.products()),
            products=shop.products(),
            markings=shop.markings(),
            openings=openings,
            attempts=attempts,
            left=left,
            failures=self.failures,
        )
        shop.close()
        found = check.violations(evidence)
        return Outcome(
            violations=[(violation.kind, violation.what) for violation in found],
            kills=self.kills,
            kills_of_workers=self.kills_of_workers,
            products=len(evidence.products),
            records=len(openings) - sum(p.poisoned is not None for p in evidence.wanted),
            requests=len(attempts),
            dead=sum(reason is not None for _, reason in left),
            seconds=seconds,
        )


def main() -> None:
    """Run the plan in the file that the command line names."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    outcome = Driver(plan).run()
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
