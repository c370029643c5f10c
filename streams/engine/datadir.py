"""A worker's data folder: one owner, one partition count, a place for each store."""

import fcntl
import json
from pathlib import Path
from typing import IO

from streams.engine.errors import ChangedPartitionCount, DataFolderInUse
from streams.settings import Settings


class DataFolder:
    """Locks `DATA_DIR/WORKER_ID` and remembers what it was built with."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.data_dir.resolve() / settings.worker_id
        self._partitions = settings.partitions
        self._app_id = settings.app_id
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Take the folder.

        Raises:
            DataFolderInUse: Another process has it.
            ChangedPartitionCount: It was built on another number of partitions.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        handle = (self.path / "lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise DataFolderInUse(self.path) from error
        self._lock = handle
        self._check_built_with()

    def unlock(self) -> None:
        """Give the folder back."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def state(self, stage: str, partition: int) -> Path:
        """Return where a stage's partition keeps its rows."""
        return self.path / "state" / self._app_id / f"{stage}-{partition}"

    def _check_built_with(self) -> None:
        note = self.path / "built-with.json"
        if note.exists():
            before = int(json.loads(note.read_text())["partitions"])
            if before != self._partitions:
                raise ChangedPartitionCount(self.path, before, self._partitions)
            return
        note.write_text(json.dumps({"partitions": self._partitions}))
