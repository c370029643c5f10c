"""How payments are made and changed.

Source: API spec, `types/payment/{PaymentDraft,TransactionDraft}`, `updates/*`.
"""

from collections.abc import Callable
from dataclasses import replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.custom import (
    CustomFields,
    draft_custom,
    read_custom_field,
    read_custom_type,
)
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.payments import (
    TRANSACTION_STATES,
    TRANSACTION_TYPES,
    Payment,
    Transaction,
    transaction_body,
)
from streams.sandbox.commercetools.resources import Stamp
from streams.sandbox.commercetools.values import Fields, needed, optional

INTERACTION = "payment-interface-interaction"
Change = updates.Change[Payment, Desk]


def create_payment(draft: Fields, stamp: Stamp, desk: Desk) -> Payment:
    """Create a payment from a PaymentDraft."""
    transactions = optional(draft, "transactions", values.objects) or ()
    interactions = optional(draft, "interfaceInteractions", values.objects) or ()
    customer = draft.get("customer")
    customers = desk.project.customers
    payment = Payment(
        stamp=stamp,
        key=optional(draft, "key", values.key),
        amount_planned=needed(draft, "amountPlanned", values.money),
        interface_id=optional(draft, "interfaceId", values.text),
        customer_id=(
            None if customer is None else customers.referenced("customer", customer).id
        ),
        method=optional(draft, "paymentMethodInfo", values.mapping),
        status=optional(draft, "paymentStatus", values.mapping),
        transactions=tuple(_transaction(each, desk) for each in transactions),
        interactions=tuple(_interaction(each, desk) for each in interactions),
        custom=draft_custom(desk.project.types, "payment", draft),
    )
    desk.project.payments.put(payment)
    return payment


def _interaction(draft: Fields, desk: Desk) -> CustomFields:
    fields = optional(draft, "fields", values.mapping) or {}
    return desk.project.types.custom(INTERACTION, draft.get("type"), fields)


def _transaction(draft: Fields, desk: Desk) -> Transaction:
    """Read a TransactionDraft; `Initial` unless given."""
    state = optional(draft, "state", values.one_of(*TRANSACTION_STATES))
    return Transaction(
        id=desk.new_id(),
        type=needed(draft, "type", values.one_of(*TRANSACTION_TYPES)),
        amount=needed(draft, "amount", values.money),
        state=state or "Initial",
        timestamp=optional(draft, "timestamp", values.moment),
        interaction_id=optional(draft, "interactionId", values.text),
        interface_id=optional(draft, "interfaceId", values.text),
        custom=draft_custom(desk.project.types, "transaction", draft),
    )


def _add_transaction(action: Fields) -> Change:
    """Add a transaction; a repeated `interactionId` is taken, too."""
    draft = needed(action, "transaction", values.mapping)

    def change(payment: Payment, desk: Desk) -> Payment:
        added = _transaction(draft, desk)
        desk.tell("PaymentTransactionAdded", transaction=transaction_body(added))
        return replace(payment, transactions=(*payment.transactions, added))

    return change


def _with_transaction(
    action: Fields, changed: Callable[[Transaction, Desk], Transaction]
) -> Change:
    """Change the transaction with the given id; `InvalidOperation` if none (guess)."""
    wanted = needed(action, "transactionId", values.text)

    def change(payment: Payment, desk: Desk) -> Payment:
        for held in payment.transactions:
            if held.id == wanted:
                return payment.with_transaction(changed(held, desk))
        raise errors.invalid_operation(f"The transaction '{wanted}' does not exist.")

    return change


def _change_state(action: Fields) -> Change:
    """Set a transaction's state, from any to any."""
    state = needed(action, "state", values.one_of(*TRANSACTION_STATES))

    def change(held: Transaction, desk: Desk) -> Transaction:
        if held.state != state:
            desk.tell(
                "PaymentTransactionStateChanged", transactionId=held.id, state=state
            )
        return replace(held, state=state)

    return _with_transaction(action, change)


def _change_interaction_id(action: Fields) -> Change:
    interaction_id = needed(action, "interactionId", values.text)
    return _with_transaction(
        action, lambda held, _: replace(held, interaction_id=interaction_id)
    )


def _change_timestamp(action: Fields) -> Change:
    timestamp = needed(action, "timestamp", values.moment)
    return _with_transaction(action, lambda held, _: replace(held, timestamp=timestamp))


def _set_transaction_interface_id(action: Fields) -> Change:
    interface_id = optional(action, "interfaceId", values.text)

    def change(held: Transaction, desk: Desk) -> Transaction:
        desk.tell(
            "PaymentTransactionInterfaceIdSet",
            transactionId=held.id,
            newInterfaceId=interface_id,
            oldInterfaceId=held.interface_id,
        )
        return replace(held, interface_id=interface_id)

    return _with_transaction(action, change)


def _set_transaction_custom_type(action: Fields) -> Change:
    custom = read_custom_type("transaction", action)
    return _with_transaction(
        action, lambda held, desk: replace(held, custom=custom(desk.project.types))
    )


def _set_transaction_custom_field(action: Fields) -> Change:
    custom = read_custom_field(action)
    return _with_transaction(
        action,
        lambda held, desk: replace(
            held, custom=custom(desk.project.types, held.custom)
        ),
    )


def _set_interface_id(action: Fields) -> Change:
    """Set the interface's id once (`PaymentSetInterfaceIdAction`; the code a guess)."""
    interface_id = needed(action, "interfaceId", values.text)

    def change(payment: Payment, desk: Desk) -> Payment:
        if payment.interface_id not in (None, interface_id):
            raise errors.invalid_operation("The interfaceId cannot be changed.")
        desk.tell("PaymentInterfaceIdSet", interfaceId=interface_id)
        return replace(payment, interface_id=interface_id)

    return change


def _set_key(action: Fields) -> Change:
    key = optional(action, "key", values.key)
    return lambda payment, _: replace(payment, key=key)


def _change_amount(action: Fields) -> Change:
    amount = needed(action, "amount", values.money)
    return lambda payment, _: replace(payment, amount_planned=amount)


def _set_interface(action: Fields) -> Change:
    name = needed(action, "interface", values.text)
    return lambda payment, _: replace(
        payment, method={**(payment.method or {}), "paymentInterface": name}
    )


def _set_status(name: str) -> updates.Reader[Payment, Desk]:
    def read(action: Fields) -> Change:
        text = optional(action, name, values.text)

        def change(payment: Payment, _: Desk) -> Payment:
            status = {n: v for n, v in (payment.status or {}).items() if n != name}
            return replace(payment, status=status | ({name: text} if text else {}))

        return change

    return read


def _add_interaction(action: Fields) -> Change:
    """Record what was said between shop and payment service."""

    def change(payment: Payment, desk: Desk) -> Payment:
        interaction = _interaction(action, desk)
        desk.tell("PaymentInteractionAdded", interaction={"fields": interaction.fields})
        return replace(payment, interactions=(*payment.interactions, interaction))

    return change


def _set_custom_type(action: Fields) -> Change:
    custom = read_custom_type("payment", action)
    return lambda payment, desk: replace(payment, custom=custom(desk.project.types))


def _set_custom_field(action: Fields) -> Change:
    custom = read_custom_field(action)
    return lambda payment, desk: replace(
        payment, custom=custom(desk.project.types, payment.custom)
    )


# Of the vendor's thirty, those that refunds need.
PAYMENT_ACTIONS: dict[str, updates.Reader[Payment, Desk]] = {
    "addInterfaceInteraction": _add_interaction,
    "addTransaction": _add_transaction,
    "changeAmountPlanned": _change_amount,
    "changeTransactionInteractionId": _change_interaction_id,
    "changeTransactionState": _change_state,
    "changeTransactionTimestamp": _change_timestamp,
    "setCustomField": _set_custom_field,
    "setCustomType": _set_custom_type,
    "setInterfaceId": _set_interface_id,
    "setKey": _set_key,
    "setMethodInfoInterface": _set_interface,
    "setStatusInterfaceCode": _set_status("interfaceCode"),
    "setStatusInterfaceText": _set_status("interfaceText"),
    "setTransactionCustomField": _set_transaction_custom_field,
    "setTransactionCustomType": _set_transaction_custom_type,
    "setTransactionInterfaceId": _set_transaction_interface_id,
}
