"""Standard input: every line ends in the outbox or in rejected.jsonl, never nowhere."""

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

from streams.edge.disk import Disk
from streams.edge.errors import BrokenEvent, SpoolFull
from streams.edge.events import EVENT_BYTES_MAX
from streams.edge.forwarder import Backoff
from streams.edge.intake import LineIntake
from streams.edge.producer import EdgeProducer
from streams.edge.rejected import RejectedFile
from tests.edge.fakes import Clock, FaultyDisk, MemoryLog, event, until

QUICK = Backoff(first_s=0.001, max_s=0.002)


def producer(
    directory: Path, log: MemoryLog, *, disk: Disk | None = None
) -> EdgeProducer:
    return EdgeProducer(directory, log, clock=Clock(), backoff=QUICK, disk=disk)


async def feed(
    spool: Path, content: bytes, log: MemoryLog, *, disk: Disk | None = None
) -> list[dict[str, Any]]:
    """Feed lines to an edge; return its answers."""
    path = spool / "input"
    path.write_bytes(content)
    file = os.open(path, os.O_RDONLY)
    answers: list[bytes] = []
    async with producer(spool, log, disk=disk) as edge:
        await LineIntake(edge, answer=answers.append, retry_s=0.01).run(file)
        await edge.drained()
    os.close(file)
    return [json.loads(line) for line in b"".join(answers).splitlines()]


def rejected(spool: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (spool / "rejected.jsonl").read_text().splitlines()
    ]


async def test_every_line_is_answered_in_order_and_delivered(tmp_path: Path) -> None:
    log = MemoryLog()
    content = b"\n".join(event(number) for number in range(500))
    answers = await feed(tmp_path, content, log)
    assert answers == [{"line": n, "sequence": n} for n in range(1, 501)]
    assert log.numbers("order-1") == list(range(500))


async def test_broken_lines_are_kept_with_their_number_and_reason(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    content = b"\n".join([event(1), b"{half", b"", b"\xff\xfe", b"[1]", event(2)])

    answers = await feed(tmp_path, content, log)

    assert [answer["line"] for answer in answers] == [1, 2, 4, 5, 6]
    assert "rejected" in answers[1]
    first, second, third = rejected(tmp_path)
    assert (first["line"], first["content"]) == (2, "{half")
    assert first["reason"] == "broken-event"
    assert first["sentence"].startswith("The event is not JSON: ")
    assert first["source"] == "stdin"
    assert first["at"] == "2026-03-01T10:00:00+00:00"
    assert base64.b64decode(second["content_base64"]) == b"\xff\xfe"
    assert third["sentence"].startswith(
        "The event is a JSON array, not an object. Send"
    )
    assert log.numbers("order-1") == [1, 2]


async def test_an_over_long_line_is_kept_in_parts_and_holds_up_nothing(
    tmp_path: Path,
) -> None:
    log = MemoryLog()
    long = b"{" + b"x" * (2 * EVENT_BYTES_MAX + 10)

    await feed(tmp_path, event(1) + b"\n" + long + b"\n" + event(2), log)

    parts = rejected(tmp_path)
    assert "".join(part["content"] for part in parts).encode() == long
    assert [part["part"] for part in parts] == list(range(1, len(parts) + 1))
    assert {part["line"] for part in parts} == {2}
    assert log.numbers("order-1") == [1, 2]


async def test_lines_wait_in_order_while_the_disk_is_full(tmp_path: Path) -> None:
    disk, log = FaultyDisk(), MemoryLog()
    disk.room = 400
    reading, writing = os.pipe()
    answers: list[bytes] = []
    async with producer(tmp_path, log, disk=disk) as edge:
        intake = LineIntake(edge, answer=answers.append, retry_s=0.005)
        task = asyncio.create_task(intake.run(reading))
        for number in range(1, 10):
            os.write(writing, event(number) + b"\n")
            await asyncio.sleep(0.003)
        os.write(writing, b"broken\n")
        os.close(writing)
        await until(lambda: edge.status().spool_error != "")
        disk.room = None
        await task
        await edge.drained()
    os.close(reading)
    assert log.numbers("order-1") == list(range(1, 10))
    assert [json.loads(a)["line"] for a in b"".join(answers).splitlines()] == list(
        range(1, 11)
    )
    assert [entry["content"] for entry in rejected(tmp_path)] == ["broken"]


async def test_input_ends_quietly_when_the_edge_stops(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    async with producer(tmp_path, MemoryLog()) as edge:
        task = asyncio.create_task(LineIntake(edge, answer=None).run(reading))
        os.write(writing, event(1) + b"\n")
        await until(lambda: edge.status().accepted == 1)
    os.write(writing, event(2) + b"\n")
    await task
    os.close(reading)
    os.close(writing)


def test_half_an_entry_that_a_crash_left_does_not_spoil_the_next(
    tmp_path: Path,
) -> None:
    (tmp_path / "rejected.jsonl").write_bytes(b'{"half": ')
    file = RejectedFile(tmp_path, clock=Clock())
    file.add(b"content", BrokenEvent("Broken", remedy="Mend it"), source="http")
    half, whole = (tmp_path / "rejected.jsonl").read_bytes().splitlines()
    assert half == b'{"half": '
    assert json.loads(whole)["sentence"] == "Broken. Mend it"


def test_an_entry_that_finds_no_room_leaves_no_half_behind(tmp_path: Path) -> None:
    disk = FaultyDisk()
    file = RejectedFile(tmp_path, clock=Clock(), disk=disk)
    error = BrokenEvent("Broken", remedy="Mend it")
    file.add(b"one", error, source="http")
    before = (tmp_path / "rejected.jsonl").read_bytes()
    disk.room = 20
    try:
        file.add(b"two", error, source="http")
    except SpoolFull:
        assert (tmp_path / "rejected.jsonl").read_bytes() == before
        assert file.count == 1
    else:
        raise AssertionError("a full disk must be told")
