"""One order brought to what is wanted, against the stand-in, whatever is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.connectors.bootstrap_orders import bootstrap_orders
from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    OrderUnknown,
    Refused,
    StateMissing,
    Unavailable,
)
from streams.connectors.order_updates import OrderCounters, OrderUpdater
from streams.domain.commerce_wanted import (
    LineQuantity,
    StateQuantity,
    WantedDelivery,
    WantedLine,
    WantedOrder,
    WantedParcel,
    WantedRefund,
    WantedReturn,
    WantedReturnItem,
)
from streams.mapping.commerce_order_wire import OrderWire
from streams.sandbox.commercetools import (
    FaultKind,
    FaultRule,
    SandboxConfig,
    SandboxServer,
)
from tests.connectors.model import FreeTurn
from tests.connectors.sandbox import settings_for

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
EUR = "EUR"


class Shop:
    """A prepared project with one order of three shirts, and our updater."""

    def __init__(self, server: SandboxServer, client: OrderClient) -> None:
        self.server = server
        self.client = client
        self.counters = OrderCounters()
        self.updater = OrderUpdater(client, ProjectIds(client), self.counters)
        self.order_id = ""
        self.line_id = ""
        self.payment_id = ""

    async def open(self, **changes: Any) -> None:
        """Prepare the project, and place the order."""
        await bootstrap_orders(self.client)
        amount = money(3000)
        payment = await self.client.post("/payments", {"amountPlanned": amount}, dict)
        self.payment_id = str(payment["id"])
        draft = {"orderNumber": "W-1", "totalPrice": amount, "lineItems": [line(3)]}
        draft["shippingInfo"] = {
            "shippingMethodName": "std",
            "price": money(500),
            "shippingRate": {"price": money(500)},
        }
        draft = {k: v for k, v in {**draft, **changes}.items() if v is not None}
        order = await self.client.post("/orders/import", draft, dict)
        self.order_id = str(order["id"])
        self.line_id = str(order["lineItems"][0]["id"])

    def wanted(self, **changes: Any) -> WantedOrder:
        plain = WantedOrder(
            order_number="W-1",
            commerce_id=self.order_id,
            sequence=1,
            deliveries=(self.delivery("ns-1", 2), self.delivery("ns-2", 1)),
            lines=(self.line(),),
            shipment_state="Shipped",
            order_state="Complete",
            sync_id="ns-77",
            payment_ids=(self.payment_id,),
        )
        return replace(plain, **changes)

    def delivery(self, key: str, quantity: int) -> WantedDelivery:
        items = (LineQuantity(line_id=self.line_id, quantity=quantity),)
        parcel = WantedParcel(
            key=f"{key}-T1", items=items, tracking_id="T1", carrier="DHL"
        )
        return WantedDelivery(key=key, items=items, parcels=(parcel,))

    def line(self) -> WantedLine:
        shipped = StateQuantity(state_key="oneshelf-shipped", quantity=3)
        return WantedLine(
            line_id=self.line_id, states=(shipped,), locations=("LDN01:2", "LDN02:1")
        )

    def returned(self, payment_state: str = "Refunded") -> WantedOrder:
        """Return what is wanted after one unit came back and was paid back."""
        item = WantedReturnItem(
            key="R-1-a",
            line_id=self.line_id,
            quantity=1,
            shipment_state="BackInStock",
            payment_state=payment_state,
            comment="LDN02",
        )
        returned = WantedReturn(return_id="R-1", returned_at=NOON, items=(item,))
        refund = WantedRefund(
            interaction_id="R-1", amount_minor=1000, currency=EUR, settled_at=NOON
        )
        refunds = (refund,) if payment_state == "Refunded" else ()
        return self.wanted(returns=(returned,), refunds=refunds)

    async def bring(self, wanted: WantedOrder) -> int:
        """Bring the order there; return how many updates it took."""
        return (await self.updater.bring(wanted, FreeTurn())).updates

    async def persist(self, wanted: WantedOrder, tries: int = 25) -> None:
        """Try until it is done, as the courier does."""
        for _ in range(tries):
            try:
                await self.bring(wanted)
            except ConnectorError as error:
                if not error.retriable:
                    raise
            else:
                return
        raise AssertionError("never done")

    async def order(self) -> dict[str, Any]:
        order: dict[str, Any] = await self.client.get(f"/orders/{self.order_id}", dict)
        return order

    async def refunds(self) -> list[dict[str, Any]]:
        payment = await self.client.get(f"/payments/{self.payment_id}", dict)
        return list(payment["transactions"])

    def fault(self, **rule: Any) -> None:
        self.server.call(lambda sandbox: sandbox.faults.add(FaultRule(**rule)))


def money(cents: int) -> dict[str, Any]:
    return {"currencyCode": EUR, "centAmount": cents}


def line(quantity: int) -> dict[str, Any]:
    return {
        "name": {"en": "Shirt"},
        "variant": {"sku": "SHIRT"},
        "quantity": quantity,
        "price": {"value": money(1000)},
    }


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig()) as running:
        yield running


@pytest.fixture
async def shop(server: SandboxServer) -> AsyncIterator[Shop]:
    async with OrderClient(settings_for(server.url)) as client:
        shop = Shop(server, client)
        await shop.open()
        yield shop


async def test_all_that_is_wanted_is_written_with_one_update(shop: Shop) -> None:
    assert await shop.bring(shop.wanted()) == 1

    order = await shop.order()
    deliveries = order["shippingInfo"]["deliveries"]
    assert [(d["key"], d["items"]) for d in deliveries] == [
        ("ns-1", [{"id": shop.line_id, "quantity": 2}]),
        ("ns-2", [{"id": shop.line_id, "quantity": 1}]),
    ]
    parcel = deliveries[0]["parcels"][0]
    assert parcel["key"] == "ns-1-T1"
    assert (parcel["trackingData"]["trackingId"], order["orderState"]) == (
        "T1",
        "Complete",
    )
    fields = order["lineItems"][0]["custom"]["fields"]
    assert fields == {"oneshelfLocations": "LDN01:2, LDN02:1"}
    assert order["shipmentState"] == "Shipped"
    assert [sync["externalId"] for sync in order["syncInfo"]] == ["ns-77"]


async def test_what_is_there_is_not_written_again(shop: Shop) -> None:
    await shop.bring(shop.wanted())
    before = await shop.order()

    assert await shop.bring(shop.wanted()) == 0
    assert await shop.order() == before


async def test_a_late_unit_is_a_second_delivery(shop: Shop) -> None:
    first = shop.wanted(deliveries=(shop.delivery("ns-1", 2),), order_state="")
    await shop.bring(first)

    assert await shop.bring(shop.wanted()) == 1

    keys = [d["key"] for d in (await shop.order())["shippingInfo"]["deliveries"]]
    assert keys == ["ns-1", "ns-2"]


async def test_a_return_goes_back_to_stock_then_money_then_the_state_of_it(
    shop: Shop,
) -> None:
    await shop.bring(shop.returned("Initial"))
    (info,) = (await shop.order())["returnInfo"]
    assert info["items"][0]["shipmentState"] == "BackInStock"
    assert info["items"][0]["paymentState"] == "Initial"
    assert await shop.refunds() == []

    assert await shop.bring(shop.returned()) == 1

    (info,) = (await shop.order())["returnInfo"]
    assert info["items"][0]["paymentState"] == "Refunded"
    (refund,) = await shop.refunds()
    assert (refund["type"], refund["state"]) == ("Refund", "Success")
    assert (refund["interactionId"], refund["amount"]["centAmount"]) == ("R-1", 1000)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", [FaultKind.FAILURE, FaultKind.DROP])
@pytest.mark.parametrize("path", ["/orders/", "/payments/"])
async def test_a_lost_answer_doubles_nothing(
    shop: Shop, path: str, kind: FaultKind, when: str
) -> None:
    shop.fault(kind=kind, when=when, status=500, methods=("POST",), path=path, count=1)

    await shop.persist(shop.returned())

    order = await shop.order()
    assert len(order["shippingInfo"]["deliveries"]) == 2
    assert len(order["returnInfo"]) == 1
    assert len(await shop.refunds()) == 1
    assert sum(s["quantity"] for s in order["lineItems"][0]["state"]) == 3


async def test_another_writer_is_not_overwritten(shop: Shop) -> None:
    intruder = {"action": "addDelivery", "deliveryKey": "theirs", "items": []}
    original = shop.client.update_order

    async def late(order_id: str, version: int, actions: Any) -> OrderWire:
        shop.client.update_order = original  # type: ignore[method-assign]  # once
        await original(order_id, version, [intruder])
        return await original(order_id, version, actions)

    shop.client.update_order = late  # type: ignore[method-assign]  # once

    await shop.bring(shop.wanted())

    keys = [d["key"] for d in (await shop.order())["shippingInfo"]["deliveries"]]
    assert keys == ["theirs", "ns-1", "ns-2"]
    assert shop.counters.conflicts == 1


async def test_an_order_that_is_not_there_yet_is_asked_for_again(shop: Shop) -> None:
    with pytest.raises(OrderUnknown) as caught:
        await shop.bring(
            shop.wanted(commerce_id="00000000-0000-4000-8000-00000000ffff")
        )

    assert caught.value.retriable
    assert "W-1" in caught.value.message


async def test_an_order_of_several_shipping_methods_is_seen_and_written(
    shop: Shop,
) -> None:
    rate = {"price": money(500)}
    methods = [
        {"key": key, "shippingMethodName": key, "shippingRate": rate}
        for key in ("fast", "slow")
    ]
    several = {"shippingMode": "Multiple", "customShipping": methods}
    placed = shop.server.call(
        lambda sandbox: sandbox.place_order(
            [{"sku": "SHIRT", "quantity": 3}],
            mode="None",
            is_shipped=False,
            fields=several,
        )
    )
    shop.order_id, shop.line_id = placed.id, placed.lines[0].id

    assert await shop.bring(shop.wanted()) == 1
    assert await shop.bring(shop.wanted()) == 0

    first, second = (await shop.order())["shipping"]
    keys = [each["key"] for each in first["shippingInfo"]["deliveries"]]
    assert (keys, second["shippingInfo"]["deliveries"]) == (["ns-1", "ns-2"], [])


async def test_an_order_without_shipping_is_told_by_states_alone(
    server: SandboxServer,
) -> None:
    async with OrderClient(settings_for(server.url)) as client:
        shop = Shop(server, client)
        await shop.open(shippingInfo=None)

        assert await shop.bring(shop.wanted()) == 1

        order = await shop.order()
        assert "shippingInfo" not in order
        assert order["shipmentState"] == "Shipped"


async def test_more_than_was_ordered_is_never_sent(shop: Shop) -> None:
    over = shop.wanted(deliveries=(shop.delivery("ns-1", 4),))

    with pytest.raises(Refused, match="More units of line") as caught:
        await shop.bring(over)

    assert caught.value.reason == "overdelivered"
    assert (await shop.order())["version"] == 1


async def test_a_project_that_was_not_prepared_says_how_to(
    server: SandboxServer,
) -> None:
    async with OrderClient(settings_for(server.url)) as client:
        shop = Shop(server, client)
        await shop.open()
        fresh = OrderUpdater(client, ProjectIds(client), OrderCounters())
        state = (await client.line_states())[-1]
        await client.post(
            f"/states/{state.id}",
            {
                "version": state.version,
                "actions": [{"action": "changeKey", "key": "other"}],
            },
            dict,
        )

        with pytest.raises(StateMissing, match="oneshelf commercetools bootstrap"):
            await fresh.bring(shop.wanted(), FreeTurn())


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": FaultKind.RATE_LIMIT, "retry_after_s": 7}, Unavailable),
        ({"kind": FaultKind.FAILURE, "status": 503}, Unavailable),
        ({"kind": FaultKind.FAILURE, "status": 502, "when": "before"}, Ambiguous),
    ],
)
async def test_trouble_of_the_vendor_is_for_later(
    shop: Shop, rule: dict[str, Any], error: type[ConnectorError]
) -> None:
    await shop.bring(shop.wanted(order_state=""))
    shop.fault(**rule)

    with pytest.raises(error) as caught:
        await shop.bring(shop.wanted())

    assert caught.value.retriable


def test_whatever_the_weather_it_ends_the_same() -> None:
    """Random faults on every call: in the end all is there, and once."""
    rules = st.fixed_dictionaries(
        {
            "kind": st.sampled_from([FaultKind.FAILURE, FaultKind.DROP]),
            "when": st.sampled_from(["before", "after"]),
            "methods": st.sampled_from([("POST",), ("GET",), ()]),
            "path": st.sampled_from(["/orders/", "/payments/"]),
            "count": st.integers(1, 3),
        }
    )

    async def live(weather: list[dict[str, Any]]) -> None:
        with SandboxServer(SandboxConfig()) as server:
            async with OrderClient(settings_for(server.url)) as client:
                shop = Shop(server, client)
                await shop.open()
                for rule in weather:
                    shop.fault(status=500, **rule)
                await shop.persist(shop.wanted(order_state=""))
                await shop.persist(shop.returned())
                order = await shop.order()
                keys = [d["key"] for d in order["shippingInfo"]["deliveries"]]
                assert keys == ["ns-1", "ns-2"]
                assert len(order["returnInfo"]) == 1
                assert len(await shop.refunds()) == 1

    @settings(max_examples=8, deadline=None)
    @given(st.lists(rules, max_size=4))
    def law(weather: list[dict[str, Any]]) -> None:
        asyncio.run(live(weather))

    law()
