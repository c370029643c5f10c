"""The routing rule, and what the grace period and reservations do before it."""

from collections import Counter

from streams.sandbox.newstore import Unroutable
from streams.sandbox.newstore.routing import route
from tests.sandbox.newstore.support import (
    TEE,
    names,
    payloads,
    states,
    tenant,
    web_order,
)

NODES = ["A", "B", "C"]


def choose(
    wanted: dict[str, str],
    stock: dict[str, int],
    tried: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, str]:
    """Route units over `node product` figures."""
    atp = Counter(stock)
    return route(list(wanted.items()), NODES, lambda n, p: atp[f"{n} {p}"], tried or {})


def test_the_first_node_with_everything_takes_the_whole_order() -> None:
    stock = {"A tee": 1, "B tee": 1, "B mug": 1, "C tee": 9, "C mug": 9}

    assert choose({"u1": "tee", "u2": "mug"}, stock) == {"u1": "B", "u2": "B"}


def test_an_order_is_split_where_no_node_has_everything() -> None:
    stock = {"A tee": 1, "B tee": 1, "C mug": 1}

    chosen = choose({"u1": "tee", "u2": "tee", "u3": "mug"}, stock)

    assert chosen == {"u1": "A", "u2": "B", "u3": "C"}


def test_a_unit_that_no_node_has_is_left_out() -> None:
    assert choose({"u1": "tee", "u2": "tee"}, {"B tee": 1}) == {"u1": "B"}
    assert choose({"u1": "tee"}, {}) == {}
    assert choose({}, {"A tee": 1}) == {}


def test_no_unit_goes_to_a_node_twice() -> None:
    stock = {"A tee": 5, "B tee": 5}

    assert choose({"u1": "tee"}, stock, {"u1": ("A",)}) == {"u1": "B"}
    assert choose({"u1": "tee"}, stock, {"u1": ("A", "B")}) == {}
    chosen = choose({"u1": "tee", "u2": "tee"}, stock, {"u1": ("A", "B"), "u2": ()})
    assert chosen == {"u2": "A"}


def test_an_order_without_a_node_waits_on_hold() -> None:
    sandbox, _ = tenant({"LDN01": 1})
    sandbox.inject(web_order(units=2))

    assert states(sandbox) == [("assigned", "LDN01"), ("on_hold", None)]
    assert "order.items_cancelled" not in names(sandbox)


def test_what_cannot_be_routed_is_cancelled_where_the_tenant_wants_it() -> None:
    sandbox, _ = tenant({"LDN01": 1}, unroutable=Unroutable.CANCEL)
    sandbox.inject(web_order(units=2))

    assert states(sandbox) == [("assigned", "LDN01"), ("cancelled", None)]
    (cancelled,) = payloads(sandbox, "order.items_cancelled")
    assert cancelled["items"][0]["cancellation_reason"] == "insufficient_stock"


def test_an_order_stays_in_its_grace_period_with_stock_reserved() -> None:
    sandbox, clock = tenant({"LDN01": 2}, grace_s=60)
    sandbox.inject(web_order(units=2))
    clock.move(59.9)
    sandbox.settle()

    row = sandbox.stock("LDN01", TEE)
    assert (row.reserved, row.allocated, row.atp) == (2, 0, 0)
    assert states(sandbox) == [("pending", None)] * 2
    assert "order.opened" not in names(sandbox)

    clock.move(0.1)
    sandbox.settle()
    row = sandbox.stock("LDN01", TEE)
    assert (row.reserved, row.allocated, row.on_hand) == (0, 2, 2)
    assert states(sandbox) == [("assigned", "LDN01")] * 2
    assert names(sandbox).count("order.opened") == 1


def test_a_reservation_ends_before_a_grace_period_that_is_longer() -> None:
    sandbox, clock = tenant({"LDN01": 1}, grace_s=60, reservation_s=30)
    sandbox.inject(web_order())
    clock.move(30)
    sandbox.settle()
    assert sandbox.stock("LDN01", TEE).atp == 1

    # The unit is sold meanwhile, so that routing finds none.
    sandbox.sell("LDN01", [TEE])
    clock.move(30)
    sandbox.settle()
    assert states(sandbox) == [("on_hold", None)]


def test_more_is_not_reserved_than_there_is() -> None:
    sandbox, _ = tenant({"LDN01": 1}, grace_s=60)
    sandbox.inject(web_order(units=2, node="LDN01"))

    assert sandbox.stock("LDN01", TEE).reserved == 1


def test_a_pre_routed_order_goes_to_its_node_whatever_its_stock() -> None:
    sandbox, _ = tenant({"LDN01": 5})
    sandbox.inject(web_order(node="LDN02"))

    assert states(sandbox) == [("assigned", "LDN02")]
    assert sandbox.stock("LDN02", TEE).atp == -1
    assert payloads(sandbox, "order.opened")[0]["demand_location_id"] == "LDN02"


def test_a_tenant_that_checks_pre_routed_orders_sends_them_elsewhere() -> None:
    sandbox, _ = tenant({"LDN02": 1, "LDN03": 1}, preroute_checks_atp=True)
    sandbox.inject(web_order(units=2, node="LDN02"))

    assert states(sandbox) == [("assigned", "LDN02"), ("assigned", "LDN03")]


def test_such_a_tenant_that_does_not_re_route_holds_them() -> None:
    sandbox, _ = tenant(
        {"LDN02": 1, "LDN03": 1}, preroute_checks_atp=True, reroutes=False
    )
    sandbox.inject(web_order(units=2, node="LDN02"))

    assert states(sandbox) == [("assigned", "LDN02"), ("on_hold", None)]
    assert sandbox.units("WEB-1")[1].tried == ("LDN02",)


def test_safety_stock_is_kept_back() -> None:
    sandbox, _ = tenant()
    sandbox.set_stock("LDN01", TEE, 3, safety=2)
    sandbox.inject(web_order(units=2))

    assert states(sandbox) == [("assigned", "LDN01"), ("on_hold", None)]
    assert sandbox.stock("LDN01", TEE).atp == 0
