"""Payments: what was to be paid, and the transactions that were recorded.

Source: API spec, `types/payment/{Payment,PaymentMethodInfo,PaymentStatus,Transaction}`.
No money moves, and a refund is not held against a charge.
"""

from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.custom import CustomFields, custom_body
from streams.sandbox.commercetools.orders.bodies import CUSTOM, REFERENCE, present
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamped, reference
from streams.sandbox.commercetools.values import Fields

TRANSACTION_TYPES = (
    "Authorization",
    "CancelAuthorization",
    "Charge",
    "Refund",
    "Chargeback",
)
TRANSACTION_STATES = ("Initial", "Pending", "Success", "Failure")

PAYMENT_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "interfaceId": FieldKind.TEXT,
    "customer": REFERENCE,
    "paymentMethodInfo": {
        "paymentInterface": FieldKind.TEXT,
        "method": FieldKind.TEXT,
    },
    "transactions": {
        "id": FieldKind.TEXT,
        "type": FieldKind.TEXT,
        "state": FieldKind.TEXT,
        "interactionId": FieldKind.TEXT,
        "interfaceId": FieldKind.TEXT,
    },
    "custom": CUSTOM,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Transaction:
    """One movement of money that a payment service reported."""

    id: str
    type: str
    amount: Fields
    state: str = "Initial"
    timestamp: str | None = None
    interaction_id: str | None = None
    interface_id: str | None = None
    custom: CustomFields | None = None


@dataclass(frozen=True, slots=True)
class Payment(Stamped):
    """A payment; `method` and `status` are kept as they came."""

    key: str | None
    amount_planned: Fields
    interface_id: str | None = None
    customer_id: str | None = None
    method: Fields | None = None
    status: Fields | None = None
    transactions: tuple[Transaction, ...] = ()
    interactions: tuple[CustomFields, ...] = ()
    custom: CustomFields | None = None

    @property
    def place(self) -> tuple[object, str] | None:
        """Return what is unique: the payment interface and the id it knows."""
        if self.interface_id is None:
            return None
        return (self.method or {}).get("paymentInterface"), self.interface_id

    def with_transaction(self, transaction: Transaction) -> "Payment":
        """Put a transaction in the place of the one with its id."""
        transactions = tuple(
            transaction if held.id == transaction.id else held
            for held in self.transactions
        )
        return replace(self, transactions=transactions)


class Payments(Collection[Payment]):
    """The project's payments."""

    type_id = "payment"

    def __init__(self) -> None:
        super().__init__()
        self._id_by_place: dict[tuple[object, str], str] = {}

    def put(self, resource: Payment) -> None:
        """Keep a payment or its next version; interface and its id are unique.

        Source: API spec, `Payment.interfaceId`; that it is `DuplicateField`, a guess.
        """
        place = resource.place
        held = self._by_id.get(resource.id)
        if (
            place is not None
            and self._id_by_place.get(place, resource.id) != resource.id
        ):
            raise errors.duplicate_field("interfaceId", place[1])
        super().put(resource)
        if held is not None and held.place is not None:
            del self._id_by_place[held.place]
        if place is not None:
            self._id_by_place[place] = resource.id


def payment_body(payment: Payment) -> dict[str, object]:
    """Write a payment as the vendor does."""
    customer = payment.customer_id
    return {
        **payment.stamp.body(),
        **present(
            {
                "key": payment.key,
                "interfaceId": payment.interface_id,
                "customer": None
                if customer is None
                else reference("customer", customer),
                "custom": custom_body(payment.custom),
            }
        ),
        "amountPlanned": payment.amount_planned,
        "paymentMethodInfo": payment.method or {},
        "paymentStatus": payment.status or {},
        "transactions": [transaction_body(each) for each in payment.transactions],
        "interfaceInteractions": [custom_body(each) for each in payment.interactions],
    }


def transaction_body(transaction: Transaction) -> dict[str, object]:
    """Write a transaction."""
    return present(
        {
            "id": transaction.id,
            "timestamp": transaction.timestamp,
            "type": transaction.type,
            "amount": transaction.amount,
            "interactionId": transaction.interaction_id,
            "interfaceId": transaction.interface_id,
            "state": transaction.state,
            "custom": custom_body(transaction.custom),
        }
    )
