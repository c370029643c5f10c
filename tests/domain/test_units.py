"""What is known of a unit, and what follows from it."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from streams.domain.movements import Movement, Outside, Pool
from streams.domain.postings import COUNTED, RELEASED, Effect, Outcome, Posting
from streams.domain.units import (
    Unit,
    decide_unit,
    is_cancellation,
    is_forgettable,
    sale_id,
    standing,
)
from tests.support.ledger import NOON, announce, cancel, release, reserve, sale, ship

HERE, THERE = "LDN01", "LDN02"


def after(*movements: Movement) -> Unit:
    unit = Unit()
    for movement in movements:
        unit = decide_unit(movement, unit, now=NOON).unit
    return unit


def answer(*movements: Movement) -> Outcome:
    """Return the answer to the last of the movements."""
    unit = after(*movements[:-1])
    return decide_unit(movements[-1], unit, now=NOON).outcome


def postings(*movements: Movement) -> list[tuple[str, str, str, int, str]]:
    """Return what the last of the movements posts."""
    unit = after(*movements[:-1])
    made = decide_unit(movements[-1], unit, now=NOON).postings
    return [(p.location_id, p.source, p.target, p.quantity, p.suffix) for p in made]


@pytest.mark.parametrize(
    ("story", "place"),
    [
        ([], ""),
        ([announce("u")], ""),
        ([announce("u", location_id=HERE)], HERE),
        ([reserve("u", 5)], HERE),
        ([reserve("u", 5), reserve("u", 6, location_id=THERE)], THERE),
        ([reserve("u", 5), reserve("u", 4, location_id=THERE)], HERE),
        ([announce("u", location_id=HERE), reserve("u", 0, location_id=THERE)], THERE),
        ([reserve("u", 0, location_id=THERE), announce("u", location_id=HERE)], THERE),
        ([reserve("u", 5), release("u", 6)], ""),
        ([reserve("u", 5), release("u", 5)], ""),
        ([reserve("u", 5), release("u", 4)], HERE),
        ([reserve("u", 5), release("u", 6, location_id=THERE)], HERE),
        ([reserve("u", 5), release("u", 6, location_id="")], ""),
        ([reserve("u", 5), release("u", 6), reserve("u", 7)], HERE),
        ([release("u", 6), reserve("u", 5)], ""),
        ([release("u", 6), reserve("u", 5, location_id=THERE)], THERE),
        ([reserve("u", 5), cancel("u")], ""),
        ([cancel("u"), reserve("u", 5)], ""),
        ([reserve("u", 5), ship("u")], ""),
        ([ship("u"), reserve("u", 95)], ""),
        ([reserve("u", 5), sale("u")], ""),
    ],
)
def test_a_unit_stands_where_its_latest_valid_assignment_says(
    story: Sequence[Movement], place: str
) -> None:
    assert standing(after(*story)) == place


@pytest.mark.parametrize(
    "story",
    [
        [announce("u"), reserve("u", 5), release("u", 6)],
        [reserve("u", 5), release("u", 6), reserve("u", 7, location_id=THERE)],
        [reserve("u", 5), reserve("u", 6, location_id=THERE), cancel("u")],
        [reserve("u", 5), ship("u"), cancel("u")],
        [announce("u", location_id=HERE), reserve("u", 5, location_id=THERE)],
        [reserve("u", 3), release("u", 4, location_id=""), reserve("u", 5)],
        [reserve("u", 0), reserve("u", 0, location_id=THERE)],
    ],
)
def test_a_unit_ends_the_same_in_whatever_order_its_story_arrives(
    story: Sequence[Movement],
) -> None:
    ends = {
        (standing(unit), unit.gone, unit.cancelled)
        for order in permutations(story)
        if (unit := after(*order))
    }
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        ([reserve("u", 5)], Outcome.APPLIED),
        ([reserve("u", 5), reserve("u", 6, location_id=THERE)], Outcome.APPLIED),
        ([reserve("u", 5), reserve("u", 6)], Outcome.NOTED),
        ([reserve("u", 5), reserve("u", 4, location_id=THERE)], Outcome.STALE_RANK),
        ([announce("u")], Outcome.NOTED),
        ([announce("u", location_id=HERE)], Outcome.APPLIED),
        ([reserve("u", 5), announce("u", location_id=HERE)], Outcome.STALE_RANK),
        ([reserve("u", 5), release("u", 6)], Outcome.APPLIED),
        ([reserve("u", 5), release("u", 4)], Outcome.STALE_RANK),
        ([release("u", 6)], Outcome.NOTED),
        ([release("u", 6), reserve("u", 5)], Outcome.STALE_RANK),
        ([cancel("u"), cancel("u")], Outcome.STALE_RANK),
        ([cancel("u"), announce("u")], Outcome.NOTED),
        ([cancel("u")], Outcome.NOTED),
        ([cancel("u"), reserve("u", 5)], Outcome.STALE_RANK),
        ([reserve("u", 5), cancel("u")], Outcome.APPLIED),
        ([cancel("u"), ship("u")], Outcome.APPLIED),
        ([ship("u"), cancel("u")], Outcome.LATE_CANCEL),
        ([sale("u"), cancel("u")], Outcome.LATE_CANCEL),
        ([ship("u"), release("u", 99)], Outcome.STALE_RANK),
        ([ship("u"), reserve("u", 99)], Outcome.STALE_RANK),
        ([ship("u"), sale("u")], Outcome.ALREADY_GONE),
        ([sale("u"), ship("u")], Outcome.ALREADY_GONE),
    ],
)
def test_every_answer_about_a_unit_has_a_name(
    story: Sequence[Movement], outcome: Outcome
) -> None:
    assert answer(*story) is outcome


def test_a_reservation_takes_from_main_and_a_release_gives_back() -> None:
    assert postings(reserve("u", 5)) == [(HERE, "main", "reserved", 1, "")]
    assert postings(reserve("u", 5), release("u", 6)) == [
        (HERE, "reserved", "main", 1, "")
    ]


def test_a_cancellation_releases_where_the_unit_is() -> None:
    assert postings(reserve("u", 5, location_id=THERE), cancel("u")) == [
        (THERE, "reserved", "main", 1, "")
    ]


def test_a_moved_reservation_makes_two_entries() -> None:
    assert postings(reserve("u", 5), reserve("u", 6, location_id=THERE)) == [
        (HERE, "reserved", "main", 1, RELEASED),
        (THERE, "main", "reserved", 1, ""),
    ]


def test_a_shipment_from_where_it_is_reserved_uses_the_reservation() -> None:
    assert postings(reserve("u", 5), ship("u")) == [
        (HERE, "reserved", "customer", 1, "")
    ]


def test_a_shipment_from_elsewhere_releases_there_and_takes_here() -> None:
    assert postings(reserve("u", 5), ship("u", location_id=THERE)) == [
        (HERE, "reserved", "main", 1, RELEASED),
        (THERE, "main", "customer", 1, ""),
    ]


def test_a_sale_of_several_releases_the_one_and_takes_all() -> None:
    assert postings(reserve("u", 5), sale("u", quantity=3)) == [
        (HERE, "reserved", "main", 1, RELEASED),
        (HERE, "main", "customer", 3, ""),
    ]


def test_a_reservation_that_a_known_release_undoes_moves_the_unit_nowhere() -> None:
    story = [reserve("u", 1), release("u", 5, location_id=THERE)]
    assert postings(*story, reserve("u", 3, location_id=THERE)) == [
        (HERE, "reserved", "main", 1, RELEASED)
    ]


def counted(*movements: Movement) -> list[Posting]:
    unit, made = Unit(), list[Posting]()
    for movement in movements:
        decision = decide_unit(movement, unit, now=NOON)
        unit = decision.unit
        made += [posting for posting in decision.postings if posting.counted]
    return made


def test_what_commerce_counted_is_booked_with_the_reservation() -> None:
    (booked,) = counted(reserve("u", 0, commerce_counted=True))
    assert (booked.location_id, booked.quantity, booked.counted) == (HERE, 1, 1)


def test_what_commerce_counted_is_booked_though_the_reservation_is_stale() -> None:
    late = announce("u", location_id=HERE, commerce_counted=True)
    (booked,) = counted(reserve("u", 5, location_id=THERE), late)
    trace = (HERE, Pool.MAIN, Pool.RESERVED, 0, COUNTED, 1, Effect.SUPERSEDED)
    assert booked == Posting(*trace)


@pytest.mark.parametrize(
    "story",
    [
        [announce("u", commerce_counted=True), reserve("u", 5)],
        [reserve("u", 5), announce("u", commerce_counted=True)],
        [announce("u", commerce_counted=True), ship("u")],
        [ship("u"), announce("u", commerce_counted=True)],
        [cancel("u"), reserve("u", 5), announce("u", commerce_counted=True)],
        [announce("u", commerce_counted=True), cancel("u"), reserve("u", 5)],
    ],
)
def test_what_commerce_counted_without_a_place_goes_to_the_first_one_named(
    story: Sequence[Movement],
) -> None:
    assert [(p.location_id, p.counted) for p in counted(*story)] == [(HERE, 1)]


def test_what_commerce_counted_waits_while_no_place_is_known() -> None:
    unit = after(announce("u", commerce_counted=True), cancel("u"))
    assert (unit.unplaced, unit.home) == (1, "")


def test_a_release_with_a_place_or_a_rank_is_not_a_cancellation() -> None:
    assert is_cancellation(cancel("u"))
    assert not is_cancellation(cancel("u", location_id=HERE))
    assert not is_cancellation(cancel("u", rank=1))
    assert not is_cancellation(announce("u"))


def test_only_a_unit_whose_story_ended_before_is_forgotten() -> None:
    gone = after(ship("u"))
    assert not is_forgettable(gone, final_before=NOON)
    assert is_forgettable(gone, final_before=NOON + timedelta(seconds=1))
    assert not is_forgettable(after(reserve("u", 5)), final_before=NOON)


def test_a_story_ends_once() -> None:
    cancelled = decide_unit(cancel("u"), Unit(), now=NOON).unit
    later = NOON + timedelta(days=1)
    assert decide_unit(ship("u"), cancelled, now=later).unit.final_at == NOON


def test_releases_older_than_the_reservation_are_not_kept() -> None:
    unit = after(release("u", 3), release("u", 7, location_id=THERE), reserve("u", 5))
    assert unit.released == ((THERE, 7),)


def test_a_sale_is_known_by_its_unit() -> None:
    assert sale_id("u") == sale("u").movement_id
    assert postings(sale("u"))[0][2] == Outside.CUSTOMER
