"""Subscriptions: who is told what, in which shape, and how it travels."""

import pytest

from streams.sandbox.commercetools import Conduct, Sandbox, SandboxConfig
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.messaging.courier import read_conduct
from streams.sandbox.commercetools.messaging.subscriptions import (
    Subscription,
    subscription_body,
)
from tests.sandbox.post_support import CONFLUENT, Post, draft
from tests.sandbox.support import (
    add,
    entry_draft,
    sandbox_with_clock,
    update,
)
from tests.sandbox.trade_support import Fields, Inbox, action, ask


def test_a_subscription_is_tried_out_before_it_exists() -> None:
    post = Post(key="pos-sync")
    (test,) = post.inbox.envelopes()
    assert test["notificationType"] == "ResourceCreated"
    assert test["resource"] == {
        "typeId": "subscription",
        "id": post.subscription.id,
    }
    assert test["resourceUserProvidedIdentifiers"] == {"key": "pos-sync"}
    assert "type" not in test


@pytest.mark.parametrize("has_sink", [False, True])
def test_a_subscription_that_cannot_be_tried_out_does_not_exist(
    *, has_sink: bool
) -> None:
    sandbox, _ = sandbox_with_clock()
    if has_sink:
        inbox = Inbox()
        inbox.is_closed = True
        sandbox.sinks["ConfluentCloud"] = inbox
    with pytest.raises(ApiError) as raised:
        sandbox.create_subscription(draft())
    assert (raised.value.status, raised.value.code) == (400, "InvalidInput")
    assert len(sandbox.subscriptions) == len(sandbox.journal) == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"messages": []}, "InvalidInput"),
        ({"messages": [{}]}, "InvalidJsonInput"),
        (
            {"messages": [{"resourceTypeId": "order", "types": ["Bogus"]}]},
            "InvalidField",
        ),
        ({"destination": None}, "InvalidJsonInput"),
        ({"destination": {"type": "Kafka"}}, "InvalidField"),
        ({"destination": CONFLUENT | {"topic": None}}, "InvalidJsonInput"),
        ({"destination": CONFLUENT | {"acks": "2"}}, "InvalidField"),
        ({"destination": {"type": "HTTP"}}, "InvalidJsonInput"),
        ({"format": {"type": "Avro"}}, "InvalidField"),
        ({"format": {"type": "CloudEvents"}}, "InvalidJsonInput"),
        ({"key": "x"}, "InvalidInput"),
    ],
)
def test_a_wrong_subscription_is_refused(fields: Fields, code: str) -> None:
    sandbox = Sandbox(sinks={"ConfluentCloud": Inbox()})
    with pytest.raises(ApiError) as raised:
        sandbox.create_subscription(draft(**fields))
    assert raised.value.code == code


def test_a_project_has_fifty_subscriptions_at_the_most() -> None:
    sandbox = Sandbox(sinks={"ConfluentCloud": Inbox()})
    for _ in range(50):
        sandbox.create_subscription(draft())
    with pytest.raises(ApiError) as raised:
        sandbox.create_subscription(draft())
    assert raised.value.code == "MaxResourceLimitExceeded"


def test_secrets_of_a_destination_are_hidden() -> None:
    body = subscription_body(Post().subscription)
    shown = body["destination"]
    assert isinstance(shown, dict)
    assert (shown["apiKey"], shown["apiSecret"]) == ("****", "****")
    assert shown["topic"] == "ct.messages"
    assert (body["status"], body["format"]) == ("Healthy", {"type": "Platform"})


def test_the_platform_format_has_the_messages_fields_at_its_top() -> None:
    post = Post()
    entry = post.sandbox.create_entry(entry_draft(key="one"))
    post.sandbox.update_entry("id", entry.id, update(1, add(-1)))
    post.sandbox.deliver()
    _, message = post.inbox.messages()
    (_, kept) = post.sandbox.messages.walk()
    assert message == {
        "notificationType": "Message",
        "projectKey": "oneshelf",
        "id": kept.id,
        "version": 1,
        "sequenceNumber": 2,
        "resource": {"typeId": "inventory-entry", "id": entry.id},
        "resourceVersion": 2,
        "resourceUserProvidedIdentifiers": {"key": "one"},
        "type": "InventoryEntryQuantitySet",
        "createdAt": "2026-11-01T08:00:00.000Z",
        "lastModifiedAt": "2026-11-01T08:00:00.000Z",
        "sku": "SHIRT-M",
        "oldQuantityOnStock": 10,
        "newQuantityOnStock": 9,
        "oldAvailableQuantity": 10,
        "newAvailableQuantity": 9,
    }


def test_cloud_events_wrap_the_platform_format() -> None:
    cloud = {"type": "CloudEvents", "cloudEventsVersion": "1.0"}
    post = Post(format=cloud, changes=[{"resourceTypeId": "inventory-entry"}])
    entry = post.sandbox.create_entry(entry_draft())
    post.sandbox.deliver()
    test, message, change = post.inbox.envelopes()
    (kept,) = post.sandbox.messages.walk()
    data = message.pop("data")
    assert (data["type"], data["sequenceNumber"]) == ("InventoryEntryCreated", 1)
    assert message == {
        "specversion": "1.0",
        "id": kept.id,
        "type": "com.commercetools.inventory-entry.message.InventoryEntryCreated",
        "source": "/oneshelf/inventory",
        "subject": entry.id,
        "time": "2026-11-01T08:00:00.000Z",
        "sequence": "1",
        "sequencetype": "Integer",
        "dataref": f"/oneshelf/messages/{kept.id}",
    }
    kind = "com.commercetools.inventory-entry.change.ResourceCreated"
    assert (change["type"], "sequence" in change) == (kind, False)
    assert test["type"] == "com.commercetools.subscription.change.ResourceCreated"


def test_only_what_is_asked_for_is_sent() -> None:
    order = {"resourceTypeId": "order", "types": ["OrderStateChanged"]}
    post = Post(messages=[order, {"resourceTypeId": "customer"}])
    post.write()
    placed = post.sandbox.place_order([{"sku": "A"}], mode="None")
    states = [
        action("changeShipmentState", shipmentState="Ready"),
        action("changeOrderState", orderState="Confirmed"),
    ]
    post.sandbox.update_order("id", placed.id, update(1, *states))
    made = {"email": "a@b.de", "authenticationMode": "ExternalAuth"}
    post.sandbox.create_customer(made)
    post.sandbox.deliver()
    got = [(each["type"], each["sequenceNumber"]) for each in post.inbox.messages()]
    # A filter leaves gaps: the order's second message was not asked for.
    assert got == [("OrderStateChanged", 3), ("CustomerCreated", 1)]


def test_changes_are_bare_notices_with_old_and_new_version() -> None:
    post = Post(messages=[], changes=[{"resourceTypeId": "inventory-entry"}])
    entry = post.sandbox.create_entry(entry_draft())
    post.sandbox.update_entry("id", entry.id, update(1, add(1)))
    post.sandbox.delete_entry("id", entry.id, 2)
    post.sandbox.deliver()
    _, created, updated, deleted = post.inbox.envelopes()
    assert created["notificationType"] == "ResourceCreated"
    assert (updated["oldVersion"], updated["version"]) == (1, 2)
    assert "oldVersion" not in created
    assert deleted["notificationType"] == "ResourceDeleted"


def test_a_payload_that_is_too_large_is_left_out() -> None:
    post = Post(SandboxConfig(notification_bytes_max=600))
    entry = post.sandbox.create_entry(entry_draft(key="k" * 250))
    post.sandbox.deliver()
    (message,) = post.inbox.messages()
    assert message["payloadNotIncluded"]["payloadType"] == "InventoryEntryCreated"
    assert "type" not in message
    assert "inventoryEntry" not in message
    assert message["resource"]["id"] == entry.id
    _, whole = ask(post.sandbox, "GET", f"/oneshelf/messages/{message['id']}")
    assert whole["inventoryEntry"]["key"] == "k" * 250


def test_payloads_are_left_out_on_demand() -> None:
    post = Post()
    post.sandbox.courier.conduct = Conduct(omit_payload=1.0)
    post.write(3)
    post.sandbox.deliver()
    assert all("payloadNotIncluded" in each for each in post.inbox.messages())


def test_a_sink_gets_topic_and_the_one_key() -> None:
    post = Post(destination=CONFLUENT | {"key": "all"})
    (got,) = post.inbox.got
    assert (got.topic, got.key) == ("ct.messages", b"all")
    assert Post().inbox.got[0].key is None


def test_what_is_asked_for_changes_and_a_deleted_one_gets_nothing() -> None:
    post = Post(key="pos-sync")
    change = action("setMessages", messages=[{"resourceTypeId": "order"}])
    nothing = update(1, action("setMessages", messages=[]))
    with pytest.raises(ApiError) as raised:
        post.sandbox.update_subscription("key", "pos-sync", nothing)
    assert raised.value.code == "InvalidInput"
    post.sandbox.update_subscription("key", "pos-sync", update(1, change))
    post.write()
    assert post.sandbox.deliver() == 0
    post.sandbox.place_order([{"sku": "A"}], mode="None")
    post.sandbox.delete_subscription("key", "pos-sync", 2)
    assert post.sandbox.deliver() == 0


def test_a_sink_that_must_be_waited_for_needs_the_server() -> None:
    async def sink(_: object) -> None:
        raise AssertionError("never run")

    sandbox = Sandbox(sinks={"ConfluentCloud": sink})
    sandbox.create_subscription(draft())
    for _, waiting in sandbox.courier.take_trials():
        waiting.close()  # type: ignore[attr-defined] # a coroutine
    sandbox.create_entry(entry_draft())
    with pytest.raises(TypeError, match="waited for"):
        sandbox.deliver()


def test_subscribing_takes_one_call() -> None:
    sandbox, _ = sandbox_with_clock()
    inbox = Inbox()
    made: Subscription = sandbox.subscribe(inbox, ("order", "customer"), topic="ct")
    sandbox.place_order([{"sku": "A"}], order_number="W-1", mode="None")
    assert sandbox.deliver() == 1
    assert made.destination["topic"] == "ct"
    (message,) = inbox.messages()
    assert (message["type"], message["order"]["orderNumber"]) == ("OrderCreated", "W-1")


@pytest.mark.parametrize(
    "body",
    [
        {"duplicate": 1.1},
        {"lose": -0.1},
        {"delayS": -1},
        {"speed": 1},
        {"reorder": "x"},
    ],
)
def test_a_wrong_conduct_is_refused(body: Fields) -> None:
    with pytest.raises(ApiError) as raised:
        read_conduct(body)
    assert raised.value.status == 400


def test_the_last_message_can_be_sent_again() -> None:
    post = Post()
    post.write()
    (kept,) = post.sandbox.messages.walk()
    post.sandbox.office.send_again(kept, post.clock())
    assert post.sandbox.deliver() == 2
    first, second = post.inbox.messages()
    assert first == second
