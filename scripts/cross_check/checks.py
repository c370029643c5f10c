"""Our requests, sent by our own clients to the public mock; see scripts/cross-check."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from streams.connectors.commerce_orders import OrderClient
from streams.connectors.commercetools import CommercetoolsClient
from streams.connectors.errors import ConnectorError
from streams.domain.availability import AddQuantity, CreateEntry
from streams.domain.commerce_orders import (
    AddDelivery,
    AddReturn,
    ChangeOrderState,
    ChangeShipmentState,
    MoveUnits,
    OrderAction,
    SetLocations,
    SetReturnPayment,
    SetReturnShipment,
    UpdateSync,
)
from streams.domain.commerce_wanted import (
    LineQuantity,
    WantedDelivery,
    WantedParcel,
    WantedRefund,
    WantedReturnItem,
)
from streams.mapping.commerce import actions_of, draft_of
from streams.mapping.commerce_orders import body_of, refund_body
from streams.mapping.publications import UpdateWire
from streams.settings import CommercetoolsSettings

NOW = datetime.now(UTC)
EUR = {"currencyCode": "EUR", "centAmount": 1000}
NEEDED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("product-types", {"key": "basic", "name": "basic", "description": "basic"}),
    (
        "products",
        {
            "productType": {"typeId": "product-type", "key": "basic"},
            "name": {"en": "Shirt"},
            "slug": {"en": "shirt"},
            "publish": True,
            "masterVariant": {"sku": "SKU-1"},
        },
    ),
    (
        "tax-categories",
        {
            "key": "std",
            "name": "std",
            "rates": [
                {
                    "name": "de",
                    "amount": 0.19,
                    "includedInPrice": True,
                    "country": "DE",
                }
            ],
        },
    ),
    ("zones", {"key": "de", "name": "DE", "locations": [{"country": "DE"}]}),
    (
        "shipping-methods",
        {
            "key": "std",
            "name": "Std",
            "isDefault": True,
            "taxCategory": {"typeId": "tax-category", "key": "std"},
            "zoneRates": [
                {
                    "zone": {"typeId": "zone", "key": "de"},
                    "shippingRates": [{"price": EUR}],
                }
            ],
        },
    ),
)
"""What the mock wants to have before it takes an order with shipping."""
ORDER: dict[str, Any] = {
    "orderNumber": "W-1001",
    "totalPrice": EUR,
    "shippingAddress": {"country": "DE"},
    "shippingInfo": {
        "shippingMethodName": "std",
        "shippingMethod": {"typeId": "shipping-method", "key": "std"},
        "price": EUR,
        "shippingRate": {"price": EUR},
    },
    "lineItems": [
        {
            "name": {"en": "Shirt"},
            "variant": {"sku": "SKU-1"},
            "quantity": 2,
            "price": {"value": EUR},
        }
    ],
}
NOT_THERE = ("Invalid action", "not found", "No action", "Unsupported")


class Report:
    """What was taken, what the mock does not have, and what it refused."""

    def __init__(self) -> None:
        self.refused = 0

    async def tell(self, name: str, work: Any) -> Any:
        try:
            done = await work
        except ConnectorError as error:
            lacks = any(text in error.message for text in NOT_THERE)
            self.refused += not lacks
            verdict = "not there" if lacks else "REFUSED"
            print(f"  {verdict:10} {name}: {error.message[:140]}")
            return None
        print(f"  {'taken':10} {name}")
        return done


async def inventory(client: CommercetoolsClient, report: Report) -> None:
    """Create an entry and change its quantity, as publishing does."""
    await report.tell("type of our fields", client.create_stock_type())
    await report.tell("channel", client.create_channel("ldn01", "London"))
    update = UpdateWire("SKU-1", "LDN01", "ldn01", 5, 5, 1)
    draft = draft_of(update, CreateEntry(5), hashed=False)
    entry = await report.tell("create entry", client.create_entry(draft))
    if entry is None:
        return
    more = UpdateWire("SKU-1", "LDN01", "ldn01", 7, 7, 2)
    actions = actions_of(more.wanted, AddQuantity(2, entry.version))
    changed = client.update_entry(entry.id, entry.version, actions)
    await report.tell("addQuantity with our fields", changed)


async def prepare(client: OrderClient) -> dict[str, Any]:
    """Make what the mock wants, and import an order."""
    for path, draft in NEEDED:
        await client.post(f"/{path}", draft, dict)
    return await client.post("/orders/import", ORDER, dict)


def order_actions(line_id: str) -> list[OrderAction]:
    """Return one of each action that we send to an order."""
    items = (LineQuantity(line_id=line_id, quantity=1),)
    parcel = WantedParcel(key="ns-1-T1", items=items, tracking_id="T1", carrier="DHL")
    item = WantedReturnItem(
        key="R-1-a",
        line_id=line_id,
        quantity=1,
        shipment_state="BackInStock",
        payment_state="Refunded",
    )
    return [
        AddDelivery(
            delivery=WantedDelivery(key="ns-1", items=items, parcels=(parcel,))
        ),
        SetLocations(line_id=line_id, locations=("LDN01:1",), has_type=False),
        MoveUnits(
            line_id=line_id,
            quantity=1,
            from_state="Initial",
            to_state="oneshelf-shipped",
        ),
        ChangeShipmentState(state="Partial"),
        UpdateSync(external_id="ns-77"),
        AddReturn(return_id="R-1", returned_at=NOW, items=(item,)),
        SetReturnShipment(key="R-1-a", state="BackInStock"),
        SetReturnPayment(key="R-1-a", state="Refunded"),
        ChangeOrderState(state="Complete"),
    ]


async def orders(client: OrderClient, report: Report) -> None:
    """Bring an order on its way, action by action."""
    await report.tell("line item state", client.create_state("oneshelf-shipped"))
    await report.tell("type of our line field", client.create_line_type())
    sync = client.create_sync_channel("newstore-pos", "OrderExport")
    await report.tell("sync channel", sync)
    order = await report.tell("import an order", prepare(client))
    if order is None:
        return
    version = order["version"]
    for action in order_actions(order["lineItems"][0]["id"]):
        body = body_of(action, "")
        name = str(body["action"])
        sent = client.update_order(order["id"], version, [body])
        changed = await report.tell(name, sent)
        version = version if changed is None else changed.version
    payment = await report.tell(
        "payment", client.post("/payments", {"amountPlanned": EUR}, dict)
    )
    if payment is not None:
        refund = WantedRefund(
            interaction_id="R-1", amount_minor=1000, currency="EUR", settled_at=NOW
        )
        body = refund_body(refund, payment["version"])
        await report.tell("Refund", client.update_payment(payment["id"], body))


async def main(url: str) -> int:
    """Run all checks; 1 where the mock refuses what it implements."""
    settings = CommercetoolsSettings(
        api_url=url,
        auth_url=url,
        project_key="oneshelf",
        client_id="id",
        client_secret=SecretStr("secret"),
    )
    report = Report()
    print(f"against the public mock at {url}")
    async with CommercetoolsClient(settings) as client:
        await inventory(client, report)
    async with OrderClient(settings) as client:
        await orders(client, report)
    print(f"{report.refused} refused")
    return 1 if report.refused else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
