"""Days in bad weather end exactly; planted bugs do not stay hidden."""

import os

import pytest

from streams.simulation.command import describe
from streams.simulation.plants import PLANTS
from streams.simulation.run import run

SEEDS = int(os.environ.get("ONESHELF_SIMULATION_SEEDS", "500"))
SEEDS_PER_TEST = 25  # So that a slow machine stays below the time limit of a test.

SEEDS_UNTIL_CAUGHT = 150
"""The rarest of the planted bugs needs 30 seeds; with some to spare."""


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_every_seed_holds(first: int) -> None:
    for seed in range(first, min(first + SEEDS_PER_TEST, SEEDS)):
        report = run(seed)
        assert report.ok, "\n" + describe(report)


CAUGHT_BY = {
    "dedupe-off": {"journal once"},
}


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_bug_is_caught(plant: str) -> None:
    for seed in range(SEEDS_UNTIL_CAUGHT):
        report = run(seed, plant=plant)
        if not report.ok:
            assert report.caught_by in CAUGHT_BY[plant]
            return
    pytest.fail(f"{plant} was not caught in {SEEDS_UNTIL_CAUGHT} seeds")
