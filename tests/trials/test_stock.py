"""Trying records out: what would happen, told by the stages' own folds."""

from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.domain.movements import MovementKind
from streams.mapping.pos import IntakeRules
from streams.mapping.stock import encode_movement
from streams.tables import LEVELS
from streams.topics import (
    COMMERCE_ANSWERS,
    NEWSTORE_EVENTS,
    ORDER_FACTS,
    STOCK_MOVEMENTS,
)
from streams.trials.stock import Trial
from tests.agents.desk import NOON
from tests.support.ledger import TEE, Ledger, movement
from tests.support.memory_view import MemoryView
from tests.support.newstore import body, item, opened, shop_floor


def trial(prefix: str = "") -> Trial:
    return Trial(
        IntakeStage(IntakeRules()),
        LedgerStage(dedupe_days=8),
        shop_floor(),
        lambda: NOON,
        topic_prefix=prefix,
    )


def sale(name: str = "sale:u1", **more: object) -> bytes:
    return encode_movement(movement(MovementKind.SALE, name, **more))


def test_an_event_says_which_movements_it_would_become() -> None:
    event = body(opened(item("u1", product_id="MUG"), item("u2", product_id="GHOST")))

    tried = trial("shop-").take_in(f"shop-{NEWSTORE_EVENTS.name}", [(b"o", event)])

    assert len(tried.movements) == 1
    assert {one["order"] for one in tried.orders} == {"ns:order-1"}
    assert [one["reason"] for one in tried.parked] == ["unknown_sku"]


def test_news_of_an_order_are_shown_as_the_order_would_hear_them() -> None:
    records = [(b"10023", b'{"type":"order_placed"}'), (b"10023", b"{")]

    tried = trial().take_in(ORDER_FACTS.name, records)

    assert tried.orders == [
        {"order": "10023", "news": {"type": "order_placed"}},
        {"order": "10023", "news": "{"},
    ]


def test_nothing_is_foretold_of_other_topics() -> None:
    tried = trial().take_in(COMMERCE_ANSWERS.name, [(b"TEE", b"{}")])

    assert tried.movements == []
    assert tried.parked[0]["reason"] == "not_tried"


def test_a_movement_says_what_it_would_do_and_does_not_do_it() -> None:
    ledger = Ledger()
    ledger.tell(movement(MovementKind.RECEIPT, "receipt:1", quantity=5))
    before = {table: dict(rows) for table, rows in ledger.view.tables.items()}

    told = trial().effects(ledger.view, [sale(), sale(), sale("sale:u2")])

    assert told["outcomes"] == {"applied": 2, "duplicate": 1}
    (level,) = told["levels"]
    assert (level["sku"], level["location_id"]) == (TEE, "LDN01")
    assert (level["before"]["on_hand"], level["after"]["on_hand"]) == (5, 3)
    assert [entry["quantity"] for entry in told["entries"]] == [1, 1]
    assert ledger.view.tables == before
    assert LEVELS in before


def test_a_movement_that_makes_no_sense_would_be_parked() -> None:
    there = trial()
    (told,) = there.take_in(STOCK_MOVEMENTS.name, [(b"TEE", b"{")]).movements
    assert there.sku_of(told) == ""

    effects = there.effects(MemoryView(), [told, sale(quantity=0)])

    reasons = [one["reason"] for one in effects["parked"]]
    assert reasons == ["undecodable", "impossible_quantity"]
    assert effects["levels"] == []
