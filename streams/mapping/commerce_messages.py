"""commercetools' subscription messages as news of orders: what one message tells.

Platform format and CloudEvents; commercetools API reference, "Subscriptions" and
"Message types". Messages come at least once and in no promised order.
"""

from typing import NamedTuple

import msgspec

from streams.domain.order_news import OrderMentioned, OrderNews
from streams.domain.order_notes import OrderStateSeen
from streams.mapping.commerce_order_wire import (
    PlacedOrderWire,
    ReferenceWire,
    Version,
)
from streams.mapping.commerce_placing import names_all_channels, placed_of
from streams.mapping.order_aliases import checked_commerce_number, commerce_alias
from streams.mapping.pos_rules import NAME_MAX
from streams.mapping.pos_sheet import Refused
from streams.mapping.pos_wire import decode_whole
from streams.mapping.problems import (
    Problem,
    Reason,
    empty_record,
    missing_field,
    name_too_long,
    wrong_type,
)

PLACED = frozenset({"OrderCreated", "OrderImported", "OrderCreatedFromRecurringOrder"})
STATE_CHANGED = "OrderStateChanged"
RETURN_ADDED = "ReturnInfoAdded"
"""Our own return come back, or a person's: which of them, only reading tells."""

KNOWN = PLACED | {STATE_CHANGED, RETURN_ADDED}


class Told(NamedTuple):
    """What a message tells.

    Attributes:
        known: We know what its type means; others are counted.
    """

    news: tuple[tuple[str, OrderNews], ...] = ()
    problem: Problem | None = None
    known: bool = True


class _Resource(ReferenceWire, frozen=True, gc=False, rename="camel"):
    type_id: str


class _Identifiers(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    order_number: str | None = None


class _NotIncluded(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    reason: str | None = None
    payload_type: str = ""


class _Head(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What tells the formats, and messages from notices, apart."""

    specversion: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    notification_type: str | None = None
    resource: _Resource | None = None
    type: str | None = None


class _Message(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A message about an order; `order` and `order_state` as its type has them.

    Where the payload is not included, the type is not either, but named beside it.
    """

    resource: _Resource
    resource_version: Version
    type: str = ""
    sequence_number: Version = 0
    resource_user_provided_identifiers: _Identifiers | None = None
    payload_not_included: _NotIncluded | None = None
    order: PlacedOrderWire | None = None
    order_state: str | None = None


def told_by(body: bytes | None) -> Told:
    """Say what a message tells of orders, whichever format it has."""
    if body is None:
        return Told(problem=empty_record())
    head = decode_whole(body, _Head, "")
    path = ""
    if isinstance(head, _Head) and head.specversion is not None:
        if not bytes(head.data):
            return Told(problem=missing_field("data"))
        body, path = bytes(head.data), "data"
        head = decode_whole(body, _Head, path)
    if isinstance(head, Problem):
        return Told(problem=_in_our_words(head))
    return _told(body, head, path)


def _in_our_words(problem: Problem) -> Problem:
    if problem.reason is not Reason.BROKEN_JSON:
        return problem
    said = "The body is not JSON; have the bridge send commercetools' message as it is."
    return problem._replace(sentence=said)


def _told(body: bytes, head: _Head, path: str) -> Told:
    at = f"{path}." if path else ""
    if head.resource is None:
        return Told(problem=missing_field(f"{at}resource"))
    if head.notification_type != "Message":
        # A subscription is tried out with a notice of its own creation; others tell of
        # changes without saying which.
        is_trial = head.resource.type_id == "subscription"
        return Told(known=is_trial)
    if head.resource.type_id != "order":
        return Told(known=False)
    message = decode_whole(body, _Message, path)
    if isinstance(message, Problem):
        return Told(problem=message)
    if not message.type and message.payload_not_included is not None:
        payload_type = message.payload_not_included.payload_type
        message = msgspec.structs.replace(message, type=payload_type)
    if not message.type:
        return Told(problem=missing_field(f"{at}type"))
    try:
        return _news_of(message, at)
    except Refused as refused:
        return Told(problem=refused.problem)


def _news_of(message: _Message, at: str) -> Told:
    order_id = message.resource.id
    if not 0 < len(order_id) <= NAME_MAX:
        field = f"{at}resource.id"
        raise Refused(
            name_too_long(field, order_id, NAME_MAX)
            if order_id
            else missing_field(field)
        )
    left_out = message.payload_not_included
    type_ = message.type if left_out is None else left_out.payload_type
    order = message.order if type_ in PLACED else None
    news: OrderNews
    if order is not None and names_all_channels(order):
        if order.id != order_id:
            expected = "the id of the message's resource"
            raise Refused(wrong_type(f"{at}order.id", order.id, expected))
        news = placed_of(order, path=f"{at}order", sequence=message.sequence_number)
    elif type_ == STATE_CHANGED and message.order_state:
        news = OrderStateSeen(
            commerce_id=order_id,
            number=_number(message, at),
            version=message.resource_version,
            state=message.order_state[:NAME_MAX],
            sequence=message.sequence_number,
        )
    else:
        news = OrderMentioned(
            commerce_id=order_id,
            version=message.resource_version,
            number=_number(message, at),
            sequence=message.sequence_number,
            has_changed=type_ in KNOWN,
        )
    return Told(((commerce_alias(order_id), news),), known=type_ in KNOWN)


def _number(message: _Message, at: str) -> str:
    identifiers = message.resource_user_provided_identifiers
    if identifiers is not None and identifiers.order_number:
        path = f"{at}resourceUserProvidedIdentifiers.orderNumber"
        return checked_commerce_number(identifiers.order_number, path)
    # Without either, the order may have none, or be too large to be sent: it is read.
    number = message.order.order_number if message.order is not None else None
    return checked_commerce_number(number or "", f"{at}order.orderNumber")
