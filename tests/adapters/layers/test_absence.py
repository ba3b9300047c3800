import pytest

from shelfport import ProductVariantId, StockReading
from shelfport.adapters.layers.absence import confirm_absences
from shelfport.errors import ContractViolation, FaultScope, Operation, TimedOut
from shelfport.ports import Answer, Call, UnknownVariant, Unreadable
from shelfport.signals import AbsenceDoubted
from tests.support.listening import Heard
from tests.support.ports import Answers, Ids, ScriptedPort
from tests.support.values import a_reading, ids

A, B, C = ids(3)
ABSENT: dict[ProductVariantId, Answer] = {v: UnknownVariant(v) for v in (A, B, C)}
CALL = Call(deadline=7.0, max_staleness=3.0, correlation_id="c")


def alone(answer: Answer | Exception) -> ScriptedPort:
    """A port that answers so about one variant."""

    async def script(asked: Ids, call: Call) -> Answers:
        if isinstance(answer, Exception):
            raise answer
        [variant] = asked
        return {variant: answer}

    return ScriptedPort(script)


async def confirmed(
    inner: ScriptedPort, answers: Answers = ABSENT, *known: ProductVariantId
) -> tuple[Answers, Heard]:
    heard = Heard()
    return await confirm_absences(answers, known.__contains__, inner, CALL, heard), heard


async def test_what_contradicts_nothing_costs_nothing() -> None:
    """Absences of variants of which nothing is known are believed without a request."""
    inner = alone(TimedOut("down"))
    of_c = UnknownVariant(C, confirmed=True)
    answers: dict[ProductVariantId, Answer] = {A: a_reading(A), B: UnknownVariant(B), C: of_c}

    assert (await confirmed(inner, answers, A, C))[0] is answers
    assert [] == inner.reads


async def test_one_is_asked_for_alone() -> None:
    """One of the contradicting variants is asked for, under the terms of the call, and anew."""
    inner = alone(UnknownVariant(B))
    await confirmed(inner, ABSENT, B, C)

    expected = Call(deadline=7.0, max_staleness=0.0, correlation_id="c")
    assert [([B], expected)] == inner.reads


async def test_one_without_a_record_vouches_for_all() -> None:
    """If that one has no record, the others are believed, too, and say so."""
    inner = alone(UnknownVariant(B, confirmed=True))
    answers, heard = await confirmed(inner, ABSENT, B, C)

    assert ABSENT == answers
    said = [a.confirmed for a in answers.values() if isinstance(a, UnknownVariant)]
    assert [False, True, True] == said
    assert [] == heard.of(AbsenceDoubted)


async def test_one_with_a_record_refutes_all() -> None:
    """If that one has a record, it gets its reading; the others could not be read."""
    reading = a_reading(B)
    answers, heard = await confirmed(alone(reading), ABSENT, B, C)

    assert [A, B, C] == list(answers)
    assert (UnknownVariant(A), reading) == (answers[A], answers[B])
    assert isinstance(doubted := answers[C], Unreadable)
    assert isinstance(doubted.error, ContractViolation)
    assert (FaultScope.ELEMENT, Operation.READ) == (doubted.error.scope, doubted.error.operation)
    assert ((B, C), "c") == (doubted.error.ids, doubted.error.correlation_id)
    assert (
        f"the answer about 3 variants lacks 2 whose stock is known, and {B}, asked for alone, has a"
        " record: an answer may lack only what has no record; look for a cache or a limit that cuts"
        " answers on the way to the Inventory Service" == str(doubted.error)
    )
    assert [AbsenceDoubted(2, "c")] == heard.of(AbsenceDoubted)


@pytest.mark.parametrize("raised", [False, True])
async def test_one_that_fails_confirms_nothing(raised: bool) -> None:
    """If that one cannot be read, it gets its own error; the others could not be read, either."""
    down = TimedOut("down")
    answers, heard = await confirmed(alone(down if raised else Unreadable(down)), ABSENT, B, C)

    assert Unreadable(down) == answers[B]
    assert isinstance(doubted := answers[C], Unreadable)
    assert isinstance(doubted.error, ContractViolation)
    assert "asked for alone, gave no clear answer:" in str(doubted.error)
    assert [AbsenceDoubted(2, "c")] == heard.of(AbsenceDoubted)


async def test_an_answer_that_was_shared_confirms_nothing() -> None:
    """If that one was asked for together with others after all, all are unreadable."""
    answers, heard = await confirmed(alone(UnknownVariant(B)), ABSENT, B, C)

    assert UnknownVariant(A) == answers[A]
    assert [Unreadable, Unreadable] == [type(answers[B]), type(answers[C])]
    assert [AbsenceDoubted(2, "c")] == heard.of(AbsenceDoubted)


async def test_the_answers_are_left_as_they_are() -> None:
    """The port's own answers are not changed: other callers may hold them."""
    before = dict(ABSENT)
    answers, _ = await confirmed(alone(a_reading(A)), ABSENT, A, B)

    assert before == ABSENT
    assert isinstance(answers[A], StockReading)
