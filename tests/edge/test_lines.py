"""Lines from any kind of input, whole or in parts, with bounded memory."""

import asyncio
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.edge.lines import Line, read_lines


async def lines_of(file: int, *, bytes_max: int = 1_000) -> list[Line]:
    return [
        line async for lines in read_lines(file, bytes_max=bytes_max) for line in lines
    ]


async def lines_in_file(path: Path, content: bytes, *, bytes_max: int) -> list[Line]:
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    os.pwrite(file, content, 0)
    try:
        return await lines_of(file, bytes_max=bytes_max)
    finally:
        os.close(file)


async def test_lines_are_numbered_and_the_last_needs_no_end(tmp_path: Path) -> None:
    found = await lines_in_file(tmp_path / "in", b"one\n\nthree", bytes_max=100)
    assert found == [Line(1, b"one"), Line(2, b""), Line(3, b"three")]


async def test_an_input_without_a_line_ends_at_once() -> None:
    file = os.open(os.devnull, os.O_RDONLY)
    assert await lines_of(file) == []
    os.close(file)


async def test_lines_of_a_pipe_come_as_they_are_written() -> None:
    reading, writing = os.pipe()
    found: list[Line] = []

    async def read() -> None:
        async for lines in read_lines(reading, bytes_max=100):
            found.extend(lines)

    task = asyncio.create_task(read())
    for content, expected in ((b"one\ntw", 1), (b"o\n", 2)):
        os.write(writing, content)
        async with asyncio.timeout(10):
            while len(found) < expected:  # noqa: ASYNC110 # the reader tells nobody
                await asyncio.sleep(0.001)
    os.close(writing)
    await task
    os.close(reading)
    assert found == [Line(1, b"one"), Line(2, b"two")]


async def test_waiting_for_a_silent_pipe_can_be_cancelled() -> None:
    reading, writing = os.pipe()
    task = asyncio.create_task(lines_of(reading))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled()
    os.close(reading)
    os.close(writing)


async def test_an_over_long_line_comes_in_parts_and_the_next_is_whole(
    tmp_path: Path,
) -> None:
    content = b"short\n" + b"x" * 200_000 + b"\nshort\n"
    found = await lines_in_file(tmp_path / "in", content, bytes_max=90_000)

    parts = [line for line in found if line.part]
    assert b"".join(part.content for part in parts) == b"x" * 200_000
    assert [part.part for part in parts] == list(range(1, len(parts) + 1))
    assert {part.number for part in parts} == {2}
    assert max(len(part.content) for part in parts) <= 90_000
    assert [line for line in found if not line.part] == [
        Line(1, b"short"),
        Line(3, b"short"),
    ]


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30).map(lambda each: each.replace(b"\n", b"")),
            st.integers(60_000, 140_000).map(lambda size: b"y" * size),
        ),
        max_size=6,
    ),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_no_byte_of_any_input_is_lost(contents: list[bytes], ended: bool) -> None:
    reading, writing = os.pipe()
    data = b"\n".join(contents) + (b"\n" if ended and contents else b"")

    async def feed_and_read() -> list[Line]:
        feeding = asyncio.to_thread(feed)
        _, found = await asyncio.gather(feeding, lines_of(reading, bytes_max=50_000))
        return found

    def feed() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(writing, view) :]
        os.close(writing)

    found = asyncio.run(feed_and_read())
    os.close(reading)
    joined: dict[int, bytes] = {}
    for line in found:
        joined[line.number] = joined.get(line.number, b"") + line.content
    expected = data.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    assert list(joined.values()) == expected
