"""Posts events to a webhook at scheduled times, whatever the answers: an open loop.

Reads msgpack of {"port", "begin", "connections", "events": [[due_s, body], …]} on
standard input; writes msgpack of one row for each event: when it was due, sent and
accepted (seconds since 1970), the partition and offset it got, and how many attempts
that took. A late answer delays no other event's due time, so no latency is omitted.
"""

import asyncio
import sys
import time
from collections import deque
from typing import cast

import msgspec
import uvloop

STEP_S = 0.001
GIVE_UP_S = 600.0


class Spec(msgspec.Struct):
    """What to send, and when."""

    port: int
    begin: float
    connections: int
    events: list[tuple[float, bytes]]


class Place(msgspec.Struct):
    """Where the log has an accepted event."""

    partition: int
    offset: int


class Load:
    """What all connections share."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.idle: deque[Connection] = deque()
        self.waiting: deque[int] = deque()
        self.rows: list[tuple[float, float, float, int, int, int]] = [
            (spec.begin + due, 0.0, 0.0, -1, -1, 0) for due, _ in spec.events
        ]
        self.attempts = [0] * len(spec.events)
        self.left = len(spec.events)
        self.done = asyncio.Event()
        self.decode = msgspec.json.Decoder(Place).decode

    async def run(self) -> None:
        """Send everything; return once all is accepted, or nothing goes on."""
        loop = asyncio.get_running_loop()
        for _ in range(self.spec.connections):
            await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self.spec.port
            )
        scheduler = asyncio.create_task(self._schedule())
        end = self.spec.begin + self.spec.events[-1][0] + GIVE_UP_S
        try:
            async with asyncio.timeout(max(1.0, end - time.time())):
                await self.done.wait()
        except TimeoutError:
            pass
        scheduler.cancel()

    async def _schedule(self) -> None:
        events, begin = self.spec.events, self.spec.begin
        number = 0
        while number < len(events):
            now = time.time() - begin
            while number < len(events) and events[number][0] <= now:
                self.waiting.append(number)
                number += 1
            self.pump()
            await asyncio.sleep(STEP_S)

    def pump(self) -> None:
        """Give waiting events to idle connections, the one idle longest first."""
        while self.waiting and self.idle:
            self.idle.popleft().post(self.waiting.popleft())

    def accepted(self, number: int, sent: float, body: bytes) -> None:
        """Note where the log has it."""
        place = self.decode(body)
        due = self.rows[number][0]
        self.rows[number] = (
            due,
            sent,
            time.time(),
            place.partition,
            place.offset,
            self.attempts[number],
        )
        self.left -= 1
        if not self.left:
            self.done.set()


class Connection(asyncio.Protocol):
    """One keep-alive connection, with one event under way at most."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._number: int | None = None
        self._sent = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.idle.append(self)
        self._load.pump()

    def connection_lost(self, error: Exception | None) -> None:
        load = self._load
        if self in load.idle:
            load.idle.remove(self)
        if self._number is not None:
            load.waiting.appendleft(self._number)
        if not load.done.is_set():
            asyncio.get_running_loop().create_task(self._again())

    async def _again(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._load), "127.0.0.1", self._load.spec.port
            )
        except OSError:
            await asyncio.sleep(0.1)
            await self._again()

    def post(self, number: int) -> None:
        """Send an event."""
        body = self._load.spec.events[number][1]
        self._number = number
        self._load.attempts[number] += 1
        self._sent = time.time()
        self._transport.write(
            b"POST /v1/events/newstore HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        number, self._number = self._number, None
        if number is None:
            return
        load = self._load
        if head[9:12] == b"200":
            load.accepted(number, self._sent, body)
        else:
            load.waiting.append(number)
        load.idle.append(self)
        load.pump()


async def main() -> None:
    """Read the schedule, keep it, write what came of it."""
    spec = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Spec)
    load = Load(spec)
    await load.run()
    sys.stdout.buffer.write(msgspec.msgpack.encode(load.rows))


if __name__ == "__main__":
    uvloop.run(main())
