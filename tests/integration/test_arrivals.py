"""Orders on their way in, on a real broker: told over HTTP, linked, and read."""

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial

import httpx
import pytest

from streams.demo import events
from streams.domain import order_notes as notes
from streams.engine.reading import LogReader
from streams.mapping.order_messages import NOTES
from streams.sandbox.commercetools import Notification, Sandbox
from streams.topics import ORDER_FACTS
from tests.integration.harness import WEBHOOK_KEY, Shelf

pytestmark = pytest.mark.kafka

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
AUTHORISED = {"Authorization": f"Bearer {WEBHOOK_KEY}"}
SKU, PLACE = "MUG", "LDN01"

Facts = dict[str, list[notes.OrderNote]]


def buy(number: str, sandbox: Sandbox) -> str:
    """Buy a unit by a supply channel; return commercetools' id of the order."""
    lines = [{"sku": SKU, "quantity": 1, "channelKey": f"ch-{PLACE.lower()}"}]
    order = sandbox.place_order(lines, order_number=number, mode="None")
    sandbox.deliver()
    return order.id


def subscribe(told: list[bytes], sandbox: Sandbox) -> None:
    def hear(notification: Notification) -> None:
        told.append(notification.value)

    sandbox.subscribe(hear)


def story(number: str) -> list[bytes]:
    """What NewStore tells of a store order from its opening to a return."""
    units = [(f"unit-{number}", SKU)]
    told = [
        events.store_sale(number, PLACE, units, NOON),
        events.handed_over(number, PLACE, units, NOON),
        events.envelope("order.completed", NOON, id=number, items=[]),
        events.envelope(
            "refund_request.issued",
            NOON,
            id=f"refund-{number}",
            order_id=number,
            amount=5.25,
            currency="GBP",
        ),
    ]
    return [*told, *told]


async def facts(house: Shelf) -> Facts:
    found: Facts = {}
    async with LogReader(house.settings) as reader:
        async for records in reader.read(ORDER_FACTS):
            for record in records:
                assert record.key is not None
                found.setdefault(record.key.decode(), []).append(
                    NOTES.decode(record.value)
                )
    return found


async def until(house: Shelf, enough: Callable[[Facts], bool]) -> Facts:
    async with asyncio.timeout(60):
        while not enough(found := await facts(house)):  # noqa: ASYNC110 - the workers' work
            await asyncio.sleep(0.3)
    return found


async def post(house: Shelf, path: str, bodies: Iterable[bytes]) -> None:
    for number, body in enumerate(bodies):
        worker = list(house.workers.values())[number % len(house.workers)]
        answer = await house.client.post(
            f"{worker.url}/v1/events/{path}",
            content=body,
            headers=AUTHORISED,
            timeout=20.0,
        )
        assert answer.status_code == httpx.codes.OK, answer.text


async def test_orders_of_both_vendors_come_to_their_numbers(house: Shelf) -> None:
    commerce = house.settings.commercetools.model_copy(update={"orders": True})
    house.settings = house.settings.model_copy(update={"commercetools": commerce})
    await house.load_reference([PLACE], [SKU])
    await house.start("w0", "w1")
    told: list[bytes] = []
    house.sandbox.call(partial(subscribe, told))
    ids = {
        house.sandbox.call(partial(buy, f"W-{number}")): f"W-{number}"
        for number in range(5)
    }
    shop = [event for number in range(5) for event in story(f"S-{number}")]
    random.Random(7).shuffle(shop)

    await post(house, "commercetools", [*told, *told])
    await post(house, "newstore", shop)

    wanted = {f"W-{n}" for n in range(5)} | {f"S-{n}" for n in range(5)}
    found = await until(house, lambda has: set(has) == wanted and _whole(has))
    for commerce_id, number in ids.items():
        for note in found[number]:
            assert isinstance(note, notes.OrderPlaced)
            assert (note.commerce_id, note.number) == (commerce_id, number)
            assert note.lines[0].channel_key == f"ch-{PLACE.lower()}"


def _whole(found: Facts) -> bool:
    kinds = {
        notes.OrderOpened,
        notes.FulfilmentSeen,
        notes.OrderCompleted,
        notes.AppeasementGiven,
    }
    return all(
        {type(note) for note in told} == kinds
        for number, told in found.items()
        if number.startswith("S-")
    )
