"""What Faust's Table sees of a stage's store: it may ask, never write."""

from collections.abc import Iterator
from typing import Any

from faust.stores import base


class EngineStore(base.SerializedStore):
    """Stands in Faust's table for the stores that the engine keeps.

    Faust's Table gives assignment, changelog names and routing. Rows are read through
    the engine's views and written by its commits alone.
    """

    def persisted_offset(self, tp: Any) -> int | None:
        return None

    def _refuse(self) -> Any:
        raise TypeError("a table is written by its stage's commit alone")

    def _get(self, key: bytes) -> bytes | None:
        for task in self.app.engine.tasks():
            if task.runtime.stage.name == self.table_name and task.is_open:
                found: bytes | None = task.store.get_many([key])[0]
                if found is not None:
                    return found
        return None

    def _set(self, key: bytes, value: bytes | None) -> None:
        self._refuse()

    def _del(self, key: bytes) -> None:
        self._refuse()

    def _iterkeys(self) -> Iterator[bytes]:
        return (key for key, _ in self._iteritems())

    def _itervalues(self) -> Iterator[bytes]:
        return (value for _, value in self._iteritems())

    def _iteritems(self) -> Iterator[tuple[bytes, bytes]]:
        for task in self.app.engine.tasks():
            if task.runtime.stage.name == self.table_name and task.is_open:
                yield from task.store.iterate(b"", b"")

    def _size(self) -> int:
        return sum(1 for _ in self._iteritems())

    def _contains(self, key: bytes) -> bool:
        return self._get(key) is not None

    def _clear(self) -> None:
        self._refuse()

    def apply_changelog_batch(self, *args: Any, **kwargs: Any) -> None:
        self._refuse()

    def reset_state(self) -> None:
        """Do nothing: stores are the engine's."""

    async def backup_partition(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: the changelog is the backup."""
        self._refuse()

    def restore_backup(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: the changelog is the backup."""
        self._refuse()
