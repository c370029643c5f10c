"""A refusal of commerce stays on the exceptions list for as long as it lasts."""

from streams.domain.exceptions import case_id_of
from streams.engine.headers import parked_headers
from streams.engine.settling import settlements
from streams.mapping.exceptions import CommandWire, read_parked
from streams.mapping.publications import RefusalWire, refusal_of
from streams.topics import COMMERCE_ANSWERS, EXCEPTIONS
from tests.agents.memory import NOW, Partition, level
from tests.agents.test_publishing import answer, fold_answers, partition
from tests.support.memory_view import MemoryRecord


def refuse(held: Partition, reason: str) -> None:
    refusal = RefusalWire(reason, "It will not have it.", 400)
    update = answer(held, "TEE|LDN01").update
    fold_answers(held, refusal_of(update, "add", refusal, NOW))


def settled(held: Partition) -> list[CommandWire]:
    return list(settlements(held.results[-1], "publishing", NOW))


def case_parked(held: Partition) -> str:
    """Return the id of the case that the last parked refusal belongs to."""
    (parked,) = held.results[-1].parked
    headers = tuple(parked_headers(parked, "publishing", NOW))
    record = MemoryRecord(EXCEPTIONS.name, 0, parked.record.key, b"", headers=headers)
    read = read_parked(record, {COMMERCE_ANSWERS.name: COMMERCE_ANSWERS})
    return case_id_of(read.parking.trouble, 0)  # type: ignore[union-attr]  # it is parked


def test_acceptance_ends_the_case_of_the_refusal() -> None:
    held = partition()
    held.levels(level(5, 1))
    refuse(held, "InvalidField")
    case_id = case_parked(held)
    assert settled(held) == []

    fold_answers(held, answer(held, "TEE|LDN01"))

    (over,) = settled(held)
    assert over.case_id == case_id
    assert over.until > 0


def test_another_refusal_ends_the_case_of_the_one_before() -> None:
    held = partition()
    held.levels(level(5, 1))
    refuse(held, "InvalidField")
    case_id = case_parked(held)

    refuse(held, "InvalidOperation")

    assert [command.case_id for command in settled(held)] == [case_id]
    assert case_parked(held) != case_id


def test_the_same_refusal_again_ends_nothing() -> None:
    held = partition()
    held.levels(level(5, 1))
    refuse(held, "InvalidField")
    held.levels(level(4, 2))

    refuse(held, "InvalidField")

    assert settled(held) == []
