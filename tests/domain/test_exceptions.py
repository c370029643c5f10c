"""The exceptions list: what makes a case, and the only ways it may go."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.exception_kinds import REASONS, Kind, kind_of
from streams.domain.exception_moves import (
    AUDIT_MAX,
    act,
    fold_parking,
    fold_success,
)
from streams.domain.exceptions import (
    PEOPLES_ACTS,
    TRANSITIONS,
    UNFINISHED,
    Act,
    Case,
    CaseRecord,
    Parking,
    Refused,
    State,
    Trouble,
    Version,
    case_id_of,
    without_indexes,
)
from streams.domain.ledger import check
from streams.domain.movements import MovementKind
from streams.mapping.problems import Reason
from tests.support.ledger import movement

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TROUBLE = Trouble(
    "intake", "events", "order-1", "unknown_sku", "payload.items[0].product_id", "NEW"
)


def after(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def parking(
    offset: int = 0, *, at: int = 0, done_until: int = -1, reason: str = "unknown_sku"
) -> Parking:
    return Parking(
        trouble=TROUBLE._replace(reason=reason),
        version=Version(offset, after(at)),
        sentence=f"{reason}: mend it.",
        entity_type="order",
        done_until=done_until,
    )


@dataclass
class Desk:
    """A case and its records, as a stage keeps them."""

    case: Case | None = None
    records: dict[str, CaseRecord] = field(default_factory=dict)

    def park(self, name: str, what: Parking) -> None:
        self.case, self.records[name] = fold_parking(
            self.case, self.records.get(name), what, "0-abc"
        )

    def succeed(self, name: str, until: int, *, at: int = 0) -> None:
        assert self.case is not None
        self.case, self.records[name] = fold_success(
            self.case, self.records[name], until, after(at), "intake"
        )

    def ask(self, what: Act, **more: str) -> Refused | None:
        assert self.case is not None
        answer = act(self.case, what, who="ann", at=after(99), **more)
        if isinstance(answer, Refused):
            return answer
        self.case = answer
        return None

    @property
    def state(self) -> State:
        assert self.case is not None
        return self.case.state


def desk(*offsets: int) -> Desk:
    made = Desk()
    for offset in offsets or (0,):
        made.park(f"r{offset}", parking(offset))
    return made


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
    assert made.state is State.OPEN
    made.succeed("r6", 6, at=8)

    assert made.state is State.RESOLVED
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

    assert made.state is State.RESOLVED
    assert not made.records["r5"].is_waiting


def test_a_resolved_case_opens_again_on_a_new_failure() -> None:
    made = desk(5)
    made.succeed("r5", 5)

    made.park("r9", parking(9, at=9))

    assert made.state is State.OPEN
    assert made.case is not None
    assert made.case.closed_at is None


def test_a_late_parking_leaves_a_resolved_case_resolved() -> None:
    made = desk(5)
    made.succeed("r5", 5)

    made.park("r4", parking(4, done_until=5))

    assert made.state is State.RESOLVED


# What people do


def test_a_retry_that_fails_opens_the_case_again_for_its_owner() -> None:
    made = desk(5)
    made.ask(Act.ASSIGN, owner="ann")
    made.ask(Act.RETRY)
    assert made.state is State.RESUBMITTED

    made.park("r5", parking(8, at=8))

    assert made.state is State.ASSIGNED
    assert made.case is not None
    assert (made.case.owner, made.case.attempts, made.case.seen) == ("ann", 1, 2)


def test_a_retry_that_succeeds_resolves_the_case() -> None:
    made = desk(5)
    made.ask(Act.EDIT)
    assert made.state is State.FIXED
    made.ask(Act.RETRY)

    made.succeed("r5", 8)

    assert made.state is State.RESOLVED


def test_what_is_not_sent_again_cannot_be_retried() -> None:
    made = Desk()
    made.park("r1", replace(parking(1), can_retry=False))

    refused = made.ask(Act.RETRY)

    assert refused is not None
    assert "dismiss" in refused.sentence
    assert made.state is State.OPEN


@pytest.mark.parametrize("what", sorted(PEOPLES_ACTS))
def test_nobody_moves_a_resolved_case(what: Act) -> None:
    made = desk(5)
    made.succeed("r5", 5)

    refused = made.ask(what)

    assert refused is not None
    assert "resolved" in refused.sentence
    assert made.state is State.RESOLVED


def test_a_dismissal_can_be_taken_back() -> None:
    made = desk(5)
    made.ask(Act.DISMISS, said="a test order")
    assert made.state is State.DISMISSED
    assert made.case is not None
    assert made.case.audit[-1].said == "a test order"

    made.ask(Act.RETRY)

    assert made.state is State.RESUBMITTED


def test_the_audit_trail_keeps_the_newest_notes_and_counts_the_rest() -> None:
    made = desk(0)
    for _ in range(AUDIT_MAX + 2):
        made.ask(Act.ASSIGN, owner="ann")

    assert made.case is not None
    assert len(made.case.audit) == AUDIT_MAX
    assert made.case.audit_dropped == 3


# Laws

law = settings(deadline=None)

NAMES = ("a", "b", "c")
Step = tuple[str, str, int]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("park"), st.sampled_from(NAMES), st.integers(0, 9)),
        st.tuples(st.just("succeed"), st.sampled_from(NAMES), st.integers(0, 9)),
        st.tuples(st.sampled_from(sorted(PEOPLES_ACTS)), st.just(""), st.just(0)),
    ),
    max_size=30,
)


def take(made: Desk, step: Step, at: int = 0) -> None:
    what, name, offset = step
    if what == "park":
        made.park(name, parking(offset, at=at or offset))
    elif what == "succeed" and name in made.records:
        made.succeed(name, offset, at=at)
    elif what in PEOPLES_ACTS and made.case is not None:
        made.ask(Act(what), owner="ann" if what == Act.ASSIGN else "")


@law
@given(steps)
def test_every_change_of_state_is_in_the_table(taken: Sequence[Step]) -> None:
    made = Desk()
    for number, step in enumerate(taken):
        before = made.case
        take(made, step, at=number)
        if before is None or made.case is None or made.state is before.state:
            continue
        reached = set(TRANSITIONS[before.state].values())
        if State.OPEN in reached:
            reached.add(State.ASSIGNED)
        assert made.state in reached, f"{before.state} to {made.state}"


@law
@given(steps)
def test_a_case_counts_its_records_and_closes_with_the_last(
    taken: Sequence[Step],
) -> None:
    made = Desk()
    for number, step in enumerate(taken):
        take(made, step, at=number)
        if made.case is None:
            continue
        waiting = sum(record.is_waiting for record in made.records.values())
        assert made.case.waiting == waiting
        assert made.case.records == len(made.records)
        assert (made.state is State.RESOLVED) == (waiting == 0)
        assert (made.case.closed_at is None) == (made.state in UNFINISHED)
        assert (made.state is State.ASSIGNED) <= bool(made.case.owner)
        assert (made.state is State.OPEN) <= (not made.case.owner)


parkings = st.lists(
    st.tuples(st.just("park"), st.sampled_from(NAMES), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


@law
@given(parkings, st.randoms(use_true_random=False))
def test_repeats_change_nothing_wherever_they_come(
    taken: list[Step], random: Random
) -> None:
    once, repeated = Desk(), Desk()
    for step in taken:
        take(once, step)
    given_so_far: list[Step] = []
    for step in taken:
        given_so_far.append(step)
        take(repeated, step)
        for _ in range(random.randrange(3)):
            take(repeated, random.choice(given_so_far))

    assert repeated.case == once.case
    assert repeated.records == once.records


@law
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.integers(0, 9)), min_size=1, max_size=9
    ),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9)),
    st.randoms(use_true_random=False),
)
def test_parkings_and_successes_may_cross(
    parked: list[tuple[str, int]], until: dict[str, int], random: Random
) -> None:
    """Two topics bring them, and nothing orders one topic's records by the other's."""
    first = Desk()
    for name, offset in parked:
        first.park(name, parking(offset, at=offset))
    for name, offset in until.items():
        if name in first.records:
            first.succeed(name, offset)

    crossed = Desk()
    random.shuffle(parked)
    for name, offset in parked:
        crossed.park(name, parking(offset, at=offset, done_until=until.get(name, -1)))

    assert crossed.records == first.records
    assert first.case is not None
    assert crossed.case is not None
    assert crossed.case.waiting == first.case.waiting
    assert crossed.state is first.state
