"""The stock book and what people do to it, at the till and in the stockroom."""

import pytest

from streams.sandbox.newstore import SaleLine
from streams.sandbox.newstore.stock import ImpossibleStock, StockBook
from tests.sandbox.newstore.support import (
    TEE,
    names,
    payloads,
    refused,
    tenant,
    web_order,
)


def test_atp_is_what_is_neither_promised_nor_kept_back() -> None:
    book = StockBook()
    book.change("A", "tee", on_hand=10, shelf=10, allocated=3, reserved=2)
    book.keep_back("A", "tee", 1)

    assert book.atp("A", "tee") == 4
    assert book.atp("B", "tee") == 0


def test_every_change_has_a_number_and_no_change_has_none() -> None:
    book = StockBook()
    book.change("A", "tee", on_hand=1)
    book.change("A", "mug", on_hand=1)
    version = book.version
    book.change("A", "tee")

    assert (version, book.version) == (2, 2)
    assert [key.product_id for key, _ in book.rows(since=1)] == ["mug"]


@pytest.mark.parametrize(
    "figure", ["shelf", "packed", "damaged", "allocated", "reserved"]
)
def test_fewer_than_no_units_cannot_be(figure: str) -> None:
    with pytest.raises(ImpossibleStock):
        StockBook().change("A", "tee", **{figure: -1})


def test_a_sale_is_carried_out_at_once() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    order = sandbox.sell("LDN01", [TEE, SaleLine(TEE)])

    assert names(sandbox) == [
        "order.created",
        "order.opened",
        "fulfillment_request.assigned",
        "fulfillment_request.items_completed",
        "order.completed",
    ]
    opened = payloads(sandbox, "order.opened")[0]
    assert (opened["channel_type"], opened["channel"]) == ("store", "LDN01")
    assert {each["shipping_service_level"] for each in opened["items"]} == {
        "IN_STORE_HANDOVER"
    }
    assert order.external_id == "LDN0100000001"
    assert sandbox.stock("LDN01", TEE).on_hand == 0


def test_a_tenant_may_tell_of_a_sale_by_its_order_alone() -> None:
    sandbox, _ = tenant({"LDN01": 1}, handover_events=False)
    sandbox.sell("LDN01", [TEE])

    assert names(sandbox) == ["order.created", "order.opened", "order.completed"]


def test_the_last_item_is_sold_though_it_is_promised_to_the_web() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order())
    sandbox.sell("LDN01", [TEE])

    assert sandbox.stock("LDN01", TEE).atp == -1
    (request,) = sandbox.open_requests("LDN01")
    assert refused(sandbox.ship, request.id).code == "not_on_shelf"


def test_nobody_carries_out_what_is_not_there() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.lose("LDN01", TEE)

    assert refused(sandbox.sell, "LDN01", [TEE, TEE]).code == "not_on_shelf"
    assert refused(sandbox.sell, "LDN01", []).status == 400
    assert refused(sandbox.sell, "PAR01", [TEE]).status == 404
    assert names(sandbox) == []


def test_a_sale_made_offline_says_when_it_was_made() -> None:
    sandbox, clock = tenant({"LDN01": 1})
    placed_at = clock.now
    clock.move(7200)
    sandbox.sell("LDN01", [TEE], placed_at=placed_at)

    opened = payloads(sandbox, "order.opened")[0]
    assert opened["placed_at"] == "2026-11-01T08:00:00.000Z"
    assert opened["created_at"] == "2026-11-01T10:00:00.000Z"


def test_a_store_may_order_for_a_customer_from_elsewhere() -> None:
    sandbox, _ = tenant({"LDN02": 1})
    order = sandbox.sell("LDN01", [TEE], service_level="STANDARD")

    assert [unit.node_id for unit in sandbox.units(order.id)] == ["LDN02"]
    assert sandbox.stock("LDN02", TEE).allocated == 1


def test_the_book_does_not_see_a_loss_until_it_is_counted() -> None:
    sandbox, _ = tenant({"LDN01": 5})
    sandbox.lose("LDN01", TEE, 2)
    assert sandbox.stock("LDN01", TEE).atp == 5

    sandbox.count("LDN01", {TEE: None})

    row = sandbox.stock("LDN01", TEE)
    assert (row.on_hand, row.shelf) == (3, 3)
    (counted,) = payloads(sandbox, "inventory_count.items_counted")
    line = counted["items"][0]
    assert (line["stock_on_hand"], line["count"]) == (5, 3)


def test_a_wrong_count_makes_a_wrong_book() -> None:
    sandbox, _ = tenant({"LDN01": 5})
    sandbox.count("LDN01", {TEE: 9})
    assert sandbox.stock("LDN01", TEE).atp == 9
    assert sandbox.stock("LDN01", TEE).shelf == 5
    assert refused(sandbox.count, "LDN01", {}).status == 400
    assert refused(sandbox.count, "LDN01", {TEE: -1}).status == 400


def test_goods_that_turn_up_can_be_sold_before_the_book_knows() -> None:
    sandbox, _ = tenant({"LDN01": 0})
    sandbox.turn_up("LDN01", TEE)
    sandbox.sell("LDN01", [TEE])

    assert sandbox.stock("LDN01", TEE).on_hand == -1


def test_a_delivery_is_told_in_chunks() -> None:
    sandbox, _ = tenant()
    lines = [("tee", 1), ("mug", 2), ("cap", 3)]
    document = sandbox.receive("LDN01", lines, order_ref="PO-1", chunk_size=2)

    events = payloads(sandbox, "inventory_transaction.items_received")
    assert [event["id"] for event in events] == [document] * 2
    assert [event["chunk_number"] for event in events] == [1, 2]
    assert {event["total_chunks"] for event in events} == {2}
    assert "asn_id" not in events[0]
    assert sandbox.stock("LDN01", "cap").atp == 3


def test_a_transfer_leaves_one_store_and_comes_to_another_once() -> None:
    sandbox, _ = tenant({"LDN01": 5})
    asn = sandbox.transfer("LDN01", "LDN02", [(TEE, 2)])
    assert sandbox.stock("LDN01", TEE).atp == 3
    assert sandbox.stock("LDN02", TEE).atp == 0

    sandbox.receive("LDN02", [(TEE, 2)], asn_id=asn)

    assert sandbox.stock("LDN02", TEE).atp == 2
    notice = payloads(sandbox, "inventory_transaction.asn_created")[0]
    assert (notice["id"], notice["origin_id"]) == (asn, "LDN01")
    again = refused(sandbox.receive, "LDN02", [(TEE, 2)], asn_id=asn)
    assert again.status == 404


def test_no_more_is_transferred_than_is_there() -> None:
    sandbox, _ = tenant({"LDN01": 3})
    lines = [(TEE, 2), (TEE, 2)]

    assert refused(sandbox.transfer, "LDN01", "LDN02", lines).code == "not_on_shelf"
    assert refused(sandbox.transfer, "LDN01", "LDN02", [(TEE, 0)]).status == 400
    assert refused(sandbox.receive, "LDN01", []).status == 400
    assert sandbox.stock("LDN01", TEE).on_hand == 3


def test_damaged_goods_stay_in_the_store_and_cannot_be_sold() -> None:
    sandbox, _ = tenant({"LDN01": 3})
    sandbox.damage("LDN01", TEE, 2)

    row = sandbox.stock("LDN01", TEE)
    assert (row.on_hand, row.shelf, row.damaged) == (1, 1, 2)
    (told,) = payloads(sandbox, "inventory_transaction.adjustment_created")
    assert told["origin_stock_location_name"] == "main"
    assert "destination_stock_location_name" not in told
    assert refused(sandbox.damage, "LDN01", TEE, 2).code == "not_on_shelf"
    assert refused(sandbox.damage, "LDN01", TEE, 0).status == 400


def test_goods_are_found_and_written_off() -> None:
    sandbox, _ = tenant({"LDN01": 3})
    sandbox.adjust("LDN01", TEE, 2)
    sandbox.adjust("LDN01", TEE, -4)

    found, written_off = payloads(sandbox, "inventory_transaction.adjustment_created")
    assert found["destination_stock_location_name"] == "main"
    assert written_off["origin_stock_location_name"] == "main"
    assert written_off["items"][0]["quantity"] == 4
    assert sandbox.stock("LDN01", TEE).atp == 1
    assert refused(sandbox.adjust, "LDN01", TEE, 0).status == 400
    assert refused(sandbox.adjust, "LDN01", TEE, -2).code == "not_on_shelf"


def test_setting_stock_puts_it_on_the_shelf_and_tells_nobody() -> None:
    sandbox, _ = tenant()
    sandbox.set_stock("NEW01", TEE, 4, safety=1)
    sandbox.set_stock("NEW01", TEE, 3)

    row = sandbox.stock("NEW01", TEE)
    assert (row.on_hand, row.shelf, row.safety, row.atp) == (3, 3, 1, 2)
    assert names(sandbox) == []
    assert sandbox.world.node("NEW01").kind == "store"
    assert refused(sandbox.set_stock, "NEW01", TEE, -1).status == 400
    assert refused(sandbox.set_stock, "NEW01", TEE, 1, safety=-1).status == 400


def test_a_node_is_a_store_or_a_distribution_centre() -> None:
    sandbox, _ = tenant()

    assert sandbox.add_node("DC01", "dc").kind == "dc"
    assert refused(sandbox.add_node, "X", "shed").status == 400
