"""Payments and their transactions: bookkeeping, not money."""

import pytest

from streams.sandbox.commercetools import Sandbox
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.payments import Payment, payment_body
from tests.sandbox.support import sandbox_with_clock, update
from tests.sandbox.trade_support import Fields, action, as_json

MONEY = {"currencyCode": "EUR", "centAmount": 1999}
TYPED = {"type": "centPrecision", "fractionDigits": 2, **MONEY}


def make(sandbox: Sandbox, **fields: object) -> Payment:
    return sandbox.create_payment({"amountPlanned": MONEY, **fields})


def act(sandbox: Sandbox, payment: Payment, *actions: Fields) -> Payment:
    version = sandbox.payments.get("id", payment.id).version
    return sandbox.update_payment("id", payment.id, update(version, *actions))


def refused(sandbox: Sandbox, payment: Payment, *actions: Fields) -> ApiError:
    before = sandbox.payments.get("id", payment.id)
    with pytest.raises(ApiError) as raised:
        act(sandbox, payment, *actions)
    assert sandbox.payments.get("id", payment.id) == before
    return raised.value


def refund(**fields: object) -> Fields:
    transaction = {"type": "Refund", "amount": MONEY, **fields}
    return action("addTransaction", transaction=transaction)


def said(sandbox: Sandbox) -> list[str]:
    return [each.type for each in sandbox.messages.walk()]


def test_a_payment_begins_with_typed_money_and_its_transactions() -> None:
    sandbox, _ = sandbox_with_clock()
    charge = {"type": "Charge", "amount": MONEY, "state": "Success"}
    made = make(sandbox, key="pay-1", transactions=[charge])
    body = as_json(payment_body(made))
    assert (body["key"], body["amountPlanned"]) == ("pay-1", TYPED)
    assert (body["paymentMethodInfo"], body["paymentStatus"]) == ({}, {})
    (held,) = body["transactions"]
    assert (held["type"], held["state"], held["amount"]) == ("Charge", "Success", TYPED)
    assert said(sandbox) == ["PaymentCreated"]


def test_a_refund_is_added_and_its_state_and_interaction_change() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox)
    made = act(sandbox, made, refund(interactionId="RMA-5"))
    (added,) = made.transactions
    assert (added.state, added.interaction_id) == ("Initial", "RMA-5")
    made = act(
        sandbox,
        made,
        action("changeTransactionState", transactionId=added.id, state="Success"),
        action(
            "changeTransactionInteractionId",
            transactionId=added.id,
            interactionId="RMA-6",
        ),
        action(
            "changeTransactionTimestamp",
            transactionId=added.id,
            timestamp="2026-10-31T10:00:00Z",
        ),
        action("setTransactionInterfaceId", transactionId=added.id, interfaceId="psp"),
    )
    (changed,) = made.transactions
    assert (changed.state, changed.interaction_id) == ("Success", "RMA-6")
    assert changed.timestamp == "2026-10-31T10:00:00.000Z"
    assert changed.interface_id == "psp"
    assert said(sandbox) == [
        "PaymentCreated",
        "PaymentTransactionAdded",
        "PaymentTransactionStateChanged",
        "PaymentTransactionInterfaceIdSet",
    ]


def test_a_refund_is_not_held_against_charges_nor_its_interaction_id_unique() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox)
    act(sandbox, made, refund(interactionId="RMA-5"), refund(interactionId="RMA-5"))
    assert len(sandbox.payments.get("id", made.id).transactions) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (refund(type="Bogus"), "InvalidField"),
        (refund(state="Bogus"), "InvalidField"),
        (refund(amount=None), "InvalidJsonInput"),
        (refund(amount={"centAmount": 1}), "InvalidJsonInput"),
        (refund(amount={"currencyCode": "EUR", "centAmount": 1.5}), "InvalidJsonInput"),
        (action("addTransaction"), "InvalidJsonInput"),
        (
            action("changeTransactionState", transactionId="none", state="Success"),
            "InvalidOperation",
        ),
        (action("pay"), "InvalidInput"),
    ],
)
def test_a_wrong_change_is_refused(change: Fields, code: str) -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox)
    error = refused(sandbox, made, refund(), change)
    assert error.code == code


def test_an_interface_id_is_unique_with_its_interface_and_set_once() -> None:
    sandbox, _ = sandbox_with_clock()
    psp = {"paymentInterface": "psp"}
    make(sandbox, interfaceId="1", paymentMethodInfo=psp)
    make(sandbox, interfaceId="1", paymentMethodInfo={"paymentInterface": "other"})
    with pytest.raises(ApiError) as raised:
        make(sandbox, interfaceId="1", paymentMethodInfo=psp)
    assert raised.value.details == {"field": "interfaceId", "duplicateValue": "1"}
    third = make(sandbox, interfaceId="2", paymentMethodInfo=psp)
    again = action("setInterfaceId", interfaceId="3")
    assert refused(sandbox, third, again).code == "InvalidOperation"
    move = action("setMethodInfoInterface", interface="other")
    assert act(sandbox, third, move).interface_id == "2"
    fresh = make(sandbox, paymentMethodInfo=psp)
    taken = action("setInterfaceId", interfaceId="1")
    assert refused(sandbox, fresh, taken).code == "DuplicateField"


def test_keys_are_unique_and_other_facts_change() -> None:
    sandbox, _ = sandbox_with_clock()
    made = make(sandbox, key="pay-1")
    other = make(sandbox)
    taken = action("setKey", key="pay-1")
    assert refused(sandbox, other, taken).code == "DuplicateField"
    made = act(
        sandbox,
        made,
        action("setKey"),
        action("changeAmountPlanned", amount=MONEY | {"centAmount": 1}),
        action("setStatusInterfaceCode", interfaceCode="ok"),
        action("setStatusInterfaceText", interfaceText="fine"),
        action("setStatusInterfaceCode"),
    )
    body = as_json(payment_body(made))
    assert "key" not in body
    assert body["amountPlanned"] == TYPED | {"centAmount": 1}
    assert body["paymentStatus"] == {"interfaceText": "fine"}
    act(sandbox, other, taken)


def test_interactions_and_custom_fields_are_kept() -> None:
    sandbox, _ = sandbox_with_clock()
    field = {"name": "note", "label": {"en": "Note"}, "required": False}
    definition = {**field, "type": {"name": "String"}}
    kinds = ["payment", "transaction", "payment-interface-interaction"]
    for kind in kinds:
        sandbox.create_type(
            {
                "key": f"of-{kind}",
                "name": {"en": kind},
                "resourceTypeIds": [kind],
                "fieldDefinitions": [definition],
            }
        )
    types = [{"typeId": "type", "key": f"of-{kind}"} for kind in kinds]
    made = act(sandbox, make(sandbox), refund())
    made = act(
        sandbox,
        made,
        action("setCustomType", type=types[0]),
        action("setCustomField", name="note", value="a"),
        action(
            "setTransactionCustomType",
            transactionId=made.transactions[0].id,
            type=types[1],
        ),
        action(
            "setTransactionCustomField",
            transactionId=made.transactions[0].id,
            name="note",
            value="b",
        ),
        action("addInterfaceInteraction", type=types[2], fields={"note": "c"}),
    )
    body = as_json(payment_body(made))
    assert body["custom"]["fields"] == {"note": "a"}
    assert body["transactions"][0]["custom"]["fields"] == {"note": "b"}
    assert body["interfaceInteractions"][0]["fields"] == {"note": "c"}
