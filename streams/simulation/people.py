"""People who work through the exceptions list, for good and for no reason."""

from collections.abc import Iterator
from random import Random

from streams.domain.exceptions import UNFINISHED
from streams.mapping.exception_reading import groups, records_of, walk_cases
from streams.mapping.exceptions import Action, CommandWire, encode_command
from streams.simulation.world import World
from streams.tables import CASES
from streams.topics import EXCEPTION_COMMANDS

BUSY = 0.6
"""How likely a person does something with a case or group."""

ACTS = (
    (Action.RETRY,),
    (Action.ASSIGN, Action.RETRY),
    (Action.EDIT, Action.RETRY),
    (Action.RETRY, Action.RETRY),
    (Action.RETRY, Action.DISMISS, Action.RETRY),
    (Action.DISMISS,),
)
"""What they do with one case, one after the other; not all of it is allowed."""


def work_through(world: World, rng: Random) -> None:
    """Let people ask for things; what becomes of it is the stages' business."""
    for partition in range(world.shape.partitions):
        for command in list(_commands(world, partition, rng)):
            place = (EXCEPTION_COMMANDS.name, partition)
            world.broker.append(place, [(*encode_command(command), ())])


def _commands(world: World, partition: int, rng: Random) -> Iterator[CommandWire]:
    owner = world.cluster.owner((CASES.stage, partition))
    if owner is None:
        return
    view, now = owner.runtime.view, world.clock()
    for group_id, group in groups(view):
        if rng.random() < BUSY and UNFINISHED & group.counts.keys():
            yield CommandWire(1, Action.RETRY, now, "bea", group_id=group_id)
    for closed in (False, True):
        for _, case in walk_cases(view, closed=closed):
            if rng.random() > BUSY:
                continue
            first = next(records_of(view, case.case_id))
            for action in rng.choice(ACTS):
                yield CommandWire(
                    1,
                    action,
                    now,
                    "ann",
                    case_id=case.case_id,
                    origin=first.origin if action is Action.EDIT else "",
                    owner="ann",
                    # The oracle knows these bytes; their coming back changes nothing.
                    body_base64=first.value or b"",
                )
