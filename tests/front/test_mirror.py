"""The front answers as the worker last told, and asks it where it cannot know."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.front import mirror
from streams.front.feed import ANSWERS_AT_ONCE, FollowedAnswers
from streams.front.frames import Told, Wanted
from streams.front.mirror import SILENCE_MAX_S, SILENCE_S, Mirror
from streams.tables import LEVELS
from streams.web.answers import Answers, complete
from streams.web.ports import Local
from tests.web.fakes import FakeLedger, partition_of
from tests.web.rows import level_row

ANSWER = b'{"sku":"A","staleness_s":'


class Front:
    """A mirror with a clock of its own, and what it said."""

    def __init__(self, capacity: int = 100) -> None:
        self.now = 100.0
        self.said: list[Wanted] = []
        self.mirror = Mirror(self.said.append, lambda: self.now, capacity=capacity)

    def told(self, **staleness: float) -> None:
        partitions = {int(name[1:]): age for name, age in staleness.items()}
        self.mirror.hear(Told({b"A": (1, ANSWER)}, partitions))

    def staleness_s(self) -> float | None:
        body = self.mirror.body(b"A")
        return None if body is None else json.loads(body)["staleness_s"]


def test_what_is_not_known_is_wanted_once() -> None:
    front = Front()

    assert front.mirror.body(b"A") is None
    assert front.mirror.body(b"A") is None

    assert front.said == [Wanted([b"A"], [])]


async def test_who_asks_first_waits_for_the_worker_to_tell() -> None:
    front = Front()
    front.mirror.hear(Told({}, {1: 0.0}))
    asked = [asyncio.create_task(front.mirror.wait_for(b"A")) for _ in range(2)]
    await asyncio.sleep(0)
    assert front.said == [Wanted([b"A"], [])]

    front.mirror.hear(Told({b"A": (1, ANSWER)}))

    assert await asyncio.gather(*asked) == [ANSWER + b"0.0}"] * 2


async def test_who_asks_for_what_is_not_the_workers_is_sent_on_at_once() -> None:
    front = Front()
    asked = asyncio.create_task(front.mirror.wait_for(b"A"))
    await asyncio.sleep(0)

    front.mirror.hear(Told({b"A": None}))

    assert await asked is None


async def test_a_worker_that_does_not_tell_is_asked_in_the_usual_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror, "ANSWER_PATIENCE_S", 0.01)

    assert await Front().mirror.wait_for(b"A") is None


def test_an_answer_carries_the_staleness_of_its_partition() -> None:
    front = Front()
    front.told(p0=9.0, p1=0.25)

    assert front.staleness_s() == 0.25


def test_a_partition_that_is_not_open_at_the_worker_is_not_answered_for() -> None:
    front = Front()
    front.told(p1=0.0)
    assert front.staleness_s() == 0.0

    front.mirror.hear(Told({}, {0: 0.0}))

    assert front.staleness_s() is None


def test_an_answer_ages_while_the_worker_is_silent_and_is_given_up_in_the_end() -> None:
    front = Front()
    front.told(p1=0.5)

    front.now += SILENCE_S
    assert front.staleness_s() == 0.5
    front.now += 1.0
    assert front.staleness_s() == 0.5 + 1.0 + SILENCE_S
    front.now += SILENCE_MAX_S
    assert front.staleness_s() is None


def test_an_answer_that_is_taken_back_is_wanted_again() -> None:
    front = Front()
    front.told(p1=0.0)

    front.mirror.hear(Told({b"A": None}))

    assert front.mirror.body(b"A") is None
    assert front.said == [Wanted([b"A"], [])]


def test_beyond_its_capacity_it_drops_what_it_asked_for_first() -> None:
    front = Front(capacity=2)
    skus = [b"A", b"B", b"C"]

    front.mirror.hear(Told(dict.fromkeys(skus, (0, ANSWER)), {0: 0.0}))

    assert front.said == [Wanted([], [b"A"])]
    assert [front.mirror.body(sku) is not None for sku in skus] == [False, True, True]


class Loop:
    """A worker whose commits, and a front whose questions, take turns as drawn."""

    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.answers = FollowedAnswers(self.ledger)
        for view in self.ledger.views:
            self.answers.opened(view)
        self.news: list[Told] = []
        self.answers.follow(self.news.append)
        self.mirror = Mirror(self.answers.wish, lambda: 0.0)
        self.mirror.hear(Told({}, self.ledger.staleness()))

    def commit(self, sku: str, location_id: str, on_hand: int) -> None:
        view = self.ledger.views[partition_of(sku.encode())]
        table, key, value = level_row(sku, location_id, on_hand=on_hand)
        view.put(table, key, value)
        self.answers.committed(view, {LEVELS: {key: value}})

    def deliver(self) -> None:
        self.answers.tell_changes()
        while self.news:
            self.mirror.hear(self.news.pop(0))

    def is_right(self, sku: str) -> bool:
        owner = self.ledger.owner_of(sku.encode())
        body = self.mirror.body(sku.encode())
        if not isinstance(owner, Local):
            return body is None
        known = Answers().of(owner.view, sku.encode())
        return body is None or (known is not None and body == complete(known, 0.0))


SKUS = ("A", "B", "C")
steps = st.one_of(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(("X", "Y")), st.integers(0, 3)),
    st.sampled_from(SKUS),
)


@given(st.lists(steps, max_size=30))
async def test_once_the_news_are_there_the_front_says_what_the_table_says(
    drawn: list[tuple[str, str, int] | str],
) -> None:
    loop = Loop()
    for step in drawn:
        if isinstance(step, str):
            loop.mirror.body(step.encode())
        else:
            loop.commit(*step)
        loop.deliver()
        assert all(loop.is_right(sku) for sku in SKUS)


async def test_what_nobody_wanted_is_not_told() -> None:
    loop = Loop()
    loop.commit("A", "X", 1)
    loop.deliver()
    assert loop.mirror.body(b"A") is None
    loop.deliver()
    assert loop.mirror.body(b"A") is not None

    loop.commit("B", "X", 1)
    loop.answers.tell_changes()

    assert loop.news == []


async def test_a_partition_that_leaves_takes_its_answers_along() -> None:
    loop = Loop()
    loop.commit("A", "X", 1)
    loop.mirror.body(b"A")
    loop.deliver()

    loop.ledger.restore("A")
    loop.answers.closed(partition_of(b"A"))
    loop.deliver()

    assert loop.mirror.body(b"A") is None


async def test_many_changes_are_told_in_portions() -> None:
    loop = Loop()
    for number in range(ANSWERS_AT_ONCE + 1):
        loop.commit(f"S{number}", "X", 1)
        loop.mirror.body(b"S%d" % number)

    loop.answers.tell_changes()
    loop.answers.tell_changes()

    assert [len(told.answers) for told in loop.news] == [ANSWERS_AT_ONCE, 1]
