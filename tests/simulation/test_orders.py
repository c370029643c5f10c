"""Days of orders end exactly, in any order of events; planted bugs show."""

import os

import pytest

from streams.simulation.command import describe, replay_command
from streams.simulation.order_plants import PLANTS
from streams.simulation.order_race import run_race
from streams.simulation.order_run import run_orders
from streams.simulation.run import Report

SEEDS = int(os.environ.get("ONESHELF_ORDER_SEEDS", "12"))
SEEDS_PER_TEST = 4  # So that a slow machine stays below the time limit of a test.

SEEDS_UNTIL_CAUGHT = 30

FIRST_SEED = {
    "cancelled-kept": 4,
    "number-anew": 16,
    "over-return": 31,
    "pool-short": 20,
    "refund-blindly": 5,
    "return-twice": 5,
}
"""Where to begin with bugs that show late, to save the time of the seeds before."""

SENT = {"shipped", "orders told", "doubled at commerce"}

CAUGHT_BY = {
    "cancellation-unheard": {"cancelled", "states", "cancel cases"},
    "cancelled-kept": {"orders"},
    "cancelled-online": {"states", "cancelled", "orders told"},
    "delivery-key-anew": SENT,
    "gift-lost": {"gifts"},
    "money-first": {"return first"},
    "number-anew": {"doubled at NewStore", "founded"},
    "over-return": {"returned"},
    "pool-short": {"commerce = available"},
    "pool-twice": {"commerce = available"},
    "promised-blindly": {"asked"},
    "refund-blindly": {"doubled at commerce"},
    "release-dropped": {"released", "orders", "reservations"},
    "return-twice": {"returned"},
    "unchecked": {"asked"},
    "window-twice": {"orders"},
}
"""Which checkers may be the first to find each planted bug."""


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_every_seed_of_orders_holds(first: int) -> None:
    for seed in range(first, min(first + SEEDS_PER_TEST, SEEDS)):
        report = run_orders(seed)
        assert report.ok, "\n" + describe(report)


def first_caught(plant: str) -> Report:
    first = FIRST_SEED.get(plant, 0)
    for seed in range(first, first + SEEDS_UNTIL_CAUGHT):
        report = run_orders(seed, plant=plant)
        if not report.ok:
            return report
    raise AssertionError(f"{plant} was not caught in {SEEDS_UNTIL_CAUGHT} seeds")


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_bug_of_orders_is_caught_by_name(plant: str) -> None:
    assert first_caught(plant).caught_by in CAUGHT_BY[plant]


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_of_orders_gives_the_same_report_every_time(seed: int) -> None:
    assert run_orders(seed, verbose=True) == run_orders(seed, verbose=True)


def test_a_seed_of_orders_says_how_to_see_it_again() -> None:
    report = Report(7, orders=True)
    assert replay_command(report) == "oneshelf simulate --orders --seed 7 --verbose"


def test_a_few_seeds_of_orders_see_every_fault_of_the_vendors() -> None:
    seen = {name for seed in (4, 8) for name in run_orders(seed).requests}
    assert seen == {
        "go",
        "lose_request",
        "lose_answer",
        "fail_before",
        "fail_after",
        "throttle",
        "late",
        "conflict",
    }


def test_each_way_to_set_an_installation_up_is_seen_by_a_few_seeds() -> None:
    shapes = [run_orders(seed).shape for seed in range(12)]
    seen = {(shape.entries, shape.counting) for shape in shapes if shape is not None}
    assert len(seen) == 4


def test_a_race_with_promises_that_nobody_can_keep_is_seen_at_that_moment() -> None:
    plant = PLANTS["promised-blindly"]
    outcome = run_race(1, buyers=16, stores=(3, 2), plant=plant)
    assert any(fault.startswith("promised: ") for fault in outcome.faults)


def test_a_small_race_for_the_last_units_sells_each_of_them_once() -> None:
    outcome = run_race(1, buyers=20)
    assert outcome.faults == []
    gone = outcome.sold_in_stores + outcome.sent_to_web
    assert gone + outcome.left_over == outcome.units


def test_a_race_tells_promises_that_tills_broke_apart_from_our_own() -> None:
    races = [run_race(seed, buyers=16, stores=(5, 4)) for seed in range(1, 6)]
    assert [race.faults for race in races] == [[]] * len(races)
    assert all(race.taken_by_tills >= race.taken_by_tills_most for race in races)
    assert any(race.taken_by_tills_most for race in races)
