"""The backlog: the most urgent first, and never more than its room."""

from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.backlog import Backlog


def drained(backlog: Backlog, now: float = 0.0) -> list[bytes]:
    keys = []
    while (taken := backlog.pop(now)) is not None:
        keys.append(taken[1])
    return keys


def test_the_most_urgent_goes_first() -> None:
    backlog = Backlog()
    for key, urgency in ((b"b", 2), (b"c", 3), (b"a", 1)):
        backlog.put(0, key, urgency)
    assert drained(backlog) == [b"a", b"b", b"c"]
    assert len(backlog) == 0


def test_an_entry_waits_once_with_its_last_urgency() -> None:
    backlog = Backlog()
    for urgency in (5, 1, 9, 5):
        backlog.put(0, b"a", urgency)
    backlog.put(0, b"b", 4)
    assert len(backlog) == 2
    assert drained(backlog) == [b"b", b"a"]


def test_urgency_ranks_over_all_partitions() -> None:
    backlog = Backlog()
    backlog.put(0, b"a", 2)
    backlog.put(1, b"b", 1)
    assert backlog.pop(0.0) == (1, b"b", 1)


def test_a_held_entry_waits_for_its_time() -> None:
    backlog = Backlog()
    backlog.hold(0, b"a", 1, until=10.0)
    backlog.put(0, b"b", 2)
    assert backlog.due_in_s(0.0) == 0.0
    assert drained(backlog, 9.9) == [b"b"]
    assert backlog.due_in_s(9.0) == 1.0
    assert drained(backlog, 10.0) == [b"a"]


def test_news_of_a_held_entry_do_not_shorten_its_time() -> None:
    backlog = Backlog()
    backlog.hold(0, b"a", 5, until=10.0)
    backlog.put(0, b"a", 1)
    assert drained(backlog, 9.0) == []
    assert backlog.pop(10.0) == (0, b"a", 1)


def test_a_discarded_hold_does_not_hold_its_successor() -> None:
    backlog = Backlog()
    backlog.hold(0, b"a", 5, until=10.0)
    backlog.discard(0, b"a")
    backlog.put(0, b"a", 5)
    assert drained(backlog, 0.0) == [b"a"]


def test_an_empty_backlog_is_due_when_news_come() -> None:
    backlog = Backlog()
    assert backlog.due_in_s(0.0) is None
    assert backlog.pop(0.0) is None
    assert backlog.oldest_ms() is None


def test_a_partition_that_is_lost_takes_its_entries_along() -> None:
    backlog = Backlog()
    backlog.put(0, b"a", 1)
    backlog.hold(0, b"b", 2, until=5.0)
    backlog.put(1, b"c", 3)
    backlog.drop(0)
    assert len(backlog) == 1
    assert drained(backlog, 10.0) == [b"c"]


def test_without_room_the_least_urgent_are_forgotten_and_said_so() -> None:
    backlog = Backlog(capacity=4)
    for urgency in range(10):
        backlog.put(urgency % 2, b"%d" % urgency, urgency)
    assert len(backlog) <= 5
    assert backlog.forgotten
    assert drained(backlog)[:4] == [b"0", b"1", b"2", b"3"]
    assert backlog.has_room


def test_a_thousand_changes_of_one_entry_take_no_more_room() -> None:
    backlog = Backlog()
    for urgency in range(1000):
        backlog.put(0, b"a", urgency)
    assert len(backlog._heap) < 100
    assert drained(backlog) == [b"a"]


keys = st.sampled_from([b"a", b"b", b"c", b"d"])
changes = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, 9)),
        st.tuples(st.just("hold"), keys, st.integers(0, 9)),
        st.tuples(st.just("discard"), keys, st.just(0)),
        st.tuples(st.just("pop"), keys, st.integers(0, 5)),
        st.tuples(st.just("drop"), keys, st.just(0)),
    ),
    min_size=10,
    max_size=40,
)


@given(changes)
def test_it_behaves_as_a_plain_dictionary(script: list[tuple[str, bytes, int]]) -> None:
    backlog = Backlog()
    model: dict[bytes, int] = {}
    held: dict[bytes, float] = {}
    now = 0.0
    for name, key, number in script:
        partition = key[0] % 2
        match name:
            case "put":
                backlog.put(partition, key, number)
                model[key] = number
            case "hold" if key not in model:
                backlog.hold(partition, key, number, now + number)
                model[key] = number
                held[key] = now + number
            case "discard":
                backlog.discard(partition, key)
                model.pop(key, None)
                held.pop(key, None)
            case "drop":
                backlog.drop(partition)
                for gone in [k for k in model if k[0] % 2 == partition]:
                    model.pop(gone)
                    held.pop(gone, None)
            case "pop":
                now += number
                held = {k: until for k, until in held.items() if until > now}
                free = {k: u for k, u in model.items() if k not in held}
                taken = backlog.pop(now)
                if taken is None:
                    assert not free
                else:
                    assert taken[2] == min(free.values()) == model.pop(taken[1])
        assert len(backlog) == len(model)
