"""Asks a worker for availability, over plain sockets, as a process of its own.

Arguments: port, connections, seconds, rate, number of SKUs, SKUs per question. Rate 0
is a closed loop: each connection asks again once answered. Any other is an open loop:
questions are due at set times, whatever the answers, and latency counts from then.
Prints one JSON object.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from typing import cast

import uvloop
from _house import spread

QUESTIONS = 4_000
STEP_S = 0.0005


class Load:
    """What all connections share."""

    def __init__(self, seconds: float, rate: float, skus: int, size: int) -> None:
        chance = random.Random(1)
        self.questions = [_question(chance, skus, size) for _ in range(QUESTIONS)]
        self.rate = rate
        self.begin = time.perf_counter()
        self.end = self.begin + seconds
        self.number = 0
        self.idle: deque[Caller] = deque()
        self.due: deque[float] = deque()
        self.latencies: list[float] = []
        self.failed = 0

    def question(self) -> bytes:
        """Return what to ask next."""
        self.number += 1
        return self.questions[self.number % QUESTIONS]

    async def keep_time(self) -> None:
        """Hand out the questions that are due, to the caller idle longest."""
        step = 1 / self.rate
        due = self.begin
        while (now := time.perf_counter()) < self.end:
            while due <= now:
                self.due.append(due)
                due += step
            self.pump()
            await asyncio.sleep(STEP_S)

    def pump(self) -> None:
        """Have idle callers ask what is due."""
        while self.due and self.idle:
            self.idle.popleft().ask(self.due.popleft())


class Caller(asyncio.Protocol):
    """One keep-alive connection with one question under way at most."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._since = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def ask(self, since: float) -> None:
        """Ask now what was due since then."""
        self._since = since
        self._transport.write(self._load.question())

    def _next(self) -> None:
        if self._load.rate:
            self._load.idle.append(self)
            self._load.pump()
        else:
            self.ask(time.perf_counter())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        now = time.perf_counter()
        self._load.latencies.append(now - self._since)
        self._load.failed += head[9:12] != b"200"
        if now < self._load.end:
            self._next()


def _question(chance: random.Random, skus: int, size: int) -> bytes:
    names = [f"SKU-{chance.randrange(skus):05d}" for _ in range(size)]
    if size == 1:
        return (
            f"GET /v1/availability/{names[0]} HTTP/1.1\r\nhost: localhost\r\n\r\n"
        ).encode()
    body = json.dumps({"skus": names}).encode()
    return (
        b"POST /v1/availability/query HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(body), body)
    )


async def main() -> None:
    """Ask, and say what came of it."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    seconds, rate = float(sys.argv[3]), float(sys.argv[4])
    skus, size = int(sys.argv[5]), int(sys.argv[6])
    load = Load(seconds, rate, skus, size)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(load), "127.0.0.1", port)
    if rate:
        await load.keep_time()
    await asyncio.sleep(max(0.0, load.end - time.perf_counter()) + 1.0)
    answered = len(load.latencies)
    print(
        json.dumps(
            {
                "offered_per_s": rate or None,
                "questions_per_s": round(answered / seconds),
                "skus_per_s": round(answered * size / seconds),
                "failed": load.failed,
                "unanswered": len(load.due),
                "latency": spread(load.latencies),
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main())
