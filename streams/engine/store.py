"""The table store: one RocksDB per stage and partition, written by whole batches.

Values and their changelog offset go in as one, so RocksDB stays at or behind the log,
never ahead: it is written after the commit only. Without fsync a power cut may take
its last writes; the changelog gives them back.
"""

import bisect
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import rocksdict

from streams.engine.commit import META, Row
from streams.engine.errors import DataFolderInUse

CHANGELOG_OFFSET_KEY = META + b"changelog-offset"

# A worker may own dozens of partitions: one small cache for all, small write buffers.
CACHE_BYTES = 64 * 1024 * 1024
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
WRITE_BUFFERS = 2
BLOOM_BITS_PER_KEY = 10
LOG_FILES_KEPT = 2


class RocksStore:
    """A partition's rows in RocksDB."""

    def __init__(self, path: Path, cache: rocksdict.Cache) -> None:
        """Open or create the database.

        Raises:
            DataFolderInUse: Another process holds it.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = rocksdict.Rdict(str(path), _options(cache))
        except Exception as error:
            if "lock" in str(error).lower():
                raise DataFolderInUse(path) from error
            raise

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        found: list[bytes | None] = self._db.get(list(keys))
        return found

    def iterate(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        cursor = self._db.iter()
        cursor.seek(start)
        while cursor.valid():
            key = cursor.key()
            if not key.startswith(prefix):
                return
            yield key, cursor.value()
            cursor.next()

    def write(self, rows: Iterable[Row], changelog_offset: int) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        for key, value in rows:
            if value is None:
                delete(key)
            else:
                put(key, value)
        put(CHANGELOG_OFFSET_KEY, b"%d" % changelog_offset)
        self._db.write(batch)

    def changelog_offset(self) -> int:
        raw = self._db.get(CHANGELOG_OFFSET_KEY)
        return -1 if raw is None else int(raw)

    def close(self) -> None:
        """Flush and let go of the lock."""
        self._db.close()


class MemoryStore:
    """The same rows in memory: for tests and the simulator."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self._sorted: list[bytes] | None = None
        self._changelog_offset = -1

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]

    def iterate(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        if self._sorted is None:
            self._sorted = sorted(self.rows)
        keys = self._sorted
        for index in range(bisect.bisect_left(keys, start), len(keys)):
            if not keys[index].startswith(prefix):
                return
            yield keys[index], self.rows[keys[index]]

    def write(self, rows: Iterable[Row], changelog_offset: int) -> None:
        for key, value in rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        self._sorted = None
        self._changelog_offset = changelog_offset

    def changelog_offset(self) -> int:
        return self._changelog_offset


def new_cache() -> rocksdict.Cache:
    """Make the block cache that all of a worker's databases share."""
    return rocksdict.Cache(CACHE_BYTES)


def is_stale(path: Path, *, after_s: float, now_s: float) -> bool:
    """Say whether nothing has been written to a database for that long."""
    written = [file.stat().st_mtime for file in path.glob("*")]
    return bool(written) and now_s - max(written) > after_s


def wipe(path: Path) -> None:
    """Remove a partition's database; it is rebuilt from its changelog."""
    shutil.rmtree(path, ignore_errors=True)


def _options(cache: rocksdict.Cache) -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(WRITE_BUFFERS)
    options.set_keep_log_file_num(LOG_FILES_KEPT)
    blocks = rocksdict.BlockBasedOptions()
    blocks.set_block_cache(cache)
    blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, False)
    blocks.set_cache_index_and_filter_blocks(True)
    options.set_block_based_table_factory(blocks)
    return options
