"""The outbox on a disk that fills up or fails, and what is said about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams.edge.errors import SpoolBusy, SpoolFailed, SpoolFull, SpoolUnusable
from tests.edge.fakes import FaultyDisk, PowerCut, draft
from tests.edge.spools import numbers, open_outbox, read_all, segments


def test_a_full_disk_refuses_the_group_and_keeps_what_was_accepted(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk()
    outbox = open_outbox(tmp_path, disk=disk)
    outbox.append([draft(1)])
    disk.room = 50
    with pytest.raises(SpoolFull) as refused:
        outbox.append([draft(2), draft(3)])
    assert "is full: No space left on device" in refused.value.message
    assert "Free space" in refused.value.remedy
    assert numbers(read_all(outbox)) == [1]

    disk.room = None
    assert outbox.append([draft(4)]) == [2]
    assert numbers(read_all(outbox)) == [4]
    outbox.close()
    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == [1, 4]
    assert again.damaged_bytes == 0
    again.close()


def test_a_real_full_disk_is_told_and_survived(tmp_path: Path) -> None:
    """A file size limit makes the kernel itself stop a write in its middle."""
    program = f"""
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from streams.edge.errors import SpoolFull
from streams.edge.outbox import Draft, Outbox
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
outbox = Outbox(Path({str(tmp_path)!r}), clock=lambda: datetime.now(UTC))
accepted = 0
try:
    for n in range(1000):
        outbox.append([Draft(b"k", b'{{"payload":{{"number":%d}}}}' % n + b" " * 900)])
        accepted += 1
except SpoolFull as error:
    print(accepted, error.reason)
"""
    run = subprocess.run(  # noqa: S603 # our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    accepted, reason = run.stdout.split()[-2:]
    assert reason == "spool-full"
    assert 5 < int(accepted) < 15

    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == list(range(int(accepted)))
    assert again.damaged_bytes == 0
    again.close()


def test_a_failed_sync_refuses_the_group_and_the_bytes_are_taken_back(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk()
    outbox = open_outbox(tmp_path, disk=disk)
    outbox.append([draft(1)])
    disk.sync_fails = True
    with pytest.raises(SpoolFailed, match="cannot be written: Input/output error"):
        outbox.append([draft(2)])
    disk.sync_fails = False
    outbox.append([draft(3)])

    assert numbers(read_all(outbox)) == [1, 3]
    outbox.close()


def test_bytes_that_could_not_be_taken_back_are_taken_back_before_the_next_write(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk()
    outbox = open_outbox(tmp_path, disk=disk)
    disk.sync_fails = disk.truncate_fails = True
    with pytest.raises(SpoolFailed):
        outbox.append([draft(1, pad=300)])
    disk.sync_fails = False
    with pytest.raises(SpoolFailed):
        outbox.append([draft(2)])
    disk.truncate_fails = False
    assert outbox.append([draft(3)]) == [1]
    outbox.close()

    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == [3]
    assert again.damaged_bytes == 0
    again.close()


def test_the_spool_refuses_more_than_it_may_hold_and_takes_again_once_delivered(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path, segment_bytes=500, bytes_max=2_000)
    accepted = 0
    while outbox.backlog().bytes + len(draft(0).event) + 60 < 2_000:
        outbox.append([draft(accepted)])
        accepted += 1
    assert accepted > 5
    with pytest.raises(SpoolFull, match=r"may hold 2,000") as refused:
        outbox.append([draft(accepted)])
    assert "Restore the way to the broker" in str(refused.value)

    outbox.acknowledge(read_all(outbox))
    outbox.append([draft(accepted)])
    assert numbers(read_all(outbox)) == [accepted]
    outbox.close()


def test_every_accepted_group_was_synced_first(tmp_path: Path) -> None:
    disk = FaultyDisk()
    outbox = open_outbox(tmp_path, disk=disk)
    before = disk.synced
    outbox.append([draft(1), draft(2), draft(3)])
    assert disk.synced == before + 1
    outbox.close()


def test_a_power_cut_inside_a_write_loses_only_what_was_not_accepted(
    tmp_path: Path,
) -> None:
    disk = FaultyDisk()
    outbox = open_outbox(tmp_path, disk=disk)
    outbox.append([draft(1)])
    disk.cut_after = 40
    with pytest.raises(PowerCut):
        outbox.append([draft(2), draft(3)])
    outbox.close()

    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == [1]
    assert again.append([draft(4)]) == [2]
    again.close()


def test_a_second_process_is_told_who_has_the_spool(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    with pytest.raises(SpoolBusy) as refused:
        open_outbox(tmp_path)
    assert f"is in use by process {os.getpid()}" in refused.value.message
    assert "another --spool directory" in refused.value.remedy
    outbox.close()
    open_outbox(tmp_path).close()


def test_a_failed_opening_lets_the_spool_go(tmp_path: Path) -> None:
    identity = json.dumps({"format": 99, "spool_id": "x"})
    (tmp_path / "spool.json").write_text(identity)
    with pytest.raises(SpoolUnusable, match="has format 99, this version reads 1"):
        open_outbox(tmp_path)
    (tmp_path / "spool.json").write_text("torn")
    open_outbox(tmp_path).close()


def test_a_spool_that_cannot_be_a_directory_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolUnusable, match="cannot be opened: File exists"):
        open_outbox(tmp_path / "file")


def test_the_spool_is_for_its_owner_alone(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "spool")
    outbox.append([draft(1)])
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    assert segments(tmp_path / "spool")[0].stat().st_mode & 0o077 == 0
    outbox.close()
