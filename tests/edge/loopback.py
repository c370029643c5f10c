"""The smallest HTTP client that keeps its connection, to post thousands of events."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self


class Gone(Exception):
    """Nobody answers: the edge is down, or went down while asked."""


class Client:
    """One keep-alive connection to 127.0.0.1, made anew when it is lost."""

    def __init__(self, port: int | None) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, content: bytes) -> int:
        """Post JSON; return the status."""
        status, _ = await self._ask("POST", path, content)
        return status

    async def get(self, path: str) -> dict[str, Any]:
        """Return the JSON at a path."""
        _, body = await self._ask("GET", path, b"")
        return dict(json.loads(body))

    async def _ask(self, method: str, path: str, content: bytes) -> tuple[int, bytes]:
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}"
            writer.write(head.encode() + b"\r\n\r\n" + content)
            await writer.drain()
            return await _answer(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Gone from error

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(headers[b"content-length"]))
    return int(lines[0].split()[1]), body
