"""States: of line items by quantity, of orders by workflow, and the plain ones."""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.states import INITIAL_STATE_ID, state_body
from tests.sandbox.support import sandbox_with_clock, update
from tests.sandbox.trade_support import Fields, Shop, action, line_state, state_key


def move(
    shop: Shop, quantity: int, source: str, target: str, **fields: object
) -> Fields:
    base: Fields = {
        "lineItemId": shop.line_id(),
        "quantity": quantity,
        "fromState": state_key(source),
        "toState": state_key(target),
    }
    return action("transitionLineItemState", **base | fields)


def shares(shop: Shop, index: int = 0) -> dict[str, int]:
    """How many units of a line are in which state."""
    states = shop.sandbox.states
    return {
        states.get("id", each["state"]["id"]).key: each["quantity"]
        for each in shop.body["lineItems"][index]["state"]
    }


def test_fresh_lines_are_all_in_the_built_in_state() -> None:
    shop = Shop()
    assert shares(shop) == {"Initial": 3}
    initial = shop.sandbox.states.get("key", "Initial")
    assert (initial.id, initial.is_built_in) == (INITIAL_STATE_ID, True)


def test_units_move_from_state_to_state_by_quantity() -> None:
    shop = Shop()
    shop.act(move(shop, 2, "Initial", "reserved"))
    assert shares(shop) == {"Initial": 1, "reserved": 2}
    shop.act(move(shop, 1, "reserved", "shipped"), move(shop, 1, "Initial", "shipped"))
    assert shares(shop) == {"reserved": 1, "shipped": 2}
    assert shares(shop, 1) == {"Initial": 1}


def test_a_move_is_told_with_its_line_quantity_states_and_date() -> None:
    shop = Shop()
    date = "2026-10-31T10:00:00.000Z"
    shop.act(
        move(shop, 2, "Initial", "shipped", actualTransitionDate=date),
        move(shop, 1, "Initial", "shipped"),
    )
    first, second = shop.messages()
    fields = first.happening.fields
    assert first.type == "LineItemStateTransition"
    assert (fields["lineItemId"], fields["lineItemKey"]) == (shop.line_id(), "one")
    assert (fields["quantity"], fields["transitionDate"]) == (2, date)
    assert fields["fromState"] == {"typeId": "state", "id": INITIAL_STATE_ID}
    assert second.happening.fields["transitionDate"] == "2026-11-01T08:00:00.000Z"


@pytest.mark.parametrize(("quantity", "is_taken"), [(2, True), (3, True), (4, False)])
def test_a_state_gives_no_more_units_than_it_holds(
    quantity: int, *, is_taken: bool
) -> None:
    shop = Shop()
    if is_taken:
        shop.act(move(shop, quantity, "Initial", "shipped"))
    else:
        error = shop.refused(move(shop, quantity, "Initial", "shipped"))
        assert error.code == "InvalidOperation"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"fromState": state_key("reserved")}, "InvalidOperation"),
        ({"toState": state_key("none")}, "ReferencedResourceNotFound"),
        ({"toState": {"typeId": "state"}}, "InvalidJsonInput"),
        ({"toState": None}, "InvalidJsonInput"),
        ({"quantity": 0}, "InvalidJsonInput"),
        ({"lineItemId": "none"}, "InvalidOperation"),
        ({"lineItemId": None}, "InvalidInput"),
        ({"lineItemKey": "one"}, "InvalidInput"),
    ],
)
def test_a_wrong_move_is_refused(fields: Fields, code: str) -> None:
    shop = Shop()
    change = move(shop, 1, "Initial", "shipped") | fields
    assert shop.refused(change).code == code


def test_a_line_is_named_by_its_key_too() -> None:
    shop = Shop()
    by_key = {"lineItemId": None, "lineItemKey": "two"}
    shop.act(move(shop, 1, "Initial", "shipped", **by_key))
    assert shares(shop, 1) == {"shipped": 1}


def test_transitions_of_a_state_are_respected_where_they_are_set() -> None:
    shop = Shop()
    sandbox = shop.sandbox
    sandbox.create_state(line_state("final", transitions=[]))
    only = [state_key("final")]
    sandbox.create_state(line_state("narrow", transitions=only))
    shop.act(move(shop, 2, "Initial", "narrow"))
    refused = shop.refused(move(shop, 1, "narrow", "shipped"))
    assert refused.code == "InvalidOperation"
    shop.act(move(shop, 1, "narrow", "final"))
    refused = shop.refused(move(shop, 1, "final", "narrow"))
    assert refused.code == "InvalidOperation"
    assert shares(shop) == {"Initial": 1, "narrow": 1, "final": 1}


def test_a_state_of_another_type_is_refused() -> None:
    shop = Shop()
    shop.sandbox.create_state({"key": "closed", "type": "OrderState"})
    change = move(shop, 1, "Initial", "closed")
    assert shop.refused(change).code == "InvalidInput"


def imported(shop: Shop, **quantities: int) -> Fields:
    states = [
        {"quantity": quantity, "state": state_key(key)}
        for key, quantity in quantities.items()
    ]
    return action("importLineItemState", lineItemId=shop.line_id(), state=states)


def test_imported_states_replace_all_and_say_nothing() -> None:
    shop = Shop()
    shop.sandbox.create_state(line_state("final", transitions=[]))
    shop.act(imported(shop, final=3))
    # Its own transitions would not allow this.
    shop.act(imported(shop, Initial=1, shipped=2))
    assert shares(shop) == {"Initial": 1, "shipped": 2}
    assert shop.types() == []


@pytest.mark.parametrize(
    ("quantities", "code"),
    [
        ({"shipped": 2}, "InvalidOperation"),
        ({"shipped": 4}, "InvalidOperation"),
        ({}, "InvalidOperation"),
        ({"shipped": 4, "Initial": -1}, "InvalidInput"),
    ],
)
def test_imported_states_add_up_to_the_line(
    quantities: dict[str, int], code: str
) -> None:
    shop = Shop()
    assert shop.refused(imported(shop, **quantities)).code == code


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("changeOrderState", "orderState", "Complete", "OrderStateChanged"),
        ("changeOrderState", "orderState", "Cancelled", "OrderStateChanged"),
        (
            "changeShipmentState",
            "shipmentState",
            "Canceled",
            "OrderShipmentStateChanged",
        ),
        ("changePaymentState", "paymentState", "Paid", "OrderPaymentStateChanged"),
    ],
)
def test_a_plain_state_goes_anywhere_and_is_told_once(
    name: str, field: str, value: str, message: str
) -> None:
    shop = Shop()
    body = shop.act(action(name, **{field: value}))
    assert (body[field], body["version"]) == (value, 2)
    assert shop.types() == [message]
    assert shop.act(action(name, **{field: value}))["version"] == 2
    assert shop.types() == [message]
    error = shop.refused(action(name, **{field: "Bogus"}))
    assert error.code == "InvalidField"


def test_a_cancelled_order_keeps_what_it_took_from_stock() -> None:
    sandbox, clock = sandbox_with_clock()
    entry = sandbox.create_entry({"sku": "A", "quantityOnStock": 5})
    order = sandbox.place_order([{"sku": "A", "quantity": 2}])
    cancel = action("changeOrderState", orderState="Cancelled")
    sandbox.update_order("id", order.id, update(1, cancel))
    clock.move(10)
    sandbox.settle()
    assert sandbox.inventory.get("id", entry.id).quantity_on_stock == 3


def to(key: str, **fields: object) -> Fields:
    return action("transitionState", state=state_key(key), **fields)


def test_an_orders_workflow_begins_initial_and_follows_transitions() -> None:
    shop = Shop()
    sandbox = shop.sandbox
    sandbox.create_state({"key": "done", "type": "OrderState", "initial": False})
    sandbox.create_state({"key": "other", "type": "OrderState", "initial": False})
    only = [state_key("done")]
    sandbox.create_state({"key": "new", "type": "OrderState", "transitions": only})
    assert shop.refused(to("done")).code == "InvalidOperation"
    shop.act(to("new"))
    assert shop.refused(to("other")).code == "InvalidOperation"
    shop.act(to("other", force=True), to("done"))
    done = sandbox.states.get("key", "done")
    assert shop.body["state"] == {"typeId": "state", "id": done.id}
    told = [each.happening.fields for each in shop.messages()]
    assert [each["force"] for each in told] == [False, True, False]
    assert "oldState" not in told[0]


def test_states_are_made_with_the_vendors_defaults_and_rules() -> None:
    sandbox, _ = sandbox_with_clock()
    made = sandbox.create_state(line_state("back", roles=["Return"]))
    body = state_body(made)
    assert (body["initial"], body["builtIn"], body["roles"]) == (
        True,
        False,
        ["Return"],
    )
    assert "transitions" not in body
    for draft, code in (
        (line_state("back"), "DuplicateField"),
        (line_state("Initial"), "DuplicateField"),
        (line_state(""), "InvalidOperation"),
        ({"key": "x", "type": "Bogus"}, "InvalidField"),
        (line_state("x", roles=["Bogus"]), "InvalidField"),
        ({"key": "x", "type": "OrderState", "roles": ["Return"]}, "InvalidField"),
        (
            {"key": "x", "type": "OrderState", "transitions": [state_key("back")]},
            "InvalidOperation",
        ),
        (
            line_state("x", transitions=[state_key("none")]),
            "ReferencedResourceNotFound",
        ),
    ):
        with pytest.raises(ApiError) as raised:
            sandbox.create_state(draft)
        assert raised.value.code == code, draft


def test_states_change_but_the_built_in_keeps_its_key() -> None:
    sandbox, _ = sandbox_with_clock()
    made = sandbox.create_state(line_state("back"))
    changed = sandbox.update_state(
        "key",
        "back",
        update(
            1,
            action("setTransitions", transitions=[]),
            action("changeKey", key="gone"),
            action("setRoles", roles=["Return"]),
            action("changeInitial", initial=False),
            action("setName", name={"en": "Gone"}),
        ),
    )
    assert (changed.version, changed.transitions, changed.key) == (6, (), "gone")
    assert sandbox.states.get("key", "gone").id == made.id
    for state_id, change in (
        (INITIAL_STATE_ID, action("changeKey", key="x")),
        (made.id, action("setTransitions", transitions=[])),
    ):
        version = sandbox.states.get("id", state_id).version
        with pytest.raises(ApiError) as raised:
            sandbox.update_state("id", state_id, update(version, change))
        assert raised.value.code == "InvalidOperation"
