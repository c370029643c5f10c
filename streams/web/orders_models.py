"""The shapes of answers about orders, for the OpenAPI document.

Answers are built in `orders_shapes.py`; a test holds both to each other.
"""

from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field

from streams.web.models import Answer

ORDERS_LIMIT_MAX = 500
ORDERS_LIMIT_DEFAULT = 50
ORDER_STATES = "open|done|cancelled|trouble"


class OrderCommerce(Answer):
    """The order as commercetools has it."""

    commerce_id: str
    version: int
    state: str
    placed_at: AwareDatetime | None
    currency: str
    country: str
    has_shipping: bool
    payment_ids: list[str]
    is_cancelled: bool


class OrderLine(Answer):
    """A line item, its units by where they stand."""

    line_id: str
    sku: str
    quantity: int
    location_id: str = Field(description="Our location of its supply channel.")
    commerce_counted: bool
    states: dict[str, int] = Field(description="Sums to the line's quantity.")


class OrderUnit(Answer):
    """One unit: where it stands, by whose word, and what commercetools shows."""

    unit: str = Field(description="`{line id}#{index}`, or NewStore's uuid.")
    line_id: str
    sku: str
    item_ids: list[str] = Field(description="NewStore's uuids of it.")
    state: str
    location_id: str
    request_id: str
    return_id: str
    sellable: bool
    placed_at: str = Field(description="Where our sourcing placed it; else empty.")
    tracking_code: str
    shown: str = Field(description="Key of the line item state that is to be shown.")
    is_withdrawn: bool


class OrderAnswer(Answer):
    """All that is known of an order."""

    order_number: str
    state: str = Field(description="`open`, `done` or `cancelled`.")
    first_at: AwareDatetime | None
    changed_at: AwareDatetime | None
    commerce: OrderCommerce | None
    newstore: list[dict[str, Any]]
    lines: list[OrderLine]
    units: list[OrderUnit]
    loose_items: list[dict[str, Any]] = Field(
        description="NewStore's units that stand for none of the order's."
    )
    deliveries: list[dict[str, Any]]
    returns: list[dict[str, Any]]
    appeasements: list[dict[str, Any]]
    sourcing: dict[str, Any] | None = Field(description="The latest run.")
    past_runs: list[dict[str, Any]]
    window: dict[str, Any] | None = Field(description="News not told yet, if any.")
    told: dict[str, Any] = Field(description="What commercetools is owed, and knows.")
    troubles: list[dict[str, Any]]


class OrderSummary(Answer):
    """An order in a list."""

    order_number: str
    state: str
    units: dict[str, int] = Field(description="Units by where they stand.")
    troubles: int
    changed_at: AwareDatetime | None


class OrdersAnswer(Answer):
    """Orders by number, and after which to go on; null at the end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "order_number": "W-1001",
                            "state": "open",
                            "units": {"assigned": 1, "completed": 2},
                            "troubles": 0,
                            "changed_at": "2026-11-21T10:15:02.345000Z",
                        }
                    ],
                    "next": None,
                }
            ]
        }
    )

    items: list[OrderSummary]
    next: str | None


class AskedAnswer(Answer):
    """The wish is stored; what comes of it is to be seen in the order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"order_number": "W-1001", "asked": True}]}
    )

    order_number: str
    asked: bool
