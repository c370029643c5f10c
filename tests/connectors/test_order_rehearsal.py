"""What a dry run foretells of an order's update is what the courier then sends."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

import pytest

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.connectors.order_rehearsal import (
    NOTHING,
    THEN,
    OrderRehearsal,
    RehearsalClient,
)
from streams.connectors.order_updates import OrderCounters, OrderUpdater
from streams.connectors.pacing import Pace, Urgency
from streams.mapping.commerce import Body
from streams.mapping.commerce_order_wire import OrderWire, PaymentWire
from streams.sandbox.commercetools import SandboxConfig, SandboxServer
from tests.connectors.model import FreeTurn
from tests.connectors.sandbox import settings_for
from tests.connectors.test_order_updates import Shop


class Spy(OrderClient):
    """A client that remembers what it wrote."""

    sent: list[Sequence[Body]]

    async def update_order(
        self, order_id: str, version: int, actions: Sequence[Body]
    ) -> OrderWire:
        self.sent.append(actions)
        return await super().update_order(order_id, version, actions)

    async def update_payment(self, payment_id: str, body: Body) -> PaymentWire:
        self.sent.append([{"payment": payment_id, **each} for each in body["actions"]])
        return await super().update_payment(payment_id, body)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxConfig()) as running:
        yield running


@pytest.fixture
async def spy(server: SandboxServer) -> AsyncIterator[Spy]:
    async with Spy(settings_for(server.url)) as client:
        client.sent = []
        yield client


@pytest.fixture
async def shop(server: SandboxServer, spy: Spy) -> Shop:
    shop = Shop(server, spy)
    await shop.open()
    return shop


@pytest.fixture
async def rehearsal(server: SandboxServer) -> AsyncIterator[OrderRehearsal]:
    rng = random.Random(1)
    pace = Pace(concurrency_max=1, requests_per_second=1_000.0, rng=rng)
    client = RehearsalClient(settings_for(server.url))
    made = OrderRehearsal(client, pace.lane(Urgency.READS))
    yield made
    await made.aclose()


async def test_each_step_is_foretold_as_it_is_then_sent(
    shop: Shop, spy: Spy, rehearsal: OrderRehearsal
) -> None:
    wanted = shop.returned()
    before = await shop.order()
    told, said = await rehearsal.first_update(wanted)

    assert said == THEN
    assert await shop.order() == before
    updater = OrderUpdater(spy, ProjectIds(spy), OrderCounters())
    await updater.bring(replace(wanted, refunds=()), FreeTurn())
    assert told == list(spy.sent[0])
    assert {"addDelivery", "addReturnInfo"} <= {each["action"] for each in told}


async def test_a_refund_is_foretold_once_the_order_says_all(
    shop: Shop, spy: Spy, rehearsal: OrderRehearsal
) -> None:
    wanted = shop.returned()
    await shop.bring(replace(wanted, refunds=()))
    (told,), _ = await rehearsal.first_update(wanted)
    assert await shop.refunds() == []
    spy.sent.clear()

    await shop.bring(wanted)

    assert spy.sent == [[told]]
    assert (told["payment"], told["action"]) == (shop.payment_id, "addTransaction")


async def test_what_is_there_already_is_said(
    shop: Shop, rehearsal: OrderRehearsal
) -> None:
    await shop.bring(shop.wanted())

    assert await rehearsal.first_update(shop.wanted()) == ([], NOTHING)


async def test_an_order_that_cannot_be_read_is_no_guess(
    shop: Shop, rehearsal: OrderRehearsal
) -> None:
    wanted = shop.wanted(commerce_id="no-such-order")

    actions, said = await rehearsal.first_update(wanted)

    assert actions == []
    assert said.startswith("commercetools' order cannot be compared now: ")
    assert "no-such-order" in said
