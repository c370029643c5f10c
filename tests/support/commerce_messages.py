"""commercetools' messages with sane values: a test states only what matters to it."""

import json
from typing import Any

Json = dict[str, Any]

ORDER_ID = "ct-order-1"


def order(*lines: Json, **more: Any) -> Json:
    """An order of one line without a supply channel."""
    return {
        "id": ORDER_ID,
        "version": 1,
        "orderNumber": "W-1001",
        "orderState": "Open",
        "createdAt": "2025-03-01T10:00:00.000Z",
        "inventoryMode": "TrackOnly",
        "totalPrice": {"currencyCode": "GBP", "centAmount": 9000},
        "shippingAddress": {"country": "GB", "lastName": "kept out of notes"},
        "shippingInfo": {"shippingMethodName": "Standard"},
        "paymentInfo": {"payments": [{"typeId": "payment", "id": "pay-1"}]},
        "lineItems": list(lines or [line()]),
    } | more


def line(id_: str = "li-a", quantity: int = 2, **more: Any) -> Json:
    return {"id": id_, "quantity": quantity, "variant": {"sku": "MUG"}} | more


def channel(key: str | None = None) -> Json:
    """A reference to a channel; expanded where it has a key."""
    expanded = {} if key is None else {"obj": {"id": f"id-{key}", "key": key}}
    return {"typeId": "channel", "id": "id-LDN01", **expanded}


def message(type_: str, /, *, number: str | None = "W-1001", **more: Any) -> Json:
    """A message in the Platform format."""
    named = {"resourceUserProvidedIdentifiers": {"orderNumber": number}}
    return {
        "notificationType": "Message",
        "projectKey": "acme",
        "id": "msg-1",
        "version": 1,
        "sequenceNumber": 1,
        "resource": {"typeId": "order", "id": ORDER_ID},
        "resourceVersion": 1,
        "type": type_,
        **(named if number else {}),
    } | more


def created(*lines: Json, number: str | None = "W-1001", **more: Any) -> Json:
    """OrderCreated, whole."""
    whole = order(*lines, **more)
    if number is None:
        del whole["orderNumber"]
    return message("OrderCreated", number=number, order=whole)


def state_changed(state: str = "Cancelled", **more: Any) -> Json:
    what: Json = {"sequenceNumber": 2, "resourceVersion": 3, "orderState": state} | more
    return message("OrderStateChanged", **what)


def cloud_event(data: Json | None) -> Json:
    """The message as a CloudEvent in structured mode."""
    event: Json = {
        "specversion": "1.0",
        "id": "msg-1",
        "type": "com.commercetools.order.message.OrderCreated",
        "source": "/acme/orders",
        "subject": ORDER_ID,
    }
    return event if data is None else event | {"data": data}


def trial_notice() -> Json:
    """What commercetools sends to try a subscription out."""
    return {
        "notificationType": "ResourceCreated",
        "projectKey": "acme",
        "resource": {"typeId": "subscription", "id": "sub-1"},
        "version": 1,
        "modifiedAt": "2025-03-01T09:00:00.000Z",
    }


def body(told: Any) -> bytes:
    return json.dumps(told).encode()
