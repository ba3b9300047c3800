import logging
from typing import Any

import pytest

from shelfport import (
    DEFAULT_CALL,
    AdapterFault,
    AlreadyThere,
    Call,
    Created,
    InitialStock,
    Operation,
    TimedOut,
    UnknownVariant,
    Unreadable,
)
from shelfport.adapters.layers import Checked
from tests.support.ports import ScriptedPort, raising
from tests.support.values import a_level, a_reading, an_initial_stock, ids

A, B, C = ids(3)
CALL = Call(correlation_id="page-17", attempt=2)


def answering(answers: Any) -> Checked:
    async def script(ids: Any, call: Call) -> Any:
        return answers

    return Checked(ScriptedPort(script))


def initializing(outcome: Any) -> Checked:
    class Port(ScriptedPort):
        async def initialize(self, request: InitialStock, call: Call) -> Any:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    return Checked(Port())


async def test_what_is_right_passes() -> None:
    """Answers of every kind that keep the rules pass as the very objects that they are."""
    answers = {A: a_reading(A), B: UnknownVariant(B), C: Unreadable(TimedOut("late"))}

    checked = await answering(answers).read([A, B, C], CALL)

    assert answers == checked
    assert [True, True, True] == [answers[v] is checked[v] for v in (A, B, C)]


async def test_order_and_extras() -> None:
    """Order is put right, and what nobody asked for is dropped."""
    layer = answering({C: a_reading(C), B: a_reading(B), A: a_reading(A)})

    assert list(await layer.read([A, B, A], CALL)) == [A, B]


async def test_the_adapter_gets_each_id_once_and_cannot_touch_the_callers_list() -> None:
    """Below, ids are distinct and in a tuple: nothing done to them reaches the caller."""
    inner = ScriptedPort()
    asked = [B, A, B]

    await Checked(inner).read(asked, CALL)

    assert [ids for ids, _ in inner.reads] == [[B, A]]
    assert asked == [B, A, B]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({A: a_reading(A)}, id="missing"),
        pytest.param({A: a_reading(A), B: a_reading(C)}, id="another's reading"),
        pytest.param({A: a_reading(A), B: UnknownVariant(C)}, id="another's unknown"),
        pytest.param({A: a_reading(A), B: Unreadable(ValueError("no"))}, id="another error"),  # type: ignore[arg-type]
        pytest.param({A: a_reading(A), B: None}, id="None"),
        pytest.param({A: a_reading(A), B: a_level(B)}, id="a bare level"),
    ],
)
async def test_a_bad_answer_costs_its_own_variant(
    bad: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The bad answer is unreadable, by a fault that names the adapter; the good one stands."""
    answers = await answering(bad).read([A, B], CALL)

    assert a_reading(A) == answers[A]
    unreadable = answers[B]
    assert isinstance(unreadable, Unreadable)
    error = unreadable.error
    assert isinstance(error, AdapterFault)
    assert "the adapter ScriptedPort returned" in str(error)
    assert (
        error.operation,
        error.ids,
        error.correlation_id,
        error.attempts,
    ) == (Operation.READ, (B,), "page-17", 2)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@pytest.mark.parametrize("bad", [None, [], 5, "text"])
async def test_no_mapping_at_all(bad: Any) -> None:
    """Where no mapping comes back, the read failed."""
    with pytest.raises(AdapterFault, match=r"returned (nothing|a list|a int|a str)"):
        await answering(bad).read([A], CALL)


async def test_nothing_good_raises() -> None:
    """If not one answer is good, the read failed."""
    with pytest.raises(AdapterFault):
        await answering({}).read([A, B], CALL)


async def test_a_foreign_exception(caplog: pytest.LogCaptureFixture) -> None:
    """A foreign exception is the fault's cause, and its traceback is in the record."""
    with pytest.raises(AdapterFault, match=r"raised KeyError, which InventoryPort\.read") as info:
        await Checked(ScriptedPort(raising(KeyError("bug")))).read([A], CALL)

    assert isinstance(info.value.__cause__, KeyError)
    assert "KeyError: 'bug'" in caplog.text


async def test_an_inventory_error_passes() -> None:
    """An error that the port allows is not touched."""
    error = TimedOut("late")

    with pytest.raises(TimedOut) as info:
        await Checked(ScriptedPort(raising(error))).read([A], CALL)

    assert error is info.value


async def test_nothing_asked() -> None:
    """No ids, no call below."""
    assert {} == await Checked(ScriptedPort(raising(KeyError("bug")))).read([], CALL)


async def test_good_outcomes_pass() -> None:
    """Both outcomes of an initialisation pass, if they are about the variant."""
    created = await ScriptedPort().initialize(an_initial_stock(A), DEFAULT_CALL)

    assert created == await initializing(created).initialize(an_initial_stock(A), CALL)
    there = AlreadyThere(a_level(A))
    assert there == await initializing(there).initialize(an_initial_stock(A), CALL)


async def test_bad_outcomes() -> None:
    """An outcome about another variant, or none, is a fault: nobody knows what was done."""
    created = await ScriptedPort().initialize(an_initial_stock(B), DEFAULT_CALL)
    assert isinstance(created, Created)

    for outcome in (created, AlreadyThere(a_level(B)), None, created.item, KeyError("bug")):
        with pytest.raises(AdapterFault, match=r"InventoryPort\.initialize does not allow"):
            await initializing(outcome).initialize(an_initial_stock(A), CALL)


async def test_an_inventory_error_of_an_initialization_passes() -> None:
    """An error that the port allows is not touched here either."""
    with pytest.raises(TimedOut):
        await initializing(TimedOut("late")).initialize(an_initial_stock(A), CALL)
