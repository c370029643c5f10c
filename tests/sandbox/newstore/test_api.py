"""NewStore's HTTP API, asked in process: addresses, bodies, journal."""

import json
from typing import Any

import pytest

from streams.sandbox.newstore import ATP_PATH, FaultKind, FaultRule
from tests.sandbox.newstore.desk import STREAMS, Desk
from tests.sandbox.newstore.support import TEE, item, web_order


async def test_an_injection_answers_alike_however_often(desk: Desk) -> None:
    first = await desk.inject(units=2)
    assert set(first) == {"id", "external_id", "items"}
    assert set(first["items"][0]) == {"id", "external_item_id", "product_id"}
    assert await desk.inject(units=2) == first
    changed = await desk.post("/v0/d/fulfill_order", web_order(units=3))
    assert changed.status_code == 400
    code = "same_order_injection_with_different_data"
    assert changed.json()["error_code"] == code


async def test_an_order_is_found_by_both_its_ids(desk: Desk) -> None:
    made = await desk.inject()
    address = "/v0/d/external_orders"
    by_number = await desk.http.get(f"{address}/external_id=WEB-1")
    by_id = await desk.http.get(f"{address}/id={made['id']}")
    assert by_number.status_code == 200
    assert by_number.json() == by_id.json()
    body = by_id.json()
    assert (body["order_uuid"], body["external_order_id"]) == (made["id"], "WEB-1")
    assert body["items"][0]["item_id"] == made["items"][0]["id"]
    assert body["items"][0]["external_item_id"] == "line-1#1"
    assert body["grand_total"] == 53.5
    for name in ("external_id=WEB-2", "id=none", "WEB-1"):
        assert (await desk.http.get(f"{address}/{name}")).status_code == 404


async def test_requests_of_an_order_are_listed_the_earliest_first(desk: Desk) -> None:
    made = await desk.inject()
    (first,) = await desk.requests(made["id"])
    rejection = {"rejection_reason": "no_inventory", "missing_product_ids": [TEE]}
    path = f"/v0/d/fulfillment_requests/{first['id']}"
    assert (await desk.post(f"{path}/rejection", rejection)).status_code == 201
    found = await desk.requests(made["id"])
    assert [each["fulfillment_node_id"] for each in found] == ["LDN01", "LDN02"]
    assert [each["line_items"][0]["status"] for each in found] == [
        "rejected",
        "pending",
    ]
    next_path = f"/v0/d/fulfillment_requests/{found[1]['id']}"
    assert (await desk.http.get(f"{next_path}/rejection")).status_code == 404
    assert (await desk.post(f"{next_path}/applause")).status_code == 404
    shown = (await desk.http.get(f"{path}/rejection")).json()
    assert shown["items"][0]["product_id"] == TEE
    assert await desk.requests("unknown") == []


async def test_a_provider_works_on_its_request(desk: Desk) -> None:
    made = await desk.inject(units=4)
    one, two, three, four = [each["id"] for each in made["items"]]
    (request,) = await desk.requests(made["id"])
    path = f"/v0/d/fulfillment_requests/{request['id']}"
    none = await desk.http.get(f"{path}/shipment")
    assert none.status_code == 404
    assert (await desk.post(f"{path}/acknowledgement")).status_code == 201
    parcel = {"tracking_code": "1Z", "carrier": "UPS"}
    lines = [{"item_ids": [one], "shipment": parcel}]
    shipped = await desk.post(f"{path}/shipment", {"line_items": lines})
    assert shipped.status_code == 201
    missing = [{"reason": "no_inventory", "item_ids": [two]}]
    rejected = await desk.post(f"{path}/reject_items", {"missing_items": missing})
    assert rejected.status_code == 201
    canceled = await desk.post(f"{path}/canceled_items", {"product_ids": [TEE]})
    assert canceled.status_code == 201
    gone = (await desk.http.get(f"{path}/canceled_items")).json()["canceled_items"]
    assert gone[0]["item_id"] in (three, four)
    sent = (await desk.http.get(f"{path}/shipment")).json()["line_items"]
    assert sent[0]["shipment"]["tracking_code"] == "1Z"
    states = sorted(unit.state for unit in desk.sandbox.units("WEB-1"))
    assert states == ["assigned", "assigned", "cancelled", "completed"]
    late = await desk.post(f"{path}/canceled_items", {"item_ids": [one]})
    assert (late.status_code, late.json()["error_code"]) == (400, "already_shipped")
    assert "error_description" in late.json()


async def test_a_shipment_of_several_parcels_leaves_whole_or_not(desk: Desk) -> None:
    made = await desk.inject(units=2)
    desk.sandbox.lose("LDN01", TEE, 4)
    (request,) = await desk.requests(made["id"])
    parcel = {"tracking_code": "1Z", "carrier": "UPS"}
    lines = [{"product_ids": [TEE], "shipment": parcel}]
    path = f"/v0/d/fulfillment_requests/{request['id']}/shipment"
    ids = [each["id"] for each in made["items"]]
    both = [{"item_ids": [unit], "shipment": parcel} for unit in ids]
    refused = await desk.post(path, {"line_items": both})
    assert refused.json()["error_code"] == "not_on_shelf"
    assert desk.sandbox.stock("LDN01", TEE).shelf == 1
    assert (await desk.post(path, {"line_items": lines})).status_code == 201


async def test_stores_requests_can_be_closed_to_providers() -> None:
    desk = Desk(provider_calls_for_stores=False)
    await desk.sign_in()
    made = await desk.inject()
    (request,) = await desk.requests(made["id"])
    path = f"/v0/d/fulfillment_requests/{request['id']}/acknowledgement"
    answer = await desk.post(path)
    assert answer.json()["error_code"] == "not_a_dc_request"


def key(node: str = "LDN01", product: str = TEE) -> dict[str, str]:
    return {"product_id": product, "fulfillment_node_id": node}


async def test_availability_is_answered_key_by_key(desk: Desk) -> None:
    await desk.inject(units=2)
    keys = [key("LDN02"), key(), key("LDN01", "MUG"), key("PAR01")]
    answer = await desk.post(ATP_PATH, {"atp_keys": keys})
    assert [each["atp"] for each in answer.json()["items"]] == [5, 3, 0]
    assert answer.json()["items"][0] == key("LDN02") | {"atp": 5}


@pytest.mark.parametrize(
    ("count", "status"), [(0, 400), (1, 200), (2000, 200), (2001, 400)]
)
async def test_availability_is_asked_for_1_to_2000_keys(
    desk: Desk, count: int, status: int
) -> None:
    answer = await desk.post(ATP_PATH, {"atp_keys": [key()] * count})
    assert answer.status_code == status


async def test_the_path_of_the_availability_check_is_a_setting() -> None:
    desk = Desk(atp_path="/v0/elsewhere")
    await desk.sign_in()
    body = {"atp_keys": [key()]}
    assert (await desk.post("/v0/elsewhere", body)).status_code == 200
    assert (await desk.post(ATP_PATH, body)).status_code == 404


async def test_a_wrong_availability_is_wrong_where_the_fault_says(desk: Desk) -> None:
    rule = FaultRule(kind=FaultKind.WRONG_ATP, quantity=7, node_id="LDN01", count=1)
    desk.sandbox.faults.add(rule)
    body = {"atp_keys": [key(), key("LDN02")]}
    answers = [(await desk.post(ATP_PATH, body)).json()["items"] for _ in range(2)]
    assert [[each["atp"] for each in items] for items in answers] == [[12, 5], [5, 5]]


async def test_availability_is_exported_whole_and_by_difference(desk: Desk) -> None:
    async def export(since: int | None) -> tuple[int, list[Any]]:
        body = {} if since is None else {"last_updated_at": since}
        started = await desk.post("/v0/d/availabilities/bulk", body)
        name = started.json()["availability_export_id"]
        state = (await desk.http.get(f"/v0/d/availabilities/bulk/{name}")).json()
        items = (await desk.http.get(state["link"])).json()
        return state["last_updated_at"], items

    version, items = await export(None)
    assert sorted(each["fulfillment_node_id"] for each in items) == ["LDN01", "LDN02"]
    assert await export(version) == (0, [])
    desk.sandbox.sell("LDN02", [TEE])
    later, items = await export(version)
    assert [(each["fulfillment_node_id"], each["atp"]) for each in items] == [
        ("LDN02", 4)
    ]
    assert later > version


async def test_an_order_is_cancelled_once_and_only_while_it_can_be(desk: Desk) -> None:
    made = await desk.inject()
    path = f"/_/v0/hq/customer_orders/{made['id']}/cancellation"
    done = await desk.post(path, {"reason": "customer", "note": None})
    assert done.json() == {"success": True}
    again = await desk.post(path)
    assert again.json()["error"]["code"] == "order_already_canceled"
    sold = desk.sandbox.sell("LDN01", [TEE])
    late = await desk.post(f"/_/v0/hq/customer_orders/{sold.id}/cancellation")
    assert late.json()["error"]["code"] == "order_not_cancelable"


async def test_a_return_is_made_listed_and_shown(desk: Desk) -> None:
    made = await desk.inject()
    desk.sandbox.ship(desk.sandbox.open_requests()[0].id)
    path = f"/v0/d/orders/{made['id']}/returns"
    body = {"returned_from": "LDN02", "items": [{"product_id": TEE}]}
    answer = await desk.post(path, body)
    assert answer.status_code == 200
    returned = answer.json()
    assert (await desk.http.get(path)).json() == [returned]
    assert (await desk.http.get(f"{path}/{returned['return_id']}")).json() == returned
    assert (await desk.http.get(f"{path}/none")).status_code == 404
    assert (await desk.http.get("/v0/d/orders/none/returns")).status_code == 404
    again = await desk.post(path, body)
    assert again.json()["error_code"] == "item_not_returnable"


async def test_an_account_shows_capture_and_refund(desk: Desk) -> None:
    made = await desk.inject()
    desk.sandbox.ship(desk.sandbox.open_requests()[0].id)
    desk.sandbox.give_back("WEB-1", "LDN01", [{"product_id": TEE}])
    path = f"/v0/c/payments/accounts/{made['id']}"
    body = (await desk.http.get(path)).json()
    (instrument,) = body["instruments"]
    assert body["balance"] == 0
    assert instrument["capture_amount"] == -53.5
    assert instrument["refund_amount"] == 53.5
    reasons = [each["reason"] for each in instrument["original_transactions"]]
    assert reasons == ["authorization", "capture", "refund"]
    assert (await desk.http.get("/v0/c/payments/accounts/none")).status_code == 404


async def test_a_registration_lives_its_life(desk: Desk) -> None:
    callback = {"callback_url": "http://hub.test/a", "api_key": "secret"}
    body = {"id": "hub", "callback_parameters": callback}
    made = await desk.post(STREAMS, body)
    assert (made.status_code, made.json()["status"]) == (201, "running")
    assert "secret" not in made.text
    assert (await desk.post(STREAMS, body)).status_code == 409
    assert (await desk.post(f"{STREAMS}/hub/_stop")).json()["status"] == "stopped"
    desk.sandbox.receive("LDN01", [(TEE, 1)])
    assert desk.sandbox.take_deliveries() == []
    moved = {"callback_parameters": {"callback_url": "http://hub.test/b"}}
    changed = await desk.http.patch(f"{STREAMS}/hub", json=moved)
    assert changed.json()["callback_parameters"]["callback_url"].endswith("/b")
    assert (await desk.post(f"{STREAMS}/hub/_start")).json()["status"] == "running"
    assert len(desk.sandbox.take_deliveries()) == 1
    listed = (await desk.http.get(STREAMS)).json()["integrations"]
    assert [each["id"] for each in listed] == ["hub"]
    assert (await desk.http.delete(f"{STREAMS}/hub")).status_code == 204
    assert (await desk.http.get(f"{STREAMS}/hub")).status_code == 404


async def test_a_body_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = await desk.http.post("/v0/d/fulfill_order", content=b"x" * (2**24 + 1))
    assert (answer.status_code, answer.json()["error_code"]) == (413, "body_too_large")


async def test_what_there_is_no_address_for_is_not_found(desk: Desk) -> None:
    for path in ("/", "/v0/d", "/v0/d/fulfill_orders", f"{STREAMS}/hub/_pause"):
        assert (await desk.post(path)).status_code == 404
    assert (await desk.http.get("/v0/d/fulfill_order")).status_code == 404


async def test_every_call_is_in_the_journal_but_no_secret(desk: Desk) -> None:
    await desk.inject()
    await desk.post("/v0/d/fulfill_order", web_order(items=[item(price=1)]))
    calls = desk.sandbox.world.journal.calls.records()
    assert [call.status for call in calls] == [200, 200, 400]
    assert calls[0].request == ""
    assert json.loads(calls[1].request)["external_id"] == "WEB-1"
    assert calls[1].client_id == "sandbox-client"
    assert calls[2].error_code == "same_order_injection_with_different_data"
    assert desk.sandbox.responses == {200: 2, 400: 1}
