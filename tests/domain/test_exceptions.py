"""The exceptions list: what makes a case, and the only ways it may go."""

from dataclasses import replace

import pytest

from streams.domain.exception_kinds import REASONS, Kind, kind_named, kind_of
from streams.domain.exception_moves import (
    AUDIT_MAX,
)
from streams.domain.exceptions import (
    PEOPLES_ACTS,
    Act,
    State,
    Trouble,
    case_id_of,
    without_indexes,
)
from streams.domain.movement_checks import check
from streams.domain.movements import MovementKind
from streams.mapping.problems import Reason
from tests.support.exceptions import TROUBLE, Desk, after, desk, parking
from tests.support.ledger import movement

# Identity


def test_the_same_trouble_of_the_same_entity_is_the_same_case() -> None:
    elsewhere = TROUBLE._replace(field="payload.items[7].product_id")

    assert case_id_of(TROUBLE, 3) == case_id_of(elsewhere, 3)
    assert case_id_of(TROUBLE, 3).startswith("3-")


@pytest.mark.parametrize(
    "other",
    [
        TROUBLE._replace(stage="ledger"),
        TROUBLE._replace(topic="movements"),
        TROUBLE._replace(entity="order-2"),
        TROUBLE._replace(reason="unknown_location"),
        TROUBLE._replace(field="payload.id"),
        TROUBLE._replace(value="OTHER"),
        TROUBLE._replace(reason="unknown_skup", field="ayload.items[0].product_id"),
    ],
)
def test_any_other_trouble_is_another_case(other: Trouble) -> None:
    assert case_id_of(other, 3) != case_id_of(TROUBLE, 3)


def test_the_partition_is_part_of_the_id() -> None:
    assert case_id_of(TROUBLE, 3) != case_id_of(TROUBLE, 4)


def test_cases_of_many_entities_with_one_cause_are_one_group() -> None:
    first, second = desk().case, desk().case
    assert first is not None
    assert second is not None
    second = replace(second, trouble=TROUBLE._replace(entity="order-2"))
    third = replace(second, trouble=TROUBLE._replace(value="OTHER"))

    assert first.group_id == second.group_id != third.group_id


def test_positions_in_a_path_do_not_matter() -> None:
    assert without_indexes("a[0].b[12]") == "a[].b[]"


def test_every_reason_the_stages_give_has_a_kind() -> None:
    codes = {str(reason) for reason in Reason} | {"commerce_refused", "wrong_content"}
    problem = check(movement(MovementKind.SALE, "sale:1", quantity=0))
    assert problem is not None
    codes.add(problem.reason)

    assert {code for code in codes if kind_of(code) is Kind.OTHER} == set()
    assert kind_of("never_heard_of") is Kind.OTHER
    assert kind_named("refund") is Kind.REFUND
    assert kind_named("REFUND") is Kind.OTHER


def test_no_reason_has_two_kinds() -> None:
    codes = [code for reasons in REASONS.values() for code in reasons]

    assert len(codes) == len(set(codes))


# Parkings and successes


def test_a_parked_record_opens_a_case() -> None:
    made = desk(5)

    assert made.case is not None
    assert made.case.state is State.OPEN
    assert (made.case.records, made.case.waiting, made.case.seen) == (1, 1, 1)
    assert made.case.kind is Kind.UNKNOWN_SKU
    assert made.case.audit[-1][1:] == ("intake", "parked", "unknown_sku")


def test_the_same_parking_twice_changes_nothing() -> None:
    made = desk(5)
    before = made.case

    made.park("r5", parking(5))

    assert made.case == before


def test_an_older_parking_changes_nothing() -> None:
    made = desk(5)
    made.park("r5", parking(9, at=4))
    before = made.case

    made.park("r5", parking(5, at=7))

    assert made.case == before


def test_a_record_parked_anew_for_another_reason_stays_in_its_case() -> None:
    made = desk(5)
    made.park("r5", parking(5, at=3, reason="missing_field"))

    assert made.case is not None
    assert made.case.trouble.reason == "missing_field"
    assert (made.case.records, made.case.waiting, made.case.seen) == (1, 1, 2)


def test_a_late_parking_does_not_speak_over_a_newer_one() -> None:
    made = Desk()
    made.park("r5", parking(5, at=10, reason="missing_field"))
    made.park("r3", parking(3, at=2))

    assert made.case is not None
    assert made.case.trouble.reason == "missing_field"
    assert (made.case.first_seen, made.case.last_seen) == (after(2), after(10))


def test_a_case_is_resolved_when_its_last_record_has_succeeded() -> None:
    made = desk(5, 6)

    made.succeed("r5", 5)
    assert made.state() is State.OPEN
    made.succeed("r6", 6, at=8)

    assert made.state() is State.RESOLVED
    assert made.case is not None
    assert made.case.closed_at == after(8)


def test_a_success_told_twice_is_one() -> None:
    made = desk(5, 6)

    made.succeed("r5", 5)
    made.succeed("r5", 5)

    assert made.case is not None
    assert made.case.waiting == 1


@pytest.mark.parametrize(("until", "waiting"), [(4, 1), (5, 0), (6, 0)])
def test_a_success_covers_parkings_up_to_its_offset(until: int, waiting: int) -> None:
    made = desk(5)

    made.succeed("r5", until)

    assert made.case is not None
    assert made.case.waiting == waiting


def test_news_of_success_may_come_before_the_parking() -> None:
    made = Desk()

    made.park("r5", parking(5, done_until=5))

    assert made.state() is State.RESOLVED
    assert not made.records["r5"].is_waiting


def test_a_resolved_case_opens_again_on_a_new_failure() -> None:
    made = desk(5)
    made.succeed("r5", 5)

    made.park("r9", parking(9, at=9))

    assert made.state() is State.OPEN
    assert made.case is not None
    assert made.case.closed_at is None


def test_a_late_parking_leaves_a_resolved_case_resolved() -> None:
    made = desk(5)
    made.succeed("r5", 5)

    made.park("r4", parking(4, done_until=5))

    assert made.state() is State.RESOLVED


# What people do


def test_a_retry_that_fails_opens_the_case_again_for_its_owner() -> None:
    made = desk(5)
    made.ask(Act.ASSIGN, owner="ann")
    made.ask(Act.RETRY)
    assert made.state() is State.RESUBMITTED

    made.park("r5", parking(8, at=8))

    assert made.state() is State.ASSIGNED
    assert made.case is not None
    assert (made.case.owner, made.case.attempts, made.case.seen) == ("ann", 1, 2)


def test_a_retry_that_succeeds_resolves_the_case() -> None:
    made = desk(5)
    made.ask(Act.EDIT)
    assert made.state() is State.FIXED
    made.ask(Act.RETRY)

    made.succeed("r5", 8)

    assert made.state() is State.RESOLVED


def test_what_is_not_sent_again_cannot_be_retried() -> None:
    made = Desk()
    made.park("r1", replace(parking(1), can_retry=False))

    refused = made.ask(Act.RETRY)

    assert refused is not None
    assert "dismiss" in refused.sentence
    assert made.state() is State.OPEN


@pytest.mark.parametrize("what", sorted(PEOPLES_ACTS))
def test_nobody_moves_a_resolved_case(what: Act) -> None:
    made = desk(5)
    made.succeed("r5", 5)

    refused = made.ask(what)

    assert refused is not None
    assert "resolved" in refused.sentence
    assert made.state() is State.RESOLVED


def test_a_dismissal_can_be_taken_back() -> None:
    made = desk(5)
    made.ask(Act.DISMISS, said="a test order")
    assert made.state() is State.DISMISSED
    assert made.case is not None
    assert made.case.audit[-1].said == "a test order"

    made.ask(Act.RETRY)

    assert made.state() is State.RESUBMITTED


def test_the_audit_trail_keeps_the_newest_notes_and_counts_the_rest() -> None:
    made = desk(0)
    for _ in range(AUDIT_MAX + 2):
        made.ask(Act.ASSIGN, owner="ann")

    assert made.case is not None
    assert len(made.case.audit) == AUDIT_MAX
    assert made.case.audit_dropped == 3
