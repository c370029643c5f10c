"""Malformed news of orders: NewStore's events and commercetools' messages."""

from typing import Any

from streams.domain.exception_kinds import Kind
from tests.bad_input.row import Bad, Kept, Surface, Why
from tests.support import newstore
from tests.support.commerce_messages import (
    body,
    cloud_event,
    created,
    line,
    message,
    state_changed,
)
from tests.support.newstore import event, item, opened, request, return_item, returned

RESEND = "Correct it at the source and publish the event again."
KEY = {"authorization": "Bearer newstore-secret"}
COMMERCE_KEY = {"authorization": "Bearer commerce-secret"}


def event_parked(name: str, given: Any, why: Why, kind: Kind, says: str) -> Bad:
    """An event of NewStore that is parked for what it tells of its order."""
    return Bad(
        name=name,
        surface=Surface.WEBHOOK,
        given=newstore.body(given),
        says=says,
        status=200,
        kept=Kept.PARKED,
        why=why,
        options={"headers": KEY, "kind": kind},
    )


def message_parked(name: str, given: Any, why: Why, kind: Kind, says: str) -> Bad:
    """A message of commercetools that is parked."""
    return Bad(
        name=name,
        surface=Surface.MESSAGES,
        given=given if isinstance(given, bytes) else body(given),
        says=says,
        status=200,
        kept=Kept.PARKED,
        why=why,
        options={"headers": COMMERCE_KEY, "kind": kind},
    )


PARCEL = {"id": "u1", "product_id": "MUG", "tracking_code": 17}


def refund(**more: Any) -> Any:
    transaction = {"id": "t", "amount": 5, "currency": "GBP", "correlation_id": "r"}
    return event(
        "payment_account.amount_refunded",
        id="order-1",
        transactions=[transaction | more],
    )


ORDERS = [
    event_parked(
        "an order number with a bar",
        opened(external_id="W|1"),
        Why("impossible_name", "payload.external_id", "W|1"),
        Kind.MALFORMED,
        'payload.external_id is "W|1", which has a bar or a control character and '
        f"cannot be an order's number. {RESEND}",
    ),
    event_parked(
        "an endless order number",
        opened(external_id="W" * 201),
        Why("name_too_long", "payload.external_id", "W" * 200),
        Kind.MALFORMED,
        f"payload.external_id has 201 characters, at most 200 are possible. {RESEND}",
    ),
    event_parked(
        "a currency that is none",
        opened(currency="quid"),
        Why("impossible_name", "payload.currency", "quid"),
        Kind.MALFORMED,
        'payload.currency is "quid", which is no currency of ISO 4217, such as GBP. '
        f"{RESEND}",
    ),
    event_parked(
        "attributes that are no list",
        opened(item(extended_attributes="gift")),
        Why("wrong_type", "payload.items[0].extended_attributes", '"gift"'),
        Kind.MALFORMED,
        f'payload.items[0].extended_attributes is "gift", but must be a list. {RESEND}',
    ),
    event_parked(
        "a fulfilment of no order",
        request("items_completed", order_id=None),
        Why("missing_field", "payload.order_id", ""),
        Kind.MALFORMED,
        f"payload.order_id is missing. {RESEND}",
    ),
    event_parked(
        "a tracking code that is a number",
        request("items_completed", items=[PARCEL]),
        Why("wrong_type", "payload.items[0].tracking_code", "17"),
        Kind.MALFORMED,
        f"payload.items[0].tracking_code is 17, but must be text. {RESEND}",
    ),
    event_parked(
        "half a penny",
        returned(currency="GBP", total_refund_amount=45.005),
        Why("impossible_amount", "payload.total_refund_amount", "45.005"),
        Kind.UNCLEAR,
        "payload.total_refund_amount is 45.005, which is no amount of money in "
        f'"GBP". {RESEND}',
    ),
    event_parked(
        "a refund below nothing",
        returned(return_item(refund_amount=-1), currency="GBP"),
        Why("impossible_amount", "payload.items[0].refund_amount", "-1"),
        Kind.UNCLEAR,
        "payload.items[0].refund_amount is -1, which is no amount of money in "
        f'"GBP". {RESEND}',
    ),
    event_parked(
        "a refund in no currency",
        returned(total_refund_amount=45),
        Why("missing_field", "payload.currency", ""),
        Kind.MALFORMED,
        f"payload.currency is missing. {RESEND}",
    ),
    event_parked(
        "a refund that is a word",
        refund(amount="all of it"),
        Why("wrong_type", "payload.transactions[0].amount", '"all of it"'),
        Kind.MALFORMED,
        'payload.transactions[0].amount is "all of it", but must be an amount. '
        f"{RESEND}",
    ),
    event_parked(
        "a refund for nothing",
        refund(correlation_id=""),
        Why("missing_field", "payload.transactions[0].correlation_id", ""),
        Kind.MALFORMED,
        f"payload.transactions[0].correlation_id is missing. {RESEND}",
    ),
    event_parked(
        "an appeasement for no order",
        event("refund_request.issued", id="rr-1", amount=5, currency="GBP"),
        Why("missing_field", "payload.order_id", ""),
        Kind.MALFORMED,
        f"payload.order_id is missing. {RESEND}",
    ),
]

MESSAGES = [
    message_parked(
        "a message that is not JSON",
        b"order!",
        Why("broken_json", "", "order!"),
        Kind.MALFORMED,
        "The body is not JSON; have the bridge send commercetools' message as it is.",
    ),
    message_parked(
        "a CloudEvent without data",
        cloud_event(None),
        Why("missing_field", "data", ""),
        Kind.MALFORMED,
        f"data is missing. {RESEND}",
    ),
    message_parked(
        "a message about nothing",
        {"notificationType": "Message", "type": "OrderCreated"},
        Why("missing_field", "resource", ""),
        Kind.MALFORMED,
        f"resource is missing. {RESEND}",
    ),
    message_parked(
        "a message about an order of no id",
        message("OrderCreated", resource={"typeId": "order", "id": ""}),
        Why("missing_field", "resource.id", ""),
        Kind.MALFORMED,
        f"resource.id is missing. {RESEND}",
    ),
    message_parked(
        "a version that is a word",
        state_changed(resourceVersion="latest"),
        Why("wrong_type", "resourceVersion", '"latest"'),
        Kind.MALFORMED,
        f'resourceVersion is "latest", but must be a whole number. {RESEND}',
    ),
    message_parked(
        "a line without a SKU",
        created(line(variant={"id": 1})),
        Why("missing_field", "order.lineItems[0].variant.sku", ""),
        Kind.MALFORMED,
        f"order.lineItems[0].variant.sku is missing. {RESEND}",
    ),
    message_parked(
        "a line of a thousand and one",
        created(line(quantity=1001)),
        Why("impossible_quantity", "order.lineItems[0].quantity", "1001"),
        Kind.UNCLEAR,
        f"order.lineItems[0].quantity is 1001, but must be from 1 to 1,000. {RESEND}",
    ),
    message_parked(
        "a number like a re-routed order's",
        created(orderNumber="W-1~2"),
        Why("impossible_name", "order.orderNumber", "W-1~2"),
        Kind.MALFORMED,
        'order.orderNumber is "W-1~2", which ends like the number of a re-routed '
        f"order, which has ~2, ~3 and so on. {RESEND}",
    ),
    message_parked(
        "another order inside",
        created(id="another"),
        Why("wrong_type", "order.id", '"another"'),
        Kind.MALFORMED,
        'order.id is "another", but must be the id of the message\'s resource. '
        f"{RESEND}",
    ),
]
