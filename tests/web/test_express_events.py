"""The fast lane for events: who takes it, and that it answers as the slow one does."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from streams.engine.errors import BrokerUnavailable
from streams.web.bodies import Bodies
from streams.web.express_events import EventsProtocol
from tests.web.conftest import Serve, Worker

ASK = b"GET /v1/availability/TEE HTTP/1.1\r\nhost: localhost\r\n\r\n"


def event(body: bytes = b'{"name":"x"}', *fields: bytes) -> bytes:
    lines = (b"host: localhost", *fields, b"content-length: %d" % len(body))
    head = b"".join(line + b"\r\n" for line in lines)
    return b"POST /v1/events/newstore HTTP/1.1\r\n%b\r\n%b" % (head, body)


class Caller:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, worker: Worker) -> "Caller":
        port = worker.server.port
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def answer(self) -> tuple[bytes, bytes]:
        """Read one answer: its head without the date, and its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"date")]
        return b"\r\n".join(lines), await self.reader.readexactly(length)

    async def ask(self, *pieces: bytes) -> tuple[bytes, bytes]:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        return await self.answer()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number for each request that was parsed."""
    begun: list[int] = []
    on_message_begin = EventsProtocol.on_message_begin

    def noted(self: EventsProtocol) -> None:
        begun.append(len(begun))
        on_message_begin(self)

    monkeypatch.setattr(EventsProtocol, "on_message_begin", noted)
    return begun


async def test_a_known_caller_is_not_parsed_and_answered_the_same(
    worker: Worker, parsed: list[int]
) -> None:
    caller = await Caller.of(worker)
    answers = [await caller.ask(event(b'{"n":%d}' % number)) for number in range(4)]
    caller.writer.close()

    assert len(parsed) == 1
    assert len({head for head, _ in answers}) == 1
    assert answers[3][1] == answers[0][1].replace(b'"offset":0', b'"offset":3')
    assert [record[2] for record in worker.sink.records] == [
        b'{"n":%d}' % number for number in range(4)
    ]
    traces = {record[3]["traceparent"] for record in worker.sink.records}
    assert len(traces) == 4


async def test_another_key_is_refused_whoever_was_let_in_before(
    serve: Serve, parsed: list[int]
) -> None:
    worker = await serve(api_keys=f"feed:ingest:{sha256(b'feeder').hexdigest()}")
    for _ in range(3):
        for key, status in ((b"feeder", b"200"), (b"reader", b"401"), (b"", b"401")):
            caller = await Caller.of(worker)
            head, _ = await caller.ask(event(b"{}", b"authorization: Bearer " + key))
            caller.writer.close()
            assert head[9:12] == status

    assert len(worker.sink.records) == 3
    assert len(parsed) == 3 * 3 - 2


@pytest.mark.parametrize(
    "field",
    [
        b"traceparent: 00-%b-%b-01" % (b"a" * 32, b"b" * 16),
        b"expect: 100-continue",
        b"connection: close",
    ],
)
async def test_a_caller_that_wants_more_is_parsed_each_time(
    worker: Worker, parsed: list[int], field: bytes
) -> None:
    for _ in range(2):
        caller = await Caller.of(worker)
        await caller.ask(event(b"{}", field))
        caller.writer.close()
    assert len(parsed) == 2


async def test_an_event_in_pieces_or_with_more_behind_it_is_parsed(
    worker: Worker, parsed: list[int]
) -> None:
    caller = await Caller.of(worker)
    whole = event(b'{"n":1}')
    await caller.ask(whole)
    for cut in (10, whole.index(b"\r\n\r\n") + 2, len(whole) - 3):
        assert (await caller.ask(whole[:cut], whole[cut:]))[0][9:12] == b"200"
    await caller.ask(whole + whole)
    assert (await caller.answer())[0][9:12] == b"200"
    caller.writer.close()

    assert [record[2] for record in worker.sink.records] == [b'{"n":1}'] * 6
    assert len(parsed) == 6


async def test_what_comes_behind_an_event_is_answered_after_it(
    worker: Worker,
) -> None:
    caller = await Caller.of(worker)
    await caller.ask(event())
    await caller.ask(ASK)
    stored = asyncio.Event()
    append = worker.sink.append

    async def slow(*arguments: Any) -> tuple[int, int]:
        await stored.wait()
        return await append(*arguments)

    worker.sink.append = slow  # type: ignore[method-assign, assignment]  # The fake, slowed down.
    for piece in (event(b"1"), ASK, event(b"2") + ASK, ASK):
        caller.writer.write(piece)
        await asyncio.sleep(0.02)
    stored.set()

    bodies = [(await caller.answer())[1] for _ in range(5)]
    caller.writer.close()
    assert [b"accepted" in body for body in bodies] == [True, False, True, False, False]
    assert [record[2] for record in worker.sink.records[1:]] == [b"1", b"2"]


async def test_an_event_that_is_not_stored_is_not_accepted(worker: Worker) -> None:
    caller = await Caller.of(worker)
    await caller.ask(event())
    worker.sink.failure = BrokerUnavailable("away", remedy="wait", retry_after_s=7)
    head, _ = await caller.ask(event())
    assert head.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 7" in head
    worker.sink.failure = RuntimeError("a bug")
    assert (await caller.ask(event()))[0].startswith(b"HTTP/1.1 500")
    worker.sink.failure = None
    assert (await caller.ask(event()))[0].startswith(b"HTTP/1.1 200")
    caller.writer.close()


async def test_limits_hold_for_known_callers_too(serve: Serve) -> None:
    worker = await serve(bodies=Bodies(bytes_max=100, held_bytes_max=150))
    caller = await Caller.of(worker)
    await caller.ask(event(b"x"))
    assert (await caller.ask(event(b"x" * 101)))[0].startswith(b"HTTP/1.1 413")
    caller.writer.close()


async def test_a_worker_that_stops_answers_for_what_it_stores(worker: Worker) -> None:
    caller = await Caller.of(worker)
    await caller.ask(event())
    begun, stored = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> tuple[int, int]:
        begun.set()
        await stored.wait()
        return 0, 9

    worker.sink.append = slow  # type: ignore[method-assign, assignment]  # The fake, slowed down.
    asking = asyncio.create_task(caller.ask(event()))
    await begun.wait()
    stopping = asyncio.create_task(worker.server.stop())
    await asyncio.sleep(0.05)
    stored.set()

    assert b'"offset":9' in (await asking)[1]
    await stopping
    caller.writer.close()
