"""What is known of an order's unit, and where it stands by that."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.order_notes import FulfilledItem, FulfilmentSeen, FulfilmentStep
from streams.domain.order_units import (
    NOTHING,
    Completion,
    Homecoming,
    Standing,
    UnitFacts,
    UnitState,
    cancellation_facts,
    completion_of,
    fulfilment_facts,
    join,
    latest_of,
    standing_of,
)
from tests.support.ledger import NOON

ASSIGNED, READY, COMPLETED, FAILED = FulfilmentStep
HERE, THERE = "LDN01", "LDN02"


def seen(
    step: FulfilmentStep,
    rank: int,
    request: str = "fr-1",
    place: str = HERE,
    *,
    sku: str = "",
    tracking_code: str = "",
) -> UnitFacts:
    note = FulfilmentSeen(
        newstore_id="ns-1",
        request_id=request,
        step=step,
        rank=rank,
        location_id=place,
        occurred_at=NOON,
        items=(),
    )
    item = FulfilledItem(item_id="i-1", sku=sku, tracking_code=tracking_code)
    return fulfilment_facts(note, item)


def cancelled(reason: str = "") -> UnitFacts:
    return cancellation_facts(reason)


def returned(return_id: str = "ret-1") -> UnitFacts:
    return UnitFacts(home=Homecoming(return_id, THERE, sellable=True))


def known(*facts: UnitFacts) -> UnitFacts:
    whole = NOTHING
    for each in facts:
        whole = join(whole, each)
    return whole


@pytest.mark.parametrize(
    ("story", "standing"),
    [
        ([], Standing(UnitState.OPEN)),
        ([seen(ASSIGNED, 1)], Standing(UnitState.ASSIGNED, HERE, "fr-1")),
        (
            [seen(ASSIGNED, 1), seen(READY, 2)],
            Standing(UnitState.READY, HERE, "fr-1"),
        ),
        (
            [seen(ASSIGNED, 1), seen(FAILED, 2), seen(ASSIGNED, 3, "fr-2", THERE)],
            Standing(UnitState.ASSIGNED, THERE, "fr-2"),
        ),
        (
            [seen(ASSIGNED, 1), seen(FAILED, 2)],
            Standing(UnitState.FAILED, HERE, "fr-1"),
        ),
        (
            [seen(ASSIGNED, 5), seen(ASSIGNED, 4, "fr-2", THERE)],
            Standing(UnitState.ASSIGNED, HERE, "fr-1"),
        ),
        (
            [seen(ASSIGNED, 5), seen(FAILED, 5)],
            Standing(UnitState.FAILED, HERE, "fr-1"),
        ),
        (
            [seen(COMPLETED, 3), seen(ASSIGNED, 9, "fr-2", THERE)],
            Standing(UnitState.COMPLETED, HERE, "fr-1"),
        ),
        (
            [seen(ASSIGNED, 1), seen(COMPLETED, 3), cancelled()],
            Standing(UnitState.COMPLETED, HERE, "fr-1"),
        ),
        ([cancelled(), seen(ASSIGNED, 7)], Standing(UnitState.CANCELLED)),
        ([cancelled("insufficient_stock")], Standing(UnitState.CANCELLED)),
        ([returned()], Standing(UnitState.OPEN)),
        (
            [returned(), seen(COMPLETED, 3)],
            Standing(UnitState.RETURNED, THERE, "fr-1", "ret-1"),
        ),
        ([UnitFacts(carried_out=True)], Standing(UnitState.COMPLETED)),
        (
            [UnitFacts(carried_out=True), returned()],
            Standing(UnitState.RETURNED, THERE, "", "ret-1"),
        ),
    ],
)
def test_a_unit_stands_where_its_facts_say_in_whatever_order_they_came(
    story: list[UnitFacts], standing: Standing
) -> None:
    for order in permutations(story):
        assert standing_of(known(*order)) == standing


def test_a_lack_of_stock_is_told_from_a_change_of_mind() -> None:
    assert cancelled("Insufficient_Stock") == UnitFacts(unavailable=True)
    assert cancelled("customer_request") == UnitFacts(cancelled=True)


def test_what_a_parcel_lacks_is_added_by_a_later_word_of_the_same_request() -> None:
    without, tracked = seen(COMPLETED, 3), seen(COMPLETED, 3, tracking_code="T1")

    for facts in (known(without, tracked), known(tracked, without)):
        assert completion_of(facts) == Completion("fr-1", 3, HERE, None, "", "T1")
        assert len(facts.completions) == 1


def test_of_two_completions_the_later_counts_and_both_are_kept() -> None:
    facts = known(seen(COMPLETED, 3), seen(COMPLETED, 4, "fr-2", THERE))

    assert standing_of(facts) == Standing(UnitState.COMPLETED, THERE, "fr-2")
    assert [each.request_id for each in facts.completions] == ["fr-1", "fr-2"]


def test_a_unit_that_has_not_left_has_no_completion() -> None:
    assert completion_of(known(seen(READY, 4))) is None


def test_the_later_time_is_taken_and_an_unknown_one_is_no_time() -> None:
    later = NOON + timedelta(seconds=1)

    assert latest_of(None, None) is None
    assert latest_of(None, NOON) == latest_of(NOON, None) == NOON
    assert latest_of(later, NOON) == latest_of(NOON, later) == later


FACTS = st.one_of(
    st.builds(
        seen,
        st.sampled_from(FulfilmentStep),
        st.integers(0, 6),
        st.sampled_from(["fr-1", "fr-2"]),
        st.sampled_from([HERE, THERE]),
        tracking_code=st.sampled_from(["", "T1", "T2"]),
        sku=st.sampled_from(["", "TEE"]),
    ),
    st.builds(cancelled, st.sampled_from(["", "insufficient_stock"])),
    st.builds(returned, st.sampled_from(["ret-1", "ret-2"])),
    st.sampled_from([UnitFacts(), UnitFacts(carried_out=True)]),
)


@given(
    st.lists(FACTS, max_size=6).flatmap(
        lambda f: st.tuples(st.just(f), st.permutations([*f, *f]))
    )
)
def test_facts_shuffled_and_repeated_say_the_same_of_the_unit(
    stories: tuple[list[UnitFacts], list[UnitFacts]],
) -> None:
    once, shuffled = stories

    assert known(*shuffled) == known(*once)


@given(FACTS, FACTS, FACTS)
def test_facts_join_like_sets(a: UnitFacts, b: UnitFacts, c: UnitFacts) -> None:
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))
    assert join(a, a) == a
    assert join(a, NOTHING) == a
