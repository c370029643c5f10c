"""The project's orders: by id, by order number, by payment.

Source: API spec, `resources/orders`, `types/order/updates/OrderAddPaymentAction`.
"""

from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.orders.model import Order


class Orders(Collection[Order]):
    """Keeps orders; a payment belongs to one order at the most."""

    key_field = "orderNumber"
    type_id = "order"

    def __init__(self) -> None:
        super().__init__()
        self._id_by_payment: dict[str, str] = {}

    def paid_by(self, payment_id: str) -> Order | None:
        """Return the order that a payment belongs to."""
        return self._by_id.get(self._id_by_payment.get(payment_id, ""))

    def put(self, resource: Order) -> None:
        """Keep an order or its next version; order numbers are unique."""
        held = self._by_id.get(resource.id)
        super().put(resource)
        for payment_id in held.payment_ids if held else ():
            self._id_by_payment.pop(payment_id, None)
        for payment_id in resource.payment_ids:
            self._id_by_payment[payment_id] = resource.id

    def remove(self, resource: Order) -> None:
        """Forget an order."""
        super().remove(resource)
        for payment_id in resource.payment_ids:
            self._id_by_payment.pop(payment_id, None)
