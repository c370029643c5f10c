"""A polled batch is one message; the engine's state says where to read on."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from faust.types import TP

from streams.engine.delivery import (
    CROWDED_POLL_TIMEOUT_S,
    POLL_TIMEOUT_S,
    Assignor,
    Consumer,
    ConsumerThread,
)
from tests.engine.tallies import record

if TYPE_CHECKING:
    from collections.abc import Callable

ONE, TWO = TP("stock-movements", 0), TP("stock-movements", 1)


class Polls(Consumer):
    """Faust's consumer without its thread: what it polls is given by the test."""

    def __init__(self, wanted: set[TP], positions: dict[TP, int | None]) -> None:
        # The base class would start a thread and connect.
        self.asked: list[tuple[set[TP], float]] = []
        self.sought: dict[TP, int] = {}
        self.unpolled = 0
        self._fetch_from = {}
        self._read_offset: dict[TP, int | None] = {}
        self._voided = set()
        self.flow_active = True
        self.polls: list[dict[TP, Any]] = []
        self.during_poll: Callable[[], None] = lambda: None
        self._flow_epoch = 0
        self._positions = positions
        self._thread = cast(Any, SimpleNamespace(poll_state=lambda _: self.unpolled))
        self.app = cast(
            Any,
            SimpleNamespace(
                engine=SimpleNamespace(
                    wants=lambda tp: tp in wanted,
                    positions=lambda tps: {tp: positions.get(tp) for tp in tps},
                ),
                tables=SimpleNamespace(changelog_topics={"changelog"}),
                consumer_generation_id=3,
            ),
        )

    @property
    def should_stop(self) -> bool:
        return False

    def _get_active_partitions(self) -> set[TP]:
        return {ONE, TWO}

    def assignment(self) -> set[TP]:
        return {ONE, TWO, TP("changelog", 0)}

    async def _getmany(self, tps: set[TP], timeout: float) -> dict[TP, Any]:  # noqa: ASYNC109 - Faust's signature
        self.asked.append((tps, timeout))
        self.during_poll()
        return self.polls.pop(0) if self.polls else {}

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, 40)

    async def seek_wait(self, offsets: dict[TP, int]) -> None:
        self.sought = offsets


@pytest.fixture
def consumer() -> Polls:
    return Polls({ONE, TWO}, {ONE: 17})


def test_a_message_stands_for_its_whole_batch(consumer: Polls) -> None:
    records = [record(5), record(9)]

    message = consumer._message(ONE, cast(Any, records), (3, 0))

    assert (message.topic, message.offset) == ("stock-movements", 9)
    assert message.value.records == records
    assert message.value.epoch == (3, 0)


async def test_a_batch_follows_on_the_one_before_whatever_lies_between(
    consumer: Polls,
) -> None:
    await consumer.perform_seek()

    first = consumer._message(ONE, cast(Any, [record(18)]), (3, 0))
    second = consumer._message(ONE, cast(Any, [record(25)]), (3, 0))

    assert first.value.fetched_from == 17, "where the state stands, not 18"
    assert second.value.fetched_from == 19


async def test_the_state_decides_where_to_read_on(consumer: Polls) -> None:
    await consumer.perform_seek()

    assert consumer.sought == {ONE: 17, TWO: 40}
    assert consumer._read_offset == dict.fromkeys(consumer.assignment())


async def test_what_a_poll_across_a_rebalance_brought_is_read_again(
    consumer: Polls,
) -> None:
    """It began before the rebalance and ended after the seek, with what is there."""
    consumer.polls = [{ONE: [record(17), record(18)]}, {ONE: [record(17)]}]
    consumer._fetch_from = {ONE: 17, TWO: 40}

    def rebalance() -> None:
        consumer._flow_epoch += 1
        consumer.during_poll = lambda: None

    consumer.during_poll = rebalance
    assert [tp async for tp, _ in consumer.getmany(1.0)] == []
    assert consumer.sought == {}

    delivered = [message async for _, message in consumer.getmany(1.0)]

    assert consumer.sought == {ONE: 17}
    assert [each.value.fetched_from for each in delivered] == [17]
    consumer.sought = {}
    assert [tp async for tp, _ in consumer.getmany(1.0)] == []
    assert consumer.sought == {}, "once is enough"


async def test_partitions_that_are_no_longer_ours_are_not_read_again(
    consumer: Polls,
) -> None:
    consumer._voided = {ONE, TWO}
    consumer._fetch_from = {TWO: 40}

    assert [tp async for tp, _ in consumer.getmany(1.0)] == []

    assert consumer.sought == {TWO: 40}


async def test_a_full_partition_is_left_out_and_asked_again_soon() -> None:
    crowded = Polls({TWO}, {})

    await crowded._poll()

    assert crowded.asked == [({TWO}, CROWDED_POLL_TIMEOUT_S)]


async def test_with_room_everywhere_a_poll_waits_for_records(consumer: Polls) -> None:
    await consumer._poll()

    assert consumer.asked == [({ONE, TWO}, POLL_TIMEOUT_S)]


async def test_where_no_partition_has_room_nothing_is_polled() -> None:
    full = Polls(set(), {})

    assert await full._poll() == {}
    assert full.asked == []


def test_a_rebalance_or_a_stopped_flow_voids_what_was_polled_before(
    consumer: Polls,
) -> None:
    before = consumer.epoch
    consumer._flow_epoch += 1
    after_stop = consumer.epoch
    consumer.app.consumer_generation_id += 1

    assert len({before, after_stop, consumer.epoch}) == 3


def test_what_waits_is_what_was_polled_but_not_applied_and_what_was_not_polled(
    consumer: Polls,
) -> None:
    assert consumer.waiting(ONE, 10) == 0
    consumer._message(ONE, cast(Any, [record(10), record(14)]), (3, 0))
    assert consumer.waiting(ONE, 10) == 5
    consumer.unpolled = 3
    assert consumer.waiting(ONE, 15) == 3


async def test_faust_commits_nothing_by_itself(consumer: Polls) -> None:
    assert await consumer.commit() is True
    assert await consumer._commit({ONE: 3}) is True


async def test_a_membership_that_ended_with_an_error_is_told() -> None:
    async def lost() -> None:
        raise OSError("the group is gone")

    thread = ConsumerThread.__new__(ConsumerThread)
    thread._consumer = None
    assert thread.coordination_error() is None
    thread._consumer = cast(Any, SimpleNamespace(_coordinator=None))
    assert thread.coordination_error() is None, "the broker is not reached yet"
    task = asyncio.create_task(lost())
    coordinator = SimpleNamespace(_coordination_task=task)
    thread._consumer = cast(Any, SimpleNamespace(_coordinator=coordinator))
    assert thread.coordination_error() is None, "still under way"

    await asyncio.wait([task])

    assert str(thread.coordination_error()) == "the group is gone"


def test_nobodys_partition_has_no_url() -> None:
    assignor = Assignor.__new__(Assignor)
    assignor._tps_url = {TP("changelog", 1): "http://127.0.0.1:8600"}

    assert assignor.url_of("changelog", 0) is None
    assert assignor.url_of("changelog", 1) == "http://127.0.0.1:8600"
