"""Whatever happens on the way, an entry's quantity ends at what is available.

Requests and answers are lost, late and repeated, workers crash and come back as
zombies, commerce sells meanwhile; the shop checks every write (see model.Shop).
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.connectors.inventory import (
    Accepted,
    Counters,
    InventoryPublisher,
    Outcome,
)
from streams.domain.availability import Counting
from streams.domain.publications import Level, Publication, accept, is_owed, observe
from streams.mapping.publications import update_of
from tests.connectors.model import (
    FreeTurn,
    KnownChannels,
    Network,
    Request,
    Shop,
    foreign_entry,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@dataclass
class Sender:
    """A worker's attempt, stopped at the request it waits for."""

    coroutine: Coroutine[Request, bool, Outcome]
    request: Request


@dataclass
class World:
    """One entry, its ledger row, workers that come and go, and a bad network."""

    counting: Counting
    shop: Shop
    stock: int = 5
    target: int = 5
    sequence: int = 1
    row: Publication = field(init=False)
    past: list[Publication] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    strays: list[Request] = field(default_factory=list)
    answers: list[Accepted] = field(default_factory=list)
    unheard: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.row = self._observed(None)

    @property
    def available(self) -> int:
        return max(0, self.stock)

    @property
    def quantity(self) -> int:
        (entry,) = self.shop.entries.values()
        return entry.quantity_on_stock

    def move(self, quantity: int, *, counted: bool = False) -> None:
        """Post a movement, as the ledger does."""
        before = self.available
        self.stock += quantity
        self.target += self.available - before - (quantity if counted else 0)
        self.sequence += 1
        self.past.append(self.row)
        self.row = self._observed(self.row)

    def order(self, quantity: int) -> None:
        """Sell in the web shop; the ledger hears of it later."""
        ours = [e for e in self.shop.entries.values() if e.custom is not None]
        if ours and self.counting is Counting.COMMERCE:
            self.shop.sell(ours[0].id, quantity)
            self.unheard.append(quantity)

    def hear_order(self) -> None:
        if self.unheard:
            self.move(-self.unheard.pop(0), counted=True)

    def send(self, row: Publication) -> None:
        if not is_owed(row):
            return
        carrier = InventoryPublisher(
            Network(self.shop),
            KnownChannels(),
            counting=self.counting,
            counters=Counters(),
            clock=lambda: NOW,
        )
        attempt = carrier.publish(update_of(b"TEE|LDN01", row), row.told, FreeTurn())
        self._drive(attempt, None)

    def arrive(self, place: int) -> None:
        """Let one request reach the shop, be its sender alive or not."""
        waiting = [*(sender.request for sender in self.senders), *self.strays]
        if waiting:
            waiting[place % len(waiting)].arrive()

    def answer(self, place: int, *, lost: bool) -> None:
        if not self.senders:
            return
        sender = self.senders.pop(place % len(self.senders))
        if lost:
            self.strays.append(sender.request)
        else:
            sender.request.arrive()
        self._drive(sender.coroutine, not lost)

    def crash(self, place: int) -> None:
        if self.senders:
            sender = self.senders.pop(place % len(self.senders))
            self.strays.append(sender.request)
            sender.coroutine.close()

    def fold(self, place: int) -> None:
        """Fold one answer, or, if there is none, nothing."""
        if self.answers:
            answer = self.answers.pop(place % len(self.answers))
            self.row = accept(self.row, answer.told)

    def tell(self) -> None:
        self.send(self.row)
        while self.senders:
            self.answer(0, lost=False)
        while self.answers:
            self.fold(0)

    def settle(self) -> None:
        """End all trouble, and let the last worker finish."""
        while self.senders:
            self.answer(0, lost=False)
        for stray in self.strays:
            stray.arrive()
        while self.unheard:
            self.hear_order()
        for _ in range(10):
            self.tell()
        assert not is_owed(self.row)

    def _drive(self, attempt: Coroutine[Any, Any, Outcome], answered: Any) -> None:
        try:
            request = attempt.send(answered)
        except StopIteration as stop:
            if isinstance(stop.value, Accepted):
                self.answers.append(stop.value)
        else:
            self.senders.append(Sender(attempt, request))

    def _observed(self, row: Publication | None) -> Publication:
        level = Level(self.target, self.available, self.sequence, 0)
        return observe(row, level, channel_key="ldn", counting=self.counting)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(-2, 2).filter(bool)),
        st.tuples(st.just("order"), st.integers(1, 3)),
        st.tuples(st.just("hear"), st.just(0)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("zombie"), st.integers(0, 30)),
        st.tuples(st.just("arrive"), st.integers(0, 9)),
        st.tuples(st.just("answer"), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("crash"), st.integers(0, 9)),
        st.tuples(st.just("fold"), st.integers(0, 9)),
        st.tuples(st.just("touch"), st.just(0)),
        st.tuples(st.just("vanish"), st.integers(0, 9)),
        # What is common gets a step of its own, so that what is rare meets it.
        st.tuples(st.just("tell"), st.just(0)),
        st.tuples(st.just("tell and crash"), st.just(0)),
    ),
    min_size=25,  # With no minimum, hypothesis draws five steps on average.
    max_size=60,
)


def play(world: World, script: list[tuple[str, int]]) -> None:
    for name, number in script:
        match name:
            case "move":
                world.move(number)
            case "order":
                world.order(number)
            case "hear":
                world.hear_order()
            case "send":
                world.send(world.row)
            case "zombie" if world.past:
                world.send(world.past[number % len(world.past)])
            case "arrive":
                world.arrive(number)
            case "answer":
                world.answer(number, lost=False)
            case "lose":
                world.answer(number, lost=True)
            case "crash":
                world.crash(number)
            case "fold":
                world.fold(number)
            case "vanish" if world.strays:
                world.strays.pop(number % len(world.strays))
            case "tell":
                world.tell()
            case "tell and crash":
                world.send(world.row)
                world.arrive(len(world.senders) - 1)
                world.crash(len(world.senders) - 1)
            case "touch":
                for entry_id in world.shop.entries:
                    world.shop.touch(entry_id)


@pytest.mark.parametrize("exists", [False, True], ids=["new", "adopted"])
@given(script=steps)
@settings(max_examples=120, deadline=None)
def test_deltas_count_once_whatever_is_lost_late_or_sent_twice(
    exists: bool, script: list[tuple[str, int]]
) -> None:
    world = World(Counting.COMMERCE, foreign_entry(9) if exists else Shop())
    play(world, script)
    world.settle()
    assert world.quantity == world.available


@given(script=steps)
@settings(max_examples=120, deadline=None)
def test_absolute_quantities_end_at_the_newest(script: list[tuple[str, int]]) -> None:
    world = World(Counting.POOL, Shop(deltas=False))
    play(world, script)
    world.settle()
    assert world.quantity == world.available
