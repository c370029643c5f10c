"""Orders, as far as stock is concerned: an import decrements by inventory mode.

Source: API spec, `types/order/{OrderImportDraft,LineItemImportDraft}` and
`types/cart/InventoryMode`; docs "Inventory overview".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random

from streams.sandbox.commercetools import errors, values
from streams.sandbox.commercetools.channels import INVENTORY_SUPPLY
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.inventory import Inventory, InventoryEntry
from streams.sandbox.commercetools.landings import Landings
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamp, Stamped, new_stamp, reference
from streams.sandbox.commercetools.values import Fields, needed, optional

ORDER_STATES = ("Open", "Confirmed", "Complete", "Cancelled")
INITIAL_STATE_ID = "00000000-0000-4000-8000-000000000001"

ORDER_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "orderNumber": FieldKind.TEXT,
    "orderState": FieldKind.TEXT,
    "inventoryMode": FieldKind.TEXT,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


class InventoryMode(StrEnum):
    """How an order treats stock. `ReserveOnCart` needs carts and is not offered."""

    NONE = "None"
    TRACK_ONLY = "TrackOnly"
    RESERVE_ON_ORDER = "ReserveOnOrder"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line item, as far as stock is concerned."""

    id: str
    sku: str
    quantity: int
    channel_id: str | None
    mode: InventoryMode
    draft: Fields


@dataclass(frozen=True, slots=True)
class Order(Stamped):
    """An order; `key` is its order number."""

    key: str | None
    state: str
    mode: InventoryMode
    total_price: Fields
    lines: tuple[OrderLine, ...]


class Orders(Collection[Order]):
    """The project's orders and what they do to stock."""

    key_field = "orderNumber"

    def __init__(
        self, inventory: Inventory, landings: Landings, random: Random
    ) -> None:
        super().__init__()
        self._inventory = inventory
        self._landings = landings
        self._random = random

    def place(self, draft: Fields, stamp: Stamp, now: datetime) -> Order:
        """Import an order: all lines are supplied, or it is refused with `OutOfStock`.

        The order number is unique. Stock is taken from the entry with the line's supply
        channel; without one, from the entry that has no channel.
        """
        mode = _mode(draft, InventoryMode.NONE)
        order = Order(
            stamp=stamp,
            key=optional(draft, "orderNumber", values.text),
            state=_state(draft),
            mode=mode,
            total_price=needed(draft, "totalPrice", values.mapping),
            lines=self._lines(draft, mode),
        )
        takings = self._supply(order.lines)
        self.put(order)
        for entry, quantity in takings:
            self._landings.add(entry.id, quantity, now)
        return order

    def _lines(self, draft: Fields, mode: InventoryMode) -> tuple[OrderLine, ...]:
        drafts = optional(draft, "lineItems", values.objects)
        if not drafts:
            # The spec allows custom line items instead; they hold no stock.
            raise errors.invalid_input("lineItems: At least one line item is expected")
        return tuple(self._line(line, mode) for line in drafts)

    def _line(self, draft: Fields, mode: InventoryMode) -> OrderLine:
        needed(draft, "name", values.mapping)
        needed(draft, "price", values.mapping)
        variant = needed(draft, "variant", values.mapping)
        channel = None
        if draft.get("supplyChannel") is not None:
            channel = self._inventory.channels.referenced(
                "supplyChannel", draft["supplyChannel"]
            )
            if INVENTORY_SUPPLY not in channel.roles:
                raise errors.missing_role(channel.key, INVENTORY_SUPPLY)
        return OrderLine(
            id=new_stamp(self._random, by="", at="").id,
            sku=needed(variant, "sku", values.text),
            quantity=needed(draft, "quantity", values.INT64),
            channel_id=channel.id if channel else None,
            mode=_mode(draft, mode),
            draft=draft,
        )

    def _supply(self, lines: Sequence[OrderLine]) -> list[tuple[InventoryEntry, int]]:
        """Find what each line takes (`InventoryMode`).

        TrackOnly takes below zero but needs an entry; ReserveOnOrder needs the internal
        availability, which is ahead of the entry, unless `restockableInDays` is set.
        """
        takings: list[tuple[InventoryEntry, int]] = []
        taken: Counter[str] = Counter()
        missing: list[OrderLine] = []
        for line in lines:
            if line.mode is InventoryMode.NONE:
                continue
            entry = self._inventory.at(line.sku, line.channel_id)
            if entry is None or not self._supplies(entry, line, taken[entry.id]):
                missing.append(line)
                continue
            taken[entry.id] += line.quantity
            takings.append((entry, line.quantity))
        if missing:
            skus = list(dict.fromkeys(line.sku for line in missing))
            raise errors.out_of_stock([line.id for line in missing], skus)
        return takings

    def _supplies(self, entry: InventoryEntry, line: OrderLine, taken: int) -> bool:
        if line.mode is InventoryMode.TRACK_ONLY:
            return True
        if entry.restockable_in_days is not None:
            return True
        pending = self._landings.pending(entry.id)
        return entry.quantity_on_stock - pending - taken >= line.quantity


def _mode(draft: Fields, default: InventoryMode) -> InventoryMode:
    name = optional(draft, "inventoryMode", values.text)
    if name is None:
        return default
    try:
        return InventoryMode(name)
    except ValueError:
        raise errors.invalid_field("inventoryMode", name, list(InventoryMode)) from None


def _state(draft: Fields) -> str:
    state = optional(draft, "orderState", values.text) or "Open"
    if state not in ORDER_STATES:
        raise errors.invalid_field("orderState", state, ORDER_STATES)
    return state


def order_body(order: Order) -> dict[str, object]:
    """Write an order as the vendor does."""
    number = {} if order.key is None else {"orderNumber": order.key}
    return {
        **order.stamp.body(),
        **number,
        "orderState": order.state,
        "inventoryMode": order.mode,
        "totalPrice": order.total_price,
        "lineItems": [_line_body(line) for line in order.lines],
        "customLineItems": [],
        "syncInfo": [],
    }


def _line_body(line: OrderLine) -> dict[str, object]:
    initial = reference("state", INITIAL_STATE_ID)
    body: dict[str, object] = {
        "id": line.id,
        "name": line.draft["name"],
        "variant": {"id": 1, "sku": line.sku},
        "quantity": line.quantity,
        "price": line.draft["price"],
        "inventoryMode": line.mode,
        "state": [{"quantity": line.quantity, "state": initial}],
    }
    if line.draft.get("key") is not None:
        body["key"] = line.draft["key"]
    if line.channel_id is not None:
        body["supplyChannel"] = reference("channel", line.channel_id)
    return body


def purchase_draft(
    sku: str,
    quantity: int,
    *,
    channel_key: str | None = None,
    mode: str = InventoryMode.TRACK_ONLY,
    order_number: str | None = None,
) -> Fields:
    """Write the import draft of a web purchase of one SKU, its money made up."""
    price = {"currencyCode": "EUR", "centAmount": 100}
    line: dict[str, object] = {
        "name": {"en": sku},
        "variant": {"sku": sku},
        "quantity": quantity,
        "price": {"value": price},
    }
    if channel_key is not None:
        line["supplyChannel"] = {"typeId": "channel", "key": channel_key}
    return {
        "orderNumber": order_number,
        "inventoryMode": mode,
        "totalPrice": {**price, "centAmount": 100 * quantity},
        "lineItems": [line],
    }
