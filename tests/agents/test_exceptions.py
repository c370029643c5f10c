"""The exceptions stage: parked records in, cases and retries out, and their end."""

from itertools import permutations
from typing import Any

import pytest

from streams.agents import exceptions_retries
from streams.domain.exceptions import State
from streams.engine.fold import Batch, Result
from streams.engine.headers import CAUSE, ERROR_OFFSET, PARKED_AT, header
from streams.engine.settling import settle_retried
from streams.mapping.exceptions import (
    ATTEMPT,
    CASE,
    RETRY_OF,
    Action,
    coordinates,
    encode_command,
    settle_record,
)
from streams.tables import CASE_GROUPS, CASE_MEMBERS, CASE_RETRIES
from streams.topics import (
    COMMERCE_ANSWERS,
    EXCEPTION_COMMANDS,
    EXCEPTIONS,
    NEWSTORE_EVENTS,
    STOCK_LEVELS,
    STOCK_MOVEMENTS,
)
from tests.agents.desk import Stand, event, parked
from tests.support.memory_view import MemoryRecord


def succeed(stand: Stand, record: MemoryRecord, *, stage: str = "intake") -> None:
    """Let a stage fold a record that was sent again, without parking it."""
    result = Result()
    settle_retried(result, [record])
    assert result.settled
    stand.commit(stage, result)


# Taking in


def test_a_parked_record_is_a_case_with_its_bytes() -> None:
    stand = parked()

    case, (record,) = stand.case().case, stand.records()

    assert case.case_id.startswith("0-")
    assert case.state is State.OPEN
    assert (case.entity_type, case.trouble.entity) == ("event", "order-1")
    assert case.sentence == "missing_field: mend it at the source."
    assert (record.key, record.value) == (b"order-1", b"{}")
    assert record.headers == (("traceparent", b"00-1-2-00"),)
    assert stand.tallies() == {"malformed|open": 1}
    assert stand.counts == {"in": 1, "taken": 1}


def test_repeats_of_an_entity_are_one_case_and_other_entities_are_others() -> None:
    stand = parked("order-1", "order-2", "order-1")

    assert sorted(row.case.records for row in stand.cases()) == [1, 2]
    assert len(list(stand.view.scan(CASE_GROUPS))) == 1
    assert len(list(stand.view.scan(CASE_MEMBERS))) == 2


def test_records_without_a_key_are_cases_of_their_own() -> None:
    stand = Stand()
    for _ in range(2):
        stand.park(stand.append(NEWSTORE_EVENTS, None, b"{"))
    stand.take()

    assert len(stand.cases()) == 2


def test_one_record_parked_by_two_stages_is_two_cases() -> None:
    stand = Stand()
    record = event(stand)
    stand.park(record)
    stand.park(record, stage="orders")
    stand.take()

    assert [row.case.waiting for row in stand.cases()] == [1, 1]


def test_the_same_parked_record_read_twice_counts_once() -> None:
    stand = parked()
    (again,) = stand.topics[EXCEPTIONS.name]
    stand.append(EXCEPTIONS, again.key, again.value, again.headers)
    stand.take()

    assert stand.case().case.seen == 1
    assert stand.counts == {"in": 2, "taken": 1, "repeated": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (ERROR_OFFSET, b"seven"),
        (ERROR_OFFSET, b"-1"),
        (PARKED_AT, b"2025-03-01T10:00:00"),
        (PARKED_AT, b"\xff"),
    ],
)
def test_what_is_no_parked_record_is_parked_itself(name: str, value: bytes) -> None:
    stand = Stand()
    stand.park(event(stand))
    (record,) = stand.topics[EXCEPTIONS.name]
    headers = [(key, old) for key, old in record.headers if key != name]
    stand.topics[EXCEPTIONS.name] = []
    stand.append(EXCEPTIONS, record.key, record.value, [*headers, (name, value)])
    stand.take()
    stand.take()

    case = stand.case().case
    assert (case.trouble.stage, case.trouble.reason) == (
        "exceptions",
        "not_a_parked_record",
    )
    assert stand.counts == {"in": 2, "taken": 1, "parked": 1}


def test_a_mark_of_a_retry_that_is_not_ours_is_not_believed() -> None:
    stand = Stand()
    stand.park(stand.append(NEWSTORE_EVENTS, b"order-1", b"{}", [(RETRY_OF, b"here")]))
    stand.take()

    assert stand.records()[0].origin == f"{NEWSTORE_EVENTS.name}/0/0"


# Retrying


def test_a_retry_sends_the_record_as_it_was_and_says_where_it_was_first() -> None:
    stand = parked()
    case_id = stand.case().case.case_id
    stand.ask(Action.RETRY, case_id)
    stand.take()
    assert stand.case().case.state is State.RESUBMITTED

    assert stand.tick(times=3) == 1

    first, again = stand.sent()
    assert (again.key, again.value) == (first.key, first.value)
    assert again.headers[0] == (RETRY_OF, coordinates(first).encode())
    assert header(again.headers, CASE) == case_id.encode()
    assert header(again.headers, ATTEMPT) == b"1"
    assert header(again.headers, CAUSE) == f"{EXCEPTION_COMMANDS.name}/0/0".encode()
    assert header(again.headers, "traceparent") == b"00-1-2-00"
    assert list(stand.view.scan(CASE_RETRIES)) == []


def test_an_edited_record_goes_out_edited_and_its_original_is_kept() -> None:
    stand = parked()
    case_id, (record,) = stand.case().case.case_id, stand.records()
    stand.ask(
        Action.EDIT, case_id, origin=record.origin, body_base64=b"[]", said="a typo"
    )
    stand.ask(Action.RETRY, case_id)
    stand.take()
    stand.tick()

    assert stand.sent()[-1].value == b"[]"
    (kept,) = stand.records()
    assert (kept.value, kept.edited) == (b"{}", b"[]")
    edits = [note for note in stand.case().case.audit if note.what == "edit"]
    assert [(note.who, note.said) for note in edits] == [
        ("ann", f"{record.origin}: 2 bytes. a typo")
    ]


def test_a_retry_that_is_not_parked_again_resolves_the_case() -> None:
    stand = parked()
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()
    stand.tick()

    succeed(stand, stand.sent()[-1])
    stand.take()

    assert stand.case().case.state is State.RESOLVED
    assert stand.tallies() == {"malformed|resolved": 1}
    assert list(stand.view.scan(CASE_MEMBERS)) == []


def test_a_retry_that_is_parked_again_opens_its_case_with_the_new_reason() -> None:
    stand = parked()
    for attempt in (1, 2):
        stand.ask(Action.RETRY, stand.case().case.case_id)
        stand.take()
        stand.tick()
        stand.later(seconds=1)
        stand.park(stand.sent()[-1], "unknown_sku", value="NEW")
        stand.take()

        case = stand.case().case
        assert case.state is State.OPEN
        assert (case.trouble.reason, case.attempts) == ("unknown_sku", attempt)
        assert (case.records, case.waiting) == (1, 1)
    assert stand.tallies() == {"unknown_sku|open": 1}


def test_another_stages_success_with_a_retried_record_is_not_this_ones() -> None:
    stand = parked()
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()
    stand.tick()

    succeed(stand, stand.sent()[-1], stage="orders")
    stand.take()

    assert stand.case().case.state is State.RESUBMITTED


def test_a_case_is_resolved_only_when_all_its_records_are_through() -> None:
    stand = parked("order-1", "order-1")
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()
    stand.tick()
    *_, first, second = stand.sent()

    succeed(stand, first)
    stand.take()
    assert stand.case().case.waiting == 1
    succeed(stand, second)
    stand.take()

    assert stand.case().case.state is State.RESOLVED


def test_a_long_case_is_sent_in_parts_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exceptions_retries, "RECORDS_MAX", 3)
    stand = parked(*["order-1"] * 7)
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()

    assert stand.tick(times=9) == 3

    again = stand.sent()[7:]
    origins = [header(record.headers, RETRY_OF) for record in again]
    assert origins == [coordinates(record).encode() for record in stand.sent()[:7]]
    assert stand.counts["sent_again"] == 7


def test_a_group_is_retried_whole_and_what_is_under_way_is_left_alone() -> None:
    stand = parked("order-1", "order-2", "order-3")
    stand.park(event(stand, "order-9"), "wrong_type")
    stand.take()
    first = next(row.case for row in stand.cases() if "1" in row.case.trouble.entity)
    stand.ask(Action.RETRY, first.case_id)
    stand.ask(Action.RETRY, group_id=first.group_id)
    stand.take()

    stand.tick(times=5)

    again = stand.sent()[4:]
    assert sorted(record.key or b"" for record in again) == [
        b"order-1",
        b"order-2",
        b"order-3",
    ]
    states = {row.case.trouble.entity: row.case.state for row in stand.cases()}
    assert states.pop("order-9") is State.OPEN
    assert set(states.values()) == {State.RESUBMITTED}


@pytest.mark.parametrize(
    ("topic", "sends"),
    [(STOCK_MOVEMENTS, True), (STOCK_LEVELS, False), (COMMERCE_ANSWERS, False)],
)
def test_only_what_may_come_later_than_it_was_is_sent_again(
    topic: Any, sends: bool
) -> None:
    stand = Stand()
    stand.park(stand.append(topic, b"TEE", b"{}"), stage="some")
    stand.take()
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()
    stand.tick()

    assert len(stand.sent(topic)) == 1 + sends
    assert ("dismiss" in stand.case().refused) is not sends


# What happens by itself


def test_news_of_a_success_may_be_read_before_the_parking() -> None:
    stand = Stand()
    record = event(stand)
    stand.park(record)
    stand.append(
        EXCEPTION_COMMANDS, *encode_command(settle_record("intake", record, stand.now))
    )

    stand.take(commands_first=True)

    assert stand.case().case.state is State.RESOLVED


def test_crossed_topics_end_the_same() -> None:
    """A record is parked, parked anew, sent again and taken; read in any order."""
    ends = set()
    for order in permutations(range(3)):
        stand = Stand()
        record = event(stand)
        stand.park(record)
        stand.later(seconds=1)
        stand.park(record, "unknown_sku")
        first, second = stand.topics[EXCEPTIONS.name]
        done = settle_record("intake", record, stand.now)
        success = MemoryRecord(
            EXCEPTION_COMMANDS.name, 0, *encode_command(done), headers=()
        )
        for number in order:
            one = (first, second, success)[number]
            topic = EXCEPTION_COMMANDS if one is success else EXCEPTIONS
            result = stand.stage.fold(
                stand.view, Batch(topic, 0, [one]), stand.context()
            )
            stand.view.apply(result)
        ends.add((stand.case().case.state, stand.case().case.waiting))

    assert ends == {(State.RESOLVED, 0)}


def test_a_trouble_that_is_over_closes_all_that_had_it_before() -> None:
    stand = Stand()
    for _ in range(2):
        stand.park(stand.append(COMMERCE_ANSWERS, b"TEE", b"{}"), stage="publishing")
    stand.take()
    trouble = stand.case().case.trouble
    result = Result()
    result.settle(stand.append(COMMERCE_ANSWERS, b"TEE", b"{}"), trouble)
    stand.commit("publishing", result)
    stand.take()
    assert stand.case().case.state is State.RESOLVED

    stand.later(seconds=1)
    stand.park(stand.append(COMMERCE_ANSWERS, b"TEE", b"{}"), stage="publishing")
    stand.take()

    assert stand.case().case.state is State.OPEN
    assert stand.case().case.waiting == 1
