"""How bad the run is: chances of every fault, drawn once for a seed."""

from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Chances between 0 and 1; all zero is a calm day.

    Attributes:
        interleave: A task stops after a step so that others go on first.
        freeze: For each round of work, and for each step of a task.
        crash, rebalance: For each round of work.
        crash_at_step: A started commit gets a crash armed at one of its named points.
        wipe, lose_tail: For each disk of a crashed worker.
        takeover: A crashed or frozen worker's seats go to others before it is back.
        lose_answer, lose_request: For each commit.
        rewind: An opened partition is read from before its position.
        torn: For each round, a changelog gets a record of a former owner.
        compact: For each round.
        vendor: For each request to commerce, that it fails in one of the known ways.
        touch: For each round, that another writer changes a commerce entry's version.
        overtake: For each record, that it goes before those of other keys.
    """

    interleave: float = 0.0
    crash: float = 0.0
    crash_at_step: float = 0.0
    freeze: float = 0.0
    rebalance: float = 0.0
    wipe: float = 0.0
    lose_tail: float = 0.0
    takeover: float = 0.0
    lose_answer: float = 0.0
    lose_request: float = 0.0
    rewind: float = 0.0
    torn: float = 0.0
    compact: float = 0.0
    vendor: float = 0.0
    touch: float = 0.0
    overtake: float = 0.0


CALM = Weather()

STORM = Weather(
    interleave=0.6,
    crash=0.06,
    crash_at_step=0.08,
    freeze=0.03,
    rebalance=0.06,
    wipe=0.3,
    lose_tail=0.3,
    takeover=0.6,
    lose_answer=0.1,
    lose_request=0.1,
    rewind=0.4,
    torn=0.05,
    compact=0.05,
    vendor=0.35,
    touch=0.2,
    overtake=0.5,
)
"""The most that a run gets of each."""

# A third of the faults is off in a run, so that what is left shows undisturbed.
ABSENT = 0.33


def draw(rng: Random) -> Weather:
    """Choose a run's weather: some faults absent, the others anywhere up to a storm."""
    chances = {
        one.name: 0.0
        if rng.random() < ABSENT
        else getattr(STORM, one.name) * rng.random() ** 0.5
        for one in fields(STORM)
    }
    return replace(STORM, **chances)
