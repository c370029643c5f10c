"""The day: the same seed gives the same day, and every kind of thing is in it."""

from datetime import UTC, datetime

import pytest

from streams.demo.catalogue import DC, SHOPS, catalogue, opening_stock
from streams.demo.day import RACE_S, Day, Kind, plan_day

OPENS_AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def day_of(seed: int, seconds: float = 30.0) -> Day:
    stock = opening_stock(catalogue(), seed)
    return plan_day(stock, seed=seed, seconds=seconds, opens_at=OPENS_AT)


def test_the_same_seed_gives_the_same_day() -> None:
    assert day_of(7) == day_of(7)
    assert opening_stock(catalogue(), 7) == opening_stock(catalogue(), 7)


def test_another_seed_gives_another_day() -> None:
    assert day_of(7) != day_of(8)


@pytest.mark.parametrize("seconds", [5.0, 30.0])
@pytest.mark.parametrize("seed", range(5))
def test_every_kind_of_thing_happens_however_short_the_day(
    seed: int, seconds: float
) -> None:
    steps = day_of(seed, seconds).steps

    assert {step.kind for step in steps} == set(Kind)
    assert all(0 <= step.at_s <= seconds for step in steps)
    assert list(steps) == sorted(steps, key=lambda step: step.at_s)
    assert len({step.id for step in steps}) == len(steps)


def test_a_day_has_repeats_second_signals_and_late_sales() -> None:
    sales = [step for step in day_of(1).steps if step.kind is Kind.SALE]

    assert {len(sale.sent_after_s) for sale in sales} == {1, 2, 3}
    assert any(sale.second_signal for sale in sales)
    assert any(sale.sent_after_s[0] > 0 for sale in sales)


def test_a_till_without_network_sends_its_newest_sale_first() -> None:
    day = day_of(1)
    count = next(step for step in day.steps if step.kind is Kind.COUNT)
    held = [
        step
        for step in day.steps
        if step.kind is Kind.SALE
        and step.shop == count.shop
        and 0.32 <= step.at_s / day.seconds < 0.52
    ]

    sent = [sale.at_s + sale.sent_after_s[0] for sale in held]

    assert len(held) > 5
    assert sent == sorted(sent, reverse=True)
    assert min(sent) >= 0.52 * day.seconds


def test_goods_are_only_asked_for_where_there_are_any() -> None:
    stock = opening_stock(catalogue(), 4)
    kinds = (Kind.SALE, Kind.WEB_ORDER, Kind.RACE, Kind.COUNT)
    for step in day_of(4).steps:
        if step.kind in kinds:
            assert all((sku, step.shop) in stock for sku, _ in step.lines)
    assert {place for _, place in stock} == {DC, *SHOPS}


def test_races_are_for_single_pieces_and_close() -> None:
    stock = opening_stock(catalogue(), 4)
    races = [step for step in day_of(4).steps if step.kind is Kind.RACE]

    assert len({(race.lines, race.shop) for race in races}) == len(races)
    assert all(stock[race.lines[0][0], race.shop] == 1 for race in races)
    assert all(abs(race.ahead_s) <= RACE_S for race in races)


def test_the_clock_runs_from_nine_to_six() -> None:
    day = day_of(1)

    assert day.clock(0) == OPENS_AT
    assert day.clock(day.seconds) == OPENS_AT.replace(hour=18)
