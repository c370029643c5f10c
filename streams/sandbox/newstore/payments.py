"""Payment accounts: one per order, its id the order's (Payment Account API).

Refunds are due some time after what caused them, and booked then; `correlation_id` is
the return or refund request that caused them.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from streams.sandbox.newstore.errors import not_found
from streams.sandbox.newstore.money import ZERO
from streams.sandbox.newstore.wire import moment


@dataclass(frozen=True, slots=True)
class Transaction:
    """One booking. `reason` is authorization, capture or refund."""

    id: str
    instrument_id: str
    correlation_id: str
    reason: str
    amount: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Instrument:
    """How it was paid."""

    id: str
    method: str
    provider: str


@dataclass(slots=True)
class Account:
    """One order's money."""

    order_id: str
    currency: str
    instruments: list[Instrument] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)

    def total(self, reason: str, instrument_id: str | None = None) -> Decimal:
        """Return the sum of one kind of booking, for one instrument or all."""
        return sum(
            (
                booked.amount
                for booked in self.transactions
                if booked.reason == reason
                and instrument_id in (None, booked.instrument_id)
            ),
            ZERO,
        )

    def refundable(self, instrument_id: str) -> Decimal:
        """Return what can be given back through an instrument."""
        paid = max(
            self.total("capture", instrument_id),
            self.total("authorization", instrument_id),
        )
        return paid - self.total("refund", instrument_id)

    def body(self) -> dict[str, object]:
        """Write the account; a capture counts negative there, as public code shows."""
        return {
            "id": self.order_id,
            "currency": self.currency,
            "balance": self.total("capture") - self.total("refund"),
            "transactions": [
                {
                    "transaction_id": booked.id,
                    "correlation_id": booked.correlation_id,
                    "debit": booked.amount if booked.reason == "refund" else ZERO,
                    "credit": booked.amount if booked.reason == "capture" else ZERO,
                    "currency": self.currency,
                    "inserted_at": moment(booked.created_at),
                }
                for booked in self.transactions
                if booked.reason != "authorization"
            ],
            "instruments": [self._instrument(held) for held in self.instruments],
        }

    def _instrument(self, held: Instrument) -> dict[str, object]:
        refunded = self.total("refund", held.id)
        return {
            "id": held.id,
            "payment_method": held.method,
            "payment_provider": held.provider,
            "payment_wallet": None,
            "currency": self.currency,
            "authorize_amount": self.total("authorization", held.id),
            "capture_amount": -self.total("capture", held.id),
            "refund_amount": refunded,
            "original_transactions": [
                self._original(booked)
                for booked in self.transactions
                if booked.instrument_id == held.id
            ],
        }

    def _original(self, booked: Transaction) -> dict[str, object]:
        sign = {"capture": -booked.amount, "refund": ZERO}.get(booked.reason, ZERO)
        is_refund = booked.reason == "refund"
        return {
            "transaction_id": booked.id,
            "correlation_id": booked.correlation_id,
            "reason": booked.reason,
            "capture_amount": sign,
            "refund_amount": -booked.amount if is_refund else ZERO,
            "currency": self.currency,
            "created_at": moment(booked.created_at),
            "metadata": {},
        }


class DueRefund(NamedTuple):
    """A refund that is to be booked."""

    at: datetime
    number: int
    order_id: str
    amount: Decimal
    correlation_id: str


class Payments:
    """All accounts, and the refunds that are still to come."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._due: list[DueRefund] = []
        self._number = 0

    @property
    def next_due_at(self) -> datetime | None:
        """Return when the next refund is booked."""
        return self._due[0].at if self._due else None

    def open(self, order_id: str, currency: str) -> Account:
        """Open an order's account."""
        account = Account(order_id, currency)
        self._accounts[order_id] = account
        return account

    def get(self, order_id: str) -> Account:
        """Return an order's account."""
        found = self._accounts.get(order_id)
        if found is None:
            raise not_found("Payment account", order_id)
        return found

    def refund_later(
        self, order_id: str, amount: Decimal, correlation_id: str, at: datetime
    ) -> None:
        """Have an amount given back at a time."""
        if amount > 0:
            self._number += 1
            due = DueRefund(at, self._number, order_id, amount, correlation_id)
            heapq.heappush(self._due, due)

    def due(self, now: datetime) -> Iterator[DueRefund]:
        """Hand out, once each, the refunds to be booked by now."""
        while self._due and self._due[0].at <= now:
            yield heapq.heappop(self._due)
