"""The intake stage as a plain fold: what goes on, what waits, what is parked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.agents import intake_waiting
from streams.agents.intake import IntakeStage
from streams.domain.movements import Movement
from streams.domain.reference import Location, Product, Reference
from streams.engine.fold import Batch, Context, Output, Result
from streams.mapping.pos import IntakeRules
from streams.mapping.stock import decode_movement
from streams.tables import PARKED_EVENTS, PARKED_EXPIRIES, WAITING
from streams.topics import (
    COMMERCE_MESSAGES,
    NEWSTORE_EVENTS,
    ORDER_NEWS,
    STOCK_MOVEMENTS,
)
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.newstore import (
    Json,
    body,
    counted,
    event,
    item,
    opened,
    received,
    return_item,
    returned,
    shop_floor,
    stock_item,
)

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


class Intake:
    """The stage with its state, as the engine would drive it."""

    def __init__(self, rules: IntakeRules | None = None) -> None:
        self.stage = IntakeStage(rules or IntakeRules())
        self.view = MemoryView()
        self.reference = shop_floor()
        self.now = NOW
        self.next_offset = 0

    @property
    def context(self) -> Context:
        return Context(self.now, self.reference)

    def take(self, *events: object) -> Result:
        """Fold a batch and commit it."""
        result = self.fold(*events)
        self.view.apply(result)
        return result

    def fold(self, *events: object) -> Result:
        records = []
        for content in events:
            value = content if isinstance(content, bytes | None) else body(content)
            records.append(
                MemoryRecord(
                    topic="newstore-events",
                    offset=self.next_offset,
                    key=b"entity",
                    value=value,
                    timestamp=1_740_823_200_000,
                    headers=(("traceparent", b"00-ab-cd-01"),),
                )
            )
            self.next_offset += 1
        return self.stage.fold(
            self.view, Batch(NEWSTORE_EVENTS, 0, records), self.context
        )

    def tick(self) -> Result | None:
        """Tick and commit."""
        result = self.stage.tick(self.view, self.context)
        self.view.apply(result)
        return result

    def know(self, *skus: str) -> None:
        for sku in skus:
            self.reference.put_product(Product(sku=sku))

    @property
    def waiting(self) -> dict[bytes, bytes]:
        return self.view.tables.get(WAITING, {})


def movements(result: Result | None) -> list[Movement]:
    assert result is not None
    outputs: list[Output] = result.outputs.get(STOCK_MOVEMENTS, [])
    return [decode_movement(output.value) for output in outputs]


def ids(result: Result | None) -> list[str]:
    return [movement.movement_id for movement in movements(result)]


def sale(unit: str = "u1", sku: str = "MUG", **more: Any) -> Json:
    return opened(item(unit, product_id=sku), **more)


def test_an_event_becomes_movements_keyed_by_their_sku() -> None:
    result = Intake().take(opened(item("u1"), item("u2", product_id="MUG")))
    outputs = result.outputs[STOCK_MOVEMENTS]
    assert [output.key for output in outputs] == [b"TEE-BLK-M", b"MUG"]
    assert ids(result) == ["sale:u1", "sale:u2"]


def test_a_movement_names_the_event_it_comes_from() -> None:
    intake = Intake()
    intake.take(event("customer.updated"))
    result = intake.take(sale())
    (output,) = result.outputs[STOCK_MOVEMENTS]
    assert output.cause is not None
    assert output.cause.offset == 1
    assert movements(result)[0].origin == "newstore-events/0/1"


def test_the_stage_says_what_it_reads_keeps_and_sends() -> None:
    stage = IntakeStage(IntakeRules())
    assert stage.sources == (NEWSTORE_EVENTS, COMMERCE_MESSAGES)
    assert stage.tables == (WAITING, PARKED_EVENTS, PARKED_EXPIRIES)
    assert stage.outputs == (STOCK_MOVEMENTS, ORDER_NEWS)


def test_an_empty_batch_does_nothing() -> None:
    assert Intake().take() == Result()


def test_every_event_is_counted_once() -> None:
    result = Intake().take(
        sale("u1"),
        opened(item("u2"), item("u3", product_id="NEW")),
        event("customer.updated"),
        event("moon.landed"),
        opened(is_historical=True),
        b"broken",
        None,
    )
    assert result.counts == {
        "in": 7,
        "applied": 2,
        "ignored": 2,
        "parked": 3,
        "unknown_event": 1,
        "movements": 2,
        "order_news": 3,
    }
    assert [parked.reason for parked in result.parked] == [
        "unknown_sku",
        "broken_json",
        "empty_record",
    ]


def test_a_parked_event_keeps_its_record_and_tells_why() -> None:
    (parked,) = Intake().take(sale(sku="NEW")).parked
    assert parked.record.value == body(sale(sku="NEW"))
    assert (parked.field, parked.value) == ("payload.items[0].product_id", "NEW")
    assert parked.sentence.startswith(
        'payload.items[0].product_id "NEW" is not a known product.'
    )


def test_an_event_is_parked_once_with_all_its_problems() -> None:
    lines = [item("u1", product_id="NEW"), item("u2", quantity=0), {"id": "u3"}]
    (parked,) = Intake().take(opened(items=lines)).parked
    assert parked.reason == "impossible_quantity"
    for part in ("items[0]", "items[1]", "items[2]"):
        assert part in parked.sentence


def test_known_lines_go_on_at_once_and_unknown_ones_wait() -> None:
    intake = Intake()
    result = intake.take(opened(item("u1"), item("u2", product_id="NEW")))
    assert ids(result) == ["sale:u1"]
    assert len(intake.waiting) == 2


def test_what_can_never_be_mapped_does_not_wait() -> None:
    intake = Intake()
    intake.take(opened(item(quantity=0)), b"broken")
    assert intake.waiting == {}


def test_nothing_happens_while_the_name_stays_unknown() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    assert intake.tick() is None
    intake.know("OTHER")
    assert intake.tick() is None
    assert len(intake.waiting) == 2


def test_a_line_goes_on_by_itself_once_its_sku_is_known() -> None:
    intake = Intake()
    intake.take(opened(item("u1"), item("u2", product_id="NEW")))
    intake.know("NEW")
    result = intake.tick()
    assert ids(result) == ["sale:u2"]
    assert result is not None
    assert result.counts == {"movements": 1, "redriven": 1}
    assert result.parked == []
    assert intake.waiting == {}
    assert intake.tick() is None


def test_a_line_goes_on_once_its_location_is_known_under_any_name() -> None:
    intake = Intake()
    intake.take(returned(return_item(), return_location_id="uuid-9"))
    intake.reference.put_location(
        Location(location_id="LDN09", newstore_store_id="uuid-9")
    )
    assert movements(intake.tick())[0].location_id == "LDN09"


def test_a_redriven_movement_is_as_if_it_had_never_waited() -> None:
    intake, other = Intake(), Intake()
    intake.take(sale(sku="NEW"))
    intake.know("NEW")
    other.know("NEW")
    assert movements(intake.tick()) == movements(other.take(sale(sku="NEW")))


def test_a_redriven_movement_is_caused_by_the_original_record() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    intake.know("NEW")
    result = intake.tick()
    assert result is not None
    cause = result.outputs[STOCK_MOVEMENTS][0].cause
    assert cause is not None
    assert (cause.topic, cause.partition, cause.offset) == ("newstore-events", 0, 0)
    assert [tuple(header) for header in cause.headers] == [
        ("traceparent", b"00-ab-cd-01")
    ]
    assert (cause.key, cause.value) == (b"entity", body(sale(sku="NEW")))


def test_events_go_on_in_the_order_they_came_whatever_they_waited_for() -> None:
    intake = Intake()
    intake.take(*(sale(f"u{n}", sku=sku) for n, sku in enumerate("BABCA")))
    intake.know("C", "A", "B")
    assert ids(intake.tick()) == [f"sale:u{n}" for n in range(5)]


def test_an_event_may_wait_for_several_names_and_go_on_line_by_line() -> None:
    intake = Intake()
    intake.take(received(stock_item("A"), stock_item("B"), stock_item("MUG")))
    intake.know("B")
    result = intake.tick()
    assert ids(result) == ["receipt:rcv-1:1:1"]
    assert result is not None
    assert "redriven" not in result.counts
    intake.know("A")
    assert ids(intake.tick()) == ["receipt:rcv-1:1:0"]
    assert intake.waiting == {}


def test_a_line_that_lacks_both_names_waits_for_the_second_too() -> None:
    intake = Intake()
    intake.take(received(stock_item("A"), fulfillment_location_id="X"))
    intake.reference.put_location(Location(location_id="X"))
    first = intake.tick()
    assert movements(first) == []
    assert first is not None
    assert first.parked == []
    intake.know("A")
    assert ids(intake.tick()) == ["receipt:rcv-1:1:0"]


def test_a_name_that_is_lost_again_is_reported_and_waited_for() -> None:
    intake = Intake()
    intake.take(received(stock_item("MUG"), fulfillment_location_id="X"))
    intake.reference.drop_product("MUG")
    intake.reference.put_location(Location(location_id="X"))
    result = intake.tick()
    assert result is not None
    assert [parked.reason for parked in result.parked] == ["unknown_sku"]
    assert result.counts == {"parked": 1, "parked_again": 1}
    intake.know("MUG")
    assert ids(intake.tick()) == ["receipt:rcv-1:1:0"]
    assert intake.waiting == {}


def test_a_line_found_impossible_at_last_is_parked_with_its_record() -> None:
    intake = Intake()
    intake.reference.put_product(Product(sku="A", newstore_product_id="A-1"))
    count = counted({"product_id": "A", "count": 1}, {"product_id": "NEW", "count": 2})
    intake.take(count)
    # The unknown name turns out to be another name of a SKU on the list already.
    intake.reference.put_product(Product(sku="A", newstore_product_id="NEW"))
    result = intake.tick()
    assert result is not None
    assert movements(result) == []
    (parked,) = result.parked
    assert parked.reason == "ambiguous_count"
    assert (parked.record.offset, parked.record.value) == (0, body(count))
    assert intake.waiting == {}


def test_a_tick_takes_up_a_bounded_number_and_the_rest_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_waiting, "EVENTS_MAX", 2)
    monkeypatch.setattr(intake_waiting, "NAMES_MAX", 1)
    intake = Intake()
    skus = "AABBA"
    intake.take(*(sale(f"u{n}", sku=sku) for n, sku in enumerate(skus)))
    intake.know("A", "B")
    done = []
    while (result := intake.tick()) is not None:
        assert len(movements(result)) <= 2
        done += ids(result)
    assert sorted(done) == [f"sale:u{n}" for n in range(5)]
    for sku in "AB":
        mine = [f"sale:u{n}" for n in range(5) if skus[n] == sku]
        assert [movement for movement in done if movement in mine] == mine


def test_a_search_is_saved_while_nothing_changed() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    assert intake.tick() is None
    # Known all the same, as after a move from a worker whose reference data lagged.
    version = intake.reference.version
    intake.know("NEW")
    intake.reference.version = version
    assert intake.tick() is None
    intake.now += timedelta(seconds=29)
    assert intake.tick() is None
    intake.now += timedelta(seconds=1)
    assert ids(intake.tick()) == ["sale:u1"]


def test_each_partition_is_searched_for_itself() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    elsewhere = MemoryView(partition=1)
    intake.know("NEW")
    assert intake.stage.tick(elsewhere, intake.context) is None
    assert ids(intake.tick()) == ["sale:u1"]


def test_a_tick_that_was_not_committed_is_done_again() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    intake.know("NEW")
    lost = intake.stage.tick(intake.view, intake.context)
    assert ids(lost) == ids(intake.tick()) == ["sale:u1"]


def test_a_fold_depends_on_nothing_but_its_input() -> None:
    intake = Intake()
    first = intake.fold(sale(), sale("u2", sku="NEW"))
    intake.next_offset = 0
    assert intake.fold(sale(), sale("u2", sku="NEW")) == first


def test_another_tenants_event_is_parked() -> None:
    intake = Intake(IntakeRules(tenant="acme"))
    result = intake.take(sale(tenant="rival"))
    assert [parked.reason for parked in result.parked] == ["wrong_tenant"]


def test_a_name_of_any_characters_can_be_waited_for() -> None:
    intake = Intake()
    odd = ["A", "A\x00", "A\x00\x01", "Ä 漢"]
    intake.take(*(sale(f"u{n}", sku=sku) for n, sku in enumerate(odd)))
    for n, sku in enumerate(odd):
        intake.know(sku)
        assert ids(intake.tick()) == [f"sale:u{n}"]
    assert intake.waiting == {}


@given(
    st.lists(
        st.lists(st.sampled_from(["A", "B", "C", "MUG"]), min_size=1, max_size=4),
        max_size=8,
    ),
    st.permutations(["A", "B", "C"]),
)
def test_in_the_end_all_lines_went_on_exactly_once(
    orders: list[list[str]], order_known: list[str]
) -> None:
    intake = Intake()
    done: list[str] = []
    for number, skus in enumerate(orders):
        lines = [
            item(f"u{number}-{line}", product_id=sku) for line, sku in enumerate(skus)
        ]
        done += ids(intake.take(opened(items=lines)))
    for sku in order_known:
        intake.know(sku)
        while (result := intake.tick()) is not None:
            done += ids(result)
    units = [
        f"sale:u{number}-{line}"
        for number, skus in enumerate(orders)
        for line in range(len(skus))
    ]
    assert sorted(done) == sorted(units)
    assert intake.waiting == {}


def test_reference_data_is_not_changed_by_intake() -> None:
    intake = Intake()
    version = intake.reference.version
    intake.take(sale(sku="NEW"), sale())
    intake.tick()
    assert intake.reference.version == version
    assert isinstance(intake.reference, Reference)
