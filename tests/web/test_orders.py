"""Orders over HTTP: one whole, many by number, and through their owner."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from streams.domain.order_answers import LookAgainAsked
from streams.domain.order_record import Order
from streams.domain.order_sourcing import LookAgain
from streams.mapping.order_messages import ANSWERS
from streams.mapping.orders_state import encode_order
from streams.tables import ORDERS
from streams.topics import ORDER_ANSWERS
from streams.web.orders import LOOKED_AT_MAX, ROWS_PER_TURN, Page, merged
from streams.web.orders_models import OrderAnswer, OrdersAnswer
from streams.web.ports import Local, Owner, Remote, Unavailable
from tests.support import sourcing
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    RULES,
    Book,
    appeased,
    back,
    cancelled,
    item,
    line,
    opened,
    placed,
    returned,
    seen,
    settled,
    web_order,
)
from tests.web.conftest import Serve, Worker
from tests.web.fakes import PARTITIONS, MemoryView, partition_of


@dataclass
class FakeOrders:
    """All orders in memory, until told that they are elsewhere."""

    partitions: int = PARTITIONS
    views: list[MemoryView] = field(
        default_factory=lambda: [MemoryView(p) for p in range(PARTITIONS)]
    )
    elsewhere: dict[int, Owner] = field(default_factory=dict)

    def partition_of(self, number: bytes) -> int:
        return partition_of(number)

    def owner_of(self, partition: int) -> Owner:
        own = Local(self.views[partition], partition, 0.0)
        return self.elsewhere.get(partition, own)

    def put(self, order: Order) -> None:
        key = order.number.encode()
        self.views[partition_of(key)].put(ORDERS, key, encode_order(order))


def told(number: str, *notes: Any) -> Order:
    made = Book(order=Order(number=number)).hear(placed(line("a", "TEE", 2)), *notes)
    return made.order


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


@pytest.fixture
async def worker(serve: Serve, orders: FakeOrders) -> Worker:
    return await serve(orders=orders)


async def test_an_order_is_shown_whole(worker: Worker, orders: FakeOrders) -> None:
    made = web_order().hear(
        seen(ASSIGNED, "i-a#2"),
        seen(COMPLETED, "i-a#1", tracking="T1"),
        cancelled("i-b#1"),
        returned(back("TEE", "i-a#1"), back("CAP", quantity=2)),
        settled(),
        appeased(),
    )
    made.wait(RULES.return_wait)
    orders.put(made.order)

    response = await worker.client.get("/v1/orders/W-1")

    assert response.status_code == 200
    answer = OrderAnswer.model_validate_json(response.content)
    assert [(each.unit, each.state) for each in answer.units] == [
        ("a#1", "returned"),
        ("a#2", "assigned"),
        ("b#1", "cancelled"),
    ]
    assert answer.lines[0].states == {"assigned": 1, "returned": 1}
    assert answer.deliveries == [
        {
            "key": "ns-fr-1",
            "request_id": "fr-1",
            "units": [{"unit": "a#1", "carrier": "DHL", "tracking_code": "T1"}],
        }
    ]
    assert [each["units"] for each in answer.returns[0]["items"]] == [["a#1"], ["", ""]]
    assert answer.returns[0]["payment_state"] == "Refunded"
    assert answer.told["wanted_sequence"] > answer.told["told_sequence"] == 0
    assert [each["reason"] for each in answer.troubles] == ["returned_unknown"]
    assert answer.commerce is not None
    assert answer.commerce.commerce_id == "ct-1"
    assert answer.state == "open"


async def test_an_order_of_the_shop_floor_has_no_lines_of_commercetools(
    worker: Worker, orders: FakeOrders
) -> None:
    made = Book(order=Order(number="LDN/7")).hear(
        opened(item("i-1", carried_out=True), channel="store")
    )
    orders.put(made.order)

    response = await worker.client.get("/v1/orders/LDN%2F7")

    answer = OrderAnswer.model_validate_json(response.content)
    assert (answer.order_number, answer.state) == ("LDN/7", "done")
    assert answer.commerce is None
    assert answer.lines == []
    assert answer.sourcing is None


async def test_where_an_order_found_its_places_is_shown(
    worker: Worker, orders: FakeOrders
) -> None:
    made = Book(rules=replace(RULES, sourcing=sourcing.rules()))
    made.hear(placed(line("a", "TEE", 1)))
    made.hear(sourcing.stocked().ask(made.requests[0]))
    made.hear(LookAgain())
    orders.put(made.order)

    answer = (await worker.client.get("/v1/orders/W-1")).json()

    assert answer["sourcing"]["run"] == 2
    assert answer["sourcing"]["external_id"] == "W-1~2"
    assert answer["past_runs"] == [{"run": 1, "phase": "exhausted", "places": {}}]


async def test_orders_that_move_to_another_worker_meanwhile_are_asked_for_again(
    worker: Worker, orders: FakeOrders
) -> None:
    number = 0
    while len(list(orders.views[0].scan(ORDERS))) <= ROWS_PER_TURN:
        key = f"W-{number:05}".encode()
        number += 1
        if partition_of(key) == 0:
            orders.views[0].put(ORDERS, key, encode_order(Order(number=key.decode())))
    turns = []

    def owner_of(partition: int) -> Owner:
        turns.append(partition)
        if turns.count(0) > 2:
            return Remote("http://127.0.0.1:9")
        return Local(orders.views[partition], partition, 0.0)

    orders.owner_of = owner_of  # type: ignore[method-assign]  # it moves in between
    response = await worker.client.get("/v1/orders?limit=500")

    assert response.status_code == 503
    assert response.json()["type"].endswith("owner-moving")


async def test_an_unknown_order_is_a_404_that_says_what_to_do(worker: Worker) -> None:
    response = await worker.client.get("/v1/orders/W-404")

    assert response.status_code == 404
    problem = response.json()
    assert problem["type"].endswith("order-unknown")
    assert (problem["field"], problem["value"]) == ("order_number", "W-404")


async def test_while_the_owner_restores_nobody_answers(
    worker: Worker, orders: FakeOrders
) -> None:
    for partition in range(PARTITIONS):
        orders.elsewhere[partition] = Unavailable(3, "its owner restores its state")

    for path in ("/v1/orders/W-1", "/v1/orders"):
        response = await worker.client.get(path)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("state", "numbers"),
    [
        ("", ["W-1", "W-2", "W-3", "W-4"]),
        ("open", ["W-1", "W-4"]),
        ("done", ["W-2"]),
        ("cancelled", ["W-3"]),
        ("trouble", ["W-4"]),
    ],
)
async def test_orders_are_listed_by_number_and_state(
    worker: Worker, orders: FakeOrders, state: str, numbers: list[str]
) -> None:
    items = opened(item("i-1", unit="a#1"), item("i-2", unit="a#2"))
    orders.put(told("W-1", items))
    orders.put(told("W-2", items, seen(COMPLETED, "i-1", "i-2")))
    orders.put(told("W-3", items, cancelled("i-1", "i-2")))
    orders.put(told("W-4", opened(item("i-9", unit="z#1"))))

    response = await worker.client.get("/v1/orders", params={"state": state})

    answer = OrdersAnswer.model_validate_json(response.content)
    assert [each.order_number for each in answer.items] == numbers
    assert answer.next is None


async def test_pages_follow_each_other_without_gap_or_repeat(
    worker: Worker, orders: FakeOrders
) -> None:
    numbers = [f"W-{number:03}" for number in range(130)]
    for number in numbers:
        orders.put(told(number))
    shown: list[str] = []
    after: str | None = ""
    while after is not None:
        response = await worker.client.get(
            "/v1/orders", params={"limit": 40, "after": after}
        )
        answer = OrdersAnswer.model_validate_json(response.content)
        shown += [each.order_number for each in answer.items]
        after = answer.next

    assert shown == numbers


@pytest.mark.parametrize(
    "asked", ["state=lost", "limit=0", "limit=501", "partitions=x"]
)
async def test_a_question_that_makes_no_sense_is_refused(
    worker: Worker, asked: str
) -> None:
    response = await worker.client.get(f"/v1/orders?{asked}")

    assert response.status_code == 422
    assert response.json()["field"] == asked.partition("=")[0]


async def test_orders_of_another_worker_are_asked_of_it(
    serve: Serve, worker: Worker, orders: FakeOrders
) -> None:
    orders.put(told("W-1"))
    orders.put(told("W-2"))
    asked = FakeOrders()
    for partition in range(PARTITIONS):
        asked.elsewhere[partition] = Remote(worker.url)
    front = await serve(orders=asked)

    whole = await front.client.get("/v1/orders/W-1")
    listed = await front.client.get("/v1/orders?state=open&limit=1")

    assert whole.json()["order_number"] == "W-1"
    assert [each["order_number"] for each in listed.json()["items"]] == ["W-1"]
    assert listed.json()["next"] == "W-1"


async def test_a_worker_that_cannot_answer_its_part_answers_for_all(
    serve: Serve, worker: Worker, orders: FakeOrders
) -> None:
    asked = FakeOrders()
    asked.elsewhere[0] = Remote(worker.url)
    orders.elsewhere[0] = Unavailable(3, "its owner restores its state")
    front = await serve(orders=asked)

    assert (await front.client.get("/v1/orders")).status_code == 503


def test_a_page_of_several_ends_where_the_first_of_them_ends() -> None:
    def page(*numbers: str, more: bool = False) -> Page:
        items = [{"order_number": number} for number in numbers]
        return Page(items, numbers[-1] if more else None)

    whole = merged([page("a", "d", more=True), page("b", "e")], 50)

    assert [each["order_number"] for each in whole.items] == ["a", "b", "d"]
    assert whole.next == "d"
    assert merged([page("a"), page("b")], 1).next == "a"
    assert merged([], 1) == Page([], None)


async def test_a_search_that_finds_nothing_says_where_it_stopped(
    worker: Worker, orders: FakeOrders
) -> None:
    number = 0
    while sum(len(list(view.scan(ORDERS))) for view in orders.views) <= LOOKED_AT_MAX:
        key = f"W-{number:05}".encode()
        number += 1
        if partition_of(key) == 0:
            row = encode_order(Order(number=key.decode()))
            orders.views[0].put(ORDERS, key, row)

    answer = (await worker.client.get("/v1/orders?state=done")).json()

    assert answer["items"] == []
    assert answer["next"]


async def test_a_person_may_ask_an_order_to_look_again(
    worker: Worker, orders: FakeOrders
) -> None:
    orders.put(told("W-1001"))

    answer = await worker.client.post("/v1/orders/W-1001/look-again")

    assert answer.status_code == 202
    assert answer.json() == {"order_number": "W-1001", "asked": True}
    ((topic, key, value, _),) = worker.sink.records
    assert (topic, key) == (ORDER_ANSWERS.name, b"W-1001")
    assert isinstance(ANSWERS.decode(value), LookAgainAsked)


async def test_an_order_that_nobody_knows_cannot_look_again(worker: Worker) -> None:
    answer = await worker.client.post("/v1/orders/W-404/look-again")

    assert answer.status_code == 404
    assert worker.sink.records == []
