"""What people ask of the exceptions list, and what is forgotten of it."""

from datetime import timedelta

import pytest

from streams.agents import exceptions_forgetting
from streams.domain.exceptions import State
from streams.mapping.exceptions import Action
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
