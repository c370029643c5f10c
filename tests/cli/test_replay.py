"""`oneshelf replay`: files onto the log, at a pace, and what is said where it ends."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streams.engine.admin import create_topics
from streams.engine.reading import LogReader
from streams.replay import lines_of
from streams.settings import Settings
from streams.topics import NEWSTORE_EVENTS
from streams.wiring import STAGES
from tests.integration.harness import remove_topics
from tests.support.command import Terminal
from tests.support.newstore import body, item, opened

ROOT = Path(__file__).parents[2]
EXIT_INTERRUPTED = 130


@pytest.fixture
async def settings(
    broker: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Settings]:
    """Yield settings of a shelf with topics and no worker."""
    made = Settings(
        broker=broker,
        topic_prefix=topic_prefix,
        app_id=f"{topic_prefix}app",
        partitions=2,
        data_dir=tmp_path / "data",
    )
    await create_topics(made, STAGES)
    yield made
    await remove_topics(made)


def start(settings: Settings, *words: str) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONESHELF_")}
    given = {
        "PYTHONPATH": str(ROOT),
        "ONESHELF_BROKER": settings.broker,
        "ONESHELF_TOPIC_PREFIX": settings.topic_prefix,
        "ONESHELF_APP_ID": settings.app_id,
        "ONESHELF_PARTITIONS": "2",
    }
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "streams.cli", "replay", *words],
        cwd=settings.data_dir.parent,
        env=kept | given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    said, complained = await asyncio.to_thread(process.communicate, timeout=60)
    return process.returncode, said, complained


def write_events(folder: Path, name: str, *numbers: int) -> str:
    lines = [body(opened(item(f"u{number}"))) for number in numbers]
    (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return name


async def on_the_log(settings: Settings) -> list[bytes]:
    async with LogReader(settings) as reader:
        return [
            record.value or b""
            async for records in reader.read(NEWSTORE_EVENTS)
            for record in records
        ]


async def until_some(settings: Settings) -> None:
    async with asyncio.timeout(60):
        while not await on_the_log(settings):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


def test_empty_lines_are_left_out_and_broken_ones_are_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b'{"a": 1}\r\n\n   \nbroken \n')
    second.write_bytes(b"no line end")

    assert list(lines_of([first, second])) == [
        b'{"a": 1}',
        b"broken ",
        b"no line end",
    ]


@pytest.mark.parametrize("missing", ["nothing.jsonl", "."])
def test_what_is_no_file_is_named_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    missing: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    here = write_events(tmp_path, "here.jsonl", 1)

    said = Terminal(monkeypatch, capsys).run(
        "replay", here, missing, broker="127.0.0.1:1"
    )

    assert said.code == 2
    assert said.err.strip() == (
        f"error: {missing} is not a file. Name files with one event per line."
    )


@pytest.mark.kafka
async def test_files_are_sent_in_their_order_and_counted(
    settings: Settings, tmp_path: Path
) -> None:
    first = write_events(tmp_path, "monday.jsonl", 1, 2)
    second = write_events(tmp_path, "tuesday.jsonl", 3)

    code, said, complained = await ended(start(settings, first, second, "--json"))

    assert (code, complained) == (0, "")
    summary: dict[str, Any] = json.loads(said)
    assert summary.pop("seconds") >= 0
    assert summary == {"sent": 3, "events": 3}
    expected = [*lines_of([tmp_path / first, tmp_path / second])]
    assert sorted(await on_the_log(settings)) == sorted(expected)


@pytest.mark.kafka
async def test_an_empty_file_sends_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")

    code, said, _ = await ended(start(settings, "empty.jsonl", "--json"))

    assert (code, json.loads(said)["sent"]) == (0, 0)


@pytest.mark.kafka
async def test_no_more_events_a_second_are_sent_than_asked_for(
    settings: Settings, tmp_path: Path
) -> None:
    events = write_events(tmp_path, "slow.jsonl", *range(6))
    begun = time.monotonic()

    code, _, _ = await ended(start(settings, events, "--rate", "4"))

    assert code == 0
    # Five pauses of a quarter of a second, and whatever this machine takes.
    assert time.monotonic() - begun >= 1.25
    assert len(await on_the_log(settings)) == 6


@pytest.mark.kafka
async def test_ctrl_c_says_how_much_was_sent(
    settings: Settings, tmp_path: Path
) -> None:
    events = write_events(tmp_path, "long.jsonl", *range(500))
    process = start(settings, events, "--rate", "5")
    await until_some(settings)
    await asyncio.sleep(0.5)

    process.send_signal(signal.SIGINT)
    code, said, complained = await ended(process)

    assert (code, said) == (EXIT_INTERRUPTED, "")
    known, _, rest = complained.strip().partition(" of 500 were sent. ")
    assert rest == "Send all of it again: what is there already counts once."
    label, _, number = known.rpartition(" ")
    assert label == "interrupted by Ctrl-C. At least"
    assert 1 <= int(number) <= len(await on_the_log(settings)) < 500


@pytest.mark.kafka
async def test_ctrl_c_while_waiting_says_that_all_was_sent(
    settings: Settings, tmp_path: Path
) -> None:
    """There is no worker: it would wait for ever."""
    events = write_events(tmp_path, "one.jsonl", 1)
    process = start(settings, events, "--wait")
    await until_some(settings)
    await asyncio.sleep(1.0)

    process.send_signal(signal.SIGINT)
    code, _, complained = await ended(process)

    assert code == EXIT_INTERRUPTED
    assert complained.strip() == (
        "interrupted by Ctrl-C. All 1 were sent; what became of them was not waited "
        "for."
    )


@pytest.mark.kafka
async def test_without_a_worker_waiting_ends_with_what_is_left(
    settings: Settings, tmp_path: Path
) -> None:
    events = write_events(tmp_path, "two.jsonl", 1, 2)

    code, said, complained = await ended(
        start(settings, events, "--wait", "--timeout", "3")
    )

    assert (code, said) == (3, "")
    assert complained.strip() == (
        "error: All 2 were sent. After 3 s there is still: 2 on newstore-events. "
        "Is a worker running?"
    )
