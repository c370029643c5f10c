"""What was handed in and cannot be accepted: kept, with its reason, for a person."""

import base64
import json
import os
from pathlib import Path

from streams.edge.disk import Disk, spool_error
from streams.edge.errors import EdgeError
from streams.engine.fold import Clock


class RejectedFile:
    """`rejected.jsonl` in the spool: one JSON object a line, synced before returning.

    Attributes:
        count: Entries written since opening.
    """

    def __init__(
        self, directory: Path, *, clock: Clock, disk: Disk | None = None
    ) -> None:
        self.path = directory / "rejected.jsonl"
        self.count = 0
        self._clock = clock
        self._disk = disk or Disk()

    def add(
        self,
        content: bytes,
        error: EdgeError,
        *,
        source: str,
        line: int | None = None,
        part: int = 0,
    ) -> None:
        """Keep one rejected event; of an over-long line, each part is an entry.

        Raises:
            SpoolFull, SpoolFailed: It could not be kept; try again.
        """
        entry: dict[str, object] = {
            "at": self._clock().isoformat(),
            "source": source,
            "line": line,
            "reason": error.reason,
            "sentence": str(error),
            **_readable(content),
        }
        if part:
            entry["part"] = part
        data = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        try:
            self._append(data)
        except OSError as failure:
            raise spool_error(failure, self.path.parent) from failure
        self.count += 1

    def _append(self, data: bytes) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end = os.fstat(file).st_size
            # A crash may have left half an entry: the next one begins its own line.
            if end and os.pread(file, 1, end - 1) != b"\n":
                data = b"\n" + data
            try:
                self._disk.write(file, data, end)
                self._disk.sync(file)
            except OSError:
                self._disk.truncate(file, end)
                raise
        finally:
            os.close(file)


def _readable(content: bytes) -> dict[str, str]:
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"content_base64": base64.b64encode(content).decode()}
