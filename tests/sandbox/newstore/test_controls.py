"""What the stand-in has beside the vendor: acts, faults, settings, a look inside."""

import httpx

from tests.sandbox.newstore.serving import (
    INJECT,
    act,
    fault,
    stock,
)
from tests.sandbox.newstore.support import TEE, web_order


def test_faults_are_listed_and_removed(client: httpx.Client) -> None:
    fault(client, kind="failure", path="/none")
    fault(client, kind="drop", path="/none", count=3)
    first, second = client.get("/_sandbox/faults").json()["faults"]
    assert (first["rule"]["kind"], second["left"]) == ("failure", 3)
    number = first["id"]
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 204
    assert client.delete(f"/_sandbox/faults/{number}").status_code == 404
    assert client.delete("/_sandbox/faults").status_code == 204
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    for wrong in (
        {"kind": "fire"},
        {"kind": "drop", "path": "("},
        {"kind": "drop", "x": 1},
    ):
        assert client.post("/_sandbox/faults", json=wrong).status_code == 400


def test_a_web_order_lives_its_life_by_the_controls(client: httpx.Client) -> None:
    stock(client, 1, "LDN01")
    stock(client, 1, "LDN02")
    made = client.post(INJECT, json=web_order(units=2)).json()
    act(client, "lose", node_id="LDN01", product_id=TEE)
    first, second = client.get("/_sandbox/requests").json()["requests"]
    act(client, "reject", request_id=first["id"])
    act(client, "accept", request_id=second["id"])
    act(client, "ready", request_id=second["id"])
    parcel = act(client, "ship", request_id=second["id"], tracking_code="1Z")
    assert parcel["shipment_id"] == f"{second['id']}-shipment-1"
    act(client, "turn_up", node_id="LDN01", product_id=TEE)
    held = client.get("/_sandbox/orders/WEB-1").json()
    (stuck,) = [unit for unit in held["units"] if unit["state"] == "on_hold"]
    act(client, "reroute", unit_ids=[stuck["id"]], node_id="LDN01")
    (last,) = client.get("/_sandbox/requests").json()["requests"]
    act(client, "ship", request_id=last["id"])
    back = [{"product_id": TEE, "condition_code": 2}]
    act(client, "give_back", order="WEB-1", node_id="LDN02", items=back)
    act(client, "appease", order=made["id"], amount=5)
    body = client.get(f"/_sandbox/orders/{made['id']}").json()
    assert sorted(unit["state"] for unit in body["units"]) == ["completed", "returned"]
    assert (body["is_closed"], len(body["returns"])) == (True, 1)
    state = client.get("/_sandbox/state").json()
    assert state["units"] == {"completed": 1, "returned": 1}
    rows = client.get("/_sandbox/stock").json()["stock"]
    assert {row["node_id"]: row["damaged"] for row in rows} == {"LDN01": 0, "LDN02": 1}


def test_every_other_act_is_at_hand(client: httpx.Client) -> None:
    assert act(client, "add_node", node_id="DC01", kind="dc") == {"id": "DC01"}
    stock(client, 9)
    lines = [{"product_id": TEE, "quantity": 1}]
    asn = act(client, "transfer", origin="LDN01", destination="DC01", lines=lines)
    act(client, "receive", node_id="DC01", lines=lines, asn_id=asn["id"])
    act(client, "damage", node_id="LDN01", product_id=TEE)
    act(client, "adjust", node_id="LDN01", product_id=TEE, quantity=-1)
    act(client, "count", node_id="LDN01", counts={TEE: None})
    sold = act(client, "sell", node_id="LDN01", lines=[{"product_id": TEE}])
    back = [{"product_id": TEE}]
    swapped = act(
        client,
        "exchange",
        order=sold["id"],
        node_id="LDN01",
        items=back,
        lines=[{"product_id": TEE, "price": 12.5}],
    )
    assert swapped["order"]["units"][0]["paid"] == 12.5
    act(client, "give_back_blind", node_id="LDN01", items=back)
    client.post(INJECT, json=web_order())
    cancelled = act(client, "cancel", order="WEB-1")
    assert cancelled["units"][0]["state"] == "cancelled"
    facts = client.get("/_sandbox/journal/facts?limit=500").json()
    kinds = {record["kind"] for record in facts["records"]}
    assert {"transferred", "received", "damaged", "adjusted", "counted"} <= kinds
    assert {"sold", "returned", "order_injected", "assigned", "cancelled"} <= kinds
    events = client.get("/_sandbox/events?after=1&limit=1").json()
    assert events["records"][0]["number"] == 2
    assert events["next"] == 2 < events["total"]


def test_what_the_controls_do_not_know_is_refused_in_words(
    client: httpx.Client,
) -> None:
    for path in ("acts/dance", "nothing", "stream/x"):
        assert client.post(f"/_sandbox/{path}").status_code == 404
    wrong = client.post("/_sandbox/acts/lose", json={"node_id": "LDN01"})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "invalid_request")
    assert client.post("/_sandbox/acts/lose", content=b"[]").status_code == 400
    assert client.post("/_sandbox/acts/lose", content=b"{").status_code == 400
    assert client.get("/_sandbox/journal/secrets").status_code == 404
    assert client.get("/_sandbox/events?after=x").status_code == 400


def test_settings_change_while_it_runs(client: httpx.Client) -> None:
    body = {"reroutes": False, "stream": {"duplicates": 0.5}}
    changed = client.patch("/_sandbox/settings", json=body).json()
    assert (changed["reroutes"], changed["stream"]["duplicates"]) == (False, 0.5)
    assert changed["stream"]["retry_first_s"] == 0.05
    for wrong in (
        {"seed": 2},
        {"reroutes": 1},
        {"stream": {"duplicates": 2}},
        {"stream": {"speed": 1}},
        {"stream": {"delay_max_s": "soon"}},
    ):
        assert client.patch("/_sandbox/settings", json=wrong).status_code == 400


def test_a_reset_forgets_everything(client: httpx.Client) -> None:
    stock(client)
    fault(client, kind="drop", path="/none")
    client.post(INJECT, json=web_order())
    assert client.post("/_sandbox/reset").status_code == 204
    assert client.get("/v0/locations").status_code == 403
    state = client.get("/_sandbox/state").json()
    assert (state["orders"], state["events"], state["facts"]) == (0, 0, 0)
    assert client.get("/_sandbox/faults").json() == {"faults": []}
    health = client.get("/_sandbox/health").json()
    assert health == {"status": "ok", "tenant": "oneshelf"}
