"""The fast lane: which requests take it, and that the others lose nothing by it."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest

from streams.web.express import (
    HEAD_BYTES_KEPT_MAX,
    HEADS_MAX,
    ExpressProtocol,
    KnownHeads,
)
from tests.web.conftest import Serve, Worker, stock

PATH = "/v1/availability/TEE"
HEAD = b"GET /v1/availability/TEE HTTP/1.1\r\nhost: localhost\r\n"


class Counted:
    """An application that counts what goes through ASGI."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        await self._pages(scope, receive, send)


@pytest.fixture
def pages(worker: Worker) -> Counted:
    counted = Counted(worker.web._pages)
    worker.web._pages = counted  # type: ignore[assignment]  # The same pages, counted.
    return counted


async def exchange(worker: Worker, *pieces: bytes, answers: int) -> list[bytes]:
    """Send pieces and read so many answers with a length."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    for piece in pieces:
        writer.write(piece)
    found = []
    for _ in range(answers):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        found.append(head.partition(b"date: ")[0] + body)
    writer.close()
    return found


async def test_a_success_for_a_local_sku_does_not_reach_the_routes(
    worker: Worker, pages: Counted
) -> None:
    for path in (PATH, f"{PATH}/LDN01", f"{PATH}?x=1", f"{PATH}?"):
        for _ in range(3):
            assert (await worker.client.get(path)).status_code == 200

    assert pages.asked == 0


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"connection: close\r\n",
        HEAD + b"content-length: 2\r\n",
        HEAD + b"expect: 100-continue\r\n",
        HEAD + b"connection: upgrade\r\nupgrade: websocket\r\n",
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"/v1/", b"http://localhost/v1/"),
    ],
)
async def test_a_request_that_wants_more_goes_the_usual_way(
    worker: Worker, pages: Counted, head: bytes
) -> None:
    body = b"{}" if b"content-length" in head else b""
    usual = await exchange(worker, HEAD + b"\r\n", answers=1)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    writer.write(head + b"\r\n" + body)
    answer = await reader.readuntil(b'"staleness_s":0.0}')
    writer.close()

    assert pages.asked == 1
    assert answer.endswith(usual[0].partition(b"\r\n")[2])


async def test_a_long_pipeline_is_answered_whole_and_in_order(
    worker: Worker, pages: Counted
) -> None:
    """Only the first of each piece takes the fast lane; none overtakes another."""
    for number in range(50):
        worker.ledger.put(f"S{number}", "LDN01", on_hand=number)
    asked = b"".join(
        HEAD.replace(b"TEE", f"S{number}".encode()) + b"\r\n" for number in range(50)
    )

    answers = await exchange(worker, asked, answers=50)

    for number, answer in enumerate(answers):
        assert f'"sku":"S{number}","available":{number},'.encode() in answer
    assert 1 <= pages.asked < 50


async def test_a_lookup_behind_an_event_waits_for_it(worker: Worker) -> None:
    """An event that is still being stored is answered first, as it was asked first."""
    stored = asyncio.Event()

    async def slow(*_: object) -> tuple[int, int]:
        await stored.wait()
        return 0, 0

    worker.sink.append = slow  # type: ignore[method-assign, assignment]  # The fake, slowed down.
    event = (
        b"POST /v1/events/newstore HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: 2\r\n\r\n{}"
    )
    asking = asyncio.create_task(
        exchange(worker, event + HEAD + b"\r\n", HEAD + b"\r\n", answers=3)
    )
    await asyncio.sleep(0.05)
    stored.set()

    first, *others = await asking
    assert b'"accepted":true' in first
    assert all(b'"sku":"TEE"' in other for other in others)


async def test_a_caller_that_does_not_read_is_not_answered_into_memory(
    worker: Worker,
) -> None:
    for number in range(100):
        worker.ledger.put("BIG", f"LOC{number:03}", on_hand=number)
    ask = HEAD.replace(b"TEE", b"BIG") + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # What a stalled caller's kernel does.
    try:
        for _ in range(400):
            writer.write(ask)
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)

        connections: list[Any] = list(worker.server._server.server_state.connections)
        sizes = [c.transport.get_write_buffer_size() for c in connections]
        assert len(sizes) == 1
        assert sizes[0] < 1_000_000
        assert (await worker.client.get(PATH)).status_code == 200
    finally:
        writer.transport.abort()


async def test_lookups_on_one_connection_stay_right_when_lanes_alternate(
    serve: Serve,
) -> None:
    worker = await serve()
    stock(worker.ledger)
    known, unknown = HEAD + b"\r\n", HEAD.replace(b"TEE", b"NO") + b"\r\n"
    pieces = [known, unknown, known, known, unknown, unknown, known]

    answers = []
    for piece in pieces:
        answers += await exchange(worker, piece, answers=1)
    on_one = await exchange(worker, *pieces, answers=len(pieces))

    assert on_one == answers


async def raw(worker: Worker, *pieces: bytes) -> bytes:
    """Send pieces on one connection and return all that came back after a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(-1), 10)
    writer.close()
    return answer


async def test_a_known_head_is_not_parsed_again_and_answered_the_same(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []
    on_url = ExpressProtocol.on_url

    def noted(self: ExpressProtocol, url: bytes) -> None:
        parsed.append(url)
        on_url(self, url)

    monkeypatch.setattr(ExpressProtocol, "on_url", noted)
    answers = [(await exchange(worker, HEAD + b"\r\n", answers=1))[0] for _ in range(3)]

    assert len(parsed) == 1
    assert answers[0] == answers[1] == answers[2]


async def test_only_heads_that_were_let_through_are_known(serve: Serve) -> None:
    """Another key, another host, another field: each is parsed and checked itself."""
    worker = await serve(api_keys=f"shop:read:{sha256(b'secret').hexdigest()}")
    stock(worker.ledger)

    async def status(*fields: bytes) -> bytes:
        head = b"".join(field + b"\r\n" for field in (HEAD[:-2], *fields))
        (answer,) = await exchange(worker, head + b"\r\n", answers=1)
        return answer[9:12]

    for _ in range(2):
        assert await status(b"authorization: Bearer secret") == b"200"
        assert await status(b"authorization: Bearer secrets") == b"401"
        assert await status() == b"401"
    assert len(worker.web.known_heads._heads) == 1


async def test_a_body_is_never_taken_for_a_request(
    worker: Worker, pages: Counted
) -> None:
    """A refused body may still arrive; in it may be anything, a look-up too."""
    ask = HEAD + b"\r\n"
    await exchange(worker, ask, answers=1)
    query = (
        b"POST /v1/availability/query HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: %d\r\n\r\n" % (2 * 1024 * 1024)
    )

    answer = await raw(worker, query, ask, ask)

    assert answer.count(b"HTTP/1.1") == 1
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_known_head_in_pieces_or_followed_by_more_is_parsed(
    worker: Worker,
) -> None:
    ask = HEAD + b"\r\n"
    await exchange(worker, ask, answers=1)

    assert len(await exchange(worker, ask[:30], ask[30:], answers=1)) == 1
    assert len(await exchange(worker, ask + ask[:40], ask[40:] + ask, answers=3)) == 3
    assert worker.web.known_heads._heads == {b"host: localhost\r\n\r\n"}


async def test_an_unknown_sku_behind_a_known_head_is_said_to_be_unknown(
    worker: Worker,
) -> None:
    await exchange(worker, HEAD + b"\r\n", answers=1)
    (answer,) = await exchange(worker, HEAD.replace(b"TEE", b"NO") + b"\r\n", answers=1)
    assert answer.startswith(b"HTTP/1.1 404")


async def test_a_connection_of_known_heads_is_closed_when_idle(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.server._server.config, "timeout_keep_alive", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    for _ in range(5):
        writer.write(HEAD + b"\r\n")
        await reader.readuntil(b'"staleness_s":0.0}')
        await asyncio.sleep(0.1)

    assert await asyncio.wait_for(reader.read(-1), 10) == b""
    writer.close()


async def test_no_more_heads_are_known_than_fit() -> None:
    heads = KnownHeads()
    for number in range(3 * HEADS_MAX):
        heads.learn(b"%d" % number)
    heads.learn(b"x" * (HEAD_BYTES_KEPT_MAX + 1))
    assert len(heads._heads) <= HEADS_MAX
    assert b"x" * (HEAD_BYTES_KEPT_MAX + 1) not in heads
