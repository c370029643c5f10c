"""Our own HTTP transport against servers that keep, bend and break the protocol."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from streams.connectors.wire import Wire, transport_for

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Vendor:
    """A server that answers each request with the next of its scripted pieces."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connections = 0
        self.heads: list[bytes] = []
        self.url = ""

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if b"content-length: 4" in head.lower():
                    self.heads.append(await reader.readexactly(4))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                for byte in answer:
                    writer.write(bytes([byte]))
                await writer.drain()
                ends = (b"content-length", b"chunked")
                if b"close" in answer or not any(each in answer for each in ends):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def vendor_of(*answers: bytes | None) -> AsyncIterator[Vendor]:
    vendor = Vendor(*answers)
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield vendor


@asynccontextmanager
async def wire_of(timeout_s: float = 5.0, connections: int = 2) -> AsyncIterator[Wire]:
    wire = Wire(
        connections=connections,
        connect_timeout_s=timeout_s,
        answer_timeout_s=timeout_s,
    )
    try:
        yield wire
    finally:
        await wire.aclose()


async def get(wire: Wire, url: str, **more: str) -> httpx.Response:
    return await wire.handle_async_request(httpx.Request("GET", url, headers=more))


async def test_a_connection_is_used_again() -> None:
    async with vendor_of(OK, OK) as vendor, wire_of() as wire:
        for _ in range(2):
            assert (await get(wire, f"{vendor.url}/a?b=c%20d")).text == "ok"
    assert vendor.connections == 1
    assert vendor.heads[0].startswith(b"GET /a?b=c%20d HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_a_body_is_sent_with_its_length() -> None:
    async with vendor_of(OK) as vendor, wire_of() as wire:
        await wire.handle_async_request(
            httpx.Request("POST", vendor.url, content=b"data")
        )
    assert vendor.heads[1] == b"data"


ANSWERS = {
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "said to be the last": b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
    b"content-length: 2\r\n\r\nok",
    "after a provisional one": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK,
    "compressed": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: "
    b"%d\r\n\r\n%s" % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_every_form_of_answer_is_read_byte_by_byte(answer: bytes) -> None:
    async with vendor_of(answer, OK) as vendor, wire_of() as wire:
        first = await get(wire, vendor.url)
        assert (first.status_code, first.text) == (200, "ok")
        assert (await get(wire, vendor.url)).text == "ok"


BROKEN: dict[str, bytes | None] = {
    "hung up at once": None,
    "cut off in the head": b"HTTP/1.1 200 OK\r\ncontent-len",
    "cut off in the body": b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
    b"content-length: 9\r\n\r\nok",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "not gzip": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
    b"content-length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_answer_is_an_error_and_the_next_request_is_not(
    answer: bytes | None,
) -> None:
    async with vendor_of(answer, OK) as vendor, wire_of() as wire:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(wire, vendor.url)
        assert (await get(wire, vendor.url)).text == "ok"


async def test_an_answer_that_is_late_is_not_taken_for_the_next_one() -> None:
    held = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/late" in head:
            await held.wait()
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, wire_of(timeout_s=0.2) as wire:
        with pytest.raises(httpx.ReadTimeout):
            await get(wire, f"{url}/late")
        held.set()
        assert (await get(wire, f"{url}/next")).text == "ok"


async def test_nobody_listening_is_told_apart_from_a_lost_answer(
    unused_tcp_port: int,
) -> None:
    async with wire_of() as wire:
        with pytest.raises(httpx.ConnectError):
            await get(wire, f"http://127.0.0.1:{unused_tcp_port}")


async def test_no_more_connections_are_opened_than_allowed() -> None:
    async with vendor_of(*[OK] * 12) as vendor, wire_of(connections=3) as wire:
        await asyncio.gather(*(get(wire, vendor.url) for _ in range(12)))
    assert vendor.connections <= 3


async def test_a_closed_connection_is_not_used_again() -> None:
    async with vendor_of(OK, OK) as vendor, wire_of() as wire:
        await get(wire, vendor.url)
        for lines in wire._idle.values():
            for line in lines:
                line._transport.abort()
        await asyncio.sleep(0)
        assert (await get(wire, vendor.url)).text == "ok"
    assert vendor.connections == 2


@pytest.mark.parametrize(
    ("proxies", "is_ours"),
    [
        ({}, True),
        ({"https": "http://proxy.test:3128"}, False),
        ({"all": "http://proxy.test:3128"}, False),
        ({"http": "http://proxy.test:3128"}, True),
        ({"https": "http://proxy.test:3128", "no": "api.example.test"}, True),
    ],
)
async def test_a_proxy_of_the_environment_is_left_to_httpx(
    monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str], is_ours: bool
) -> None:
    for name in ("http", "https", "all", "no"):
        for spelled in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(spelled, raising=False)
    for name, value in proxies.items():
        monkeypatch.setenv(f"{name}_proxy", value)
    transport = transport_for(
        "https://api.example.test/p",
        connections=1,
        connect_timeout_s=1.0,
        answer_timeout_s=1.0,
    )
    assert (transport is not None) == is_ours
