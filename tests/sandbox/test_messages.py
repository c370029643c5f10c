"""Messages: numbered per resource, complete in themselves, to be read again."""

import pytest

from streams.sandbox.commercetools import ApiClient, SandboxConfig
from tests.sandbox.support import (
    Caller,
    add,
    entry_draft,
    lagging,
    sandbox_with_clock,
    supplied_by,
    update,
)
from tests.sandbox.trade_support import Shop, action, ask


def test_messages_of_a_resource_are_numbered_without_gaps_beside_others() -> None:
    sandbox, _ = sandbox_with_clock()
    first, second = (sandbox.create_entry(entry_draft(sku)) for sku in ("A", "B"))
    for version in (1, 2):
        for entry in (first, second):
            sandbox.update_entry("id", entry.id, update(version, add(1)))
    for entry in (first, second):
        said = [each for each in sandbox.messages.walk() if each.subject.id == entry.id]
        assert [each.sequence_number for each in said] == [1, 2, 3]
        assert [each.subject.version for each in said] == [1, 2, 3]


def test_several_messages_of_one_update_carry_the_version_after_it() -> None:
    shop = Shop()
    shop.act(
        action("changeOrderState", orderState="Confirmed"),
        action("changeShipmentState", shipmentState="Ready"),
    )
    said = shop.messages()
    assert [each.sequence_number for each in said] == [2, 3]
    assert [each.subject.version for each in said] == [3, 3]
    assert said[0].subject.identifiers == {"orderNumber": "W-1"}


def test_a_quantity_message_has_old_and_new_sku_channel_and_key() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    drafted = entry_draft(key="one", supplyChannel=supplied_by("LDN01"))
    entry = sandbox.create_entry(drafted)
    sandbox.update_entry("id", entry.id, update(1, add(2), add(3)))
    _, said = sandbox.messages.walk()
    assert said.type == "InventoryEntryQuantitySet"
    assert said.subject.identifiers == {"key": "one"}
    assert said.happening.fields == {
        "sku": "SHIRT-M",
        "supplyChannel": {"typeId": "channel", "id": channel.id},
        "oldQuantityOnStock": 10,
        "newQuantityOnStock": 15,
        "oldAvailableQuantity": 10,
        "newAvailableQuantity": 15,
    }


def test_levels_that_are_reached_are_told_of_once() -> None:
    sandbox, _ = sandbox_with_clock()
    levels = {"reorderPoint": 6, "safetyStock": 3}
    entry = sandbox.create_entry(entry_draft(stockLevels=levels))
    for version, quantity in enumerate((-3, -1, -1, -5, -1, 9), start=1):
        sandbox.update_entry("id", entry.id, update(version, add(quantity)))
    said = [
        each.type.removeprefix("InventoryEntry") for each in sandbox.messages.walk()
    ]
    assert [each for each in said if each not in ("Created", "QuantitySet")] == [
        "ReorderPoint",
        "SafetyStock",
        "OutOfStock",
    ]


def test_stock_that_falls_through_zero_is_out_once_and_again_after_a_refill() -> None:
    sandbox, _ = sandbox_with_clock()
    entry = sandbox.create_entry(entry_draft(quantity=1))
    for version, quantity in enumerate((-2, -1, 3, -2), start=1):
        sandbox.update_entry("id", entry.id, update(version, add(quantity)))
    outs = [
        each.subject.version
        for each in sandbox.messages.walk()
        if each.type == "InventoryEntryOutOfStock"
    ]
    assert outs == [2, 5]


def test_a_late_decrement_is_no_quantity_message_but_may_empty_the_stock() -> None:
    sandbox, clock = sandbox_with_clock(lagging(5))
    sandbox.create_entry(entry_draft(quantity=2))
    sandbox.purchase("SHIRT-M", 1)
    sandbox.purchase("SHIRT-M", 1)
    clock.move(5)
    sandbox.settle()
    said = [each.type for each in sandbox.messages.walk()]
    assert said == [
        "InventoryEntryCreated",
        "OrderImported",
        "OrderImported",
        "InventoryEntryOutOfStock",
    ]


def test_a_message_is_read_by_id_and_asked_for_by_resource() -> None:
    shop = Shop()
    shop.act(action("changeOrderState", orderState="Confirmed"))
    (said,) = shop.messages()
    _, body = ask(shop.sandbox, "GET", f"/oneshelf/messages/{said.id}")
    assert body["type"] == "OrderStateChanged"
    assert (body["orderState"], body["oldOrderState"]) == ("Confirmed", "Open")
    assert (body["sequenceNumber"], body["resourceVersion"], body["version"]) == (
        2,
        2,
        1,
    )
    where = f'resource(id="{shop.order_id}") and sequenceNumber > 1'
    _, found = ask(shop.sandbox, "GET", f"/oneshelf/messages?where={where}")
    assert found["results"] == [body]
    where = f'resource(id="{shop.order_id}")'
    sort = "sort=sequenceNumber desc"
    _, found = ask(shop.sandbox, "GET", f"/oneshelf/messages?where={where}&{sort}")
    assert [each["sequenceNumber"] for each in found["results"]] == [2, 1]
    assert ask(shop.sandbox, "GET", "/oneshelf/messages/none")[0].status == 404
    assert ask(shop.sandbox, "POST", "/oneshelf/messages", {})[0].status == 404


@pytest.mark.parametrize(
    ("scope", "status"), [("view_messages", 200), ("view_orders", 403)]
)
def test_messages_need_their_own_scope(scope: str, status: int) -> None:
    client = ApiClient(
        "sandbox-client", "sandbox-secret", ("view_messages", "view_orders")
    )
    sandbox, _ = sandbox_with_clock(SandboxConfig(clients=(client,)))
    caller = Caller(sandbox, f"{scope}:oneshelf")
    assert caller.ask("GET", "/oneshelf/messages").status == status


def test_the_oldest_messages_make_room_and_numbers_go_on() -> None:
    sandbox, _ = sandbox_with_clock(SandboxConfig(messages_max=2))
    entry = sandbox.create_entry(entry_draft())
    for version in (1, 2, 3):
        sandbox.update_entry("id", entry.id, update(version, add(1)))
    numbers = [each.sequence_number for each in sandbox.messages.walk()]
    assert numbers == [3, 4]


def test_the_same_seed_gives_messages_the_same_ids() -> None:
    def ids() -> list[str]:
        shop = Shop()
        shop.act(action("changeOrderState", orderState="Confirmed"))
        return [each.id for each in shop.sandbox.messages.walk()]

    assert ids() == ids()
