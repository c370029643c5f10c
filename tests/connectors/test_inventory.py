"""One entry brought to what is wanted, whatever is lost, late, or done twice."""

from datetime import UTC, datetime
from typing import Any

import pytest

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
from streams.mapping.commerce import (
    SEQUENCE_FIELD,
    TARGET_FIELD,
    CustomWire,
    EntryWire,
    ReferenceWire,
    entry_key,
)
from streams.mapping.publications import AdoptionWire, UpdateWire
from tests.connectors.model import (
    Direct,
    FreeTurn,
    KnownChannels,
    Shop,
    foreign_entry,
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
    shop = foreign_entry(9)
    outcome = await accepted(Direct(shop), update())
    assert outcome.adoption == AdoptionWire(found=9, correction=-4)
    assert only(shop).quantity_on_stock == 5
    outcome = await accepted(Direct(shop), update(target=6, sequence=2))
    assert outcome.adoption is None


async def test_a_foreign_type_stays_on_its_entry() -> None:
    own = ReferenceWire(type_id="type", id="t-theirs")
    shop = foreign_entry(9, CustomWire(own, {"shelf": "A3"}))
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
    shop = foreign_entry(9)

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
    shop = foreign_entry(9, CustomWire(own, {"shelf": "A3"}))
    outcome = await tell(Direct(shop, gate=fail), update())
    assert isinstance(outcome, Declined)
    assert "add the number fields oneshelfTarget" in str(outcome.error)
