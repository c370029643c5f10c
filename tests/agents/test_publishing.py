"""The publishing stage: which entries there are, and what each is owed."""

import pytest

from streams.agents.publishing import PublishingStage
from streams.agents.publishing_levels import SWEEP_STEP
from streams.domain.availability import Counting, EntryScope
from streams.domain.publications import Publication, Told, is_owed
from streams.domain.reference import Location
from streams.mapping.publications import (
    AdoptionWire,
    AnswerWire,
    RefusalWire,
    UpdateWire,
    acceptance_of,
    decode_publication,
    encode_message,
    refusal_of,
    update_of,
)
from streams.tables import PUBLICATIONS
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS
from tests.agents.memory import NOW, NOW_MS, Partition, level, places


def partition(
    entries: EntryScope = EntryScope.CHANNEL,
    counting: Counting = Counting.COMMERCE,
    *,
    swept: bool = True,
) -> Partition:
    stage = PublishingStage(entries=entries, counting=counting)
    held = Partition(stage, places(LDN01="ldn", PAR01="par", WH01=""))
    if swept:
        held.tick()
    return held


def rows(held: Partition) -> dict[str, Publication]:
    scanned = held.view.scan(PUBLICATIONS)
    return {key.decode(): decode_publication(row) for key, row in scanned}


def answer(held: Partition, key: str) -> AnswerWire:
    row = rows(held)[key]
    update = update_of(key.encode(), row)
    told = Told(row.target, row.available, row.sequence, "e1", 4, row.target, NOW_MS)
    return acceptance_of(update, told, "add", None)


def fold_answers(held: Partition, *answers: AnswerWire) -> dict[str, int]:
    pairs = [(one.update.sku.encode(), encode_message(one)) for one in answers]
    return held.fold(COMMERCE_ANSWERS, *pairs).counts


def test_a_level_makes_the_channels_entry() -> None:
    held = partition()
    held.levels(level(5, 1))
    assert list(rows(held)) == ["TEE|LDN01"]
    row = rows(held)["TEE|LDN01"]
    assert (row.channel_key, row.wanted) == ("ldn", (5, 5, 1))
    assert row.since_ms == NOW_MS


def test_a_location_without_a_channel_has_no_entry() -> None:
    held = partition()
    held.levels(level(5, 1, location_id="WH01"))
    assert rows(held) == {}


def test_an_unknown_location_has_no_entry() -> None:
    held = partition()
    held.levels(level(5, 1, location_id="NYC01"))
    assert rows(held) == {}


def test_a_dropped_location_keeps_its_entry_until_it_is_told_zero() -> None:
    held = partition()
    held.levels(level(5, 1))
    held.reference.drop_location("LDN01")
    held.tick()
    held.levels(level(0, 2))
    assert rows(held)["TEE|LDN01"].wanted == (0, 0, 2)


def test_of_a_batch_the_newest_level_counts() -> None:
    held = partition()
    counts = held.levels(level(5, 1), level(3, 3), level(4, 2)).counts
    assert rows(held)["TEE|LDN01"].wanted == (3, 3, 3)
    assert counts["levels"] == 3


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_stale_level_changes_nothing(sequence: int) -> None:
    held = partition()
    held.levels(level(5, 2))
    result = held.levels(level(9, sequence))
    assert result.writes == {}
    assert result.counts["levels_stale"] == 1


def test_a_pool_is_the_sum_over_locations() -> None:
    held = partition(EntryScope.POOL)
    held.levels(level(5, 1), level(7, 4, location_id="WH01", available=6))
    assert list(rows(held)) == ["TEE|*"]
    assert rows(held)["TEE|*"].wanted == (12, 11, 5)
    assert rows(held)["TEE|*"].channel_key == ""


@pytest.mark.parametrize("swept", [True, False])
def test_a_pool_follows_each_location(swept: bool) -> None:
    held = partition(EntryScope.POOL, swept=swept)
    held.levels(level(5, 1), level(7, 4, location_id="WH01"))
    held.levels(level(2, 2))
    held.levels(level(1, 3), level(9, 6, location_id="WH01"))
    held.levels(level(8, 5, location_id="WH01"))  # stale
    assert rows(held)["TEE|*"].wanted == (10, 10, 9)


def test_a_pool_counts_only_its_own_sku() -> None:
    held = partition(EntryScope.POOL, swept=False)
    held.levels(level(5, 1), level(7, 1, sku="TEES"))
    assert rows(held)["TEE|*"].target == 5


def test_both_keeps_both() -> None:
    held = partition(EntryScope.BOTH)
    held.levels(level(5, 1), level(7, 4, location_id="WH01"))
    assert list(rows(held)) == ["TEE|*", "TEE|LDN01"]


def test_an_answer_is_noted() -> None:
    held = partition()
    held.levels(level(5, 1))
    counts = fold_answers(held, answer(held, "TEE|LDN01"))
    row = rows(held)["TEE|LDN01"]
    assert row.told == Told(5, 5, 1, "e1", 4, 5, NOW_MS)
    assert not is_owed(row)
    assert counts == {"answers_add": 1}


def test_an_adoption_is_noted() -> None:
    held = partition()
    held.levels(level(5, 1))
    update = answer(held, "TEE|LDN01").update
    told = Told(5, 5, 1, "e1", 4, 5, NOW_MS)
    fold_answers(held, acceptance_of(update, told, "adopt", AdoptionWire(7, -2)))
    adoption = rows(held)["TEE|LDN01"].adoption
    assert adoption is not None
    assert adoption[:3] == (7, -2, 1)


def test_an_answer_twice_is_noted_once() -> None:
    held = partition()
    held.levels(level(5, 1))
    heard = answer(held, "TEE|LDN01")
    counts = fold_answers(held, heard, heard)
    assert counts == {"answers_add": 1, "answers_stale": 1}


def test_an_older_answer_changes_nothing() -> None:
    held = partition()
    held.levels(level(5, 1))
    older = answer(held, "TEE|LDN01")
    held.levels(level(4, 2))
    fold_answers(held, answer(held, "TEE|LDN01"), older)
    told = rows(held)["TEE|LDN01"].told
    assert told is not None
    assert told.sequence == 2


def test_an_answer_for_another_channel_changes_nothing() -> None:
    held = partition()
    held.levels(level(5, 1))
    late = answer(held, "TEE|LDN01")
    held.reference.put_location(
        Location(location_id="LDN01", commercetools_channel_key="ldn-2")
    )
    held.tick()
    assert fold_answers(held, late) == {"answers_without_entry": 1}
    assert rows(held)["TEE|LDN01"].told is None


def test_an_answer_without_entry_is_counted() -> None:
    held = partition()
    update = UpdateWire("TEE", "LDN01", "ldn", 5, 5, 1)
    told = Told(5, 5, 1, "e1", 4, 5, NOW_MS)
    counts = fold_answers(held, acceptance_of(update, told, "add", None))
    assert counts == {"answers_without_entry": 1}


def test_a_refusal_is_noted_and_parked_with_its_reason() -> None:
    held = partition()
    held.levels(level(5, 1))
    refusal = RefusalWire("InvalidField", "No such field.", 400)
    refused = refusal_of(answer(held, "TEE|LDN01").update, "adopt", refusal, NOW)
    fold_answers(held, refused)
    (parked,) = held.results[-1].parked
    assert (parked.reason, parked.field) == ("commerce_refused", "InvalidField")
    assert parked.value == "TEE|LDN01"
    trouble = rows(held)["TEE|LDN01"].trouble
    assert trouble is not None
    assert trouble.sentence == "No such field."


BAD_LEVELS = [
    (b"TEE|LDN01", b"{", "broken_json", ""),
    (b"TEE|LDN01", b"\xff", "broken_json", ""),
    (b"TEE|LDN01", b"[]", "wrong_content", ""),
    (
        b"TEE|LDN01",
        encode_message({"schema_version": 2}),
        "wrong_content",
        "schema_version",
    ),
    (
        b"TEE|LDN01",
        encode_message(level(5, 1, available=-1)),
        "wrong_content",
        "available",
    ),
    (b"TEE|LDN01", encode_message(level(5, 0)), "wrong_content", "sequence"),
    (b"TEE|LDN01", encode_message(level(5, 1, sku="")), "wrong_content", "sku"),
    (b"TEE|PAR01", encode_message(level(5, 1)), "wrong_key", "key"),
    (None, encode_message(level(5, 1)), "wrong_key", "key"),
]


@pytest.mark.parametrize(("key", "value", "reason", "field"), BAD_LEVELS)
def test_an_unreadable_level_is_parked_and_the_next_one_counts(
    key: bytes | None, value: bytes, reason: str, field: str
) -> None:
    held = partition()
    good = (b"TEE|LDN01", encode_message(level(5, 1)))
    result = held.fold(STOCK_LEVELS, (key, value), good)
    (parked,) = result.parked
    assert (parked.reason, parked.field) == (reason, field)
    assert parked.sentence.endswith(".")
    assert rows(held)["TEE|LDN01"].target == 5


@pytest.mark.parametrize("value", [None, b"{}", b"nonsense"])
def test_an_unreadable_answer_is_parked(value: bytes | None) -> None:
    result = partition().fold(COMMERCE_ANSWERS, (b"TEE", value))
    assert len(result.parked) == 1


def test_a_misplaced_answer_is_parked() -> None:
    held = partition()
    held.levels(level(5, 1))
    result = held.fold(
        COMMERCE_ANSWERS, (b"CAP", encode_message(answer(held, "TEE|LDN01")))
    )
    (parked,) = result.parked
    assert parked.reason == "wrong_key"


def test_a_deleted_level_is_counted_and_changes_nothing() -> None:
    held = partition()
    held.levels(level(5, 1))
    result = held.fold(STOCK_LEVELS, (b"TEE|LDN01", None))
    assert result.writes == {}
    assert result.counts["levels_deleted"] == 1


def test_an_empty_batch_changes_nothing() -> None:
    result = partition().fold(STOCK_LEVELS)
    assert result.writes == {}


def test_a_tick_without_change_does_nothing() -> None:
    assert partition().tick() is None


def test_a_channel_that_comes_later_gets_its_entries() -> None:
    held = partition()
    held.levels(level(5, 1, location_id="NYC01"))
    held.reference.put_location(
        Location(location_id="NYC01", commercetools_channel_key="nyc")
    )
    held.tick()
    assert rows(held)["TEE|NYC01"].wanted == (5, 5, 1)


def test_a_channel_that_goes_takes_its_entries_along() -> None:
    held = partition()
    held.levels(level(5, 1))
    held.reference.put_location(Location(location_id="LDN01"))
    held.tick()
    assert rows(held) == {}


def test_a_product_loaded_meanwhile_starts_no_sweep() -> None:
    held = partition()
    held.reference.version += 1
    assert held.tick() is None


def test_another_scope_makes_and_drops_entries() -> None:
    held = partition()
    held.levels(level(5, 1), level(7, 4, location_id="WH01"))
    held.stage = PublishingStage(entries=EntryScope.POOL, counting=Counting.COMMERCE)
    held.tick()
    assert list(rows(held)) == ["TEE|*"]
    assert rows(held)["TEE|*"].wanted == (12, 12, 5)


def test_a_pool_left_alone_for_a_while_is_summed_up_anew() -> None:
    held = partition(EntryScope.POOL)
    held.levels(level(5, 1), level(7, 4, location_id="WH01"))
    pooled_stage = held.stage
    held.stage = PublishingStage(entries=EntryScope.CHANNEL, counting=Counting.COMMERCE)
    held.levels(level(4, 2))  # No tick yet: the pooled row is left as it was.
    held.stage = pooled_stage
    held.levels(level(8, 5, location_id="WH01"))
    held.tick()
    assert rows(held)["TEE|*"].wanted == (12, 12, 7)


def test_a_sweep_goes_step_by_step_and_ends() -> None:
    held = partition(swept=False)
    many = [level(1, 1, sku=f"S{i:05}") for i in range(SWEEP_STEP + 5)]
    held.levels(*many)
    held.reference.put_location(Location(location_id="LDN01"))
    held.tick()
    assert len(rows(held)) == 5
    held.tick()
    assert rows(held) == {}
    assert held.tick() is None
