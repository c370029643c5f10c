"""Sales, fulfilment, cancellations and returns as movements."""

from datetime import UTC, datetime, timedelta

import pytest

from streams.domain.movements import Movement, MovementKind, Pool
from streams.domain.reference import Location, Product
from streams.mapping.pos import IntakeRules, Mapped
from tests.support.newstore import (
    Json,
    cancelled,
    event,
    item,
    mapped,
    opened,
    request,
    return_item,
    returned,
    shipped_item,
    shop_floor,
    web_order,
)


def only_movement(answer: Mapped) -> Movement:
    """The one movement of an event on which nothing else is to be said."""
    assert answer.problems == ()
    assert answer.open_lines == ()
    (movement,) = answer.movements
    return movement


def ids(answer: Mapped) -> list[str]:
    return [movement.movement_id for movement in answer.movements]


# Carried-out sales


def test_an_opened_store_order_is_a_sale_with_all_its_particulars() -> None:
    assert only_movement(mapped(opened())) == Movement(
        movement_id="sale:u1",
        kind=MovementKind.SALE,
        sku="TEE-BLK-M",
        quantity=1,
        location_id="LDN01",
        unit_id="u1",
        occurred_at=datetime(2025, 3, 1, 10, 14, 58, tzinfo=UTC),
        event_name="order.opened",
        document_type="order",
        document_id="order-1",
        origin="newstore-events/0/7",
    )


def test_a_handover_duplicates_the_sale_under_the_same_id() -> None:
    done = request("items_completed", service_level="IN_STORE_HANDOVER")
    assert only_movement(mapped(done)).movement_id == "sale:u1"
    assert only_movement(mapped(done)).kind is MovementKind.SALE


def test_a_created_store_order_is_not_a_sale_yet() -> None:
    answer = mapped(opened(name="order.created"))
    assert answer.movements == ()
    assert answer.idle_lines == (0,)


def test_two_units_of_one_sku_are_two_movements() -> None:
    answer = mapped(opened(item("u1"), item("u2")))
    assert ids(answer) == ["sale:u1", "sale:u2"]
    assert {movement.sku for movement in answer.movements} == {"TEE-BLK-M"}


def test_a_quantity_above_one_makes_units_of_their_own() -> None:
    answer = mapped(opened(item(quantity=3)))
    assert ids(answer) == ["sale:u1", "sale:u1#2", "sale:u1#3"]
    assert [movement.quantity for movement in answer.movements] == [1, 1, 1]


@pytest.mark.parametrize("quantity", [None, 1])
def test_one_unit_keeps_the_items_own_id(quantity: int | None) -> None:
    assert ids(mapped(opened(item(quantity=quantity)))) == ["sale:u1"]


def test_an_item_without_a_quantity_is_one_unit() -> None:
    line = item()
    del line["quantity"]
    assert only_movement(mapped(opened(line))).quantity == 1


def test_an_offline_sale_happened_when_it_was_placed_not_when_it_was_uploaded() -> None:
    late = opened(
        placed_at="2025-03-01T06:00:00.000Z", published_at="2025-03-01T18:00:00.000Z"
    )
    assert only_movement(mapped(late)).occurred_at.hour == 6


@pytest.mark.parametrize(
    ("times", "hour"),
    [
        ({"placed_at": None, "created_at": "2025-03-01T09:00:00Z"}, 9),
        ({"placed_at": None}, 10),
    ],
)
def test_without_a_time_of_placing_the_next_best_time_counts(
    times: Json, hour: int
) -> None:
    assert only_movement(mapped(opened(**times))).occurred_at.hour == hour


def test_times_are_kept_in_utc() -> None:
    movement = only_movement(mapped(opened(placed_at="2025-03-01T11:00:00+01:00")))
    assert movement.occurred_at == datetime(2025, 3, 1, 10, tzinfo=UTC)
    assert movement.occurred_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("digits", ["345", "345678", "345678901", "3"])
def test_fractions_of_a_second_may_have_any_number_of_digits(digits: str) -> None:
    movement = only_movement(mapped(opened(placed_at=f"2025-03-01T10:14:58.{digits}Z")))
    assert movement.occurred_at.replace(microsecond=0) == datetime(
        2025, 3, 1, 10, 14, 58, tzinfo=UTC
    )


def test_a_historical_order_moves_nothing() -> None:
    answer = mapped(opened(item("u1"), shipped_item("u2"), is_historical=True))
    assert (answer.movements, answer.idle_lines) == ((), (0, 1))


@pytest.mark.parametrize("name", ["LDN01", "NODE-L1", "7d1e-store-uuid"])
def test_a_store_is_found_by_any_of_its_names(name: str) -> None:
    assert only_movement(mapped(opened(demand_location_id=name))).location_id == "LDN01"


def test_the_channel_of_a_store_order_names_the_store_if_nothing_else_does() -> None:
    sale = opened(demand_location_id=None, channel="7d1e-store-uuid")
    assert only_movement(mapped(sale)).location_id == "LDN01"


def test_the_channel_names_the_store_if_the_demand_location_is_not_known() -> None:
    sale = opened(demand_location_id="LDN77", channel="LDN02")
    assert only_movement(mapped(sale)).location_id == "LDN02"


def test_a_web_orders_channel_is_not_a_place() -> None:
    answer = mapped(web_order(item(), channel="LDN01"))
    assert (answer.movements, answer.idle_lines) == ((), (0,))


def test_goods_of_a_web_order_carried_out_at_a_known_place_are_a_sale() -> None:
    sale = web_order(item(), demand_location_id="LDN02")
    assert only_movement(mapped(sale)).location_id == "LDN02"


@pytest.mark.parametrize("item_type", ["shipping", "gift_wrap", "service"])
def test_lines_that_are_not_goods_move_nothing(item_type: str) -> None:
    answer = mapped(opened(item("u1"), item("u2", item_type=item_type)))
    assert ids(answer) == ["sale:u1"]
    assert answer.idle_lines == (1,)


def test_the_service_levels_of_carried_out_goods_are_a_setting() -> None:
    rules = IntakeRules(carried_out=frozenset({"TAKE_AWAY"}))
    sale = opened(item(shipping_service_level="TAKE_AWAY"))
    assert only_movement(mapped(sale, rules=rules)).kind is MovementKind.SALE


# SKUs


def test_the_configured_identifier_wins_over_the_product_id() -> None:
    line = item(external_identifiers={"sku": "MUG"})
    assert only_movement(mapped(opened(line))).sku == "MUG"


def test_the_product_id_helps_where_the_identifier_is_not_known() -> None:
    line = item(external_identifiers={"sku": "OLD-SKU", "ean13": "50"})
    assert only_movement(mapped(opened(line))).sku == "TEE-BLK-M"


@pytest.mark.parametrize("identifiers", [None, {}, {"sku": None}, {"sku": ""}])
def test_without_an_identifier_the_product_id_counts(identifiers: Json | None) -> None:
    line = item(external_identifiers=identifiers)
    assert only_movement(mapped(opened(line))).sku == "TEE-BLK-M"


def test_newstores_own_product_id_leads_to_the_sku() -> None:
    assert only_movement(mapped(opened(item(product_id="NS-100")))).sku == "TEE-BLK-M"


def test_another_identifier_may_be_the_one_that_names_the_sku() -> None:
    rules = IntakeRules(sku_identifier="ean13")
    line = item(
        product_id=None, external_identifiers={"ean13": "MUG", "sku": "TEE-BLK-L"}
    )
    assert only_movement(mapped(opened(line), rules=rules)).sku == "MUG"


# Promises


def test_a_web_order_is_announced_nowhere_and_known_to_commerce() -> None:
    movement = only_movement(mapped(web_order()))
    assert movement.kind is MovementKind.ANNOUNCE
    assert movement.movement_id == "announce:u1"
    assert (movement.location_id, movement.rank) == ("", 0)
    assert movement.commerce_counted


def test_created_and_opened_announce_a_unit_under_one_id() -> None:
    created = mapped(web_order(name="order.created", demand_location_id="LDN01"))
    assert ids(created) == ids(mapped(web_order()))


def test_an_order_is_announced_where_it_says() -> None:
    movement = only_movement(mapped(web_order(demand_location_id="NODE-L1")))
    assert movement.location_id == "LDN01"


def test_a_place_that_is_not_known_does_not_hold_up_an_announcement() -> None:
    movement = only_movement(mapped(web_order(demand_location_id="LDN77")))
    assert movement.location_id == ""


def test_a_store_order_to_be_sent_is_not_known_to_commerce() -> None:
    movement = only_movement(mapped(opened(shipped_item())))
    assert movement.kind is MovementKind.ANNOUNCE
    assert not movement.commerce_counted


def test_in_pool_mode_commerce_counts_nothing_itself() -> None:
    rules = IntakeRules(commerce_counts=False)
    assert not only_movement(mapped(web_order(), rules=rules)).commerce_counted


@pytest.mark.parametrize(("channel", "counted"), [("shop", True), ("market", False)])
def test_only_the_named_channels_orders_are_counted_by_commerce(
    channel: str, *, counted: bool
) -> None:
    rules = IntakeRules(commerce_channels=frozenset({"shop"}))
    movement = only_movement(mapped(web_order(channel=channel), rules=rules))
    assert movement.commerce_counted is counted


def test_a_preorder_is_announced_without_a_place() -> None:
    order = web_order(shipped_item(is_preorder=True), demand_location_id="LDN01")
    assert only_movement(mapped(order)).location_id == ""


def test_a_mixed_cart_sells_the_one_and_announces_the_other() -> None:
    answer = mapped(opened(item("u1"), shipped_item("u2")))
    assert [movement.kind for movement in answer.movements] == [
        MovementKind.SALE,
        MovementKind.ANNOUNCE,
    ]


# Fulfilment


def test_an_assignment_reserves_with_its_rank() -> None:
    movement = only_movement(mapped(request("assigned")))
    assert movement.kind is MovementKind.RESERVE
    assert movement.movement_id == "reserve:fr-1:u1"
    assert (movement.location_id, movement.rank) == ("LDN01", 175)
    assert (movement.document_type, movement.document_id) == (
        "fulfillment_request",
        "fr-1",
    )


def test_two_requests_of_one_order_reserve_separately() -> None:
    first = mapped(request("assigned", "u1"))
    second = mapped(request("assigned", "u2", id="fr-2", logical_timestamp=176))
    assert ids(first) + ids(second) == ["reserve:fr-1:u1", "reserve:fr-2:u2"]


def test_a_failure_releases_at_its_place_with_its_rank() -> None:
    movement = only_movement(mapped(request("items_failed")))
    assert movement.kind is MovementKind.RELEASE
    assert movement.movement_id == "release:fr-1:u1"
    assert (movement.location_id, movement.rank) == ("LDN01", 175)


@pytest.mark.parametrize(("stated", "rank"), [(0, 1), (1, 1), (2**63 - 1, 2**63 - 1)])
def test_a_failure_never_has_the_rank_of_a_cancellation(stated: int, rank: int) -> None:
    movement = only_movement(mapped(request("items_failed", logical_timestamp=stated)))
    assert movement.rank == rank


def test_without_a_logical_timestamp_the_time_of_publishing_ranks() -> None:
    first = only_movement(mapped(request("assigned", logical_timestamp=None)))
    later = request(
        "assigned", logical_timestamp=None, published_at="2025-03-01T10:15:02.346Z"
    )
    assert only_movement(mapped(later)).rank == first.rank + 1


def test_completion_ships() -> None:
    movement = only_movement(mapped(request("items_completed")))
    assert movement.kind is MovementKind.SHIP
    assert movement.movement_id == "ship:u1"


def test_a_unit_left_when_it_was_shipped() -> None:
    line = {"id": "u1", "product_id": "MUG", "shipped_at": "2025-03-01T07:00:00Z"}
    movement = only_movement(mapped(request("items_completed", items=[line])))
    assert movement.occurred_at.hour == 7


def test_a_request_may_name_its_place_as_a_node() -> None:
    asked = request(
        "assigned", fulfillment_location_id=None, fulfillment_node_id="LDN02"
    )
    assert only_movement(mapped(asked)).location_id == "LDN02"


@pytest.mark.parametrize("name", ["assigned", "items_failed"])
def test_nothing_is_promised_for_goods_carried_out(name: str) -> None:
    answer = mapped(request(name, service_level="IN_STORE_HANDOVER"))
    assert (answer.movements, answer.idle_lines) == ((), (0,))


def test_ready_for_handover_moves_nothing() -> None:
    answer = mapped(request("items_ready_for_handover"))
    assert answer == Mapped()


# Cancellations


@pytest.mark.parametrize("name", ["order.cancelled", "order.items_cancelled"])
def test_a_cancellation_releases_without_a_place_or_rank(name: str) -> None:
    movement = only_movement(mapped(cancelled(name=name)))
    assert movement.kind is MovementKind.RELEASE
    assert movement.movement_id == "release:cancelled:u1"
    assert (movement.location_id, movement.rank, movement.unit_id) == ("", 0, "u1")


def test_an_item_cancelled_without_a_quantity_is_one_unit() -> None:
    line = {
        "id": "u1",
        "product_id": "MUG",
        "cancellation_reason": "insufficient_stock",
    }
    answer = mapped(cancelled(line, name="order.items_cancelled"))
    assert only_movement(answer).quantity == 1


def test_a_cancelled_order_frees_every_unit_of_a_line() -> None:
    line = {"id": "u1", "product_id": "MUG", "quantity": 2}
    assert ids(mapped(cancelled(line))) == [
        "release:cancelled:u1",
        "release:cancelled:u1#2",
    ]


# Returns


def test_a_sellable_return_goes_to_main_where_it_was_returned() -> None:
    movement = only_movement(mapped(returned()))
    assert movement.kind is MovementKind.RETURN
    assert movement.movement_id == "return:ret-1:u1"
    assert (movement.location_id, movement.pool) == ("LDN02", Pool.MAIN)
    assert movement.occurred_at == datetime(2025, 3, 4, 12, 17, 43, 640000, tzinfo=UTC)


def test_each_line_of_a_return_has_its_own_condition() -> None:
    lines = [
        return_item("u1"),
        return_item("u2", condition_code=2, item_condition="Damaged"),
    ]
    pools = [movement.pool for movement in mapped(returned(*lines)).movements]
    assert pools == [Pool.MAIN, Pool.DAMAGED]


@pytest.mark.parametrize(
    ("code", "text", "pool"),
    [
        (1, "Sellable", Pool.MAIN),
        (1, "Damaged", Pool.MAIN),
        (2, "Sellable", Pool.DAMAGED),
        (2, None, Pool.DAMAGED),
        ("1", None, Pool.MAIN),
        (None, "SELLABLE", Pool.MAIN),
        (None, " sellable ", Pool.MAIN),
        (None, "Worn", Pool.DAMAGED),
        ("", "Sellable", Pool.MAIN),
        (None, None, Pool.DAMAGED),
        (None, "", Pool.DAMAGED),
        (0, "Sellable", Pool.DAMAGED),
    ],
)
def test_the_condition_code_decides_and_the_text_where_there_is_none(
    code: int | str | None, text: str | None, pool: Pool
) -> None:
    line = return_item(condition_code=code, item_condition=text)
    assert only_movement(mapped(returned(line))).pool is pool


def test_the_sellable_conditions_are_a_setting() -> None:
    rules = IntakeRules(sellable=frozenset({"7", "as new"}), sellable_unstated=True)
    lines = [
        return_item("u1", condition_code=7),
        return_item("u2", condition_code=1),
        return_item("u3", condition_code=None, item_condition="As new"),
        return_item("u4", condition_code=None, item_condition=None),
    ]
    answer = mapped(returned(*lines), rules=rules)
    assert [movement.pool for movement in answer.movements] == [
        Pool.MAIN,
        Pool.DAMAGED,
        Pool.MAIN,
        Pool.MAIN,
    ]


def test_a_blind_return_needs_no_order() -> None:
    assert only_movement(mapped(returned(order_id=None))).kind is MovementKind.RETURN


@pytest.mark.parametrize("id_", [None, ""])
def test_a_blind_return_needs_no_unit(id_: str | None) -> None:
    lines = [return_item(id_), return_item(id_)]
    answer = mapped(returned(*lines))
    assert ids(answer) == ["return:ret-1:line-0", "return:ret-1:line-1"]
    assert {movement.unit_id for movement in answer.movements} == {""}


def test_a_refunded_shipping_line_brings_nothing_back() -> None:
    shipping = {"id": "s1", "item_type": "shipping", "refund_amount": 4.99}
    answer = mapped(returned(return_item(), shipping))
    assert ids(answer) == ["return:ret-1:u1"]
    assert answer.idle_lines == (1,)


def test_a_historical_return_moves_nothing() -> None:
    assert mapped(returned(is_historical=True)).idle_lines == (0,)


def test_an_exchange_is_a_return_and_a_sale_that_do_not_meet() -> None:
    back = mapped(returned())
    out = mapped(
        opened(item("u9"), is_exchange=True, exchanges=[{"return_id": "ret-1"}])
    )
    assert ids(back) + ids(out) == ["return:ret-1:u1", "sale:u9"]


# What moves no stock


@pytest.mark.parametrize(
    "name",
    [
        "refund_request.issued",
        "order.completed",
        "order.shipped",
        "payment_account.amount_refunded",
        "customer.updated",
        "invoice.created",
        "inventory_transaction.transfer_order_created",
        "inventory_transaction.items_ready_for_handover",
    ],
)
def test_a_known_event_may_move_nothing(name: str) -> None:
    assert mapped(event(name, id="x", anything=["goes"])) == Mapped()


@pytest.mark.parametrize("name", ["order.items_swapped", "moon.landed", ""])
def test_an_event_of_an_unknown_name_moves_nothing_and_says_so(name: str) -> None:
    assert mapped(event(name, items="whatever")) == Mapped(known=False)


def test_an_unknown_name_may_be_an_alias() -> None:
    rules = IntakeRules(aliases={"pos.sold": "order.opened"})
    sale = opened(name="pos.sold")
    assert not mapped(sale).known
    movement = only_movement(mapped(sale, rules=rules))
    assert (movement.movement_id, movement.event_name) == ("sale:u1", "order.opened")


@pytest.mark.parametrize("lines", [[], None])
def test_an_event_without_lines_moves_nothing(lines: list[Json] | None) -> None:
    answer = mapped(opened(items=lines or []))
    assert answer == Mapped()


# Tenants


@pytest.mark.parametrize(
    ("ours", "theirs", "accepted"),
    [
        ("", "anyone", True),
        ("acme", "acme", True),
        ("acme", "acme-staging", True),
        ("acme", "acme-sandbox", True),
        ("acme", "acme-outlet", False),
        ("acme", "acm", False),
        ("acme", "acme-", False),
        ("acme-staging", "acme", False),
        ("acme-staging", "acme-staging", True),
    ],
)
def test_only_our_own_tenants_events_count(
    ours: str, theirs: str, *, accepted: bool
) -> None:
    answer = mapped(opened(tenant=theirs), rules=IntakeRules(tenant=ours))
    assert bool(answer.movements) is accepted
    assert bool(answer.problems) is not accepted


def test_stage_suffixes_can_be_shut_out() -> None:
    rules = IntakeRules(tenant="acme", tenant_stages=frozenset())
    assert mapped(opened(tenant="acme-staging"), rules=rules).problems


# Names that are not known yet


def test_an_unknown_sku_leaves_its_line_open_and_no_other() -> None:
    answer = mapped(opened(item("u1"), item("u2", product_id="NEW"), item("u3")))
    assert ids(answer) == ["sale:u1", "sale:u3"]
    assert answer.mapped_lines == (0, 2)
    (line,) = answer.open_lines
    assert (line.line, line.names) == (1, (("sku", "NEW"),))


def test_a_line_waits_for_any_name_that_could_resolve_it() -> None:
    unknown = item(product_id="P", external_identifiers={"sku": "S"})
    answer = mapped(opened(unknown, demand_location_id="D", channel="C"))
    assert answer.open_lines[0].names == (
        ("location", "D"),
        ("location", "C"),
        ("sku", "S"),
        ("sku", "P"),
    )


@pytest.mark.parametrize("known", ["S", "P"])
def test_a_line_can_go_on_once_any_of_its_names_is_known(known: str) -> None:
    floor = shop_floor()
    sale = opened(item(product_id="P", external_identifiers={"sku": "S"}))
    assert mapped(sale, reference=floor).open_lines
    floor.put_product(Product(sku=known))
    assert only_movement(mapped(sale, reference=floor)).sku == known


def test_an_unknown_location_leaves_every_line_open() -> None:
    answer = mapped(
        returned(return_item("u1"), return_item("u2"), return_location_id="X")
    )
    assert [line.line for line in answer.open_lines] == [0, 1]


def test_a_known_location_closes_the_lines() -> None:
    floor = shop_floor()
    floor.put_location(Location(location_id="NEW", newstore_node_id="X"))
    movement = only_movement(mapped(returned(return_location_id="X"), reference=floor))
    assert movement.location_id == "NEW"


def test_an_event_can_be_mapped_in_part() -> None:
    sale = opened(item("u1"), item("u2", product_id="NEW"), item("u3"))
    floor = shop_floor()
    floor.put_product(Product(sku="NEW"))
    assert ids(mapped(sale, reference=floor, only={1})) == ["sale:u2"]
