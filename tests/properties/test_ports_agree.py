"""The memory adapter, HTTP to a sandbox and the default stack agree with a model, step by step."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar
from uuid import UUID

import attrs
import pytest
from dependency_injector import providers
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shelfport import (
    AlreadyThere,
    Container,
    Created,
    Freshness,
    InMemoryInventory,
    InventoryError,
    InventoryPort,
    ProductVariantId,
    Settings,
    StockReading,
    SystemClock,
)
from shelfport.contracts.sandbox import Faults, Sandbox
from shelfport.errors import Conflict, ConnectionFailed
from shelfport.http import HttpInventory
from shelfport.ports import (
    DEFAULT_CALL,
    MAX_QUANTITY,
    Answer,
    Call,
    Initialized,
    InitialStock,
    UnknownVariant,
)
from tests.properties.service_model import Model, Told
from tests.support.values import an_id

T = TypeVar("T")
CLOCK = SystemClock()
VARIANTS = [an_id(number) for number in range(1, 7)]
PATIENCE = 0.5
"""Seconds that a call of a service that is down may take, its attempts and pauses included."""

variants = st.sampled_from(VARIANTS)
quantities = st.sampled_from([0, 1, 10, 11, MAX_QUANTITY]) | st.integers(0, MAX_QUANTITY)
questions = st.lists(variants, max_size=10)


@attrs.define
class World:
    """Three ports to three services that get the same changes."""

    runner: asyncio.Runner
    behind_http: Sandbox
    behind_stack: Sandbox
    http: HttpInventory
    memory: InMemoryInventory = attrs.field(init=False)
    stack: InventoryPort = attrs.field(init=False)
    _opened: AsyncExitStack = attrs.field(init=False, factory=AsyncExitStack)

    @property
    def ports(self) -> dict[str, InventoryPort]:
        return {"memory": self.memory, "http": self.http, "stack": self.stack}

    def begin(self) -> None:
        self.memory = InMemoryInventory(clock=CLOCK)
        self.behind_http.reset()
        self.behind_stack.reset()
        self.restart_stack()

    def restart_stack(self) -> None:
        """As after a restart of the host: an empty cache, and a closed circuit."""
        self.runner.run(self._reopen())

    async def _reopen(self) -> None:
        await self._opened.aclose()
        container = Container(
            settings=providers.Object(Settings(base_url=self.behind_stack.url)),
            clock=providers.Object(CLOCK),
        )
        await self._opened.enter_async_context(container.integration())
        self.stack = container.port()

    def set_stock(self, variant: ProductVariantId, quantity: int) -> None:
        self.memory.set_stock(variant, quantity)
        self.behind_http.set_stock(variant, quantity)
        self.behind_stack.set_stock(variant, quantity)

    def go(self, *, up: bool) -> None:
        self.memory.fail_with(None if up else ConnectionFailed("down"))
        for sandbox in (self.behind_http, self.behind_stack):
            sandbox.faults = Faults() if up else Faults(mode="down")

    def close(self) -> None:
        self.runner.run(self._opened.aclose())


@pytest.fixture(scope="module")
def world(runner: asyncio.Runner) -> Iterator[World]:
    behind_http, behind_stack = Sandbox(), Sandbox()
    runner.run(behind_http.__aenter__())
    runner.run(behind_stack.__aenter__())
    http = HttpInventory(behind_http.url, clock=CLOCK)
    runner.run(http.__aenter__())
    world = World(runner, behind_http, behind_stack, http)
    yield world
    world.close()
    for opened in (http, behind_stack, behind_http):
        runner.run(opened.__aexit__(None, None, None))


class PortsAgree(RuleBasedStateMachine):
    """The calls of a host and the changes of a service, in any order."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.past: dict[ProductVariantId, set[Told]] = defaultdict(lambda: {None})
        """All that was ever true of a variant: what an outage may still show."""
        self.since: dict[ProductVariantId, set[Told]] = defaultdict(lambda: {None})
        """What was true since this host itself last wrote: what it may show otherwise."""
        self.world.begin()

    requests: Bundle[InitialStock] = Bundle("requests")

    @rule(asked=questions)
    def read(self, asked: list[ProductVariantId]) -> None:
        """With a limit of 0, all must answer the truth, or fail."""
        expected = self.model.read(asked)

        for name, port in self.world.ports.items():
            assert expected == self.run(told_by(port, asked, self.call(max_staleness=0))), name

    @rule(asked=questions)
    def read_what_may_be_kept(self, asked: list[ProductVariantId]) -> None:
        """The stack may answer what was true before, unless the answer is LIVE."""
        call = self.call(max_staleness=None)
        try:
            answers = self.run(self.world.stack.read(asked, call))
        except InventoryError:
            assert not self.model.up
            return
        assert list(dict.fromkeys(asked)) == list(answers)
        for variant, answer in answers.items():
            if not isinstance(answer, StockReading | UnknownVariant):
                assert not self.model.up
            elif isinstance(answer, StockReading) and answer.freshness is Freshness.LIVE:
                assert self.model.up
                assert self.model.told(variant) == told(answer)
            else:
                assert told(answer) in (self.since if self.model.up else self.past)[variant]

    @rule(variant=variants, quantity=quantities)
    def change_stock(self, variant: ProductVariantId, quantity: int) -> None:
        self.world.set_stock(variant, quantity)
        self.model.set_stock(variant, quantity)
        self.remember()

    @rule(
        target=requests, variant=variants, quantity=quantities, threshold=quantities, key=st.uuids()
    )
    def open_record(
        self, variant: ProductVariantId, quantity: int, threshold: int, key: UUID
    ) -> InitialStock:
        request = InitialStock(
            variant_id=variant,
            initial_quantity=quantity,
            low_stock_threshold=threshold,
            idempotency_key=key,
        )
        self.initialize(request)
        return request

    @rule(request=requests)
    def repeat(self, request: InitialStock) -> None:
        self.initialize(request)

    @rule(target=requests, request=requests, variant=variants, quantity=quantities)
    def reuse_key(
        self, request: InitialStock, variant: ProductVariantId, quantity: int
    ) -> InitialStock:
        other = attrs.evolve(request, variant_id=variant, initial_quantity=quantity)
        self.initialize(other)
        return other

    @precondition(lambda self: self.model.up)
    @rule()
    def go_down(self) -> None:
        self.model.up = False
        self.world.go(up=False)

    @precondition(lambda self: not self.model.up)
    @rule()
    def recover(self) -> None:
        self.model.up = True
        self.world.go(up=True)
        self.world.restart_stack()

    def initialize(self, request: InitialStock) -> None:
        expected = self.model.initialize(request)
        self.since[request.variant_id].clear()
        self.remember()

        for name, port in self.world.ports.items():
            assert expected == self.run(outcome_of(port, request, self.call())), name

    def call(self, max_staleness: float | None = None) -> Call:
        if self.model.up:
            return attrs.evolve(DEFAULT_CALL, max_staleness=max_staleness)
        return Call(deadline=CLOCK.monotonic() + PATIENCE, max_staleness=max_staleness)

    def remember(self) -> None:
        for variant in VARIANTS:
            self.past[variant].add(self.model.told(variant))
            self.since[variant].add(self.model.told(variant))

    def run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.world.runner.run(step)


def told(answer: Answer) -> Told:
    """The stock of an answer, without its date and its source."""
    match answer:
        case StockReading(level):
            return level.available_quantity, level.status
        case UnknownVariant():
            return None
        case unreadable:
            raise AssertionError(f"{unreadable!r} is no answer")


async def told_by(
    port: InventoryPort, asked: Sequence[ProductVariantId], call: Call
) -> list[tuple[ProductVariantId, Told]] | str:
    try:
        answers: Mapping[ProductVariantId, Answer] = await port.read(asked, call)
    except InventoryError:
        return "failed"
    return [(variant, told(answer)) for variant, answer in answers.items()]


async def outcome_of(port: InventoryPort, request: InitialStock, call: Call) -> tuple[str, Told]:
    try:
        outcome: Initialized = await port.initialize(request, call)
    except Conflict:
        return "conflict", None
    except InventoryError:
        return "failed", None
    match outcome:
        case Created(item):
            assert request.variant_id == item.variant_id
            return "created", (item.quantity, item.status)
        case AlreadyThere(level):
            assert request.variant_id == level.variant_id
            return "there", (level.available_quantity, level.status)


def test_ports_agree_with_the_model(world: World) -> None:
    """In any order of steps, all three agree with the model after each step."""

    class InThisWorld(PortsAgree):
        pass

    InThisWorld.world = world
    run_state_machine_as_test(InThisWorld, settings=settings(stateful_step_count=40))
