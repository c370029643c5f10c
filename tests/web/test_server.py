"""The server inside the worker: ports, stopping, and callers that misbehave."""

import asyncio
import signal
import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry

from streams.web import guarded
from streams.web.app import Web
from streams.web.server import CannotListen, WebServer
from tests.web.conftest import Serve, Worker, settings, stock, until
from tests.web.fakes import FakeJournal, FakeLedger, FakeSink

GET = b"GET /v1/availability/TEE HTTP/1.1\r\nhost: localhost\r\n\r\n"


def web() -> Web:
    return Web(
        settings=settings(),
        ledger=FakeLedger(),
        sink=FakeSink(),
        journal=FakeJournal(),
        registry=CollectorRegistry(),
    )


async def talk(worker: Worker, *pieces: bytes) -> bytes:
    """Send bytes and read until the worker closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    for piece in pieces:
        writer.write(piece)
    answer = await reader.read()
    writer.close()
    return answer


async def test_port_0_becomes_a_real_port(worker: Worker) -> None:
    assert worker.server.port > 0
    assert worker.server.url == f"http://127.0.0.1:{worker.server.port}"


async def test_a_port_in_use_is_named_with_its_remedy(worker: Worker) -> None:
    second = WebServer(web(), "127.0.0.1", worker.server.port)

    with pytest.raises(CannotListen, match=r"HTTP_PORT \d+ .* set ONESHELF_HTTP_PORT"):
        await second.start()
    await second.stop()


async def test_a_host_that_is_not_here_is_named_with_its_remedy() -> None:
    server = WebServer(web(), "no-such-host.invalid", 0)

    with pytest.raises(CannotListen, match=r"HTTP_HOST 'no-such-host\.invalid'"):
        await server.start()
    await server.stop()


async def test_after_a_stop_nobody_listens_and_the_port_is_free(serve: Serve) -> None:
    worker = await serve()
    port = worker.server.port
    await worker.server.stop()

    with pytest.raises(httpx.ConnectError):
        await worker.client.get("/health/live")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))


async def test_a_request_under_way_is_finished_before_the_stop(serve: Serve) -> None:
    worker = await serve()
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> tuple[int, int]:
        entered.set()
        await leave.wait()
        return 0, 0

    worker.sink.append = slow  # type: ignore[method-assign, assignment]  # The fake, slowed down.
    request = asyncio.create_task(
        worker.client.post("/v1/events/newstore", content=b"{}")
    )
    await entered.wait()
    stop = asyncio.create_task(worker.server.stop())
    await asyncio.sleep(0.05)
    leave.set()

    assert (await request).status_code == 200
    await stop


async def test_signals_stay_with_the_worker(serve: Serve) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    await serve()
    after = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert before == after


async def test_what_is_not_http_is_400(worker: Worker) -> None:
    for noise in (b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        answer = await talk(worker, noise)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in answer


@pytest.mark.parametrize("pieces", [1, 40])
async def test_a_head_over_the_limit_is_431(worker: Worker, pieces: int) -> None:
    header = b"x-long: " + b"y" * guarded.HEAD_BYTES_MAX + b"\r\n"
    head = GET[:-2] + header + b"\r\n"
    size = len(head) // pieces + 1
    parts = [head[i : i + size] for i in range(0, len(head), size)]

    answer = await talk(worker, *parts)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"urn:oneshelf:problem:head-too-large" in answer


async def test_many_small_headers_over_the_limit_are_431(worker: Worker) -> None:
    headers = b"".join(b"x-%d: y\r\n" % number for number in range(5000))

    answer = await talk(worker, GET[:-2] + headers + b"\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_head_within_the_limit_is_answered(worker: Worker) -> None:
    stock(worker.ledger)
    long = {"x-long": "y" * (guarded.HEAD_BYTES_MAX - 1000)}

    answer = await worker.client.get("/v1/availability/TEE", headers=long)

    assert answer.status_code == 200


@pytest.mark.parametrize("begun", [b"", b"GET /v1/av", GET + b"GET /slow"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(guarded, "HEAD_TIMEOUT_S", 0.2)
    worker = await serve()

    answer = await talk(worker, begun)

    assert b"HTTP/1.1 408 " in answer


async def test_empty_lines_do_not_keep_a_connection(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "HEAD_TIMEOUT_S", 0.2)
    worker = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    writer.write(GET)
    answer = await reader.readuntil(b"}")
    writer.write(b"\r\n\r\n")

    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_comes_drop_by_drop_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "HEAD_TIMEOUT_S", 0.3)
    worker = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)

    async def drip() -> None:
        for byte in GET[:-3] * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    # Only this: what drips into a closed connection resets it, and the rest is lost.
    answer = await reader.readline()
    dripping.cancel()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_refused_body_may_not_go_on_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "REFUSED_BYTES_MAX", 3_000_000)
    worker = await serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    writer.write(
        b"POST /v1/events/newstore HTTP/1.1\r\nhost: localhost\r\n"
        b"content-length: 999999999\r\n\r\n"
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")

    async def send(size: int) -> None:
        for _ in range(size // 100_000):
            writer.write(b"x" * 100_000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await send(50_000_000)
    writer.close()


async def test_pipelined_requests_are_answered_in_order(worker: Worker) -> None:
    stock(worker.ledger)
    last = GET[:-2] + b"connection: close\r\n\r\n"

    answer = await talk(worker, GET + GET.replace(b"TEE", b"NO") + last)

    statuses = [line[9:12] for line in answer.split(b"\r\n") if b"HTTP/1.1 " in line]
    bodies = answer.count(b'"staleness_s"')
    assert [statuses[0], bodies] == [b"200", 2]
    assert answer.count(b"HTTP/1.1 404 ") == 1


async def test_an_idle_connection_keeps_no_request_waiting(worker: Worker) -> None:
    idle = [
        await asyncio.open_connection("127.0.0.1", worker.server.port)
        for _ in range(50)
    ]
    stock(worker.ledger)

    assert (await worker.client.get("/v1/availability/TEE")).status_code == 200
    for _, writer in idle:
        writer.close()


async def test_a_websocket_is_answered_as_a_plain_request(worker: Worker) -> None:
    stock(worker.ledger)
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}

    answer = await worker.client.get("/v1/availability/TEE", headers=upgrade)

    assert answer.status_code == 200


async def test_connections_of_gone_callers_are_forgotten(serve: Serve) -> None:
    worker = await serve()
    connections = worker.server._server.server_state.connections
    _, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    await until(lambda: len(connections) == 1)
    writer.close()
    await until(lambda: not connections)


async def test_a_caller_that_does_not_read_does_not_hold_up_the_stop(
    serve: Serve,
) -> None:
    worker = await serve()
    worker.server._server.config.timeout_graceful_shutdown = 1
    for number in range(100):
        worker.ledger.put("BIG", f"LOC{number:03}", on_hand=number)
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.server.port)
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # What a stalled caller's kernel does.
    try:
        for _ in range(400):
            writer.write(GET.replace(b"TEE", b"BIG"))
            await asyncio.sleep(0)
        connections = worker.server._server.server_state.connections
        assert len(connections) == 1

        async with asyncio.timeout(10):
            await worker.server.stop()
        await until(lambda: not connections)
    finally:
        writer.transport.abort()
