"""What is missing in commercetools' order, and nothing but that."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.commerce_orders import (
    INITIAL,
    OUR_STATES,
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
    actions_of,
    overdelivered,
    payment_states_of,
)
from streams.domain.commerce_wanted import (
    LineQuantity,
    StateQuantity,
    WantedDelivery,
    WantedLine,
    WantedOrder,
    WantedReturn,
    WantedReturnItem,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SHIPPED, RESERVED = "oneshelf-shipped", "oneshelf-reserved"


def wanted(**changes: Any) -> WantedOrder:
    return replace(
        WantedOrder(order_number="W-1", commerce_id="c-1", sequence=1), **changes
    )


def seen(**changes: Any) -> SeenOrder:
    return replace(SeenOrder(version=1, states={"a": {INITIAL: 2}}), **changes)


def delivery(key: str, quantity: int = 1) -> WantedDelivery:
    return WantedDelivery(
        key=key, items=(LineQuantity(line_id="a", quantity=quantity),)
    )


def line(**states: int) -> WantedLine:
    return WantedLine(
        line_id="a",
        states=tuple(
            StateQuantity(state_key=f"oneshelf-{key}", quantity=quantity)
            for key, quantity in states.items()
        ),
    )


def item(key: str = "R-1-a", **changes: Any) -> WantedReturnItem:
    plain = WantedReturnItem(
        key=key,
        line_id="a",
        quantity=1,
        shipment_state="BackInStock",
        payment_state="Initial",
    )
    return replace(plain, **changes)


def returned(*items: WantedReturnItem) -> WantedReturn:
    return WantedReturn(return_id="R-1", returned_at=NOON, items=items)


def test_an_order_that_says_it_all_needs_nothing() -> None:
    assert actions_of(wanted(), seen()) == []


def test_only_deliveries_that_are_not_there_are_added() -> None:
    there = seen(delivered={"ns-1": ()})

    actions = actions_of(wanted(deliveries=(delivery("ns-1"), delivery("ns-2"))), there)

    assert actions == [AddDelivery(delivery=delivery("ns-2"))]


def test_an_order_without_shipping_gets_states_but_no_delivery() -> None:
    order = wanted(
        deliveries=(delivery("ns-1", 2),),
        lines=(line(shipped=2),),
        shipment_state="Shipped",
    )

    actions = actions_of(order, seen(can_deliver=False))

    assert actions == [
        MoveUnits(line_id="a", quantity=2, from_state=INITIAL, to_state=SHIPPED),
        ChangeShipmentState(state="Shipped"),
    ]


@pytest.mark.parametrize(
    ("now", "then", "moves"),
    [
        ({INITIAL: 2}, {"shipped": 2}, [(2, INITIAL, SHIPPED)]),
        (
            {INITIAL: 2},
            {"shipped": 1, "reserved": 1},
            [(1, INITIAL, SHIPPED), (1, INITIAL, RESERVED)],
        ),
        ({RESERVED: 1, SHIPPED: 1}, {"shipped": 2}, [(1, RESERVED, SHIPPED)]),
        ({SHIPPED: 2}, {"shipped": 2}, []),
        ({"a-persons": 2}, {"shipped": 2}, []),
        ({"a-persons": 1, INITIAL: 1}, {"shipped": 2}, [(1, INITIAL, SHIPPED)]),
    ],
)
def test_units_move_between_our_states_and_never_out_of_a_persons(
    now: dict[str, int], then: dict[str, int], moves: Sequence[tuple[int, str, str]]
) -> None:
    actions = actions_of(wanted(lines=(line(**then),)), seen(states={"a": now}))

    assert actions == [
        MoveUnits(line_id="a", quantity=quantity, from_state=source, to_state=target)
        for quantity, source, target in moves
    ]


def test_a_line_that_is_gone_is_let_be() -> None:
    assert actions_of(wanted(lines=(line(shipped=2),)), seen(states={})) == []


@pytest.mark.parametrize(
    ("known", "has_type", "changes"),
    [
        (None, False, True),
        ((), True, True),
        (("LDN02:1", "LDN01:1"), True, False),
    ],
)
def test_where_a_line_is_fulfilled_is_told_once(
    known: tuple[str, ...] | None, has_type: bool, changes: bool
) -> None:
    places = ("LDN01:1", "LDN02:1")
    order = wanted(lines=(WantedLine(line_id="a", states=(), locations=places),))

    actions = actions_of(order, seen(locations={"a": known}))

    expected = SetLocations(line_id="a", locations=places, has_type=has_type)
    assert actions == ([expected] if changes else [])


def test_a_line_whose_units_lost_their_place_names_none_any_more() -> None:
    order = wanted(lines=(WantedLine(line_id="a", states=(), locations=()),))

    assert actions_of(order, seen(locations={"a": ("LDN01:1",)})) == [
        SetLocations(line_id="a", locations=(), has_type=True)
    ]
    assert actions_of(order, seen(locations={"a": ()})) == []
    assert actions_of(order, seen(locations={"a": None})) == []


def test_a_line_with_a_type_of_the_projects_own_keeps_it() -> None:
    order = wanted(lines=(WantedLine(line_id="a", states=(), locations=("LDN01:2",)),))

    assert actions_of(order, seen(typed_otherwise=frozenset({"a"}))) == []


def test_a_return_is_added_and_then_put_back_in_stock() -> None:
    actions = actions_of(wanted(returns=(returned(item()),)), seen())

    assert actions == [
        AddReturn(return_id="R-1", returned_at=NOON, items=(item(),)),
        SetReturnShipment(key="R-1-a", state="BackInStock"),
    ]


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("Returned", [SetReturnShipment(key="R-1-a", state="BackInStock")]),
        ("BackInStock", []),
        ("Unusable", []),
        ("Advised", []),
    ],
)
def test_a_return_item_leaves_returned_once_and_never_changes_again(
    state: str, actions: list[OrderAction]
) -> None:
    known = {"R-1-a": SeenReturnItem(shipment_state=state, payment_state="Initial")}

    assert actions_of(wanted(returns=(returned(item()),)), seen(returns=known)) == (
        actions
    )


def test_a_return_that_is_only_returned_stays_so() -> None:
    order = wanted(returns=(returned(item(shipment_state="Returned")),))
    known = {
        "R-1-a": SeenReturnItem(shipment_state="Returned", payment_state="Initial")
    }

    assert actions_of(order, seen(returns=known)) == []


def test_money_is_said_of_a_return_that_is_there_and_once() -> None:
    refunded = item(payment_state="Refunded")
    order = wanted(returns=(returned(refunded, item("R-1-b")),))
    there = SeenReturnItem(shipment_state="BackInStock", payment_state="Initial")

    assert payment_states_of(order, seen()) == []
    assert payment_states_of(order, seen(returns={"R-1-a": there})) == [
        SetReturnPayment(key="R-1-a", state="Refunded")
    ]
    done = replace(there, payment_state="Refunded")
    assert payment_states_of(order, seen(returns={"R-1-a": done})) == []


@pytest.mark.parametrize(
    ("now", "then", "changes"),
    [
        ("", "Partial", True),
        ("Partial", "Shipped", True),
        ("Shipped", "Shipped", False),
        ("Delivered", "Shipped", False),
        ("Partial", "", False),
    ],
)
def test_the_shipment_state_follows_but_never_takes_delivered_back(
    now: str, then: str, changes: bool
) -> None:
    actions = actions_of(wanted(shipment_state=then), seen(shipment_state=now))

    assert actions == ([ChangeShipmentState(state=then)] if changes else [])


@pytest.mark.parametrize(
    ("now", "then", "changes"),
    [
        ("Open", "Complete", True),
        ("Confirmed", "Complete", True),
        ("Complete", "Complete", False),
        ("Cancelled", "Complete", False),
        ("Complete", "Cancelled", False),
        ("Open", "", False),
    ],
)
def test_an_ended_order_stays_as_it_ended(now: str, then: str, changes: bool) -> None:
    actions = actions_of(wanted(order_state=then), seen(order_state=now))

    assert actions == ([ChangeOrderState(state=then)] if changes else [])


def test_the_sync_is_noted_with_the_first_thing_told_and_not_alone() -> None:
    order = wanted(sync_id="ns-77")
    assert actions_of(order, seen()) == []

    told = actions_of(replace(order, shipment_state="Partial"), seen())

    assert told[-1] == UpdateSync(external_id="ns-77")


def test_more_units_in_deliveries_than_ordered_are_found() -> None:
    order = wanted(deliveries=(delivery("ns-1", 2), delivery("ns-2", 1)))

    assert overdelivered(order, {"a": 3}) == []
    assert overdelivered(order, {"a": 2}) == ["a"]
    assert overdelivered(order, {}) == ["a"]


def done(order: SeenOrder, actions: Sequence[OrderAction]) -> SeenOrder:
    """Do the actions, as commercetools would."""
    for action in actions:
        order = done_one(order, action)
    return order


def done_one(order: SeenOrder, action: OrderAction) -> SeenOrder:
    match action:
        case AddDelivery(delivery=added):
            return replace(order, delivered={**order.delivered, added.key: added.items})
        case MoveUnits():
            return replace(order, states={"a": moved(order.states["a"], action)})
        case SetLocations():
            known = {**order.locations, action.line_id: action.locations}
            return replace(order, locations=known)
        case AddReturn(items=items):
            fresh = SeenReturnItem(shipment_state="Returned", payment_state="Initial")
            assert not {item.key for item in items} & order.returns.keys()
            new = {item.key: fresh for item in items}
            return replace(order, returns={**order.returns, **new})
        case SetReturnShipment() | SetReturnPayment():
            return replace(order, returns=settled(order, action))
        case ChangeShipmentState(state=now):
            return replace(order, shipment_state=now)
        case ChangeOrderState(state=now):
            return replace(order, order_state=now)
        case UpdateSync(external_id=external_id):
            return replace(order, synced=(*order.synced, external_id))


def moved(units: Mapping[str, int], action: MoveUnits) -> dict[str, int]:
    assert units[action.from_state] >= action.quantity > 0
    left = {**units, action.from_state: units[action.from_state] - action.quantity}
    return {**left, action.to_state: left.get(action.to_state, 0) + action.quantity}


def settled(
    order: SeenOrder, action: SetReturnShipment | SetReturnPayment
) -> dict[str, SeenReturnItem]:
    item = order.returns[action.key]
    if isinstance(action, SetReturnPayment):
        return {**order.returns, action.key: replace(item, payment_state=action.state)}
    assert item.shipment_state == "Returned"
    return {**order.returns, action.key: replace(item, shipment_state=action.state)}


@st.composite
def orders(draw: st.DrawFn) -> tuple[WantedOrder, SeenOrder]:
    keys = (INITIAL, "a-persons", *OUR_STATES)
    quantity = draw(st.integers(1, 6))
    now = draw(st.lists(st.sampled_from(keys), min_size=quantity, max_size=quantity))
    then = draw(
        st.lists(st.sampled_from(OUR_STATES), min_size=quantity, max_size=quantity)
    )
    states = tuple(
        StateQuantity(state_key=key, quantity=then.count(key)) for key in set(then)
    )
    outcome = st.sampled_from(["Returned", "BackInStock", "Unusable"])
    items = tuple(
        item(f"R-1-{n}", shipment_state=draw(outcome), payment_state=draw(money))
        for n in range(draw(st.integers(0, 3)))
    )
    order = wanted(
        lines=(WantedLine(line_id="a", states=states, locations=("LDN01:1",)),),
        deliveries=tuple(
            delivery(f"ns-{n}") for n in range(draw(st.integers(0, quantity)))
        ),
        returns=(returned(*items),) if items else (),
        shipment_state=draw(st.sampled_from(["", "Partial", "Shipped"])),
        order_state=draw(st.sampled_from(["", "Complete"])),
        sync_id="ns-77",
    )
    return order, seen(states={"a": {key: now.count(key) for key in set(now)}})


money = st.sampled_from(["Initial", "Refunded"])


@given(orders())
def test_once_done_nothing_is_missing_and_no_unit_is_lost(
    pair: tuple[WantedOrder, SeenOrder],
) -> None:
    order, before = pair
    after = done(before, actions_of(order, before))
    after = done(after, payment_states_of(order, after))

    assert actions_of(order, after) == []
    assert payment_states_of(order, after) == []
    assert sum(after.states["a"].values()) == sum(before.states["a"].values())
    own, theirs = after.states["a"], before.states["a"]
    assert own.get("a-persons", 0) == theirs.get("a-persons", 0)
