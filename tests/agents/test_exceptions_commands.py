"""What people ask of the exceptions list, and what is forgotten of it."""

from datetime import timedelta

import pytest

from streams.agents import exceptions_forgetting
from streams.domain.exception_kinds import Kind
from streams.domain.exceptions import State, Trouble
from streams.mapping.exceptions import (
    Action,
    encode_command,
    raise_case,
    withdraw_case,
)
from streams.topics import EXCEPTION_COMMANDS
from tests.agents.desk import Stand, parked

# Commands


def test_a_command_that_comes_too_late_is_refused_and_says_why() -> None:
    stand = parked()
    case_id = stand.case().case.case_id
    stand.ask(Action.RETRY, case_id)
    stand.ask(Action.RETRY, case_id)
    stand.take()

    row = stand.case()
    assert (row.commanded, stand.counts["refused"]) == (1, 1)
    assert "resubmitted" in row.refused


def test_an_edit_of_a_foreign_record_is_refused() -> None:
    stand = parked("order-1", "order-2")
    first, second = (row.case for row in stand.cases())
    other = next(r for r in stand.records() if r.case_id == second.case_id)
    stand.ask(Action.EDIT, first.case_id, origin=other.origin, body_base64=b"x")
    stand.take()

    assert [record.edited for record in stand.records()] == [None, None]
    assert stand.counts["refused"] == 1


def test_a_command_for_no_known_case_is_counted() -> None:
    stand = parked()
    stand.ask(Action.DISMISS, "0-ffff")
    stand.take()

    assert stand.counts["unknown_case"] == 1
    assert stand.case().case.state is State.OPEN


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "undecodable"),
        (b"{", "undecodable"),
        (b'{"schema_version":2}', "undecodable"),
        (
            (
                b'{"schema_version":1,"action":"retry","at":"2025-03-01T10:00:00Z",'
                b'"by":"ann"}'
            ),
            "missing_field",
        ),
        (
            (
                b'{"schema_version":1,"action":"dismiss","at":"2025-03-01T10:00:00Z",'
                b'"by":"ann","group_id":"abc"}'
            ),
            "wrong_content",
        ),
    ],
)
def test_a_command_that_cannot_be_read_is_a_case_too(
    value: bytes | None, reason: str
) -> None:
    stand = Stand()
    stand.append(EXCEPTION_COMMANDS, b"k", value)
    stand.take()
    stand.take()

    assert stand.case().case.trouble.reason == reason
    assert stand.case().case.entity_type == "command"


def test_owners_are_kept_and_dismissals_end_a_case() -> None:
    stand = parked()
    case_id = stand.case().case.case_id
    stand.ask(Action.ASSIGN, case_id, owner="bea")
    stand.ask(Action.DISMISS, case_id, said="a test")
    stand.take()

    case = stand.case().case
    assert (case.owner, case.state) == ("bea", State.DISMISSED)
    assert case.audit[-1].said == "a test"
    assert stand.tallies() == {"malformed|dismissed": 1}


# Forgetting


def test_a_closed_case_is_forgotten_after_its_time_with_all_that_belongs_to_it() -> (
    None
):
    stand = parked("order-1", "order-2")
    stand.ask(Action.DISMISS, stand.cases()[0].case.case_id)
    stand.take()
    stand.later(days=exceptions_forgetting.KEPT_FOR / timedelta(days=1))
    assert stand.tick() == 0

    stand.later(seconds=1)
    assert stand.tick() == 1

    assert len(stand.cases()) == len(stand.records()) == 1
    assert stand.tallies() == {"malformed|open": 1}
    left = sum(len(rows) for rows in stand.view.tables.values())
    fresh = sum(len(rows) for rows in parked().view.tables.values())
    assert left == fresh


# Cases that stages raise themselves

SHIPPED = Trouble("orders", "", "10023", "shipped_twice", "units[0]", "u1")


def tell(stand: Stand, *, withdraw: bool = False) -> None:
    """Let the orders stage raise its trouble, or withdraw it."""
    command = (
        withdraw_case(SHIPPED, stand.now)
        if withdraw
        else raise_case(
            SHIPPED, kind="fulfilment", sentence="Sent twice: ask.", at=stand.now
        )
    )
    stand.append(EXCEPTION_COMMANDS, *encode_command(command))
    stand.later(seconds=1)
    stand.take()


def test_a_stage_raises_a_case_and_withdraws_it() -> None:
    stand = Stand()
    tell(stand)
    case = stand.case().case
    assert (case.kind, case.state) == (Kind.FULFILMENT, State.OPEN)
    assert (case.entity_type, case.trouble.entity) == ("fulfilment", "10023")
    assert case.sentence == "Sent twice: ask."

    tell(stand, withdraw=True)

    assert stand.case().case.state is State.RESOLVED


def test_a_case_raised_again_opens_for_its_owner() -> None:
    stand = Stand()
    tell(stand)
    stand.ask(Action.ASSIGN, stand.case().case.case_id, owner="bea")
    stand.take()
    tell(stand, withdraw=True)

    tell(stand)

    case = stand.case().case
    assert (case.state, case.seen, case.records) == (State.ASSIGNED, 2, 1)


def test_a_raised_case_has_nothing_to_send_again() -> None:
    stand = Stand()
    tell(stand)
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()

    assert "no record" in stand.case().refused
    assert stand.tick() == 0


def test_withdrawing_what_was_never_raised_changes_nothing() -> None:
    stand = Stand()
    tell(stand, withdraw=True)

    assert stand.cases() == []
    assert stand.counts["unknown_case"] == 1
