"""The commit: one result, one transaction, one store write; a replay is a no-op."""

from collections.abc import Mapping
from typing import Any

import pytest

from streams.engine.commit import CommitUnknown, Fenced
from streams.engine.crash import STEPS, crash_point
from streams.engine.fold import Output, Result, View
from streams.engine.headers import (
    CAUSE,
    ERROR_OFFSET,
    ERROR_PARTITION,
    ERROR_TOPIC,
    REASON,
    SCHEMA,
    STAGE,
    URGENT,
    header,
    is_urgent,
)
from streams.engine.store import MemoryStore
from streams.settings import Settings
from streams.tables import LEVELS, Table
from streams.topics import COMMERCE_ANSWERS, EXCEPTIONS, STOCK_LEVELS, STOCK_MOVEMENTS
from tests.engine.tallies import Crash, MemoryLog, TallyStage, record, runtime, total
from tests.support.memory_view import MemoryRecord

BATCHES = [[record(0), record(1)], [record(2, b"CUP")], [record(5), record(6)]]


async def test_a_batch_is_folded_and_committed_as_one() -> None:
    log = MemoryLog()
    made = runtime(log)

    applied = await made.apply(STOCK_MOVEMENTS, [record(0), record(1, value=b"4")])

    assert applied == 2
    assert total(made) == 5
    (commit,) = log.commits
    assert commit.offsets == {STOCK_MOVEMENTS: 2}
    assert [each.value for each in commit.outputs[STOCK_LEVELS, 3]] == [b"1", b"5"]


async def test_a_replayed_batch_is_a_no_op() -> None:
    log = MemoryLog()
    made = runtime(log)
    batch = [record(0), record(1)]
    await made.apply(STOCK_MOVEMENTS, batch)

    assert await made.apply(STOCK_MOVEMENTS, batch) == 0
    assert await made.apply(STOCK_MOVEMENTS, []) == 0

    assert total(made) == 2
    assert len(log.commits) == 1


async def test_of_a_batch_applied_in_part_only_the_rest_is_folded() -> None:
    stage = TallyStage()
    made = runtime(MemoryLog(), stage=stage)
    await made.apply(STOCK_MOVEMENTS, [record(0), record(1)])

    assert await made.apply(STOCK_MOVEMENTS, [record(1), record(2), record(3)]) == 2

    assert stage.folded == [[0, 1], [2, 3]]
    assert total(made) == 4


async def test_each_source_keeps_its_own_offset() -> None:
    log = MemoryLog()
    store = MemoryStore()
    made = runtime(log, store)
    await made.apply(STOCK_MOVEMENTS, [record(7)])
    await made.apply(COMMERCE_ANSWERS, [record(2)])

    again = runtime(log, store)

    assert again.next_offsets == {STOCK_MOVEMENTS: 8, COMMERCE_ANSWERS: 3}
    assert (again.sequence, again.counts) == (2, {"in": 2})


async def test_what_overtakes_others_is_applied_once() -> None:
    log, store = MemoryLog(), MemoryStore()
    made = runtime(log, store)
    first = [record(3), record(5)]
    assert await made.apply(STOCK_MOVEMENTS, first, upto=1, urgent={3, 5}) == 2
    assert log.commits[0].offsets == {STOCK_MOVEMENTS: 1}

    again = runtime(log, store)
    assert again.next_offsets == {STOCK_MOVEMENTS: 1}
    assert again.ahead == {STOCK_MOVEMENTS: {3, 5}}
    every = [record(offset) for offset in range(1, 7)]
    assert await again.apply(STOCK_MOVEMENTS, every[:3]) == 2
    assert again.ahead == {STOCK_MOVEMENTS: {5}}
    assert await again.apply(STOCK_MOVEMENTS, every) == 2

    assert total(again) == 6
    assert again.next_offsets == {STOCK_MOVEMENTS: 7}
    assert runtime(log, store).ahead == {}


async def test_where_all_was_overtaken_only_the_offset_moves_on() -> None:
    log = MemoryLog()
    made = runtime(log)
    await made.apply(STOCK_MOVEMENTS, [record(1)], upto=0)
    await made.apply(STOCK_MOVEMENTS, [record(0)], upto=1)
    assert [commit.offsets for commit in log.commits] == [{}, {STOCK_MOVEMENTS: 1}]

    assert await made.apply(STOCK_MOVEMENTS, [record(1)]) == 0

    assert log.commits[-1].offsets == {STOCK_MOVEMENTS: 2}
    assert (made.next_offsets[STOCK_MOVEMENTS], total(made)) == (2, 2)


async def test_a_store_rebuilt_from_the_log_knows_what_has_overtaken() -> None:
    log, rebuilt = MemoryLog(), MemoryStore()
    made = runtime(log)
    await made.apply(STOCK_MOVEMENTS, [record(4)], upto=0)
    log.restore(rebuilt)
    assert runtime(log, rebuilt).ahead == {STOCK_MOVEMENTS: {4}}

    await made.apply(STOCK_MOVEMENTS, [record(n) for n in range(5)])
    log.restore(rebuilt)

    assert runtime(log, rebuilt).ahead == {}


async def test_what_an_urgent_record_causes_is_urgent_too() -> None:
    log = MemoryLog()
    batch = [record(1), record(2, b"CUP")]
    await runtime(log).apply(STOCK_MOVEMENTS, batch, urgent={2})

    marks = {each.key: header(each.headers, URGENT) for each in log.outputs()}

    assert marks == {b"MUG": None, b"CUP": b""}
    (cup,) = (each for each in log.outputs() if each.key == b"CUP")
    told = MemoryRecord(STOCK_LEVELS.name, 0, b"CUP", b"1", headers=tuple(cup.headers))
    assert is_urgent(STOCK_LEVELS, told)
    assert not is_urgent(STOCK_LEVELS, record(1))


async def test_counters_add_up_across_commits() -> None:
    made = runtime(MemoryLog())

    for batch in BATCHES:
        await made.apply(STOCK_MOVEMENTS, batch)

    assert made.counts == {"in": 5}


async def test_a_parked_record_keeps_its_bytes_and_says_why_and_from_where() -> None:
    log = MemoryLog()
    made = runtime(log)

    await made.apply(STOCK_MOVEMENTS, [record(3, b"CUP", b"{broken")])

    (parked,) = log.commits[0].outputs[EXCEPTIONS, 1]
    assert (parked.key, parked.value) == (b"CUP", b"{broken")
    names = (ERROR_TOPIC, ERROR_PARTITION, ERROR_OFFSET, REASON, STAGE)
    assert [header(parked.headers, name) for name in names] == [
        b"stock-movements",
        b"1",
        b"3",
        b"broken",
        b"ledger",
    ]
    assert made.counts == {"in": 1, "parked": 1}
    assert made.next_offsets[STOCK_MOVEMENTS] == 4


async def test_an_output_names_its_schema_and_its_cause() -> None:
    log = MemoryLog()
    await runtime(log).apply(STOCK_MOVEMENTS, [record(9)])

    (output,) = log.outputs()

    assert header(output.headers, SCHEMA) == b"StockLevel/1"
    assert header(output.headers, CAUSE) == b"stock-movements/1/9"


async def test_an_output_goes_where_its_routing_key_or_its_key_says() -> None:
    log, stage = MemoryLog(), TallyStage()
    stage.tick_result = Result()
    for output in (
        Output(b"12", b"by key", None),
        Output(b"12", b"by routing key", None, routing_key=b"123"),
        Output(b"12", b"here", None, same_partition=True),
        Output(None, b"without key", None),
    ):
        stage.tick_result.send(STOCK_LEVELS, output)

    await runtime(log, stage=stage).tick()

    placed = {
        partition: [each.value for each in records]
        for (_, partition), records in log.commits[0].outputs.items()
    }
    assert placed == {
        2: [b"by key"],
        3: [b"by routing key"],
        1: [b"here"],
        0: [b"without key"],
    }


@pytest.mark.parametrize("nothing", [None, Result()])
async def test_a_tick_with_nothing_to_do_commits_nothing(
    nothing: Result | None,
) -> None:
    log, stage = MemoryLog(), TallyStage()
    stage.tick_result = nothing

    assert await runtime(log, stage=stage).tick() is False
    assert log.commits == []


async def test_a_tick_is_committed_like_a_batch_without_offsets() -> None:
    log, stage = MemoryLog(), TallyStage()
    stage.tick_result = Result()
    stage.tick_result.put(LEVELS, b"MUG", b"9")
    made = runtime(log, stage=stage)

    assert await made.tick() is True

    assert total(made) == 9
    assert log.commits[0].offsets == {}
    assert made.sequence == 1


@pytest.mark.parametrize("error", [Fenced("p"), CommitUnknown("p")])
async def test_a_commit_that_failed_changes_nothing_here(error: Exception) -> None:
    log = MemoryLog(error=error)
    store = MemoryStore()
    made = runtime(log, store)

    with pytest.raises(type(error)):
        await made.apply(STOCK_MOVEMENTS, [record(0)])

    assert store.rows == {}
    assert (made.sequence, made.counts, made.next_offsets) == (0, {}, {})
    await made.apply(STOCK_MOVEMENTS, [record(0)])
    assert total(made) == 1


async def test_a_commit_in_doubt_that_did_happen_is_found_in_the_log() -> None:
    log = MemoryLog(error=CommitUnknown("p"), error_after=True)
    store = MemoryStore()
    made = runtime(log, store)
    with pytest.raises(CommitUnknown):
        await made.apply(STOCK_MOVEMENTS, [record(0)])

    log.restore(store)
    made.load()

    assert await made.apply(STOCK_MOVEMENTS, [record(0)]) == 0
    assert total(made) == 1
    assert len(log.commits) == 1


async def without_crash() -> dict[bytes, bytes]:
    store = MemoryStore()
    made = runtime(MemoryLog(), store)
    for batch in BATCHES:
        await made.apply(STOCK_MOVEMENTS, batch)
    return store.rows


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("occurrence", [1, 2, 3])
async def test_after_a_crash_at_any_step_the_state_is_as_without(
    step: str, occurrence: int
) -> None:
    log, store = MemoryLog(), MemoryStore()
    left = occurrence

    def crash_once(reached: str) -> None:
        nonlocal left
        end = log.changelog[-1].offset if log.changelog else -1
        assert store.changelog_offset() <= end, "the store is ahead of the log"
        left -= reached == step
        if reached == step and left == 0:
            raise Crash(step)

    log.step = crash_once
    crashes = 0
    made = runtime(log, store)
    pending = list(BATCHES)
    while pending:
        try:
            await made.apply(STOCK_MOVEMENTS, pending[0])
        except Crash:
            crashes += 1
            log.restore(store)
            made = runtime(log, store)
        else:
            pending.pop(0)

    assert crashes == 1
    assert store.rows == await without_crash()
    assert [each.value for each in log.outputs()] == [b"1", b"2", b"1", b"3", b"4"]


class Hearer:
    """Notes what it hears, and what the view shows then."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def opened(self, view: View) -> None:
        self.heard.append(("opened", view.partition))

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        self.heard.append((view.get(LEVELS, writes[LEVELS]), dict(writes[LEVELS])))

    def closed(self, partition: int) -> None:
        self.heard.append(("closed", partition))


async def test_a_listener_hears_of_a_commit_once_the_store_has_it() -> None:
    hearer = Hearer()
    log = MemoryLog(error=CommitUnknown("p"))
    made = runtime(log, listener=hearer)

    with pytest.raises(CommitUnknown):
        await made.apply(STOCK_MOVEMENTS, [record(0)])
    await made.apply(STOCK_MOVEMENTS, [record(0)])

    assert hearer.heard == [("opened", 1), ({b"MUG": b"1"}, {b"MUG": b"1"})]


def test_without_a_setting_no_step_crashes() -> None:
    step = crash_point(Settings())

    for name in STEPS:
        step(name)
