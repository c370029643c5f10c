"""The inbox: urgent records overtake those of other keys, and nothing gets lost."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine import inbox as inboxes
from streams.engine.errors import DeliveryGap
from streams.engine.fold import Record
from streams.engine.inbox import Inbox, Taken
from streams.topics import COMMERCE_ANSWERS, STOCK_LEVELS, STOCK_MOVEMENTS, Topic
from tests.support.memory_view import MemoryRecord


def record(offset: int, key: bytes = b"MUG", value: bytes = b"1") -> MemoryRecord:
    return MemoryRecord(STOCK_LEVELS.name, offset, key, value)


def goes_first(_topic: Topic, each: Record) -> bool:
    return each.value == b"!"


def inbox(*records: MemoryRecord, begin: int | None = None) -> Inbox:
    made = Inbox("ledger-1", goes_first)
    made.begin({} if begin is None else {STOCK_LEVELS: begin})
    made.put(STOCK_LEVELS, records, records[0].offset if records else 0)
    return made


def offsets(taken: Taken | None) -> list[int]:
    assert taken is not None
    return [each.offset for each in taken.records]


def test_an_urgent_record_overtakes_those_of_other_keys() -> None:
    made = inbox(record(5), record(6), record(8, b"CUP", b"!"), record(9))

    first = made.take(lambda _: 2)
    assert first is not None
    assert (offsets(first), first.upto, set(first.urgent)) == ([8], 5, {8})
    second = made.take(lambda _: 2)
    assert second is not None
    assert (offsets(second), second.upto, set(second.urgent)) == ([5, 6], 9, set[int]())
    third = made.take(lambda _: 2)
    assert third is not None
    assert (offsets(third), third.upto) == ([9], 10)
    assert made.take(lambda _: 2) is None


def test_it_waits_for_its_own_keys_earlier_records() -> None:
    made = inbox(record(0, b"CUP"), record(1), record(2, b"CUP", b"!"))

    assert not made.has_urgent
    assert offsets(made.take(lambda _: 1)) == [0]
    rest = made.take(lambda _: 9)
    assert rest is not None
    assert (offsets(rest), set(rest.urgent)) == ([1, 2], {2}), "urgent all the same"


def test_where_any_order_will_do_it_overtakes_its_own_keys_records() -> None:
    assert STOCK_MOVEMENTS.in_any_order
    made = Inbox("ledger-1", goes_first)
    made.put(
        STOCK_MOVEMENTS, [record(0, b"CUP"), record(1), record(2, b"CUP", b"!")], 0
    )

    assert offsets(made.take(lambda _: 1)) == [2]


def test_once_those_are_taken_the_keys_next_urgent_record_overtakes() -> None:
    made = inbox(record(0, b"CUP"), record(1), record(2))
    assert offsets(made.take(lambda _: 1)) == [0]

    made.put(STOCK_LEVELS, [record(3, b"CUP", b"!")], 3)

    assert offsets(made.take(lambda _: 1)) == [3]


def test_where_all_fits_into_one_fold_nobody_overtakes() -> None:
    made = inbox(record(0), record(1, b"CUP", b"!"), record(2))

    taken = made.take(lambda _: 3)
    assert taken is not None
    assert (offsets(taken), taken.upto, set(taken.urgent)) == ([0, 1, 2], 3, {1})
    made.put(STOCK_LEVELS, [record(3, b"TEE"), record(4, value=b"!")], 3)
    assert offsets(made.take(lambda _: 1)) == [4], "none of its key waits any more"


def test_so_many_go_ahead_and_then_it_is_the_others_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inboxes, "AHEAD_MAX", 2)
    plain = [record(offset, b"%d" % offset) for offset in range(3)]
    made = inbox(*plain, *(record(offset, b"CUP", b"!") for offset in range(3, 8)))

    turns = [made.take(lambda _: 1) for _ in range(8)]

    assert [offsets(each) for each in turns] == [
        *([3], [4]),
        *([0], [1], [2]),
        *([5], [6], [7]),
    ]
    assert [each.upto for each in turns if each] == [0, 0, 1, 2, 5, 6, 7, 8]


def test_each_topic_gets_its_turn() -> None:
    made = inbox(record(0), record(1))
    made.put(COMMERCE_ANSWERS, [record(7)], 7)

    turns = [made.take(lambda _: 1) for _ in range(3)]

    assert [each.topic for each in turns if each] == [
        STOCK_LEVELS,
        COMMERCE_ANSWERS,
        STOCK_LEVELS,
    ]


def test_what_was_left_out_stops_it() -> None:
    made = inbox(begin=3)
    made.put(STOCK_LEVELS, [record(5)], 5)

    with pytest.raises(DeliveryGap, match="expected the records from offset 3, got"):
        made.take(lambda _: 1)


def test_markers_are_left_out_without_harm() -> None:
    made = inbox(begin=3)
    made.put(STOCK_LEVELS, [record(5)], 3)

    assert offsets(made.take(lambda _: 1)) == [5]


def test_what_comes_again_is_not_taken_again() -> None:
    made = inbox(record(3), record(4), begin=3)
    made.put(STOCK_LEVELS, [record(4), record(5)], 4)

    assert offsets(made.take(lambda _: 9)) == [3, 4, 5]


def test_it_knows_how_much_waits() -> None:
    made = inbox(record(0, value=b"four"), record(1, b"CUP", b"!"), record(2))

    assert (len(made), made.waiting(STOCK_LEVELS)) == (3, 3)
    assert made.waiting_bytes(STOCK_LEVELS) == 6
    made.take(lambda _: 1)
    assert (len(made), made.waiting_bytes(STOCK_LEVELS)) == (2, 5)
    made.begin({})
    assert (len(made), made.waiting(STOCK_LEVELS)) == (0, 0)


EVENTS = st.lists(
    st.tuples(st.sampled_from([b"A", b"B", b"C", None]), st.sampled_from([b"!", b"1"]))
)


@given(EVENTS, st.lists(st.tuples(st.integers(1, 7), st.integers(1, 5)), min_size=1))
def test_however_it_is_filled_and_emptied_nothing_is_lost_and_keys_keep_their_order(
    events: list[tuple[bytes | None, bytes]], steps: list[tuple[int, int]]
) -> None:
    # Every third offset is a marker's.
    log = [
        MemoryRecord(STOCK_LEVELS.name, number + number // 2, key, value)
        for number, (key, value) in enumerate(events)
    ]
    made, taken, put, position = Inbox("ledger-1", goes_first), list[Record](), 0, 0
    made.begin({STOCK_LEVELS: 0})
    for number in range(len(log) * 2 + 2):
        polled, limit = steps[number % len(steps)]
        if batch := log[put : put + polled]:
            made.put(STOCK_LEVELS, batch, position)
            position, put = batch[-1].offset + 1, put + polled
        if some := made.take(partial(min, limit)):
            assert len(some.records) <= limit
            assert offsets(some) == sorted(offsets(some))
            taken += some.records
            assert some.urgent == {
                each.offset for each in some.records if goes_first(STOCK_LEVELS, each)
            }
            have = {each.offset for each in taken}
            missing = [each.offset for each in log if each.offset not in have]
            # All below is applied, and it says so as soon as that is so.
            waiting = [offset for offset in missing if offset < position]
            assert some.upto == min(waiting, default=position)

    assert sorted(each.offset for each in taken) == [each.offset for each in log]
    for key in (b"A", b"B", b"C", None):
        own = [each.offset for each in taken if each.key == key]
        assert own == sorted(own)


@given(st.lists(st.integers(0, 99), min_size=2, unique=True), st.integers(0, 120))
def test_the_halves_say_how_far_all_is_applied(some: list[int], upto: int) -> None:
    records = [record(offset) for offset in sorted(some)]
    whole = Taken(STOCK_LEVELS, records, upto)

    first, second = whole.halves()

    assert [*first.records, *second.records] == records
    assert second.upto == upto
    assert first.upto <= min(upto, second.records[0].offset)
