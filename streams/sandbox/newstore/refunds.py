"""Money that goes back: for returns, and as appeasements without goods.

Sources: Refund API (item level), payment lifecycle, Payment Account API. Booked some
time after its cause, with the cause's id as `correlation_id`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from streams.sandbox.newstore.errors import not_allowed
from streams.sandbox.newstore.money import ZERO, exact, prorate
from streams.sandbox.newstore.payloads import Payload
from streams.sandbox.newstore.payments import Account, Instrument, Transaction
from streams.sandbox.newstore.units import OPEN, UnitState
from streams.sandbox.newstore.wire import moment
from streams.sandbox.newstore.world import World


class Refunds:
    """Gives money back."""

    def __init__(self, world: World) -> None:
        self._world = world

    def appease(self, order_id: str, amount: Decimal, reason: str) -> str:
        """Give money back without goods; return the refund request's id."""
        world = self._world
        order = world.orders.get(order_id)
        amount = exact("amount", amount, order.currency)
        kept = OPEN | {UnitState.COMPLETED}
        units = [unit for unit in world.units_of(order_id) if unit.state in kept]
        left = sum((unit.refundable for unit in units), ZERO)
        if not 0 < amount <= left:
            raise not_allowed(
                "invalid_refund_amount", f"{amount} is not within 0 to {left}."
            )
        weights = [unit.refundable for unit in units]
        for unit, part in zip(
            units, prorate(amount, weights, order.currency), strict=True
        ):
            world.units.put(replace(unit, refunded=unit.refunded + part))
        refund_id = world.new_id()
        world.emit(
            "refund_request.issued",
            refund_id,
            {
                "id": refund_id,
                "order_id": order.id,
                "payment_account_id": order.id,
                "amount": amount,
                "currency": order.currency,
                "requested_at": moment(world.now),
                "return_reason": reason,
                "associate_id": "sandbox",
            },
        )
        self.later(order.id, amount, refund_id)
        return refund_id

    def book_due(self) -> None:
        """Book the refunds that have come due, and tell of each."""
        world = self._world
        for due in world.payments.due(world.now):
            with world.ids_named(f"refund/{due.correlation_id}"):
                self._book(due.order_id, due.amount, due.correlation_id)

    def later(self, order_id: str, amount: Decimal, cause: str) -> None:
        """Have an amount given back after the tenant's delay."""
        at = self._world.now + timedelta(seconds=self._world.config.refund_delay_s)
        self._world.payments.refund_later(order_id, amount, cause, at)
        self.book_due()

    def _book(self, order_id: str, amount: Decimal, cause: str) -> None:
        """Give back through the instruments in order; the rest as store credit."""
        world = self._world
        account = world.payments.get(order_id)
        booked: list[Transaction] = []
        instruments = list(account.instruments)
        if sum((account.refundable(found.id) for found in instruments), ZERO) < amount:
            credit = Instrument(world.new_id(), "store_credit", "newstore")
            account.instruments.append(credit)
            instruments.append(credit)
        left = amount
        for instrument in instruments:
            is_last = instrument is instruments[-1]
            part = left if is_last else min(left, account.refundable(instrument.id))
            if part > 0:
                booked.append(
                    Transaction(
                        world.new_id(), instrument.id, cause, "refund", part, world.now
                    )
                )
                left -= part
        account.transactions += booked
        payload = _refunded(account, booked)
        world.emit("payment_account.amount_refunded", order_id, payload)


def _refunded(account: Account, booked: Sequence[Transaction]) -> Payload:
    used = {found.instrument_id for found in booked}
    return {
        "id": account.order_id,
        "order_id": account.order_id,
        "transactions": [
            {
                "id": found.id,
                "instrument_id": found.instrument_id,
                "amount": found.amount,
                "currency": account.currency,
                "correlation_id": found.correlation_id,
            }
            for found in booked
        ],
        "instruments": [
            {
                "id": found.id,
                "payment_method": found.method,
                "payment_wallet": None,
                "payment_provider": found.provider,
            }
            for found in account.instruments
            if found.id in used
        ],
    }
