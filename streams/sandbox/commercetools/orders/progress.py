"""The update actions of an order's states and of its line items' states.

Source: API spec, `types/order/updates/Order{TransitionLineItemState,
ImportLineItemState,TransitionState,ChangeOrderState,…}Action`.
"""

from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.orders.drafts import UNITS, item_states
from streams.sandbox.commercetools.orders.finding import line_finder
from streams.sandbox.commercetools.orders.model import (
    ORDER_STATES,
    PAYMENT_STATES,
    SHIPMENT_STATES,
    Order,
    OrderLine,
)
from streams.sandbox.commercetools.resources import reference
from streams.sandbox.commercetools.states import LINE_ITEM_STATE, ORDER_STATE
from streams.sandbox.commercetools.values import Fields, needed, optional

Change = updates.Change[Order, Desk]


def transition_line_item(action: Fields) -> Change:
    """Move units of a line from one state to another.

    The state they leave must hold as many, and its `transitions` must allow the other:
    `InvalidOperation` else (guess). What the role `Return` does is not written; nothing
    here.
    """
    find = line_finder(action)
    quantity = needed(action, "quantity", UNITS)
    wanted = [needed(action, name, values.mapping) for name in ("fromState", "toState")]
    date = optional(action, "actualTransitionDate", values.moment)

    def change(order: Order, desk: Desk) -> Order:
        line = find(order)
        states = desk.project.states
        from_state = states.of_type(LINE_ITEM_STATE, "fromState", wanted[0])
        to_state = states.of_type(LINE_ITEM_STATE, "toState", wanted[1])
        if line.held(from_state.id) < quantity:
            raise errors.invalid_operation(
                f"The line item '{line.id}' has {line.held(from_state.id)} units in "
                f"the state '{from_state.key}', not {quantity}."
            )
        if not from_state.allows(to_state):
            raise no_transition(from_state.key, to_state.key)
        desk.tell(
            "LineItemStateTransition",
            lineItemId=line.id,
            lineItemKey=line.key,
            transitionDate=date or desk.at,
            quantity=quantity,
            fromState=reference("state", from_state.id),
            toState=reference("state", to_state.id),
        )
        return order.with_line(_moved(line, quantity, from_state.id, to_state.id))

    return change


def _moved(line: OrderLine, quantity: int, source: str, target: str) -> OrderLine:
    shares = dict(line.states)
    shares[source] -= quantity
    shares[target] = shares.get(target, 0) + quantity
    return replace(
        line, states=tuple((state, units) for state, units in shares.items() if units)
    )


def no_transition(from_key: str, to_key: str) -> errors.ApiError:
    """Refuse a way that `transitions` do not allow (the code is a guess)."""
    return errors.invalid_operation(
        f"There is no transition from the state '{from_key}' to '{to_key}'."
    )


def import_line_item_states(action: Fields) -> Change:
    """Set a line's states at once; transitions do not matter, the sum does."""
    find = line_finder(action)
    drafts = needed(action, "state", values.objects)

    def change(order: Order, desk: Desk) -> Order:
        line = find(order)
        states = item_states(drafts, line.quantity, desk)
        kept = tuple((state, units) for state, units in states if units)
        return order.with_line(replace(line, states=kept))

    return change


def transition_order(action: Fields) -> Change:
    """Take the order to another state of its own workflow.

    The first must be an initial one; afterwards `transitions` rule, unless `force`.
    """
    wanted = needed(action, "state", values.mapping)
    force = optional(action, "force", values.boolean) or False

    def change(order: Order, desk: Desk) -> Order:
        states = desk.project.states
        state = states.of_type(ORDER_STATE, "state", wanted)
        old_id = order.workflow_state_id
        old = None if old_id is None else states.get("id", old_id)
        if not force and old is None and not state.is_initial:
            raise errors.invalid_operation(f"'{state.key}' is not an initial state.")
        if not force and old is not None and not old.allows(state):
            raise no_transition(old.key, state.key)
        desk.tell(
            "OrderStateTransition",
            state=reference("state", state.id),
            oldState=None if old is None else reference("state", old.id),
            force=force,
        )
        return replace(order, workflow_state_id=state.id)

    return change


def change_order_state(action: Fields) -> Change:
    """Set the order state, from any to any; stock does not move with it (guess)."""
    wanted = needed(action, "orderState", values.one_of(*ORDER_STATES))

    def change(order: Order, desk: Desk) -> Order:
        if wanted != order.state:
            desk.tell("OrderStateChanged", orderState=wanted, oldOrderState=order.state)
        return replace(order, state=wanted)

    return change


def change_shipment_state(action: Fields) -> Change:
    """Set the shipment state, from any to any."""
    wanted = needed(action, "shipmentState", values.one_of(*SHIPMENT_STATES))

    def change(order: Order, desk: Desk) -> Order:
        if wanted != order.shipment_state:
            desk.tell(
                "OrderShipmentStateChanged",
                shipmentState=wanted,
                oldShipmentState=order.shipment_state,
            )
        return replace(order, shipment_state=wanted)

    return change


def change_payment_state(action: Fields) -> Change:
    """Set the payment state, from any to any."""
    wanted = needed(action, "paymentState", values.one_of(*PAYMENT_STATES))

    def change(order: Order, desk: Desk) -> Order:
        if wanted != order.payment_state:
            desk.tell(
                "OrderPaymentStateChanged",
                paymentState=wanted,
                oldPaymentState=order.payment_state,
            )
        return replace(order, payment_state=wanted)

    return change


PROGRESS_ACTIONS: dict[str, updates.Reader[Order, Desk]] = {
    "changeOrderState": change_order_state,
    "changePaymentState": change_payment_state,
    "changeShipmentState": change_shipment_state,
    "importLineItemState": import_line_item_states,
    "transitionLineItemState": transition_line_item,
    "transitionState": transition_order,
}
