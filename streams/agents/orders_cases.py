"""Telling the exceptions list which troubles an order has, and which it has no more."""

from datetime import datetime

from streams.domain import exceptions
from streams.domain.orders import Effects
from streams.domain.troubles import Trouble
from streams.engine.fold import Output, Record, Result
from streams.mapping.exceptions import (
    CommandWire,
    encode_command,
    raise_case,
    withdraw_case,
)
from streams.topics import EXCEPTION_COMMANDS

STAGE = "orders"


def tell_cases(
    result: Result, effects: Effects, cause: Record | None, now: datetime
) -> None:
    """Send what has changed; a case and its end lie in the order's own partition."""
    for trouble in effects.raised:
        case = raise_case(
            _trouble(trouble), kind=trouble.kind, sentence=trouble.sentence, at=now
        )
        _send(result, case, cause)
    for trouble in effects.withdrawn:
        _send(result, withdraw_case(_trouble(trouble), now), cause)
    if effects.raised:
        result.count("troubles_raised", len(effects.raised))
    if effects.withdrawn:
        result.count("troubles_withdrawn", len(effects.withdrawn))


def _trouble(trouble: Trouble) -> exceptions.Trouble:
    return exceptions.Trouble(
        STAGE, "", trouble.entity, trouble.reason, trouble.field, trouble.value
    )


def _send(result: Result, command: CommandWire, cause: Record | None) -> None:
    key, value = encode_command(command)
    result.send(EXCEPTION_COMMANDS, Output(key, value, cause, same_partition=True))
