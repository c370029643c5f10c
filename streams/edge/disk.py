"""The few calls that make bytes durable, and the spool's small files."""

import contextlib
import errno
import fcntl
import json
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

from streams.edge.errors import (
    EdgeError,
    SpoolBusy,
    SpoolFailed,
    SpoolFull,
    SpoolUnusable,
)

FORMAT = 1

_CURSOR = struct.Struct(">QI")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# macOS alone: its fsync leaves the bytes in the drive's own cache.
_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)


class Disk:
    """Writes that hold after a power loss; tests put faults here."""

    def write(self, file: int, data: bytes, position: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(file, view, position)
            view, position = view[written:], position + written

    def sync(self, file: int) -> None:
        if _FULL_SYNC is not None:
            fcntl.fcntl(file, _FULL_SYNC)
        else:
            os.fdatasync(file)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def sync_directory(self, directory: Path) -> None:
        file = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def spool_error(error: OSError, directory: Path) -> EdgeError:
    """Say what a failed write means: no room, or a failing disk."""
    reason = error.strerror or str(error)
    if error.errno in _NO_ROOM:
        return SpoolFull(
            f"The disk of the spool {str(directory)!r} is full: {reason}",
            remedy="Free space on it; the backlog shrinks once the broker answers",
        )
    return SpoolFailed(
        f"The spool {str(directory)!r} cannot be written: {reason}",
        remedy="Check the disk; events are refused until it works again",
    )


@contextlib.contextmanager
def unusable_on_failure(directory: Path) -> Iterator[None]:
    """Turn an operating system's error while opening into ours."""
    try:
        yield
    except OSError as error:
        raise SpoolUnusable(
            f"The spool {str(directory)!r} cannot be opened: {error.strerror or error}",
            remedy="Give a local directory that this user may read and write",
        ) from error


def lock(directory: Path) -> int:
    """Take the spool for this process; the lock ends with the process, however it ends.

    Raises:
        SpoolBusy: Another process has it.
    """
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 20, 0).decode(errors="replace").strip()
        os.close(file)
        raise SpoolBusy(directory, holder) from None
    os.ftruncate(file, 0)
    os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    return file


def spool_id(directory: Path, disk: Disk) -> str:
    """Return the spool's own id, made once; it tells its sequences from any other's.

    Raises:
        SpoolUnusable: The spool was made by another version.
    """
    path = directory / "spool.json"
    known = _read_identity(path)
    if known is not None:
        if known.get("format") != FORMAT:
            raise SpoolUnusable(
                f"The spool {str(directory)!r} has format {known.get('format')!r}, "
                f"this version reads {FORMAT}",
                remedy="Let the version that made it deliver its backlog first",
            )
        return str(known["spool_id"])
    made = str(uuid.uuid4())
    fresh = path.with_suffix(".new")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        text = json.dumps({"format": FORMAT, "spool_id": made})
        disk.write(file, text.encode(), 0)
        disk.sync(file)
    finally:
        os.close(file)
    fresh.rename(path)
    disk.sync_directory(directory)
    return made


def _read_identity(path: Path) -> dict[str, object] | None:
    # A broken file costs the recognition of re-sends, not an event: a new id is made.
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if isinstance(content, dict) and "format" in content and content.get("spool_id"):
        return content
    return None


class Cursor:
    """The last sequence that the broker acknowledged, kept without syncing.

    Losing it, or a torn write of it, only costs re-sends.
    """

    def __init__(self, directory: Path) -> None:
        self._file = os.open(
            directory / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )

    def read(self) -> int:
        data = os.pread(self._file, _CURSOR.size, 0)
        if len(data) != _CURSOR.size:
            return 0
        sequence, crc = _CURSOR.unpack(data)
        return int(sequence) if zlib.crc32(data[:8]) == crc else 0

    def write(self, sequence: int) -> None:
        crc = zlib.crc32(sequence.to_bytes(8, "big"))
        os.pwrite(self._file, _CURSOR.pack(sequence, crc), 0)

    def close(self) -> None:
        os.close(self._file)
