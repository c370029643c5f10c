"""A retry tried out over HTTP, orders included, wherever they are."""

from typing import Any

import pytest

from streams.agents.linking import LinkingStage
from streams.domain.commerce_wanted import WantedOrder
from streams.domain.exceptions import Trouble
from streams.domain.linking import Link
from streams.mapping.exceptions import encode_command, raise_case
from streams.mapping.linking_state import encode_link
from streams.mapping.order_messages import NEWS, NOTES
from streams.tables import ORDER_LINKS, ORDERS
from streams.topics import EXCEPTION_COMMANDS, ORDER_FACTS, ORDER_NEWS, Topic
from streams.trials.orders import OrdersTrial
from streams.web.exceptions_foresight import NOT_CONNECTED, OrdersDesk
from streams.web.exceptions_routes import ExceptionsDesk
from streams.web.ports import CommerceTrialPort, Remote
from tests.agents.desk import NOON
from tests.agents.test_exceptions_look_again import exhausted
from tests.support import sourcing
from tests.support.newstore import shop_floor
from tests.support.orders import (
    COMPLETED,
    NUMBER,
    RULES,
    book,
    item,
    line,
    opened,
    placed,
    seen,
)
from tests.web.cases import FakeCases, desk_of
from tests.web.conftest import Serve, Worker
from tests.web.fakes import PARTITIONS, FakeLedger, partition_of
from tests.web.test_orders import FakeOrders


class Shop:
    """commercetools, which lacks all that is wanted."""

    async def first_update(self, wanted: WantedOrder) -> tuple[list[Any], str]:
        keys = [made.key for made in wanted.deliveries]
        return [{"action": "addDelivery", "deliveryKey": key} for key in keys], "first"


class Town:
    """Links, orders and cases in memory."""

    def __init__(self) -> None:
        self.cases, self.links, self.orders = FakeCases(), FakeOrders(), FakeOrders()
        self.commerce: CommerceTrialPort | None = Shop()

    def desk(self, **there: FakeOrders) -> ExceptionsDesk:
        made = desk_of(self.cases)
        using = {"links": self.links, "orders": self.orders, **there}
        trial = OrdersTrial(
            LinkingStage(wait_s=900.0),
            self.rules,
            shop_floor(),
            lambda: NOON,
        )
        orders = OrdersDesk(trial, using["links"], using["orders"], self.commerce)
        return ExceptionsDesk(made.cases, made.trial, made.clock, orders)

    rules = RULES

    def row(self) -> dict[bytes, bytes]:
        key = NUMBER.encode()
        return self.orders.views[partition_of(key)].get(ORDERS, [key])

    def link(self, alias: str) -> None:
        key = alias.encode()
        view = self.links.views[partition_of(key)]
        view.put(ORDER_LINKS, key, encode_link(Link(number=NUMBER)))

    def park(self, topic: Topic, key: str, value: bytes) -> str:
        stand = self.cases.stands[partition_of(key.encode())]
        stand.park(stand.append(topic, key.encode(), value), stage="orders")
        stand.take()
        return stand.case().case.case_id


@pytest.fixture
def town() -> Town:
    made = Town()
    made.orders.put(book(placed(line("a")), opened(item("i-1", unit="a#1"))).order)
    made.link("ns:ns-1")
    return made


@pytest.fixture
async def worker(serve: Serve, town: Town) -> Worker:
    return await serve(desk=town.desk())


async def tried(worker: Worker, path: str) -> dict[str, Any]:
    answer = await worker.client.post(f"/v1/exceptions/{path}/retry?dry_run=true")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


SENT = seen(COMPLETED, "i-1")


@pytest.mark.parametrize("topic", [ORDER_FACTS, ORDER_NEWS])
async def test_what_an_order_would_do_is_foretold_down_to_commercetools_actions(
    worker: Worker, town: Town, topic: Topic
) -> None:
    before = town.row()
    known = topic is ORDER_FACTS
    raw = NOTES.encode(SENT) if known else NEWS.encode(SENT)
    case = town.park(topic, NUMBER if known else "ns:ns-1", raw)

    told = await tried(worker, case)

    (order,) = told["foretold"]
    assert (order["order"], order["known"]) == (NUMBER, True)
    assert [(u["before"], u["after"]) for u in order["units"]] == [
        ("open", "completed")
    ]
    (update,) = order["commercetools"]
    assert update == {
        "when": "now",
        "actions": [{"action": "addDelivery", "deliveryKey": "ns-fr-1"}],
        "said": "first",
    }
    assert town.row() == before


async def test_news_of_an_unknown_alias_would_wait(worker: Worker, town: Town) -> None:
    case = town.park(
        ORDER_NEWS, "ns:ns-9", NEWS.encode(seen(COMPLETED, newstore_id="ns-9"))
    )

    told = await tried(worker, case)

    assert told["foretold"] == []
    assert [one["reason"] for one in told["parked"]] == ["unknown_order"]


async def test_without_commercetools_it_is_said_that_nothing_was_compared(
    serve: Serve, town: Town
) -> None:
    town.commerce = None
    worker = await serve(desk=town.desk())
    case = town.park(ORDER_FACTS, NUMBER, NOTES.encode(SENT))

    (order,) = (await tried(worker, case))["foretold"]

    assert order["commercetools"] == [
        {"when": "now", "actions": [], "said": NOT_CONNECTED}
    ]


def raise_exhausted(town: Town) -> str:
    """Have an order that found no place, and its case."""
    order = exhausted().orders.order()
    town.orders.put(order)
    town.rules = RULES.__class__(places=RULES.places, sourcing=sourcing.rules())
    stand = town.cases.stands[partition_of(NUMBER.encode())]
    (trouble,) = order.troubles
    raised = raise_case(
        Trouble("orders", "", NUMBER, trouble.reason, "", ""),
        kind=trouble.kind,
        sentence=trouble.sentence,
        at=NOON,
    )
    stand.append(EXCEPTION_COMMANDS, *encode_command(raised))
    stand.take()
    return stand.case().case.case_id


async def test_a_dry_run_says_that_an_order_would_look_again(
    serve: Serve, town: Town
) -> None:
    case = raise_exhausted(town)
    before = town.row()
    worker = await serve(desk=town.desk())

    told = await tried(worker, case)
    group = (await worker.client.get("/v1/exceptions")).json()["items"][0]["group_id"]
    of_group = await tried(worker, f"groups/{group}")

    (order,) = told["foretold"]
    assert [(r["kind"], r["sku"]) for r in order["requests"]] == [("quote", "TEE")]
    assert order["withdrawn"] == ["sourcing_exhausted"]
    assert (told["records"], told["parked"], told["left_out"]) == (1, [], 0)
    assert of_group["foretold"] == told["foretold"]
    assert town.row() == before


async def test_another_workers_orders_are_asked_there(serve: Serve, town: Town) -> None:
    second = await serve(desk=town.desk())
    elsewhere = {each: Remote(second.url) for each in range(PARTITIONS)}
    away = {name: FakeOrders(elsewhere=dict(elsewhere)) for name in ("links", "orders")}
    ledger = FakeLedger()
    ledger.elsewhere = dict(elsewhere)
    first = await serve(ledger=ledger, desk=town.desk(**away))
    case = town.park(ORDER_NEWS, "ns:ns-1", NEWS.encode(SENT))

    here, there = await tried(second, case), await tried(first, case)

    assert here["foretold"] == there["foretold"] != []
    assert here["entries"] == there["entries"]
