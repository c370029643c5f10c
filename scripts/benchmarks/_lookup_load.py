"""Asks a worker for availability, over plain sockets, as a process of its own.

Arguments: port, connections, seconds, rate, number of SKUs, SKUs per question. Rate 0
is a closed loop: each connection asks again once answered. Any other is an open loop:
questions are due at set times, whatever the answers, and latency counts from then.
Prints one JSON object. No event loop: it would cost as much as what is measured.
"""

import json
import random
import select
import socket
import sys
import time
from collections import deque

from _house import spread

NAMES = 4_000
STEP_S = 0.0005
READ_BYTES = 1 << 20
DRAIN_S = 1.0


class Caller:
    """One keep-alive connection with one question under way at most."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self._buffer = b""

    def ask(self, question: bytes, since: float) -> None:
        """Ask now what was due since then."""
        self.since = since
        self.socket.sendall(question)

    def read(self) -> bytes | None:
        """Take what has arrived; return the head of an answer that is whole."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the worker closed a connection")
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        length = data.find(b"content-length: ")
        if 0 <= length < end:
            size = int(data[length + 16 : data.find(b"\r\n", length)])
            if len(data) >= end + 4 + size:
                self._buffer = b""
                return data[:end]
        self._buffer = data
        return None


class Load:
    """What all connections share."""

    def __init__(self, port: int, connections: int, rate: float) -> None:
        self.rate = rate
        self.questions: list[bytes] = []
        self.number = 0
        self.latencies: list[float] = []
        self.failed = 0
        self.due: deque[float] = deque()
        self._poll = select.epoll()
        self._callers = {}
        for _ in range(connections):
            caller = Caller(port)
            self._callers[caller.socket.fileno()] = caller
            self._poll.register(caller.socket, select.EPOLLIN)
        self.idle = deque(self._callers.values())

    def run(self, seconds: float) -> None:
        """Ask for so long; then wait a moment for the last answers."""
        begin = due = time.perf_counter()
        end = begin + seconds
        step = 1 / self.rate if self.rate else 0.0
        while (now := time.perf_counter()) < end:
            while step and due <= now:
                self.due.append(due)
                due += step
            self._ask(now)
            wait_s = min(STEP_S, max(0.0, due - now)) if step else end - now
            self._take(wait_s)
        while len(self.idle) < len(self._callers) and now < end + DRAIN_S:
            self._take(DRAIN_S)
            now = time.perf_counter()

    def _ask(self, now: float) -> None:
        """Have idle callers ask what is due, the one idle longest first."""
        while self.idle and (self.due or not self.rate):
            since = self.due.popleft() if self.rate else now
            self.number += 1
            question = self.questions[self.number % len(self.questions)]
            self.idle.popleft().ask(question, since)

    def _take(self, wait_s: float) -> None:
        for descriptor, _ in self._poll.poll(wait_s):
            caller = self._callers[descriptor]
            head = caller.read()
            if head is not None:
                self.latencies.append(time.perf_counter() - caller.since)
                self.failed += head[9:12] != b"200"
                self.idle.append(caller)


def questions(skus: int, size: int) -> list[bytes]:
    """Prepare what is asked: a SKU each, or many at a time."""
    chance = random.Random(1)
    number = max(20, NAMES // size)
    return [_question(chance, skus, size) for _ in range(number)]


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


def main() -> None:
    """Ask, and say what came of it."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    seconds, rate = float(sys.argv[3]), float(sys.argv[4])
    skus, size = int(sys.argv[5]), int(sys.argv[6])
    load = Load(port, connections, rate)
    load.questions = questions(skus, size)
    cpu_s = time.process_time()
    load.run(seconds)
    cpu_s = time.process_time() - cpu_s
    under_way = connections - len(load.idle)
    answered = len(load.latencies)
    print(
        json.dumps(
            {
                "offered_per_s": rate or None,
                "questions_per_s": round(answered / seconds),
                "skus_per_s": round(answered * size / seconds),
                "failed": load.failed,
                "unanswered": len(load.due) + under_way,
                "latency": spread(load.latencies),
                "asking_cpu_us": round(cpu_s / max(1, answered) * 1e6, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
