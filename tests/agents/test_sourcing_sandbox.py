"""Sourcing with both stand-ins behind real HTTP: from a web order to NewStore's own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streams.connectors.commerce_orders import OrderClient
from streams.domain.order_notes import PlacedLine
from streams.domain.sourcing_run import Phase
from streams.order_wiring import Errand, paces_of, sourcing_errand
from streams.sandbox import commercetools, newstore
from streams.sandbox.newstore import FaultKind, FaultRule, Node
from streams.settings import Settings
from tests.connectors.sandbox import settings_for as commerce_settings
from tests.connectors.test_newstore import settings_for as newstore_settings
from tests.support.orders import placed
from tests.support.sourcing import PLACES
from tests.support.sourcing_worker import World, until

MONEY = {"type": "centPrecision", "currencyCode": "EUR"}


@pytest.fixture
def shop() -> Iterator[commercetools.SandboxServer]:
    with commercetools.SandboxServer(commercetools.SandboxConfig()) as running:
        yield running


@pytest.fixture
def stores() -> Iterator[newstore.SandboxServer]:
    nodes = tuple(Node(place) for place in PLACES)
    config = newstore.SandboxConfig(nodes=nodes)
    with newstore.SandboxServer(config) as running:
        yield running


@asynccontextmanager
async def running(
    here: World, shop: commercetools.SandboxServer, stores: newstore.SandboxServer
) -> AsyncIterator[Errand]:
    """Run the worker's own errand, as it is wired."""
    settings = Settings(
        _env_file=None,
        commercetools=commerce_settings(shop.url, orders=True),
        newstore=newstore_settings(stores.url),
    )
    reference = here.rules.reference
    paces = paces_of(settings, lambda: 1)
    errand = sourcing_errand(settings, paces, here.report, lambda: here.now, reference)
    assert errand is not None
    here.rows = errand.rows
    errand.rows.opened(here.view)
    task = asyncio.create_task(errand.courier.run())
    try:
        yield errand
    finally:
        here.rows = None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await errand.close()


async def place_order(
    here: World, shop: commercetools.SandboxServer, number: str, quantity: int
) -> None:
    """Have commercetools take an order, and hear of it."""
    line = {
        "name": {"en": "Tee"},
        "variant": {"sku": "TEE"},
        "quantity": quantity,
        "price": {"value": {**MONEY, "centAmount": 1999}},
    }
    draft: dict[str, Any] = {
        "orderNumber": number,
        "totalPrice": {**MONEY, "centAmount": 1999 * quantity},
        "lineItems": [line],
        "shippingAddress": {"country": "DE", "city": "Berlin"},
    }
    async with OrderClient(commerce_settings(shop.url)) as client:
        order = await client.post("/orders/import", draft, dict)
    (made,) = order["lineItems"]
    line_id, order_id = str(made["id"]), str(order["id"])
    here.tell(
        number,
        placed(
            PlacedLine(line_id=line_id, sku="TEE", quantity=quantity),
            commerce_id=order_id,
            number=number,
        ),
    )


def stock(here: World, stores: newstore.SandboxServer, **units: int) -> None:
    for place, number in units.items():
        here.ledger.stock["TEE", place] = number
        put(stores, place, number)


def put(stores: newstore.SandboxServer, place: str, number: int) -> None:
    stores.call(lambda s: s.set_stock(place, "TEE", number))


def promised(stores: newstore.SandboxServer, place: str) -> int:
    return stores.call(lambda s: s.stock(place, "TEE").atp)


def fault(
    stores: newstore.SandboxServer, kind: FaultKind, path: str, **more: Any
) -> None:
    rule = FaultRule(kind=kind, path=path, **more)
    stores.call(lambda s: s.faults.add(rule))


def orders(stores: newstore.SandboxServer) -> list[str]:
    found = stores.call(lambda s: s.world.orders.walk())
    return sorted(order.external_id for order in found)


async def test_a_web_order_becomes_an_order_of_newstores(
    shop: commercetools.SandboxServer, stores: newstore.SandboxServer
) -> None:
    here = World()
    stock(here, stores, LDN01=3)
    await place_order(here, shop, "W-1", 2)
    async with running(here, shop, stores):
        await until(lambda: here.run("W-1").is_over)
    assert here.run("W-1").phase == Phase.CONFIRMED
    units = stores.call(lambda s: s.units("W-1"))
    assert [unit.node_id for unit in units] == ["LDN01", "LDN01"]
    assert [str(unit.price.price) for unit in units] == ["19.99", "19.99"]
    assert sorted(here.order("W-1").ties) == sorted(unit.id for unit in units)


async def test_an_empty_shelf_and_lost_answers_lead_elsewhere_and_nothing_doubles(
    shop: commercetools.SandboxServer, stores: newstore.SandboxServer
) -> None:
    here = World()
    stock(here, stores, LDN01=1, PAR01=1)
    put(stores, "LDN01", 0)
    fault(stores, FaultKind.FAILURE, "fulfill_order", when="after", count=2)
    fault(stores, FaultKind.DROP, "fulfill_order", when="after", count=1)
    fault(stores, FaultKind.RATE_LIMIT, "availabilities", count=1, retry_after_s=1.0)
    fault(stores, FaultKind.REVOKE_TOKEN, "availabilities", count=1)
    await place_order(here, shop, "W-1", 1)
    async with running(here, shop, stores):
        await until(lambda: here.run("W-1").is_over)
    assert orders(stores) == ["W-1"]
    (unit,) = stores.call(lambda s: s.units("W-1"))
    assert unit.node_id == "PAR01"
    assert here.ledger.standing() == {f"W-1/{unit.external_item_id}": ("TEE", "PAR01")}


async def test_a_slow_answer_confirms_nothing(
    shop: commercetools.SandboxServer, stores: newstore.SandboxServer
) -> None:
    here = World()
    stock(here, stores, LDN01=1)
    fault(stores, FaultKind.LATENCY, "availabilities", latency_s=1.5, count=1)
    await place_order(here, shop, "W-1", 1)
    async with running(here, shop, stores):
        await until(lambda: bool(here.answers))
        assert orders(stores) == []
        assert b'"trouble":"late"' in here.answers[0]
        await until(lambda: here.run("W-1").is_over)
    assert orders(stores) == ["W-1"]


async def test_many_orders_race_for_the_last_units(
    shop: commercetools.SandboxServer, stores: newstore.SandboxServer
) -> None:
    here = World()
    stock(here, stores, LDN01=3, PAR01=2)
    # Shops sell meanwhile, and we hear of it too late.
    stores.call(lambda s: s.sell("LDN01", ["TEE", "TEE"]))
    numbers = [f"W-{n}" for n in range(8)]
    for number in numbers:
        await place_order(here, shop, number, 1)
    async with running(here, shop, stores):
        await until(lambda: all(here.run(n).is_over for n in numbers))
    confirmed = [n for n in numbers if here.run(n).phase == Phase.CONFIRMED]
    assert [name for name in orders(stores) if name.startswith("W-")] == confirmed
    assert len(confirmed) == 3
    assert min(promised(stores, place) for place in PLACES) >= 0
    for number in set(numbers) - set(confirmed):
        trouble = here.run(number).trouble
        assert trouble is not None
        assert "TEE" in trouble.sentence
