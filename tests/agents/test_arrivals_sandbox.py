"""What the commercetools stand-in tells of its orders, through intake and linking."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from streams.connectors.commerce_orders import OrderClient
from streams.connectors.placed_orders import OrderReads
from streams.domain.order_news import OrderMentioned
from streams.domain.order_notes import OrderPlaced, OrderStateSeen
from streams.engine.fold import Batch, Result
from streams.mapping.commerce_messages import told_by
from streams.mapping.linking_state import decode_link
from streams.mapping.order_messages import NEWS
from streams.mapping.pos_rules import IntakeRules
from streams.sandbox.commercetools import Notification, Sandbox, SandboxServer
from streams.tables import ORDER_LINKS
from streams.topics import COMMERCE_MESSAGES, ORDER_NEWS
from tests.agents.publishing_worker import eventually
from tests.agents.test_delivery_sandbox import settings_for
from tests.agents.test_intake import Intake
from tests.agents.test_order_reader import Desk, at_work
from tests.support.memory_view import MemoryRecord

FORMATS = ("Platform", "CloudEvents")


class Town:
    """A shop in the stand-in, and all that it has told."""

    def __init__(self, message_format: str = "Platform") -> None:
        self.told: list[bytes] = []
        self.format = message_format

    def hear(self, notification: Notification) -> None:
        self.told.append(notification.value)

    def trade(self, sandbox: Sandbox) -> str:
        """Take an order by a channel, confirm, return and cancel it; return its id."""
        sandbox.subscribe(self.hear, message_format=self.format)
        sandbox.create_channel({"key": "ldn", "roles": ["InventorySupply"]})
        lines = [{"sku": "MUG", "quantity": 2, "channelKey": "ldn"}]
        order = sandbox.place_order(lines, order_number="W-1", mode="None")
        line_id = order.lines[0].id
        item = {"lineItemId": line_id, "quantity": 1, "shipmentState": "Returned"}
        for version, action in (
            (order.version, {"action": "changeOrderState", "orderState": "Confirmed"}),
            (None, {"action": "addReturnInfo", "items": [item]}),
            (None, {"action": "changeOrderState", "orderState": "Cancelled"}),
        ):
            held = sandbox.orders.get("id", order.id)
            body = {"version": version or held.version, "actions": [action]}
            sandbox.update_order("id", order.id, body)
        sandbox.deliver()
        return order.id


def taken(messages: list[bytes]) -> Result:
    """Take messages in at intake."""
    intake = Intake(IntakeRules(commerce_orders=True))
    records = [
        MemoryRecord("commerce-messages", offset, b"", value)
        for offset, value in enumerate(messages)
    ]
    batch = Batch(COMMERCE_MESSAGES, 0, records)
    return intake.stage.fold(intake.view, batch, intake.context)


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.mark.parametrize("message_format", FORMATS)
def test_all_that_the_stand_in_tells_is_understood(message_format: str) -> None:
    town = Town(message_format)
    town.trade(Sandbox())

    result = taken(town.told)

    assert result.parked == []
    assert result.counts["messages"] == len(town.told) == 5
    assert result.counts["ignored"] == 1  # The notice that tried the subscription.
    kinds = [type(NEWS.decode(output.value)) for output in result.outputs[ORDER_NEWS]]
    assert kinds == [OrderMentioned, OrderStateSeen, OrderMentioned, OrderStateSeen]


def test_a_message_that_the_stand_in_leaves_empty_is_to_be_read() -> None:
    town = Town()
    sandbox = Sandbox()
    sandbox.subscribe(town.hear)
    lines = [{"sku": f"SKU-{n}", "quantity": 1} for n in range(100)]
    fields = {"customerEmail": "x" * 2_000_000 + "@example.org"}
    sandbox.place_order(lines, order_number="W-1", mode="None", fields=fields)
    sandbox.deliver()

    said = told_by(town.told[-1])

    assert b"payloadNotIncluded" in town.told[-1]
    ((_, news),) = said.news
    assert isinstance(news, OrderMentioned)
    assert news.has_changed


@pytest.mark.parametrize("message_format", FORMATS)
@pytest.mark.parametrize("seed", range(5))
async def test_in_any_order_and_doubled_the_order_gets_the_same_facts(
    server: SandboxServer, message_format: str, seed: int
) -> None:
    town = Town(message_format)
    order_id = server.call(town.trade)
    messages = [*town.told, *town.told]
    random.Random(seed).shuffle(messages)
    async with (
        OrderClient(settings_for(server.url)) as client,
        at_work(OrderReads(client)) as desk,
    ):
        for message in messages:
            tell(desk, message)
            await asyncio.sleep(0)
        await eventually(lambda: desk.rows.is_settled)

    assert {key for key, _ in desk.facts} == {b"W-1"}
    notes = [NEWS.decode(value) for _, value in desk.facts]
    states = {note for note in notes if isinstance(note, OrderStateSeen)}
    assert {note.state for note in states} == {"Confirmed", "Cancelled"}
    placed = [note for note in notes if isinstance(note, OrderPlaced)]
    last = max(placed, key=lambda note: note.version)
    assert (last.commerce_id, last.state) == (order_id, "Cancelled")
    assert last.lines[0].channel_key == "ldn"
    assert desk.is_balanced()
    assert desk.reads.count <= 4
    row = desk.view.tables[ORDER_LINKS][f"ct:{order_id}".encode()]
    assert not decode_link(row).needs_read


def tell(desk: Desk, message: bytes) -> None:
    outputs = taken([message]).outputs.get(ORDER_NEWS, [])
    desk.hear(*(desk.record(NEWS.decode(output.value)) for output in outputs))
