"""`oneshelf simulate` tells a person, or a machine, what became of a seed."""

import json

import pytest

from streams.simulation.command import describe, simulate
from streams.simulation.run import Fault, Report


def test_a_seed_that_holds_is_one_line_and_exit_code_zero() -> None:
    said: list[str] = []
    assert simulate(1, write=said.append) == 0
    assert said[0].startswith("seed 1: holds; ")


def test_several_seeds_end_with_a_sum() -> None:
    said: list[str] = []
    assert simulate(0, seeds=2, write=said.append) == 0
    assert said[-1] == "2 of 2 seeds hold"


def test_a_seed_that_fails_says_how_to_see_it_again() -> None:
    report = Report(17, faults=[Fault("oracle", "in the evening", "off by one")])
    assert describe(report).splitlines() == [
        "seed 17: FAILS",
        "  oracle, in the evening: off by one",
        "  again: oneshelf simulate --seed 17 --verbose",
    ]


def test_a_planted_bug_that_is_caught_is_exit_code_one() -> None:
    said: list[str] = []
    assert simulate(0, plant="ids-for-ever", write=said.append) == 1
    assert "--seed 0 --plant ids-for-ever --verbose" in said[0]


def test_json_is_one_object_a_seed() -> None:
    said: list[str] = []
    assert simulate(1, seeds=2, as_json=True, write=said.append) == 0
    assert [json.loads(line)["seed"] for line in said] == [1, 2]
    assert all(json.loads(line)["ok"] for line in said)


def test_verbose_tells_the_story() -> None:
    said: list[str] = []
    simulate(1, verbose=True, write=said.append)
    assert len(said[0].splitlines()) > 50
    assert "everything is given time to settle" in said[0]


def test_an_unknown_plant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no planted bug 'nonsense'; there are: conf"):
        simulate(0, plant="nonsense", write=lambda _line: None)


def test_seeds_of_orders_are_simulated_by_the_same_command() -> None:
    said: list[str] = []
    assert simulate(0, orders=True, as_json=True, write=said.append) == 0
    assert json.loads(said[0])["orders"]


def test_a_plant_of_orders_is_none_of_the_stocks() -> None:
    with pytest.raises(ValueError, match="no planted bug 'money-first'"):
        simulate(0, plant="money-first", write=lambda _line: None)
    with pytest.raises(ValueError, match="no planted bug 'dedupe-off'; there are: can"):
        simulate(0, plant="dedupe-off", orders=True, write=lambda _line: None)
