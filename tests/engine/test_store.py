"""The stores: rows and their changelog offset as one, in RocksDB and in memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.commit import StoreView
from streams.engine.errors import DataFolderInUse
from streams.engine.store import MemoryStore, RocksStore, is_stale, new_cache, wipe
from streams.tables import LEVELS, UNITS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RocksStore]:
    made = RocksStore(tmp_path / "deep" / "ledger-0", new_cache())
    yield made
    made.close()


def test_a_new_store_is_empty_and_before_the_first_offset(store: RocksStore) -> None:
    assert store.changelog_offset() == -1
    assert store.get_many([b"a", b"b"]) == [None, None]
    assert list(store.iterate(b"", b"")) == []


def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "s", new_cache())
    store.write([(b"la", b"1"), (b"lb", b"2"), (b"lc", b"")], 7)
    store.write([(b"la", None)], 9)
    store.close()

    again = RocksStore(tmp_path / "s", new_cache())

    assert again.get_many([b"la", b"lb", b"lc"]) == [None, b"2", b""]
    assert again.changelog_offset() == 9
    again.close()


def test_a_store_that_is_open_elsewhere_says_so_and_names_the_remedy(
    store: RocksStore,
) -> None:
    with pytest.raises(DataFolderInUse) as refused:
        RocksStore(store.path, new_cache())

    assert str(refused.value) == (
        f"The data folder '{store.path}' is in use by another worker. Stop that "
        "worker, or give this one its own ONESHELF_WORKER_ID or ONESHELF_DATA_DIR"
    )


def test_a_wiped_store_begins_anew(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "s", new_cache())
    store.write([(b"la", b"1")], 3)
    store.close()

    wipe(store.path)
    wipe(store.path)

    again = RocksStore(store.path, new_cache())
    assert again.changelog_offset() == -1
    assert again.get_many([b"la"]) == [None]
    again.close()


def test_a_view_shows_one_table_and_not_its_neighbours(store: RocksStore) -> None:
    store.write([(b"lA|1", b"1"), (b"lA|2", b"2"), (b"lB|1", b"3"), (b"uA", b"4")], 0)
    view = StoreView(store, 2)

    assert view.get(LEVELS, [b"A|1", b"A", b"B|1"]) == {b"A|1": b"1", b"B|1": b"3"}
    assert view.get(LEVELS, []) == {}
    assert list(view.scan(LEVELS, b"A")) == [(b"A|1", b"1"), (b"A|2", b"2")]
    assert list(view.scan(LEVELS, start=b"A|2")) == [(b"A|2", b"2"), (b"B|1", b"3")]
    assert list(view.scan(UNITS)) == [(b"A", b"4")]


def test_a_store_is_stale_once_nothing_was_written_for_longer(tmp_path: Path) -> None:
    file = tmp_path / "CURRENT"
    file.write_text("")
    os.utime(file, (1000, 1000))

    assert not is_stale(tmp_path, after_s=60, now_s=1060)
    assert is_stale(tmp_path, after_s=60, now_s=1061)
    assert not is_stale(tmp_path / "absent", after_s=60, now_s=1061)


Writes = st.lists(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=3), st.none() | st.binary(max_size=4)),
        max_size=8,
    ),
    max_size=6,
)


# RocksDB opens a database for each example: few of them, and no deadline.
@settings(deadline=None, max_examples=25)
@given(writes=Writes, prefix=st.binary(max_size=2))
def test_the_store_in_memory_and_rocksdb_hold_the_same(
    writes: list[list[tuple[bytes, bytes | None]]],
    prefix: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rocks = RocksStore(tmp_path_factory.mktemp("rocks") / "s", new_cache())
    memory = MemoryStore()
    # Rows of the engine itself begin with a zero byte.
    rows = [[(b"k" + key, value) for key, value in batch] for batch in writes]

    for offset, batch in enumerate(rows):
        rocks.write(batch, offset)
        memory.write(batch, offset)

    start = b"k" + prefix
    assert list(rocks.iterate(start, start)) == list(memory.iterate(start, start))
    assert rocks.changelog_offset() == memory.changelog_offset()
    keys = [key for batch in rows for key, _ in batch]
    assert rocks.get_many(keys) == memory.get_many(keys)
    rocks.close()
