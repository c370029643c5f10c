"""Looking at orders at the command line, with a web behind it."""

import json

from streams.domain.order_record import Order
from tests.cli.conftest import Run
from tests.support.command import Terminal
from tests.support.orders import (
    COMPLETED,
    RULES,
    Book,
    back,
    item,
    line,
    opened,
    returned,
    seen,
    settled,
    web_order,
)
from tests.web.test_orders import FakeOrders


def test_an_order_is_read_line_by_line(shell: Run, orders: FakeOrders) -> None:
    made = web_order([line("a", "TEE", 2)]).hear(
        seen(COMPLETED, "i-a#1"),
        returned(back("TEE", "i-a#1"), back("CAP")),
        settled(2_500),
    )
    orders.put(made.wait(RULES.return_wait).hear(seen(COMPLETED, "i-a#2")).order)

    said = shell("order", "W-1")

    assert said.code == 0
    assert "Order W-1: done" in said.out
    assert "commercetools ct-1, Open at version 1" in said.out
    assert "NewStore ns-1 (W-1): open" in said.out
    assert "delivery ns-fr-1: a#1" in said.out
    assert "return ret-1 at LDS01: a#1, ?; 2500 of 5000 paid back" in said.out
    assert "commercetools has yet to be told, 0 calls so far" in said.out
    assert "wrong: Return ret-1 brought 1 CAP that match nothing" in said.out


def test_an_order_of_the_shop_floor_owes_nobody_anything(
    shell: Run, orders: FakeOrders
) -> None:
    made = Book(order=Order(number="LDN/1")).hear(
        opened(item("i-1", carried_out=True), channel="store")
    )
    orders.put(made.order)

    said = shell("order", "LDN/1")

    assert said.code == 0
    assert "Order LDN/1: done" in said.out
    assert "calls so far" not in said.out


def test_news_that_wait_in_a_window_are_shown(shell: Run, orders: FakeOrders) -> None:
    orders.put(web_order().hear(seen(COMPLETED, "i-a#1")).order)

    assert "gathering news since 2025-03-01T12:00:00" in shell("order", "W-1").out


def test_an_order_is_one_json_object_where_asked(
    shell: Run, orders: FakeOrders
) -> None:
    orders.put(web_order().order)

    said = shell("order", "W-1", "--json")

    assert said.code == 0
    assert json.loads(said.out)["order_number"] == "W-1"


def test_an_unknown_order_is_exit_code_1(shell: Run) -> None:
    said = shell("order", "W-404")

    assert (said.code, said.out) == (1, "")
    assert "No order of this number has been recorded." in said.err


def test_orders_are_listed_and_the_next_page_is_named(
    shell: Run, orders: FakeOrders
) -> None:
    orders.put(web_order([line("a", "TEE", 2)]).order)
    wrong = Book(order=Order(number="W-2")).hear(returned(back("TEE")))
    orders.put(wrong.wait(RULES.return_wait).order)

    assert "W-1  open: 2 open" in shell("orders").out
    assert "go on with --after W-1" in shell("orders", "--limit", "1").out
    assert "W-2  open: ; 1 wrong" in shell("orders", "--state", "trouble").out
    assert shell("orders", "--state", "done").out == "No orders.\n"
    assert json.loads(shell("orders", "--json").out)["next"] is None


def test_a_wrong_filter_is_exit_code_2(shell: Run) -> None:
    said = shell("orders", "--state", "lost")

    assert said.code == 2
    assert "state: lost" in said.err


def test_without_a_worker_it_is_exit_code_3(terminal: Terminal) -> None:
    said = terminal.run("order", "W-1", "--worker", "http://127.0.0.1:9")

    assert said.code == 3
    assert "No worker answers at http://127.0.0.1:9" in said.err


def test_a_worker_that_is_no_url_is_exit_code_2(terminal: Terminal) -> None:
    said = terminal.run("order", "W-1", "--worker", "http://127.0.0.1:port")

    assert said.code == 2
    assert "is not a URL" in said.err
