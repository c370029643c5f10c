"""Returns of units; the money follows later (refunds).

Sources: Item Return API 0.1 and 0.2, item return configuration, return lifecycle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from streams.sandbox.newstore.config import Condition
from streams.sandbox.newstore.drafts import ReturnDraft, ReturnedItem
from streams.sandbox.newstore.errors import invalid, not_allowed
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.money import ZERO, exact, prorate, round_to
from streams.sandbox.newstore.orders import Order
from streams.sandbox.newstore.payloads import Payload, shipping_paid
from streams.sandbox.newstore.refunds import Refunds
from streams.sandbox.newstore.units import Unit, UnitState
from streams.sandbox.newstore.wire import moment
from streams.sandbox.newstore.world import World


@dataclass(frozen=True, slots=True)
class Return:
    """One return; `order_id` is None where nobody knew the order."""

    id: str
    order_id: str | None
    node_id: str
    currency: str
    amount: Decimal
    unit_ids: tuple[str, ...]
    product_ids: tuple[str, ...]

    def body(self) -> Payload:
        """Write it as the list of returns has it."""
        return {
            "return_id": self.id,
            "returned_from": self.node_id,
            "refunded_amount": self.amount,
            "currency": self.currency,
            "return_items": [{"product_id": found} for found in self.product_ids],
        }


class Returns:
    """Takes units back."""

    def __init__(self, world: World, refunds: Refunds) -> None:
        self._world = world
        self._refunds = refunds
        self._returns: dict[str, list[Return]] = {}

    def of(self, order_id: str) -> list[Return]:
        """Return an order's returns."""
        return list(self._returns.get(order_id, ()))

    def give_back(self, order_id: str, draft: ReturnDraft) -> Return:
        """Take units of an order back at a node, any node; tell so at once."""
        world = self._world
        order = world.orders.get(order_id)
        world.node(draft.returned_from)
        units = self._find(order, draft.items)
        conditions = [self._condition(item.condition_code)[1] for item in draft.items]
        refunds = [unit.refundable for unit in units]
        shipping = self._shipping(order, units)
        fee = world.config.return_fee if draft.return_fee is None else draft.return_fee
        fee = exact("return_fee", fee, order.currency)
        total = max(ZERO, sum(refunds, ZERO) + shipping - fee)
        adjusted = total
        if draft.refund_amount is not None:
            adjusted = exact("refund_amount", draft.refund_amount, order.currency)
        made = Return(
            id=world.new_id(),
            order_id=order.id,
            node_id=draft.returned_from,
            currency=order.currency,
            amount=adjusted,
            unit_ids=tuple(unit.id for unit in units),
            product_ids=tuple(unit.product_id for unit in units),
        )
        self._returns.setdefault(order.id, []).append(made)
        for unit, refund in zip(units, refunds, strict=True):
            back = replace(
                unit.moved(UnitState.RETURNED), refunded=unit.refunded + refund
            )
            world.units.put(back)
        if shipping:
            world.orders.put(replace(order, shipping_refunded=True))
        if not draft.is_historical:
            self._restock(made, conditions)
        payload = self._payload(made, draft, units, refunds, (total, fee))
        world.emit("return.processed", made.id, payload)
        if not draft.is_historical:
            self._refunds.later(order.id, adjusted, made.id)
        return made

    def give_back_blind(
        self,
        node_id: str,
        items: Sequence[tuple[str, int, Decimal]],
        *,
        currency: str = "GBP",
        external_order_id: str | None = None,
    ) -> Return:
        """Take units back that nobody knows the order of: (product, condition, amount).

        The event then has no order; the refund is paid out at the till.
        """
        world = self._world
        world.node(node_id)
        if not items:
            raise invalid("A return has at least one item.")
        amounts = [exact("amount", amount, currency) for _, _, amount in items]
        conditions = [self._condition(code) for _, code, _ in items]
        made = Return(
            id=world.new_id(),
            order_id=None,
            node_id=node_id,
            currency=currency,
            amount=sum(amounts, ZERO),
            unit_ids=tuple(world.new_id() for _ in items),
            product_ids=tuple(product_id for product_id, _, _ in items),
        )
        self._restock(made, [condition for _, condition in conditions])
        lines = [
            {"id": unit_id, **_item(product_id, condition, amount, amount, ZERO)}
            for unit_id, product_id, condition, amount in zip(
                made.unit_ids, made.product_ids, conditions, amounts, strict=True
            )
        ]
        payload: Payload = self._head(made, world.now, made.amount)
        payload |= {"return_fee": ZERO, "items": lines}
        if external_order_id is not None:
            payload["external_order_id"] = external_order_id
        world.emit("return.processed", made.id, payload)
        return made

    def _find(self, order: Order, items: Sequence[ReturnedItem]) -> list[Unit]:
        """Match items to completed units: by item, else the one with least left.

        Item Return API 0.2: "the item with minimum amount left will be refunded first".
        """
        left = [
            unit
            for unit in self._world.units_of(order.id)
            if unit.state is UnitState.COMPLETED
        ]
        left.sort(key=lambda unit: unit.refundable)
        found = []
        for item in sorted(items, key=lambda item: item.item_id is None):
            match = next((unit for unit in left if _is_meant(item, unit)), None)
            if match is None:
                name = item.item_id or item.product_id
                raise not_allowed(
                    "item_not_returnable", f"No unit of {name} can be returned."
                )
            left.remove(match)
            found.append((item, match))
        by_item = {id(item): unit for item, unit in found}
        return [by_item[id(item)] for item in items]

    def _condition(self, code: int | None) -> tuple[int, Condition]:
        """Return a condition by its code; the tenant's first where none is given."""
        conditions = self._world.config.conditions
        known = next(iter(conditions)) if code is None else code
        if known not in conditions:
            raise not_allowed("unknown_condition_code", f"No condition code {code}.")
        return known, conditions[known]

    def _shipping(self, order: Order, units: Sequence[Unit]) -> Decimal:
        """Return the shipping costs to give back: once, with an order's last units."""
        world = self._world
        if not world.config.refund_shipping_cost or order.shipping_refunded:
            return ZERO
        ids = {unit.id for unit in units}
        gone = {UnitState.RETURNED, UnitState.CANCELLED}
        whole = all(
            unit.id in ids or unit.state in gone for unit in world.units_of(order.id)
        )
        return shipping_paid(order) if whole else ZERO

    def _restock(self, made: Return, conditions: Sequence[Condition]) -> None:
        world = self._world
        for unit_id, product_id, condition in zip(
            made.unit_ids, made.product_ids, conditions, strict=True
        ):
            if condition.sellable:
                world.stock.change(made.node_id, product_id, on_hand=1, shelf=1)
            else:
                world.stock.change(made.node_id, product_id, damaged=1)
            kind = "returned" if condition.sellable else "returned_damaged"
            order_id = made.order_id or ""
            where = made.node_id, product_id
            world.note(Fact(kind, *where, 1, order_id, unit_id, made.id))

    def _head(self, made: Return, at: datetime, total: Decimal) -> Payload:
        return {
            "id": made.id,
            "returned_at": moment(at),
            "return_location_id": made.node_id,
            "currency": made.currency,
            "total_refund_amount": total,
            "total_refund_amount_adjusted": made.amount,
            "customer_id": None,
            "associate_id": "sandbox",
        }

    def _payload(
        self,
        made: Return,
        draft: ReturnDraft,
        units: Sequence[Unit],
        refunds: Sequence[Decimal],
        totals: tuple[Decimal, Decimal],
    ) -> Payload:
        total, fee = totals
        adjusted = refunds
        if draft.refund_amount is not None:
            adjusted = prorate(made.amount, refunds, made.currency)
        lines = []
        for item, unit, refund, final in zip(
            draft.items, units, refunds, adjusted, strict=True
        ):
            tax = _tax_of(unit, refund, made.currency)
            condition = self._condition(item.condition_code)
            lines.append(
                {
                    "id": unit.id,
                    **_item(unit.product_id, condition, refund, final, tax),
                    "return_reason": item.return_reason,
                    "return_code": item.return_code,
                }
            )
        tax_total = sum((line["refund_tax"] for line in lines), ZERO)
        return {
            **self._head(made, draft.returned_at or self._world.now, total),
            "order_id": made.order_id,
            "total_refund_excl_tax": total - tax_total,
            "total_refund_tax": tax_total,
            "return_fee": fee,
            "is_historical": draft.is_historical,
            "items": lines,
        }


def _item(
    product_id: str,
    condition: tuple[int, Condition],
    refund: Decimal,
    adjusted: Decimal,
    tax: Decimal,
) -> Payload:
    return {
        "product_id": product_id,
        "quantity": 1,
        "item_condition": condition[1].name,
        "condition_code": condition[0],
        "refund_excl_tax": refund - tax,
        "refund_tax": tax,
        "refund_amount": refund,
        "refund_amount_adjusted": adjusted,
    }


def _tax_of(unit: Unit, refund: Decimal, currency: str) -> Decimal:
    if not unit.paid:
        return ZERO
    return round_to(unit.price.tax * refund / unit.paid, currency)


def _is_meant(item: ReturnedItem, unit: Unit) -> bool:
    if item.item_id is not None:
        return unit.id == item.item_id
    return unit.product_id == item.product_id
