"""From the changelog back to rows: by the batch, and never backwards."""

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.recovery import Restoration, changelog_headers, sequence_of
from streams.engine.store import MemoryStore
from tests.support.memory_view import MemoryRecord


def change(offset: int, sequence: int, key: bytes, value: bytes | None) -> MemoryRecord:
    headers = tuple(changelog_headers(sequence))
    return MemoryRecord("changelog", offset, key, value, headers=headers)


def test_rows_are_set_and_deleted_and_the_offset_goes_with_them() -> None:
    store = MemoryStore()
    restoration = Restoration(store)

    restoration.feed([change(0, 1, b"la", b"1"), change(1, 1, b"lb", b"2")])
    restoration.feed([change(4, 2, b"la", None)])

    assert store.rows == {b"lb": b"2"}
    assert store.changelog_offset() == 4
    assert (restoration.restored, restoration.refused) == (3, 0)


def test_an_empty_batch_changes_nothing() -> None:
    store = MemoryStore()

    Restoration(store).feed([])

    assert store.changelog_offset() == -1


def test_a_late_record_of_an_owner_that_lost_the_partition_is_refused() -> None:
    store = MemoryStore()
    restoration = Restoration(store)

    restoration.feed([change(0, 5, b"la", b"new"), change(1, 4, b"la", b"late")])
    restoration.feed([change(2, 4, b"lb", b"late")])

    assert store.rows == {b"la": b"new"}
    assert restoration.refused == 2
    assert store.changelog_offset() == 2, "refused, yet read"


def test_records_of_the_same_commit_are_never_refused() -> None:
    store = MemoryStore()
    restoration = Restoration(store, highest_sequence=7)

    restoration.feed([change(0, 6, b"la", b"late"), change(1, 7, b"lb", b"same")])

    assert store.rows == {b"lb": b"same"}


def test_a_record_without_a_key_is_read_over() -> None:
    store = MemoryStore()

    Restoration(store).feed([MemoryRecord("changelog", 3, None, b"x")])

    assert store.rows == {}
    assert store.changelog_offset() == 3


def test_a_record_without_a_sequence_counts_as_the_first() -> None:
    assert sequence_of([]) == 0
    assert sequence_of(changelog_headers(12)) == 12


@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.none() | st.binary())),
    st.integers(1, 7),
)
def test_batches_of_any_size_restore_the_same_rows(
    changes: list[tuple[bytes, bytes | None]], size: int
) -> None:
    records = [change(n, n, key, value) for n, (key, value) in enumerate(changes)]
    store = MemoryStore()
    restoration = Restoration(store)

    for start in range(0, len(records), size):
        restoration.feed(records[start : start + size])

    latest = dict(changes)
    assert store.rows == {k: value for k, value in latest.items() if value is not None}
