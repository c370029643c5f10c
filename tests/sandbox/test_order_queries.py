"""Asking for orders: predicates into lists, addresses by number, expansion."""

from urllib.parse import quote

import pytest

from streams.sandbox.commercetools import Sandbox
from tests.sandbox.support import sandbox_with_clock, supplied_by, update
from tests.sandbox.trade_support import Fields, Shop, action, ask


def asked(sandbox: Sandbox, where: str, more: str = "") -> list[str]:
    """The numbers of the orders that fit, sorted."""
    target = f"/oneshelf/orders?where={quote(where)}{more}"
    answer, body = ask(sandbox, "GET", target)
    assert answer.status == 200, body
    return sorted(each["orderNumber"] for each in body["results"])


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """W-1 is shipped, synced and returned, W-2 and W-3 are as they were placed."""
    shop = Shop()
    returned = {"key": "r-1", "lineItemId": shop.line_id(), "quantity": 1}
    shop.act(
        action("addDelivery", deliveryKey="ns-1"),
        action("changeShipmentState", shipmentState="Partial"),
        action(
            "updateSyncInfo",
            channel={"typeId": "channel", "key": "pos"},
            externalId="NS-77",
        ),
        action(
            "addReturnInfo",
            returnTrackingId="RMA-5",
            items=[returned | {"shipmentState": "Returned"}],
        ),
    )
    for number, sku in (("W-2", "SHIRT-M"), ("W-3", "HAT")):
        shop.sandbox.place_order([{"sku": sku}], order_number=number, mode="None")
    return shop.sandbox


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ('orderNumber="W-1"', ["W-1"]),
        ('orderNumber in ("W-1", "W-3", "W-9")', ["W-1", "W-3"]),
        ('orderNumber="w-1"', []),
        ('lineItems(variant(sku="SHIRT-M"))', ["W-1", "W-2"]),
        ('lineItems(variant(sku="SHIRT-L") and quantity=1)', ["W-1"]),
        # One line must fit it all: W-1 has three SHIRT-M.
        ('lineItems(variant(sku="SHIRT-M") and quantity=1)', ["W-2"]),
        ('lineItems(variant(sku in ("HAT", "SHIRT-L")))', ["W-1", "W-3"]),
        ('not(lineItems(variant(sku="SHIRT-M")))', ["W-3"]),
        ('syncInfo(externalId="NS-77")', ["W-1"]),
        ('syncInfo(externalId="NS-78")', []),
        ("syncInfo is empty", ["W-2", "W-3"]),
        ("returnInfo is defined", ["W-1"]),
        ("returnInfo is not defined", ["W-2", "W-3"]),
        ('returnInfo(returnTrackingId="RMA-5")', ["W-1"]),
        ('returnInfo(items(key="r-1" and shipmentState="Returned"))', ["W-1"]),
        ('returnInfo(items(shipmentState="BackInStock"))', []),
        ('shippingInfo(deliveries(key="ns-1"))', ["W-1"]),
        ('orderState="Open" and shipmentState is not defined', ["W-2", "W-3"]),
        ('lineItems(state(quantity=3 and state(typeId="state")))', ["W-1"]),
    ],
)
def test_orders_are_found_by_what_is_in_them(
    sandbox: Sandbox, where: str, numbers: list[str]
) -> None:
    assert asked(sandbox, where) == numbers


@pytest.mark.parametrize(
    "where",
    [
        'lineItems(sku="A")',
        'lineItems="A"',
        'returnInfo(items(quantity="1"))',
        'customerName="x"',
    ],
)
def test_a_predicate_that_does_not_fit_is_refused(sandbox: Sandbox, where: str) -> None:
    answer, body = ask(sandbox, "GET", f"/oneshelf/orders?where={quote(where)}")
    assert (answer.status, body["errors"][0]["code"]) == (400, "InvalidInput")


def test_all_orders_are_read_page_by_page_behind_the_last_id(sandbox: Sandbox) -> None:
    ids: list[str] = []
    last = ""
    while True:
        where = quote(f'id > "{last}"')
        target = f"/oneshelf/orders?where={where}&sort=id%20asc&limit=1&withTotal=false"
        _, page = ask(sandbox, "GET", target)
        if not page["results"]:
            break
        last = page["results"][0]["id"]
        ids.append(last)
    assert ids == [order.id for order in sandbox.orders.walk()]
    assert len(ids) == 3


def test_an_order_is_read_written_and_deleted_by_number_encoded_or_not() -> None:
    sandbox, _ = sandbox_with_clock()
    order = sandbox.place_order([{"sku": "A"}], order_number="W/1 ü", mode="None")
    path = f"/oneshelf/orders/order-number={quote('W/1 ü', safe='')}"
    _, by_number = ask(sandbox, "GET", path)
    _, by_id = ask(sandbox, "GET", f"/oneshelf/orders/{order.id}")
    assert by_number == by_id
    assert ask(sandbox, "HEAD", path)[0].status == 200
    change = update(1, action("changeOrderState", orderState="Complete"))
    answer, changed = ask(sandbox, "POST", path, change)
    assert (answer.status, changed["orderState"]) == (200, "Complete")
    stale, refused = ask(sandbox, "POST", f"/oneshelf/orders/{order.id}", change)
    assert (stale.status, refused["errors"][0]["currentVersion"]) == (409, 2)
    assert ask(sandbox, "DELETE", f"{path}?version=1")[0].status == 409
    assert ask(sandbox, "DELETE", f"{path}?version=2")[0].status == 200
    assert ask(sandbox, "GET", path)[0].status == 404
    answer, _ = ask(sandbox, "GET", "/oneshelf/orders/order-number=W-9")
    assert answer.status == 404


def expanded(sandbox: Sandbox, order_id: str, *paths: str) -> Fields:
    query = "&".join(f"expand={quote(path)}" for path in paths)
    answer, body = ask(sandbox, "GET", f"/oneshelf/orders/{order_id}?{query}")
    assert answer.status == 200, body
    found: Fields = body
    return found


def test_references_are_expanded_along_the_paths_asked_for() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    money = {"currencyCode": "EUR", "centAmount": 1}
    payment = sandbox.create_payment({"key": "pay-1", "amountPlanned": money})
    lines = [{"sku": "A", "channelKey": "LDN01"}, {"sku": "B"}]
    order = sandbox.place_order(lines, mode="None")
    change = action("addPayment", payment={"typeId": "payment", "id": payment.id})
    sandbox.update_order("id", order.id, update(1, change))
    plain = expanded(sandbox, order.id)
    assert plain["lineItems"][0]["supplyChannel"] == {
        "typeId": "channel",
        "id": channel.id,
    }
    paths = ("lineItems[*].supplyChannel", "paymentInfo.payments[*]")
    body = expanded(sandbox, order.id, *paths, "lineItems[*].state[*].state")
    first, second = body["lineItems"]
    assert first["supplyChannel"]["obj"]["key"] == "LDN01"
    assert first["state"][0]["state"]["obj"]["key"] == "Initial"
    assert "supplyChannel" not in second
    assert body["paymentInfo"]["payments"][0]["obj"]["key"] == "pay-1"
    _, page = ask(sandbox, "GET", f"/oneshelf/orders?expand={quote(paths[0])}")
    shown = page["results"][0]["lineItems"][0]["supplyChannel"]
    assert shown["obj"]["roles"] == ["InventorySupply"]


def test_a_path_that_leads_nowhere_changes_nothing_and_no_path_is_refused() -> None:
    sandbox, _ = sandbox_with_clock()
    order = sandbox.place_order([{"sku": "A"}], mode="None")
    plain = expanded(sandbox, order.id)
    for path in ("nothing[*].here", "lineItems[*].variant.sku", "orderState.id", "id"):
        assert expanded(sandbox, order.id, path) == plain
    for path in ("", "lineItems[0]", "a..b", "a[*", "; drop"):
        target = f"/oneshelf/orders/{order.id}?expand={quote(path)}"
        assert ask(sandbox, "GET", target)[0].status == 400


def test_an_expanded_reference_is_followed_further() -> None:
    sandbox, _ = sandbox_with_clock()
    following = {"typeId": "state", "key": "done"}
    sandbox.create_state({"key": "done", "type": "OrderState", "initial": False})
    sandbox.create_state(
        {"key": "new", "type": "OrderState", "transitions": [following]}
    )
    order = sandbox.place_order([{"sku": "A"}], mode="None")
    change = action("transitionState", state={"typeId": "state", "key": "new"})
    sandbox.update_order("id", order.id, update(1, change))
    for paths in (
        ("state.transitions[*]",),
        ("state", "state.transitions[*]"),
        ("state.transitions[*]", "state"),
    ):
        body = expanded(sandbox, order.id, *paths)
        assert body["state"]["obj"]["transitions"][0]["obj"]["key"] == "done"


def test_an_entry_shows_its_channel_where_it_is_asked_for() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_channel({"key": "LDN01"})
    entry = sandbox.create_entry(
        {"sku": "A", "quantityOnStock": 1, "supplyChannel": supplied_by("LDN01")}
    )
    target = f"/oneshelf/inventory/{entry.id}?expand=supplyChannel"
    assert ask(sandbox, "GET", target)[1]["supplyChannel"]["obj"]["key"] == "LDN01"
