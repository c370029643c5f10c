"""Fulfilment requests: accepted, rejected, shipped, cancelled; re-routed or not."""

import pytest

from streams.sandbox.newstore import Node, NodeKind, Sandbox
from streams.sandbox.newstore.orders import FulfilmentRequest
from tests.sandbox.newstore.support import (
    TEE,
    item,
    names,
    payloads,
    refused,
    states,
    tenant,
    web_order,
)

FAILED = "fulfillment_request.items_failed"
COMPLETED = "fulfillment_request.items_completed"


def asked(sandbox: Sandbox, order: str = "WEB-1") -> FulfilmentRequest:
    """The latest request of an order."""
    return sandbox.requests_of(order)[-1]


def test_a_shipment_takes_the_units_off_the_shelf_and_ends_the_order() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)

    parcel = sandbox.ship(request.id, carrier="UPS", tracking_code="1Z")

    row = sandbox.stock("LDN01", TEE)
    assert (row.on_hand, row.shelf, row.allocated) == (0, 0, 0)
    assert parcel.id == f"{request.id}-shipment-1"
    events = payloads(sandbox, COMPLETED)
    assert [len(event["items"]) for event in events] == [1, 1]
    shipped = events[0]["items"][0]
    assert (shipped["carrier"], shipped["tracking_code"]) == ("UPS", "1Z")
    assert shipped["shipped_at"] == "2026-11-01T08:00:00.000Z"
    (done,) = payloads(sandbox, "order.completed")
    assert {each["fulfillment_location_id"] for each in done["items"]} == {"LDN01"}


def test_units_of_one_request_may_go_in_several_parcels() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)

    sandbox.ship(request.id, request.undone[:1], tracking_code="a")
    assert "order.completed" not in names(sandbox)
    second = sandbox.ship(request.id, tracking_code="b")

    assert second.id.endswith("-shipment-2")
    assert names(sandbox)[-1] == "order.completed"


def test_all_items_of_a_call_can_be_told_in_one_event() -> None:
    sandbox, _ = tenant({"LDN01": 3}, one_item_per_event=False)
    sandbox.inject(web_order(units=3))
    sandbox.ship(asked(sandbox).id)

    assert [len(event["items"]) for event in payloads(sandbox, COMPLETED)] == [3]


def test_logical_timestamps_only_grow_over_all_orders() -> None:
    sandbox, _ = tenant({"LDN01": 5})
    sandbox.inject(web_order(units=2))
    sandbox.inject(web_order("WEB-2"))
    sandbox.reject(asked(sandbox).id)
    sandbox.ship(asked(sandbox, "WEB-2").id)
    sandbox.sell("LDN01", [TEE])

    stamps = [
        payload["logical_timestamp"]
        for name in dict.fromkeys(names(sandbox))
        if name.startswith("fulfillment_request.")
        for payload in payloads(sandbox, name)
    ]
    assert sorted(stamps) == list(range(1, len(stamps) + 1))


def test_what_is_not_on_the_shelf_cannot_be_shipped() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    sandbox.lose("LDN01", TEE)
    request = asked(sandbox)

    assert refused(sandbox.ship, request.id).code == "not_on_shelf"
    assert refused(sandbox.ready, request.id).code == "not_on_shelf"
    assert asked(sandbox) == request
    sandbox.ship(request.id, request.undone[:1])
    assert sandbox.stock("LDN01", TEE).shelf == 0
    assert sandbox.stock("LDN01", TEE).on_hand == 1


def test_a_rejected_unit_goes_to_the_next_node_as_a_new_request() -> None:
    sandbox, _ = tenant({"LDN01": 1, "LDN03": 1})
    sandbox.inject(web_order(node="LDN01"))
    first = asked(sandbox)

    sandbox.reject(first.id, reason="cannot_fulfill")

    second = asked(sandbox)
    assert (first.id != second.id, second.node_id) == (True, "LDN03")
    assert states(sandbox) == [("assigned", "LDN03")]
    assert sandbox.stock("LDN01", TEE).allocated == 0
    (failed,) = payloads(sandbox, FAILED)
    assert failed["fulfillment_location_id"] == "LDN01"
    assert failed["items"][0]["rejection_reason"] == "cannot_fulfill"
    order = [name for name in names(sandbox) if name.startswith("fulf")]
    assert order[-2:] == [FAILED, "fulfillment_request.assigned"]


def test_a_unit_that_every_node_rejected_stays_on_hold() -> None:
    sandbox, _ = tenant({"LDN01": 1, "LDN02": 1, "LDN03": 1})
    sandbox.inject(web_order())
    for _ in range(3):
        sandbox.reject(asked(sandbox).id)

    assert states(sandbox) == [("on_hold", None)]
    assert sandbox.units("WEB-1")[0].tried == ("LDN01", "LDN02", "LDN03")
    assert sandbox.open_requests() == []


def test_without_re_routing_a_rejected_unit_waits_for_somebody() -> None:
    sandbox, _ = tenant({"LDN01": 1, "LDN02": 1}, reroutes=False)
    sandbox.inject(web_order(node="LDN01"))
    sandbox.reject(asked(sandbox).id)
    assert states(sandbox) == [("on_hold", None)]

    sandbox.reroute([sandbox.units("WEB-1")[0].id], "LDN02")
    sandbox.ship(asked(sandbox).id)
    assert states(sandbox) == [("completed", "LDN02")]


def test_a_store_sends_on_a_rejected_unit_at_once() -> None:
    sandbox, _ = tenant({"LDN01": 2, "LDN02": 1})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    sandbox.reject(request.id, request.undone[:1])

    assert states(sandbox) == [("assigned", "LDN02"), ("assigned", "LDN01")]


def test_a_dc_sends_it_on_when_its_other_units_are_finished() -> None:
    sandbox, _ = tenant(nodes=(Node("DC01", NodeKind.DC), Node("LDN01")))
    sandbox.set_stock("DC01", TEE, 2)
    sandbox.set_stock("LDN01", TEE, 1)
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)

    sandbox.reject(request.id, request.undone[:1])
    assert states(sandbox) == [("on_hold", None), ("assigned", "DC01")]
    assert len(payloads(sandbox, FAILED)) == 1

    sandbox.ship(request.id)
    assert states(sandbox) == [("assigned", "LDN01"), ("completed", "DC01")]


def test_a_unit_is_told_as_ready_before_it_leaves() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    sandbox.ready(request.id, request.undone[:1])
    sandbox.ready(request.id)

    assert {state for state, _ in states(sandbox)} == {"ready"}
    name = "fulfillment_request.items_ready_for_handover"
    assert len(payloads(sandbox, name)) == 2
    assert refused(sandbox.ready, request.id).status == 400
    sandbox.ship(request.id)
    assert {state for state, _ in states(sandbox)} == {"completed"}


def test_what_is_packed_is_nobody_elses() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order())
    sandbox.inject(web_order("WEB-2", node="LDN01"))
    sandbox.ready(asked(sandbox).id)

    assert sandbox.stock("LDN01", TEE).free == 1
    assert refused(sandbox.sell, "LDN01", [TEE, TEE]).code == "not_on_shelf"
    assert refused(sandbox.lose, "LDN01", TEE, 2).code == "not_on_shelf"
    assert refused(sandbox.set_stock, "LDN01", TEE, 0).status == 400
    sandbox.sell("LDN01", [TEE])
    assert refused(sandbox.ship, asked(sandbox, "WEB-2").id).code == "not_on_shelf"
    sandbox.ship(asked(sandbox).id)
    row = sandbox.stock("LDN01", TEE)
    assert (row.shelf, row.packed, row.allocated) == (0, 0, 1)


def test_what_was_packed_and_is_not_wanted_goes_back_on_the_shelf() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    sandbox.ready(request.id)
    sandbox.cancel("WEB-1", request.undone[:1])
    sandbox.reject(request.id)

    row = sandbox.stock("LDN01", TEE)
    assert (row.free, row.packed, row.allocated) == (2, 0, 0)


def test_an_accepted_request_emits_nothing() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order())
    events = len(sandbox.events)

    assert sandbox.accept(asked(sandbox).id).is_accepted
    assert len(sandbox.events) == events


def test_what_is_done_cannot_be_done_again() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order())
    request = asked(sandbox)
    sandbox.ship(request.id)
    events = len(sandbox.events)

    for act in (sandbox.accept, sandbox.reject, sandbox.ship):
        assert refused(act, request.id).code == "already_shipped"
    assert refused(sandbox.reject, "none").status == 404
    assert len(sandbox.events) == events


def test_an_item_of_another_request_or_named_twice_is_refused() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order())
    sandbox.inject(web_order("WEB-2"))
    mine, other = asked(sandbox), asked(sandbox, "WEB-2")

    assert refused(sandbox.ship, mine.id, other.undone).code == "item_not_found"
    assert refused(sandbox.ship, mine.id, mine.undone * 2).code == "invalid_request"
    assert refused(sandbox.ship, mine.id, []).code == "invalid_request"


@pytest.mark.parametrize(("dearest", "price"), [(True, "60.00"), (False, "40.00")])
def test_by_product_the_cheapest_or_the_dearest_unit_is_meant(
    dearest: bool, price: str
) -> None:
    sandbox, _ = tenant({"LDN01": 3})
    prices = [item(1, price=50), item(2, price=60), item(3, price=40)]
    sandbox.inject(web_order(items=prices))

    (meant,) = sandbox.requests.named(asked(sandbox).id, [TEE], [], dearest=dearest)

    assert str(sandbox.world.units.get(meant).paid) == price


def test_of_a_product_no_more_units_are_meant_than_are_left() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    one, other = request.undone
    named = sandbox.requests.named

    assert set(named(request.id, [TEE, TEE], [], dearest=True)) == {one, other}
    assert named(request.id, [TEE], [one], dearest=True) == (one, other)
    for products, items in (([TEE] * 3, []), (["MUG"], []), ([TEE], [one, other])):
        error = refused(named, request.id, products, items, dearest=True)
        assert error.code == "item_not_found"
    assert refused(named, request.id, [], [], dearest=True).status == 400


def test_an_item_nobody_knows_cannot_be_re_routed() -> None:
    sandbox, _ = tenant({"LDN01": 1})

    assert refused(sandbox.reroute, ["none"], "LDN01").status == 404


def test_a_whole_order_is_cancelled_in_its_grace_period() -> None:
    sandbox, clock = tenant({"LDN01": 2}, grace_s=60)
    sandbox.inject(web_order(units=2))
    sandbox.cancel("WEB-1")
    clock.move(100)
    sandbox.settle()

    assert sandbox.stock("LDN01", TEE).atp == 2
    assert names(sandbox)[-2:] == ["order.items_cancelled", "order.cancelled"]
    assert "order.opened" not in names(sandbox)


def test_a_cancelled_unit_frees_its_stock_and_its_request() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    sandbox.cancel("WEB-1", request.undone[:1], "changed_mind")

    assert sandbox.stock("LDN01", TEE).allocated == 1
    assert asked(sandbox).undone == request.undone[1:]
    (cancelled,) = payloads(sandbox, "order.items_cancelled")
    assert cancelled["items"][0]["cancellation_reason"] == "changed_mind"
    assert "order.cancelled" not in names(sandbox)
    sandbox.ship(request.id)
    assert names(sandbox)[-1] == "order.completed"


def test_what_has_left_is_not_cancelled_any_more() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.inject(web_order(units=2))
    request = asked(sandbox)
    sandbox.ship(request.id, request.undone[:1])
    facts = len(sandbox.world.journal.facts)

    error = refused(sandbox.cancel, "WEB-1", request.undone)
    assert error.code == "wrong_item_state"
    assert len(sandbox.world.journal.facts) == facts
    assert states(sandbox)[1] == ("assigned", "LDN01")
    sandbox.ship(request.id)
    assert refused(sandbox.cancel, "WEB-1").code == "order_not_cancelable"


def test_a_provider_cancels_what_is_neither_shipped_nor_rejected() -> None:
    sandbox, _ = tenant({"LDN01": 3})
    sandbox.inject(web_order(units=3))
    request = asked(sandbox)
    one, two, three = request.undone
    sandbox.ship(request.id, [one])
    sandbox.reject(request.id, [two])

    for done in (one, two):
        assert refused(sandbox.requests.cancel, request.id, [done], "x").status == 400
    sandbox.requests.cancel(request.id, [three], "canceled_by_provider")
    assert states(sandbox)[2] == ("cancelled", "LDN01")
