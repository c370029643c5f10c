"""commercetools' orders: what one says of itself, and the update actions we send.

Fields: commercetools API reference, "Orders", "States", "Payments".
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, assert_never

from streams.domain.commerce_orders import (
    AddDelivery,
    AddReturn,
    ChangeOrderState,
    ChangeShipmentState,
    MoveUnits,
    OrderAction,
    SeenOrder,
    SeenReturnItem,
    SetLocations,
    SetReturnPayment,
    SetReturnShipment,
    UpdateSync,
)
from streams.domain.commerce_wanted import (
    LineQuantity,
    WantedDelivery,
    WantedRefund,
    WantedReturnItem,
)
from streams.mapping.commerce import Body
from streams.mapping.commerce_order_wire import (
    OrderWire,
    PaymentWire,
    ProgressLineWire,
    Wire,
)

LINE_TYPE_KEY: Final = "oneshelf-line"
LOCATIONS_FIELD: Final = "oneshelfLocations"
SYNC_CHANNEL_KEY: Final = "newstore-pos"
COMMENT_MAX: Final = 500

ACTIONS_MAX: Final = 500
"""Update actions in one request (commercetools limits)."""


class StateWire(Wire, frozen=True):
    id: str
    version: int
    key: str = ""
    type: str = ""


class StatePageWire(Wire, frozen=True):
    results: list[StateWire]


def seen_of(
    wire: OrderWire, state_keys: Mapping[str, str], line_type_id: str
) -> SeenOrder:
    """Return an order as it is compared.

    Args:
        state_keys: Keys of the project's line item states by id.
        line_type_id: Id of our custom type for line items.
    """
    shippings = wire.shippings()
    return SeenOrder(
        version=wire.version,
        order_state=wire.order_state,
        shipment_state=wire.shipment_state,
        can_deliver=bool(shippings),
        delivered={
            delivery.key: tuple(
                LineQuantity(line_id=item.id, quantity=item.quantity)
                for item in delivery.items
            )
            for shipping in shippings
            for delivery in shipping.deliveries
        },
        states={line.id: _states(line, state_keys) for line in wire.line_items},
        locations={line.id: _locations(line) for line in wire.line_items},
        typed_otherwise=frozenset(
            line.id
            for line in wire.line_items
            if line.custom is not None and line.custom.type.id != line_type_id
        ),
        returns={
            item.key: SeenReturnItem(
                shipment_state=item.shipment_state, payment_state=item.payment_state
            )
            for info in wire.return_info
            for item in info.items
            if item.key
        },
        synced=tuple(sync.external_id for sync in wire.sync_info),
    )


def _states(line: ProgressLineWire, state_keys: Mapping[str, str]) -> dict[str, int]:
    states: dict[str, int] = {}
    for entry in line.state:
        key = state_keys.get(entry.state.id, f"?{entry.state.id}")
        states[key] = states.get(key, 0) + entry.quantity
    return states


def _locations(line: ProgressLineWire) -> tuple[str, ...] | None:
    if line.custom is None:
        return None
    text = line.custom.fields.get(LOCATIONS_FIELD, "")
    return tuple(filter(None, str(text).split(", ")))


def state_ids_of(wire: OrderWire) -> set[str]:
    """Return the ids of all states that an order's lines are in."""
    return {entry.state.id for line in wire.line_items for entry in line.state}


def body_of(action: OrderAction, shipping_key: str) -> Body:
    """Write one update action."""
    match action:
        case AddDelivery(delivery=delivery):
            return _add_delivery(delivery, shipping_key)
        case MoveUnits():
            return _move_units(action)
        case SetLocations():
            return _set_locations(action)
        case ChangeShipmentState(state=state):
            return {"action": "changeShipmentState", "shipmentState": state}
        case ChangeOrderState(state=state):
            return {"action": "changeOrderState", "orderState": state}
        case UpdateSync(external_id=external_id):
            channel = {"typeId": "channel", "key": SYNC_CHANNEL_KEY}
            return {
                "action": "updateSyncInfo",
                "channel": channel,
                "externalId": external_id,
            }
        case AddReturn():
            return _add_return(action)
        case SetReturnShipment(key=key, state=state):
            return {
                "action": "setReturnShipmentState",
                "returnItemKey": key,
                "shipmentState": state,
            }
        case SetReturnPayment(key=key, state=state):
            return {
                "action": "setReturnPaymentState",
                "returnItemKey": key,
                "paymentState": state,
            }
        case _:
            assert_never(action)


def _move_units(action: MoveUnits) -> Body:
    return {
        "action": "transitionLineItemState",
        "lineItemId": action.line_id,
        "quantity": action.quantity,
        "fromState": {"typeId": "state", "key": action.from_state},
        "toState": {"typeId": "state", "key": action.to_state},
    }


def _add_delivery(delivery: WantedDelivery, shipping_key: str) -> Body:
    body: Body = {
        "action": "addDelivery",
        "deliveryKey": delivery.key,
        "items": _items(delivery.items),
    }
    if shipping_key:
        body["shippingKey"] = shipping_key
    if delivery.parcels:
        body["parcels"] = [
            {
                "key": parcel.key,
                "items": _items(parcel.items),
                "trackingData": _without_empty(
                    {"trackingId": parcel.tracking_id, "carrier": parcel.carrier}
                ),
            }
            for parcel in delivery.parcels
        ]
    return body


def _set_locations(action: SetLocations) -> Body:
    text = ", ".join(action.locations)
    if action.has_type:
        body = {
            "action": "setLineItemCustomField",
            "lineItemId": action.line_id,
            "name": LOCATIONS_FIELD,
        }
        # Without a value the field is removed (API reference, the same action).
        return {**body, "value": text} if text else body
    return {
        "action": "setLineItemCustomType",
        "lineItemId": action.line_id,
        "type": {"typeId": "type", "key": LINE_TYPE_KEY},
        "fields": {LOCATIONS_FIELD: text},
    }


def _add_return(action: AddReturn) -> Body:
    return {
        "action": "addReturnInfo",
        "returnTrackingId": action.return_id,
        "returnDate": moment(action.returned_at),
        "items": [_return_item(item) for item in action.items],
    }


def _return_item(item: WantedReturnItem) -> Body:
    return _without_empty(
        {
            "key": item.key,
            "lineItemId": item.line_id,
            "quantity": item.quantity,
            "shipmentState": "Returned",
            "comment": item.comment[:COMMENT_MAX],
        }
    )


def refund_body(refund: WantedRefund, version: int) -> Body:
    """Write the update that books a refund; its interaction id says it is ours."""
    return {
        "version": version,
        "actions": [
            {
                "action": "addTransaction",
                "transaction": {
                    "type": "Refund",
                    "state": "Success",
                    "timestamp": moment(refund.settled_at),
                    "interactionId": refund.interaction_id,
                    "amount": {
                        "currencyCode": refund.currency,
                        "centAmount": refund.amount_minor,
                    },
                },
            }
        ],
    }


def line_type_draft() -> Body:
    """Write the draft of the custom type that says where a line is fulfilled."""
    return {
        "key": LINE_TYPE_KEY,
        "name": {"en": "OneShelf line"},
        "resourceTypeIds": ["line-item"],
        "fieldDefinitions": [
            {
                "name": LOCATIONS_FIELD,
                "label": {"en": "Where the units are fulfilled, and how many"},
                "required": False,
                "type": {"name": "String"},
                "inputHint": "SingleLine",
            }
        ],
    }


def state_draft(key: str) -> Body:
    """Write the draft of one of our line item states; any transition is allowed."""
    name = key.removeprefix("oneshelf-").capitalize()
    return {"key": key, "type": "LineItemState", "name": {"en": name}}


def moment(at: datetime) -> str:
    """Write a time as commercetools does: UTC, milliseconds, `Z`."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def payment_for(
    refund: WantedRefund, payments: Sequence[PaymentWire]
) -> PaymentWire | None:
    """Return the payment a refund belongs to: the first of its currency."""
    for payment in payments:
        if payment.amount_planned.currency_code == refund.currency:
            return payment
    return None


def _items(items: Sequence[LineQuantity]) -> list[Body]:
    return [{"id": item.line_id, "quantity": item.quantity} for item in items]


def _without_empty(body: Body) -> Body:
    return {key: value for key, value in body.items() if value not in ("", None)}
