"""A simulated disk: atomic writes, ordered scans, and a tail that can be lost."""

from streams.simulation.store import MemoryStore


def filled(**rows: int) -> MemoryStore:
    store = MemoryStore()
    for offset, (key, value) in enumerate(rows.items()):
        store.write([(key.encode(), b"%d" % value)], offset)
    return store


def test_an_empty_store_holds_nothing_of_its_changelog() -> None:
    assert MemoryStore().changelog_offset() == -1


def test_rows_are_walked_in_key_order_from_the_start_on() -> None:
    store = filled(b=1, ab=2, aa=3, ac=4)
    assert [key for key, _ in store.iterate(b"a", b"ab")] == [b"ab", b"ac"]


def test_a_deleted_row_is_gone() -> None:
    store = filled(a=1, b=2)
    store.write([(b"a", None)], 5)
    assert store.rows() == {b"b": b"2"}
    assert list(store.iterate(b"", b"")) == [(b"b", b"2")]


def test_lost_writes_take_their_offset_with_them() -> None:
    store = filled(a=1)
    store.write([(b"a", b"2"), (b"b", b"2")], 1)
    store.write([(b"a", None)], 2)
    store.lose_writes(2)
    assert store.rows() == {b"a": b"1"}
    assert store.changelog_offset() == 0


def test_no_more_writes_are_lost_than_there_were() -> None:
    store = filled(a=1)
    store.lose_writes(9)
    assert store.rows() == {}
    assert store.changelog_offset() == -1
