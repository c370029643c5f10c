"""Lines from a pipe, terminal or file, without a thread that a stop would wait for."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import NamedTuple

_CHUNK_BYTES = 64 * 1024


class Line(NamedTuple):
    """A line without its end; of an over-long one, a part (counted from 1)."""

    number: int
    content: bytes
    part: int = 0


async def read_lines(file: int, *, bytes_max: int) -> AsyncIterator[list[Line]]:
    """Yield the lines of a file descriptor as they arrive, as many as came at once.

    Memory is bounded by `bytes_max` for a line. A last line without its end is a line.
    """
    number, part, pending = 1, 0, bytearray()
    while chunk := await _read(file):
        pending += chunk
        *complete, pending = pending.split(b"\n")
        lines = []
        for content in complete:
            lines.append(Line(number, bytes(content), part + 1 if part else 0))
            number, part = number + 1, 0
        while len(pending) > bytes_max:
            part += 1
            lines.append(Line(number, bytes(pending[:bytes_max]), part))
            del pending[:bytes_max]
        if lines:
            yield lines
    if pending or part:
        yield [Line(number, bytes(pending), part + 1 if part else 0)]


async def _read(file: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(file, readable.set)
    except OSError:
        # Regular files and /dev/null cannot be watched, and never make one wait long.
        return await asyncio.to_thread(os.read, file, _CHUNK_BYTES)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(file)
    return os.read(file, _CHUNK_BYTES)
