"""What adjustments mean, by the retailer's rule table."""

import pytest

from streams.domain.adjustments import (
    ANY,
    DEFAULT_POOLS,
    AdjustmentRule,
    AdjustmentTable,
    Move,
    Unclear,
    with_rules,
)
from streams.domain.movements import Outside, Pool

TABLE = AdjustmentTable()


def test_origin_and_destination_are_a_move_between_pools() -> None:
    assert TABLE.move("Move", "Shelf", "main", "damaged") == Move(
        Pool.MAIN, Pool.DAMAGED
    )


def test_an_origin_alone_is_a_write_off() -> None:
    assert TABLE.move("Write off", "", "damaged", "") == Move(
        Pool.DAMAGED, Outside.SHRINK
    )


def test_a_destination_alone_is_found_stock() -> None:
    assert TABLE.move("Found", "", "", "main") == Move(Outside.UNKNOWN, Pool.MAIN)


def test_damage_out_for_damaged_goods_is_a_move_to_the_damaged_pool() -> None:
    assert TABLE.move("Damage out", "Damaged", "main", "") == Move(
        Pool.MAIN, Pool.DAMAGED
    )


def test_damage_out_for_another_reason_is_a_write_off() -> None:
    assert TABLE.move("Damage out", "Stolen", "main", "") == Move(
        Pool.MAIN, Outside.SHRINK
    )


def test_damage_out_without_an_origin_takes_from_main() -> None:
    assert TABLE.move("Damage out", "Damaged", "", "") == Move(Pool.MAIN, Pool.DAMAGED)


def test_a_side_that_the_event_names_wins_over_the_rule() -> None:
    assert TABLE.move("Damage out", "Damaged", "held", "") == Move(
        Pool.HELD, Pool.DAMAGED
    )


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        ("damage OUT", "DAMAGED"),
        ("damage_out", "damaged"),
        (" Damage  out ", "Damaged"),
    ],
)
def test_case_and_spacing_of_types_and_reasons_do_not_matter(
    type_: str, reason: str
) -> None:
    assert TABLE.move(type_, reason, "main", "") == Move(Pool.MAIN, Pool.DAMAGED)


@pytest.mark.parametrize(("name", "pool"), sorted(DEFAULT_POOLS.items()))
def test_each_known_stock_location_has_its_pool(name: str, pool: Pool) -> None:
    assert TABLE.move("Write off", "", name.upper(), "") == Move(pool, Outside.SHRINK)


def test_no_stock_location_is_the_ledgers_own_pool_of_reserved_units() -> None:
    assert Pool.RESERVED not in DEFAULT_POOLS.values()


def test_an_unknown_origin_is_said_to_be_unknown() -> None:
    assert TABLE.move("Write off", "", "cellar", "main") is Unclear.ORIGIN


def test_an_unknown_destination_is_said_to_be_unknown() -> None:
    assert TABLE.move("Move", "", "main", "cellar") is Unclear.DESTINATION


def test_neither_side_and_no_rule_is_unclear() -> None:
    assert TABLE.move("Write off", "Expired", "", "") is Unclear.NOTHING


def test_a_rule_that_names_only_outside_accounts_leaves_the_adjustment_unclear() -> (
    None
):
    table = with_rules([AdjustmentRule(type="Odd", source=Outside.SUPPLIER)])
    assert table.move("Odd", "", "", "") is Unclear.NOTHING


def test_a_rule_fills_the_side_that_the_event_leaves_out() -> None:
    table = with_rules([AdjustmentRule(type="From maker", source=Outside.SUPPLIER)])
    assert table.move("From maker", "any", "", "main") == Move(
        Outside.SUPPLIER, Pool.MAIN
    )


def test_an_ignored_adjustment_moves_nothing() -> None:
    table = with_rules([AdjustmentRule(type="Sale", ignored=True)])
    assert table.move("Sale", "", "main", "") is None


def test_an_ignored_adjustment_may_name_an_unknown_stock_location() -> None:
    table = with_rules([AdjustmentRule(type="Sale", ignored=True)])
    assert table.move("Sale", "", "cellar", "") is None


def test_the_most_exact_rule_wins() -> None:
    exact = AdjustmentRule(type="A", reason="B", target=Pool.DAMAGED)
    by_type = AdjustmentRule(type="A", target=Pool.HELD)
    by_reason = AdjustmentRule(type=ANY, reason="B", target=Pool.IN_TRANSIT)
    any_at_all = AdjustmentRule(type=ANY, target=Outside.SUPPLIER)
    table = AdjustmentTable(rules=(any_at_all, by_reason, by_type, exact))
    assert table.rule_for("A", "B") is exact
    assert table.rule_for("A", "C") is by_type
    assert table.rule_for("C", "B") is by_reason
    assert table.rule_for("C", "C") is any_at_all


def test_a_rule_for_the_type_wins_over_one_for_the_reason() -> None:
    by_type = AdjustmentRule(type="A", target=Pool.HELD)
    by_reason = AdjustmentRule(type=ANY, reason="B", target=Pool.IN_TRANSIT)
    table = AdjustmentTable(rules=(by_reason, by_type))
    assert table.rule_for("A", "B") is by_type


def test_without_a_rule_for_it_there_is_none() -> None:
    assert TABLE.rule_for("C", "C") is None


def test_a_retailers_rule_wins_over_the_known_one() -> None:
    own = AdjustmentRule(type="Damage out", reason="Damaged", target=Outside.SHRINK)
    assert with_rules([own]).move("Damage out", "Damaged", "main", "") == Move(
        Pool.MAIN, Outside.SHRINK
    )


def test_a_retailers_stock_location_may_be_written_in_any_way() -> None:
    table = AdjustmentTable(pools={"Shop Window": Pool.HELD})
    assert table.move("x", "", "shop_window", "") == Move(Pool.HELD, Outside.SHRINK)
