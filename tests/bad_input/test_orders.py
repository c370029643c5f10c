"""The bad-input table's rows about orders: taken, parked, and found in the list."""

from collections.abc import AsyncIterator

import pytest

from streams.agents.intake import IntakeStage
from streams.domain.exception_kinds import kind_of
from streams.engine.fold import Batch, Context, Result
from streams.mapping.pos import IntakeRules
from streams.topics import COMMERCE_MESSAGES, NEWSTORE_EVENTS, ORDER_NEWS, Topic
from tests.bad_input.orders import MESSAGES, ORDERS
from tests.bad_input.row import Bad
from tests.support.ledger import NOON
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.newstore import shop_floor
from tests.web.conftest import Worker

RULES = IntakeRules(tenant="acme", commerce_orders=True)


@pytest.fixture
async def web() -> AsyncIterator[Worker]:
    serving = Worker().serve(
        webhook_key="newstore-secret", commerce_key="commerce-secret"
    )
    await serving.start()
    yield serving
    await serving.stop()


async def taken(web: Worker, row: Bad, path: str, topic: Topic) -> Result:
    """Post the row as its source does; return what intake makes of it."""
    answer = await web.client.post(
        f"/v1/events/{path}", content=row.given, headers=row.options["headers"]
    )
    assert answer.status_code == row.status
    ((name, key, value, _),) = web.sink.records
    assert (name, value) == (topic.name, row.given)
    batch = Batch(topic, 0, [MemoryRecord(topic.name, 0, key, value)])
    return IntakeStage(RULES).fold(MemoryView(), batch, Context(NOON, shop_floor()))


def check(row: Bad, result: Result) -> None:
    (parked,) = result.parked
    assert parked.record.value == row.given
    assert (parked.reason, parked.field, parked.value) == row.why
    assert parked.sentence == row.says
    assert kind_of(parked.reason) is row.options["kind"]
    assert ORDER_NEWS not in result.outputs
    assert result.counts["parked"] == 1


@pytest.mark.parametrize("row", ORDERS, ids=str)
async def test_a_bad_event_of_an_order_is_parked_and_tells_no_news(
    web: Worker, row: Bad
) -> None:
    check(row, await taken(web, row, "newstore", NEWSTORE_EVENTS))


@pytest.mark.parametrize("row", MESSAGES, ids=str)
async def test_a_bad_message_is_taken_and_parked_with_its_bytes(
    web: Worker, row: Bad
) -> None:
    check(row, await taken(web, row, "commercetools", COMMERCE_MESSAGES))
