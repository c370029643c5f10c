"""What a worker and its front tell each other: frames over a socket pair."""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

T = TypeVar("T")

_LENGTH = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode


class Opening(msgspec.Struct, frozen=True):
    """The worker's first words: its settings (pickled), and where it answers itself."""

    settings: bytes
    inner_path: str


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The worker's news.

    Attributes:
        answers: Partition and answer, up to its staleness, of wanted SKUs; None: not
            from here.
        partitions: Staleness, in seconds, of the partitions that are open here, all of
            them; None where the news says nothing about it.
    """

    answers: dict[bytes, tuple[int, bytes] | None]
    partitions: dict[int, float] | None = None


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """The front's wishes: SKUs to be told of from now on, and no more.

    Attributes:
        is_ready: The front answers from now on; said once.
    """

    skus: list[bytes]
    dropped: list[bytes]
    is_ready: bool = False


def frame(content: msgspec.Struct) -> bytes:
    """Write a frame: its length, then its content."""
    encoded = _encode(content)
    return _LENGTH.pack(len(encoded)) + encoded


async def frames(reader: asyncio.StreamReader, kind: type[T]) -> AsyncIterator[T]:
    """Read frames until the other side is gone."""
    decode = msgspec.msgpack.Decoder(kind).decode
    try:
        while True:
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            yield decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return
