"""What the tests of the NewStore stand-in share: a clock, an order, its events."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from streams.sandbox.newstore import ApiError, Node, Sandbox, SandboxConfig

Json = dict[str, Any]
TEE = "TEE-BLK-M"
STORES = (Node("LDN01"), Node("LDN02"), Node("LDN03"))


class HandClock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def tenant(
    stock: Mapping[str, int] | None = None, **settings: Any
) -> tuple[Sandbox, HandClock]:
    """Three stores, and tees at the ones named."""
    clock = HandClock()
    config = SandboxConfig(**{"nodes": STORES, **settings})
    sandbox = Sandbox(config, clock)
    for node_id, on_hand in (stock or {}).items():
        sandbox.set_stock(node_id, TEE, on_hand)
    return sandbox, clock


def item(number: int = 1, product_id: str = TEE, price: float = 50.0) -> Json:
    """One unit of an injected order."""
    return {
        "external_item_id": f"line-1#{number}",
        "product_id": product_id,
        "price": {
            "item_price": price,
            "item_list_price": price,
            "item_tax_lines": [{"name": "UK VAT", "rate": 0.2, "amount": 8.33}],
        },
    }


def web_order(
    number: str = "WEB-1", units: int = 1, node: str | None = None, **more: Any
) -> Json:
    """An order to inject: tees at 50.00, sent for 3.50."""
    option: Json = {"service_level_identifier": "STANDARD", "price": 3.5}
    if node is not None:
        option["fulfillment_node_id"] = node
    items = more.pop("items", None) or [item(n) for n in range(1, units + 1)]
    paid = sum(each["price"]["item_price"] for each in items) + 3.5
    return {
        "external_id": number,
        "currency": "GBP",
        "channel_type": "web",
        "channel_name": "commercetools",
        "placed_at": "2026-11-01T07:59:00Z",
        "shipments": [{"items": items, "shipping_option": option}],
        "payments": [
            {
                "processor": "stripe",
                "correlation_ref": f"pay-{number}",
                "type": "captured",
                "amount": paid,
            }
        ],
    } | more


def names(sandbox: Sandbox) -> list[str]:
    """The names of the events so far."""
    return [event.name for event in sandbox.events]


def payloads(sandbox: Sandbox, name: str) -> list[Json]:
    """The payloads of the events of one name; amounts are exact."""
    return [
        json.loads(event.body, parse_float=Decimal)["payload"]
        for event in sandbox.events
        if event.name == name
    ]


def states(sandbox: Sandbox, order: str = "WEB-1") -> list[tuple[str, str | None]]:
    """Where the units of an order stand."""
    return [(unit.state.value, unit.node_id) for unit in sandbox.units(order)]


def refused(operation: Any, *arguments: Any, **named: Any) -> ApiError:
    """The refusal of an operation."""
    with pytest.raises(ApiError) as raised:
        operation(*arguments, **named)
    return raised.value
