"""Imported orders: what they keep, and what they may not say."""

import pytest

from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.orders import order_body
from tests.sandbox.support import sandbox_with_clock
from tests.sandbox.test_orders import line, order_draft
from tests.sandbox.trade_support import Fields, as_json, line_state, state_key


def full_import(**fields: object) -> Fields:
    money = {"currencyCode": "EUR", "centAmount": 490}
    drafted = line("A", 3, key="one")
    shares = [
        {"quantity": 1, "state": state_key("shipped")},
        {"quantity": 2, "state": state_key("Initial")},
    ]
    return order_draft(
        [drafted | {"state": shares}],
        "None",
        orderNumber="S-1",
        shippingInfo={
            "shippingMethodName": "Standard",
            "price": money,
            "shippingRate": {"price": money},
            "deliveries": [{"key": "ns-1", "parcels": [{"key": "pc-1"}]}],
        },
        orderState="Confirmed",
        shipmentState="Partial",
        paymentState="Paid",
        customerEmail="jo@example.org",
        completedAt="2026-10-31T10:00:00.000Z",
        store={"typeId": "store", "key": "de"},
        origin="Merchant",
        **fields,
    )


def test_an_import_keeps_states_shipping_and_facts() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_state(line_state("shipped"))
    body = as_json(order_body(sandbox.import_order(full_import())))
    assert body["shippingInfo"]["deliveries"][0]["key"] == "ns-1"
    for name, value in (
        ("orderState", "Confirmed"),
        ("shipmentState", "Partial"),
        ("paymentState", "Paid"),
        ("completedAt", "2026-10-31T10:00:00.000Z"),
        ("origin", "Merchant"),
        ("store", {"typeId": "store", "key": "de"}),
    ):
        assert body[name] == value
    (shown,) = body["lineItems"]
    assert [each["quantity"] for each in shown["state"]] == [1, 2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customerId": "none"}, "ReferencedResourceNotFound"),
        (
            {"paymentInfo": {"payments": [{"typeId": "payment", "id": "none"}]}},
            "ReferencedResourceNotFound",
        ),
        ({"shippingInfo": {"shippingMethodName": "x"}}, "InvalidJsonInput"),
        ({"totalPrice": {"centAmount": 1}}, "InvalidJsonInput"),
        (
            {"totalPrice": {"currencyCode": "eur", "centAmount": 1}},
            "InvalidJsonInput",
        ),
    ],
)
def test_a_wrong_import_is_refused(change: Fields, code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_state(line_state("shipped"))
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(full_import() | change)
    assert raised.value.code == code
    assert len(sandbox.orders) == 0


def test_imported_states_must_add_up_and_keys_be_unique() -> None:
    sandbox, _ = sandbox_with_clock()
    short = [{"quantity": 1, "state": state_key("Initial")}]
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(order_draft([line("A", 2, state=short)], "None"))
    assert raised.value.code == "InvalidOperation"
    sandbox.create_state(line_state("shipped"))
    draft = full_import()
    draft["shippingInfo"]["deliveries"] *= 2
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(draft)
    assert raised.value.code == "DuplicateField"


def test_a_payment_of_another_order_cannot_be_imported() -> None:
    sandbox, _ = sandbox_with_clock()
    money = {"currencyCode": "EUR", "centAmount": 1}
    payment = sandbox.create_payment({"amountPlanned": money})
    info = {"payments": [{"typeId": "payment", "id": payment.id}]}
    draft = order_draft([line("A", 1)], "None", paymentInfo=info)
    body = as_json(order_body(sandbox.import_order(draft)))
    assert body["paymentInfo"] == info
    with pytest.raises(ApiError) as raised:
        sandbox.import_order(draft)
    assert raised.value.code == "InvalidOperation"
