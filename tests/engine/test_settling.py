"""The exceptions list hears of successes in the commit that brings them."""

from dataclasses import replace

import msgspec

from streams.domain.exceptions import Trouble, case_id_of
from streams.engine.fold import Output, Result
from streams.engine.headers import header, parked_headers
from streams.mapping.exceptions import RETRY_OF, read_command
from streams.topics import EXCEPTION_COMMANDS, STOCK_LEVELS, STOCK_MOVEMENTS
from tests.engine.tallies import NOW, MemoryLog, TallyStage, record, runtime
from tests.support.memory_view import MemoryRecord

FIRST = b"stock-movements/1/3"


def sent_again(offset: int, value: bytes = b"1") -> MemoryRecord:
    return replace(record(offset, value=value), headers=((RETRY_OF, FIRST),))


async def test_a_record_sent_again_and_taken_is_told_of_in_the_same_commit() -> None:
    log = MemoryLog()

    await runtime(log).apply(STOCK_MOVEMENTS, [record(8), sent_again(9)])

    (commit,) = log.commits
    (told,) = commit.outputs[EXCEPTION_COMMANDS, 1]
    assert told.key == FIRST
    assert msgspec.json.decode(told.value or b"") == {
        "schema_version": 1,
        "action": "settle",
        "at": "2026-03-01T09:00:00Z",
        "by": "ledger",
        "origin": FIRST.decode(),
        "until": 9,
    }


async def test_a_record_sent_again_and_parked_again_is_not() -> None:
    log = MemoryLog()

    await runtime(log).apply(STOCK_MOVEMENTS, [sent_again(9, b"{broken")])

    assert (EXCEPTION_COMMANDS, 1) not in log.commits[0].outputs


async def test_what_a_stage_settles_by_itself_is_told_of() -> None:
    log, stage = MemoryLog(), TallyStage()
    trouble = Trouble("ledger", STOCK_MOVEMENTS.name, "MUG", "odd", "", "")
    stage.tick_result = Result()
    stage.tick_result.settle(record(4))
    stage.tick_result.settle(record(5), trouble)

    assert await runtime(log, stage=stage).tick()

    told = log.commits[0].outputs[EXCEPTION_COMMANDS, 1]
    commands = [read_command(each.value) for each in told]
    assert [(c.origin, c.case_id, c.until) for c in commands] == [  # type: ignore[union-attr]  # readable
        ("stock-movements/1/4", "", 4),
        ("", case_id_of(trouble, 1), 5),
    ]


async def test_an_outputs_own_headers_go_first() -> None:
    log, stage = MemoryLog(), TallyStage()
    stage.tick_result = Result()
    for cause in (None, record(2)):
        output = Output(b"12", b"", cause, headers=((RETRY_OF, FIRST),))
        stage.tick_result.send(STOCK_LEVELS, output)

    await runtime(log, stage=stage).tick()

    for sent in log.outputs():
        assert sent.headers[0] == (RETRY_OF, FIRST)


def test_a_record_parked_again_still_says_where_it_was_first() -> None:
    result = Result()
    result.park(sent_again(9), reason="odd", field="", value="", sentence="Mend it.")

    headers = parked_headers(result.parked[0], "ledger", NOW)

    assert header(headers, RETRY_OF) == FIRST
