"""The outbox on disk: nothing accepted is lost, nothing torn is read."""

import os
import shutil
from pathlib import Path

import pytest

from streams.edge.segment import Damage, Stored, encode, scan
from tests.edge.fakes import Clock, UnsyncedDisk, draft, number_of
from tests.edge.spools import numbers, open_outbox, read_all, segments


def test_what_is_accepted_is_read_back_in_order_and_whole(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    assert outbox.append([draft(1), draft(2, order="order-2")]) == [1, 2]
    assert outbox.append([draft(3)]) == [3]

    first, second, third = read_all(outbox)

    assert first.key == b"order-1"
    assert second.key == b"order-2"
    assert first.event == draft(1).event
    assert third.traceparent == b"trace"
    assert [first.sequence, second.sequence, third.sequence] == [1, 2, 3]
    outbox.close()


def test_an_event_is_handed_out_once_until_the_outbox_is_opened_anew(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(1)])
    assert numbers(read_all(outbox)) == [1]
    assert read_all(outbox) == []
    outbox.close()

    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == [1]
    again.close()


def test_what_was_acknowledged_does_not_come_back(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(n) for n in range(5)])
    outbox.acknowledge(outbox.read_next(records_max=3, bytes_max=10_000))
    outbox.close()

    again = open_outbox(tmp_path)
    assert numbers(read_all(again)) == [3, 4]
    again.close()


def test_sequences_go_on_where_they_were_even_when_all_was_delivered(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(1), draft(2)])
    outbox.acknowledge(read_all(outbox))
    outbox.close()
    (tmp_path / "acknowledged").unlink()

    again = open_outbox(tmp_path)
    assert again.append([draft(3)]) == [3]
    again.close()


def test_the_spool_keeps_its_id(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "a")
    other = open_outbox(tmp_path / "b")
    outbox.close()
    again = open_outbox(tmp_path / "a")
    assert again.spool_id == outbox.spool_id != other.spool_id
    again.close()
    other.close()


def test_delivered_segments_are_deleted_and_the_last_one_stays(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, segment_bytes=1_000)
    for number in range(30):
        outbox.append([draft(number)])
    assert len(segments(tmp_path)) > 3

    outbox.acknowledge(read_all(outbox))

    assert len(segments(tmp_path)) == 1
    assert outbox.append([draft(30)]) == [31]
    assert numbers(read_all(outbox)) == [30]
    outbox.close()


def test_the_backlog_counts_what_is_not_acknowledged(tmp_path: Path) -> None:
    clock = Clock()
    outbox = open_outbox(tmp_path, clock=clock)
    assert outbox.backlog().count == 0
    assert outbox.backlog().oldest_at_ms is None

    outbox.append([draft(1), draft(2)])
    began_ms = int(clock.now.timestamp() * 1000)
    clock.advance(60)
    outbox.append([draft(3)])
    assert outbox.backlog().count == 3
    assert outbox.backlog().oldest_at_ms == began_ms
    assert outbox.backlog().bytes == segments(tmp_path)[0].stat().st_size

    window = outbox.read_next(records_max=2, bytes_max=10_000)
    assert outbox.backlog().count == 3
    outbox.acknowledge(window)
    assert outbox.backlog().count == 1
    outbox.acknowledge(read_all(outbox))
    assert outbox.backlog() == type(outbox.backlog())(0, 0, None)
    outbox.close()


def test_the_backlog_is_the_same_after_opening_anew(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, segment_bytes=1_000)
    outbox.append([draft(n) for n in range(20)])
    before = outbox.backlog()
    outbox.close()
    again = open_outbox(tmp_path, segment_bytes=1_000)
    assert again.backlog() == before
    again.close()


def test_the_last_write_cut_at_every_byte_loses_nothing_accepted(
    tmp_path: Path,
) -> None:
    """The last group is in the middle of being written; those before were accepted."""
    whole = tmp_path / "whole"
    outbox = open_outbox(whole)
    outbox.append([draft(1), draft(2)])
    accepted = segments(whole)[0].stat().st_size
    outbox.append([draft(3, pad=40)])
    outbox.close()
    size = segments(whole)[0].stat().st_size

    for cut in range(accepted, size + 1):
        spool = tmp_path / f"cut-{cut}"
        shutil.copytree(whole, spool)
        os.truncate(segments(spool)[0], cut)

        again = open_outbox(spool, disk=UnsyncedDisk())

        expected = [1, 2, 3] if cut == size else [1, 2]
        assert again.append([draft(4)]) == [len(expected) + 1]
        assert numbers(read_all(again)) == [*expected, 4]
        assert again.damaged_bytes == (0 if cut == size else cut - accepted)
        assert again.backlog().count == len(expected) + 1
        again.close()
        shutil.rmtree(spool)


def test_any_flipped_byte_costs_the_record_it_is_in_and_no_other(
    tmp_path: Path,
) -> None:
    whole = tmp_path / "whole"
    outbox = open_outbox(whole)
    ends = []
    for number in range(3):
        outbox.append([draft(number)])
        ends.append(segments(whole)[0].stat().st_size)
    outbox.close()
    content = segments(whole)[0].read_bytes()

    for at in range(len(content)):
        spool = tmp_path / f"flip-{at}"
        shutil.copytree(whole, spool)
        flipped = bytearray(content)
        flipped[at] ^= 0x40
        segments(spool)[0].write_bytes(flipped)

        again = open_outbox(spool, disk=UnsyncedDisk())

        hit = next(n for n, end in enumerate(ends) if at < end)
        assert numbers(read_all(again)) == [n for n in range(3) if n != hit]
        assert again.damaged_bytes > 0
        again.close()
        shutil.rmtree(spool)


def test_a_damaged_segment_is_kept_for_a_person_when_its_rest_is_delivered(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path, segment_bytes=600)
    for number in range(10):
        outbox.append([draft(number)])
    outbox.close()
    first = segments(tmp_path)[0]
    content = bytearray(first.read_bytes())
    content[30] ^= 0xFF
    first.write_bytes(content)

    again = open_outbox(tmp_path, segment_bytes=600)
    assert again.backlog().count == 9
    found = read_all(again)
    again.acknowledge(found)

    assert numbers(found) == list(range(1, 10))
    assert (tmp_path / "damaged" / first.name).read_bytes() == bytes(content)
    assert again.backlog().count == 0
    again.close()


def test_a_torn_tail_is_kept_beside_the_spool(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(1)])
    outbox.close()
    segment = segments(tmp_path)[0]
    size = segment.stat().st_size
    with segment.open("ab") as file:
        file.write(b"half a record")

    open_outbox(tmp_path).close()

    assert segment.stat().st_size == size
    (kept,) = (tmp_path / "damaged").iterdir()
    assert kept.read_bytes() == b"half a record"


def test_a_tail_of_zeros_as_a_power_loss_leaves_it_is_cut_without_a_trace(
    tmp_path: Path,
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(1)])
    outbox.close()
    with segments(tmp_path)[0].open("ab") as file:
        file.write(bytes(5_000))

    again = open_outbox(tmp_path)

    assert numbers(read_all(again)) == [1]
    assert not (tmp_path / "damaged").exists()
    again.close()


def test_a_lost_segment_file_does_not_stop_the_others(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path, segment_bytes=600)
    for number in range(12):
        outbox.append([draft(number)])
    outbox.close()
    lost = segments(tmp_path)[1]
    gone = {
        number_of(s.event) for s in scan(lost.read_bytes()) if isinstance(s, Stored)
    }
    lost.unlink()

    again = open_outbox(tmp_path, segment_bytes=600)

    assert numbers(read_all(again)) == [n for n in range(12) if n not in gone]
    again.close()


@pytest.mark.parametrize("content", [b"", b"\x00" * 12, b"junk", b"\xff" * 12])
def test_a_broken_cursor_only_sends_again(tmp_path: Path, content: bytes) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append([draft(1), draft(2)])
    outbox.acknowledge(outbox.read_next(records_max=1, bytes_max=10_000))
    outbox.close()
    (tmp_path / "acknowledged").write_bytes(content)

    again = open_outbox(tmp_path)

    assert numbers(read_all(again)) == [1, 2]
    assert again.append([draft(3)]) == [3]
    again.close()


def test_scanning_passes_over_rubbish_between_whole_records() -> None:
    one = encode(Stored(1, 5, b"k", b"", b"{}"))
    two = encode(Stored(2, 6, b"", b"t", b""))
    items = list(scan(b"??" + one + b"\xf5OS\x01" + two + b"\xf5", base=100))

    assert items[0] == Damage(100, 102)
    assert items[2] == Damage(102 + len(one), 106 + len(one))
    assert items[4] == Damage(106 + len(one + two), 107 + len(one + two))
    assert [s.sequence for s in items if isinstance(s, Stored)] == [1, 2]
