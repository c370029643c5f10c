"""Rows that owe: taken one at a time, held, answered, and found again in the table."""

import asyncio

import pytest

from streams.delivery.due import DueRows
from streams.engine.fold import Result
from streams.tables import ORDERS
from tests.support.memory_view import MemoryView


class House:
    """A table and the rows that it owes; a row owes what it says, `-` nothing."""

    def __init__(self, capacity: int = 100) -> None:
        self.now = 0.0
        self.view = MemoryView()
        self.rows = DueRows(
            ORDERS,
            lambda value: None if value == b"-" else value,
            monotonic=lambda: self.now,
            capacity=capacity,
        )

    def commit(self, **rows: bytes | None) -> None:
        result = Result()
        for key, value in rows.items():
            result.put(ORDERS, key.encode(), value)
        self.view.apply(result)
        self.rows.committed(self.view, result.writes)

    def taken(self) -> list[bytes]:
        found = []
        while (job := self.rows.take()) is not None:
            found.append(job.key)
        return found


@pytest.fixture
def house() -> House:
    house = House()
    house.rows.opened(house.view)
    return house


def test_rows_are_taken_in_the_order_they_came_and_once(house: House) -> None:
    house.commit(a=b"1", b=b"-", c=b"1")
    house.commit(a=b"2")

    assert house.taken() == [b"a", b"c"]
    assert len(house.rows) == 2
    assert not house.rows.is_settled


def test_a_job_shows_the_row_as_it_is_when_its_turn_comes(house: House) -> None:
    house.commit(a=b"1")
    house.commit(a=b"2")

    job = house.rows.take()

    assert job is not None
    assert (job.value, job.due) == (b"2", b"2")


def test_an_answered_row_waits_for_the_fold_not_for_another_turn(house: House) -> None:
    house.commit(a=b"1")
    job = house.rows.take()
    assert job is not None

    house.rows.answered(job)
    assert house.taken() == []
    assert not house.rows.is_settled

    house.commit(a=b"-")
    assert house.rows.is_settled


def test_what_is_owed_anew_goes_again_although_the_answer_is_not_folded(
    house: House,
) -> None:
    house.commit(a=b"1")
    job = house.rows.take()
    assert job is not None
    house.commit(a=b"2")
    assert house.taken() == []

    house.rows.answered(job)

    assert house.taken() == [b"a"]


def test_a_row_put_back_goes_when_its_time_has_come(house: House) -> None:
    house.commit(a=b"1", b=b"1")
    job = house.rows.take()
    assert job is not None
    house.rows.put_back(job, after_s=5)

    assert house.taken() == [b"b"]
    house.now = 5.0
    assert house.taken() == [b"a"]


def test_a_new_owner_finds_what_is_owed_in_the_table() -> None:
    house = House()
    house.commit(a=b"1", b=b"-")
    house.rows.closed(0)
    house.rows.opened(house.view)

    assert house.taken() == [b"a"]


def test_a_lost_partition_owes_nothing_here(house: House) -> None:
    house.commit(a=b"1", b=b"1")
    job = house.rows.take()
    assert job is not None

    house.rows.closed(0)
    house.rows.answered(job)

    assert house.taken() == []
    assert house.rows.is_settled


def test_what_has_no_room_is_found_again_later() -> None:
    house = House(capacity=2)
    house.rows.opened(house.view)
    house.taken()
    house.commit(a=b"1", b=b"1", c=b"1")

    assert house.taken() == [b"a", b"b", b"c"]


async def test_waiting_ends_with_news_and_with_a_hold(house: House) -> None:
    waiting = asyncio.create_task(house.rows.wait())
    await asyncio.sleep(0)
    house.commit(a=b"1")
    await asyncio.wait_for(waiting, 5)
    job = house.rows.take()
    assert job is not None

    house.rows.put_back(job, after_s=0.01)
    waiting = asyncio.create_task(house.rows.wait())
    await asyncio.sleep(0)
    house.now = 1.0
    await asyncio.wait_for(waiting, 5)

    assert house.taken() == [b"a"]
