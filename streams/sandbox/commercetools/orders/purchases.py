"""The drafts of a purchase in a web shop, its money made up."""

from collections.abc import Iterable, Mapping

from streams.sandbox.commercetools.orders.model import InventoryMode
from streams.sandbox.commercetools.values import Fields

CURRENCY = "EUR"
SHIPPING_CENTS = 490
ADDRESS = {"country": "DE", "city": "Berlin"}


def purchase_draft(
    sku: str,
    quantity: int,
    *,
    channel_key: str | None = None,
    mode: str = InventoryMode.TRACK_ONLY,
    order_number: str | None = None,
) -> Fields:
    """Write the import draft of a web purchase of one SKU."""
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


def basket_draft(
    lines: Iterable[Mapping[str, object]],
    *,
    mode: str = InventoryMode.TRACK_ONLY,
    is_shipped: bool = True,
    fields: Mapping[str, object] | None = None,
) -> Fields:
    """Write a basket's cart draft.

    Lines have `sku`, and `quantity`, `channelKey`, `price` (of one), `key` if wanted.

    Without shipping (a pickup) the order cannot hold deliveries. The currency is that
    of the first price.
    """
    lines = list(lines)
    currency = _currency(lines)
    draft: dict[str, object] = {
        "currency": currency,
        "country": ADDRESS["country"],
        "inventoryMode": mode,
        "shippingAddress": ADDRESS,
        "lineItems": [_basket_line(line) for line in lines],
        **(fields or {}),
    }
    if is_shipped:
        price = {"currencyCode": currency, "centAmount": SHIPPING_CENTS}
        draft["customShippingMethod"] = {
            "shippingMethodName": "Standard",
            "shippingRate": {"price": price},
        }
    return draft


def _currency(lines: Iterable[Mapping[str, object]]) -> object:
    for line in lines:
        price = line.get("price", line.get("externalPrice"))
        if isinstance(price, Mapping):
            return price.get("currencyCode")
    return CURRENCY


def _basket_line(line: Mapping[str, object]) -> dict[str, object]:
    ours = ("channelKey", "price")
    drafted = {name: value for name, value in line.items() if name not in ours}
    if line.get("price") is not None:
        drafted["externalPrice"] = line["price"]
    if line.get("channelKey") is not None:
        drafted["supplyChannel"] = {"typeId": "channel", "key": line["channelKey"]}
    return drafted
