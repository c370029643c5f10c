"""What intake makes of orders: news beside movements, and commercetools' messages."""

from streams.agents.intake import IntakeStage
from streams.domain.order_news import OrderNews
from streams.domain.order_notes import OrderOpened, OrderPlaced
from streams.engine.fold import Batch, Result
from streams.engine.headers import HEARD_AT
from streams.mapping.order_messages import NEWS
from streams.mapping.pos import IntakeRules
from streams.mapping.stock import decode_movement
from streams.topics import COMMERCE_MESSAGES, ORDER_NEWS, STOCK_MOVEMENTS
from tests.agents.test_intake import Intake, sale
from tests.support.commerce_messages import (
    body,
    created,
    message,
    state_changed,
    trial_notice,
)
from tests.support.memory_view import MemoryRecord
from tests.support.newstore import event, item, opened, request, returned, web_order

ORDERS = IntakeRules(commerce_orders=True)


def news(result: Result | None) -> list[tuple[bytes | None, OrderNews]]:
    assert result is not None
    outputs = result.outputs.get(ORDER_NEWS, [])
    return [(output.key, NEWS.decode(output.value)) for output in outputs]


def messages(*told: object, rules: IntakeRules = ORDERS) -> Result:
    intake = Intake(rules)
    records = [
        MemoryRecord("commerce-messages", offset, b"key", value)
        for offset, each in enumerate(told)
        for value in [each if isinstance(each, bytes | None) else body(each)]
    ]
    batch = Batch(COMMERCE_MESSAGES, 0, records)
    return IntakeStage(rules).fold(intake.view, batch, intake.context)


def test_an_order_is_told_beside_its_movements_under_its_vendors_id() -> None:
    result = Intake().take(sale())
    ((key, note),) = news(result)
    assert key == b"ns:order-1"
    assert isinstance(note, OrderOpened)
    assert len(result.outputs[STOCK_MOVEMENTS]) == 1
    (output,) = result.outputs[ORDER_NEWS]
    assert output.cause is not None
    # The record's own time on the log: windows count from there.
    assert output.headers == ((HEARD_AT, b"%d" % output.cause.timestamp),)


def test_a_place_that_is_not_known_holds_up_movements_but_no_news() -> None:
    intake = Intake()
    result = intake.take(request("assigned", fulfillment_location_id="NOWHERE"))
    assert STOCK_MOVEMENTS not in result.outputs
    assert [key for key, _ in news(result)] == [b"ns:order-1"]
    assert [parked.reason for parked in result.parked] == ["unknown_location"]
    assert intake.waiting


def test_what_is_redriven_is_not_told_twice() -> None:
    intake = Intake()
    intake.take(sale(sku="NEW"))
    intake.know("NEW")
    result = intake.tick()
    assert news(result) == []


def test_an_event_with_anything_wrong_tells_no_news_of_its_order() -> None:
    result = Intake().take(opened(item("u1"), item("u2", quantity=0)))
    assert len(result.outputs[STOCK_MOVEMENTS]) == 1
    assert news(result) == []


def test_news_that_cannot_be_read_park_the_event_and_its_stock_moves() -> None:
    result = Intake().take(returned(currency="GBP", total_refund_amount=1.005))
    assert [parked.reason for parked in result.parked] == ["impossible_amount"]
    assert len(result.outputs[STOCK_MOVEMENTS]) == 1
    assert news(result) == []
    assert result.counts == {"in": 1, "movements": 1, "parked": 1}


def test_an_event_that_moves_nothing_but_tells_of_an_order_is_applied() -> None:
    result = Intake().take(event("order.completed", id="order-1"))
    assert result.counts == {"in": 1, "applied": 1, "order_news": 1}


def test_newstores_web_orders_are_not_counted_where_commercetools_tells_its_own() -> (
    None
):
    for rules, counted in ((IntakeRules(), True), (ORDERS, False)):
        (output,) = Intake(rules).take(web_order()).outputs[STOCK_MOVEMENTS]
        assert decode_movement(output.value).commerce_counted is counted


def test_messages_become_news_under_commercetools_id() -> None:
    result = messages(created(), state_changed())
    found = news(result)
    assert [key for key, _ in found] == [b"ct:ct-order-1"] * 2
    assert isinstance(found[0][1], OrderPlaced)
    assert result.counts == {"messages": 2, "applied": 2, "order_news": 2}


def test_each_message_is_counted_once_whatever_it_is() -> None:
    result = messages(
        created(),
        trial_notice(),
        message("DeliveryAdded"),
        message("CustomerCreated", resource={"typeId": "customer", "id": "c"}),
        b"broken",
        None,
        created(orderNumber="W|1"),
    )
    assert result.counts == {
        "messages": 7,
        "applied": 2,
        "ignored": 2,
        "parked": 3,
        "unknown_message": 2,
        "order_news": 2,
    }
    assert [parked.reason for parked in result.parked] == [
        "broken_json",
        "empty_record",
        "impossible_name",
    ]


def test_without_commercetools_orders_messages_are_only_counted() -> None:
    result = messages(created(), b"broken", rules=IntakeRules())
    assert result.counts == {"messages": 2, "ignored": 2}
    assert result.outputs == {}
