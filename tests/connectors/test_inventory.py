"""One entry brought to what is wanted, whatever is lost, late, or done twice."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Duplicate,
    Overtaken,
    Refused,
    Throttled,
    TypeMissing,
    Unavailable,
    VersionConflict,
)
from streams.connectors.inventory import (
    Accepted,
    Counters,
    Declined,
    InventoryPublisher,
    Outcome,
    Postponed,
)
from streams.domain.availability import Counting
from streams.domain.publications import Level, Publication, accept, is_owed, observe
from streams.mapping.commerce import (
    SEQUENCE_FIELD,
    TARGET_FIELD,
    CustomWire,
    EntryWire,
    ReferenceWire,
    entry_key,
)
from streams.mapping.publications import AdoptionWire, UpdateWire, update_of
from tests.connectors.model import (
    Direct,
    FreeTurn,
    KnownChannels,
    Network,
    Request,
    Shop,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CHANNEL = ReferenceWire(type_id="channel", id="id-ldn")


def update(
    *, target: int = 5, sequence: int = 1, available: int | None = None
) -> UpdateWire:
    units = target if available is None else available
    return UpdateWire("TEE", "LDN01", "ldn", target, units, sequence)


def publisher(
    client: Any, counting: Counting = Counting.COMMERCE, channels: Any = None
) -> InventoryPublisher:
    return InventoryPublisher(
        client,
        channels or KnownChannels(),
        counting=counting,
        counters=Counters(),
        clock=lambda: NOW,
    )


async def tell(client: Any, wanted: UpdateWire, told: Any = None) -> Outcome:
    return await publisher(client).publish(wanted, told, FreeTurn())


async def accepted(client: Any, wanted: UpdateWire, told: Any = None) -> Accepted:
    outcome = await tell(client, wanted, told)
    assert isinstance(outcome, Accepted)
    return outcome


def only(shop: Shop) -> EntryWire:
    (entry,) = shop.entries.values()
    return entry


def foreign(quantity: int, custom: CustomWire | None = None) -> Shop:
    shop = Shop()
    shop.entries["f1"] = EntryWire(
        "f1", 3, "TEE", quantity, supply_channel=CHANNEL, custom=custom
    )
    return shop


async def test_a_missing_entry_is_created_with_our_fields() -> None:
    shop = Shop()
    outcome = await accepted(Direct(shop), update())
    entry = only(shop)
    assert outcome.action == "create"
    assert (entry.key, entry.quantity_on_stock) == ("ldn_TEE", 5)
    assert entry.custom is not None
    assert entry.custom.fields == {TARGET_FIELD: 5, SEQUENCE_FIELD: 1}


async def test_what_was_told_saves_the_read() -> None:
    shop = Shop()
    first = await accepted(Direct(shop), update())
    counters = Counters()
    again = InventoryPublisher(
        Direct(shop),
        KnownChannels(),
        counting=Counting.COMMERCE,
        counters=counters,
        clock=lambda: NOW,
    )
    await again.publish(update(target=3, sequence=2), first.told, FreeTurn())
    assert only(shop).quantity_on_stock == 3
    assert (counters.reads, counters.writes) == (0, 1)


async def test_a_foreign_entry_is_adopted_with_one_correction() -> None:
    shop = foreign(9)
    outcome = await accepted(Direct(shop), update())
    assert outcome.adoption == AdoptionWire(found=9, correction=-4)
    assert only(shop).quantity_on_stock == 5
    outcome = await accepted(Direct(shop), update(target=6, sequence=2))
    assert outcome.adoption is None


async def test_a_foreign_type_stays_on_its_entry() -> None:
    own = ReferenceWire(type_id="type", id="t-theirs")
    shop = foreign(9, CustomWire(own, {"shelf": "A3"}))
    await accepted(Direct(shop), update())
    custom = only(shop).custom
    assert custom is not None
    assert custom.type == own
    assert custom.fields == {"shelf": "A3", TARGET_FIELD: 5, SEQUENCE_FIELD: 1}


async def test_a_conflict_is_read_and_decided_again() -> None:
    shop = Shop()
    first = await accepted(Direct(shop), update())
    shop.sell(first.told.entry_id, 2)
    await accepted(Direct(shop), update(target=6, sequence=2), first.told)
    assert only(shop).quantity_on_stock == 4  # 5 - 2 sold by commerce + 1


async def test_a_lost_answer_is_settled_by_reading() -> None:
    shop = Shop()
    first = await accepted(Direct(shop), update())

    async def lose(_: str) -> None:
        raise Ambiguous("No answer", reason="no_answer")

    client = Direct(shop, after=lose)
    outcome = await accepted(client, update(target=8, sequence=2), first.told)
    assert outcome.action == "none"
    assert only(shop).quantity_on_stock == 8
    assert len(shop.writes) == 2


async def test_a_lost_adoption_is_still_recorded() -> None:
    shop = foreign(9)

    async def lose(_: str) -> None:
        raise Ambiguous("No answer", reason="no_answer")

    outcome = await accepted(Direct(shop, after=lose), update())
    assert outcome.adoption == AdoptionWire(found=9, correction=-4)


async def test_a_lost_creation_is_not_repeated() -> None:
    shop = Shop()

    async def lose(_: str) -> None:
        raise Ambiguous("No answer", reason="no_answer")

    await accepted(Direct(shop, after=lose), update())
    assert only(shop).quantity_on_stock == 5


async def test_a_creation_that_another_won_is_adopted() -> None:
    shop = Shop()

    async def race(_: str) -> None:
        if not shop.entries:
            shop.entries["f1"] = EntryWire("f1", 1, "TEE", 2, supply_channel=CHANNEL)

    outcome = await accepted(Direct(shop, gate=race), update())
    assert outcome.adoption == AdoptionWire(found=2, correction=3)
    assert only(shop).quantity_on_stock == 5


async def test_a_key_that_is_taken_gives_way_to_a_hash() -> None:
    shop = Shop()
    shop.entries["f1"] = EntryWire("f1", 1, "OTHER", 2, key="ldn_TEE")
    outcome = await accepted(Direct(shop), update())
    key = shop.entries[outcome.told.entry_id].key
    assert key == entry_key("ldn", "TEE", hashed=True)


async def test_an_entry_deleted_by_hand_is_created_anew() -> None:
    shop = Shop()
    first = await accepted(Direct(shop), update())
    shop.entries.clear()
    outcome = await accepted(Direct(shop), update(target=7, sequence=2), first.told)
    assert outcome.action == "create"
    assert only(shop).quantity_on_stock == 7


async def test_an_older_state_is_not_told() -> None:
    shop = Shop()
    await accepted(Direct(shop), update(target=7, sequence=9))
    outcome = await tell(Direct(shop), update(target=5, sequence=8))
    assert isinstance(outcome, Postponed)
    assert isinstance(outcome.error, Overtaken)
    assert "sequence 9, ours is 8" in str(outcome.error)
    assert only(shop).quantity_on_stock == 7


async def failing(error: ConnectorError) -> tuple[Outcome, FreeTurn, Counters]:
    async def fail(_: str) -> None:
        raise error

    turn, counters = FreeTurn(), Counters()
    carrier = InventoryPublisher(
        Direct(Shop(), gate=fail),
        KnownChannels(),
        counting=Counting.COMMERCE,
        counters=counters,
        clock=lambda: NOW,
    )
    return await carrier.publish(update(), None, turn), turn, counters


@pytest.mark.parametrize("status", [429, 503])
async def test_being_turned_away_postpones_and_slows_all_down(status: int) -> None:
    error = Throttled("slow down", status=status, retry_after_s=7.0)
    outcome, turn, counters = await failing(error)
    assert outcome == Postponed(error)
    assert turn.waits == [7.0]
    assert (counters.throttled, counters.writes) == (1, 1)


async def test_an_unreachable_shop_postpones() -> None:
    outcome, turn, counters = await failing(Unavailable("no route"))
    assert isinstance(outcome, Postponed)
    assert (turn.failures, counters.unavailable) == (1, 1)


async def test_failures_without_end_postpone() -> None:
    outcome, turn, counters = await failing(Ambiguous("500", status=500))
    assert isinstance(outcome, Postponed)
    assert counters.ambiguous == turn.failures == 4


async def test_conflicts_without_end_postpone() -> None:
    outcome, _, counters = await failing(VersionConflict("409", status=409))
    assert isinstance(outcome, Postponed)
    assert counters.conflicts == 4


@pytest.mark.parametrize(
    "error",
    [
        Refused("no", reason="InvalidField", status=400),
        Duplicate("taken", reason="DuplicateField", status=400),
        TypeMissing("run `oneshelf commercetools bootstrap`", status=400),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_of_no_use_is_declined(error: ConnectorError) -> None:
    outcome, _, _ = await failing(error)
    assert outcome == Declined("create", error)


async def test_a_missing_channel_is_asked_for_anew_next_time() -> None:
    forgotten: list[str] = []

    class Gone(KnownChannels):
        async def find(self, key: str) -> str:
            raise ChannelMissing(f"no channel {key}", reason="channel_missing")

        def forget(self, key: str) -> None:
            forgotten.append(key)

    outcome = await publisher(Direct(Shop()), channels=Gone()).publish(
        update(), None, FreeTurn()
    )
    assert isinstance(outcome, Declined)
    assert forgotten == ["ldn"]


async def test_a_refused_foreign_type_says_what_to_do() -> None:
    async def fail(_: str) -> None:
        raise Refused("no such field", reason="InvalidField", status=400)

    own = ReferenceWire(type_id="type", id="t-theirs")
    shop = foreign(9, CustomWire(own, {"shelf": "A3"}))
    outcome = await tell(Direct(shop, gate=fail), update())
    assert isinstance(outcome, Declined)
    assert "add the number fields oneshelfTarget" in str(outcome.error)


# The law: whatever happens on the way, the quantity ends at what is available.


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

    def move(self, quantity: int, *, counted: bool = False) -> None:
        """Post a movement, as the ledger does (see docs: commerce_target)."""
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
        carrier = publisher(Network(self.shop), self.counting)
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
    world = World(Counting.COMMERCE, foreign(9) if exists else Shop())
    play(world, script)
    world.settle()
    assert only(world.shop).quantity_on_stock == world.available


@given(script=steps)
@settings(max_examples=120, deadline=None)
def test_absolute_quantities_end_at_the_newest(script: list[tuple[str, int]]) -> None:
    world = World(Counting.POOL, Shop(deltas=False))
    play(world, script)
    world.settle()
    assert only(world.shop).quantity_on_stock == world.available
