"""Laws of the exceptions list: nothing counted twice, no move that is not written."""

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.exceptions import (
    PEOPLES_ACTS,
    TRANSITIONS,
    UNFINISHED,
    Act,
    State,
)
from tests.support.exceptions import Desk, parking

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
        if before is None or made.case is None or made.state() is before.state:
            continue
        reached = set(TRANSITIONS[before.state].values())
        if State.OPEN in reached:
            reached.add(State.ASSIGNED)
        assert made.state() in reached, f"{before.state} to {made.state()}"


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
        assert (made.state() is State.RESOLVED) == (waiting == 0)
        assert (made.case.closed_at is None) == (made.state() in UNFINISHED)
        assert (made.state() is State.ASSIGNED) <= bool(made.case.owner)
        assert (made.state() is State.OPEN) <= (not made.case.owner)


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
    assert crossed.state() is first.state()
