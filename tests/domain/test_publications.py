"""What is known of an entry, as levels and answers come in."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.availability import Counting
from streams.domain.publications import (
    Adoption,
    Level,
    Publication,
    Told,
    Trouble,
    accept,
    is_owed,
    latest,
    observe,
    pooled,
    refuse,
)

COMMERCE, POOL = Counting.COMMERCE, Counting.POOL


def level(target: int, sequence: int, *, available: int | None = None) -> Level:
    units = max(0, target) if available is None else available
    return Level(target, units, sequence, recorded_ms=1000 * sequence)


def seen(*levels: Level, counting: Counting = COMMERCE) -> Publication:
    row: Publication | None = None
    for one in levels:
        row = observe(row, one, channel_key="ldn", counting=counting)
    assert row is not None
    return row


def told(target: int, sequence: int, *, version: int = 1) -> Told:
    return Told(target, max(0, target), sequence, "e1", version, target, 99_000)


def test_a_new_entry_is_owed() -> None:
    assert is_owed(seen(level(5, 1)))


def test_an_accepted_entry_is_not_owed() -> None:
    assert not is_owed(accept(seen(level(5, 1)), told(5, 1)))


def test_a_change_of_target_is_owed() -> None:
    row = accept(seen(level(5, 1)), told(5, 1))
    row = observe(row, level(6, 2), channel_key="ldn", counting=COMMERCE)
    assert is_owed(row)
    assert row.since_ms == 2000


def test_a_reservation_that_commerce_counted_is_not_owed() -> None:
    row = accept(seen(level(5, 1)), told(5, 1))
    row = observe(row, level(5, 2, available=4), channel_key="ldn", counting=COMMERCE)
    assert not is_owed(row)
    assert row.available == 4


def test_in_pool_counting_a_change_of_availability_is_owed() -> None:
    row = accept(seen(level(5, 1)), told(5, 1))
    row = observe(row, level(5, 2, available=4), channel_key="ldn", counting=POOL)
    assert is_owed(row)


def test_in_pool_counting_a_change_of_target_alone_is_owed() -> None:
    row = accept(seen(level(5, 1)), told(5, 1))
    row = observe(row, level(6, 2, available=5), channel_key="ldn", counting=POOL)
    assert is_owed(row)


def test_a_target_that_went_there_and_back_is_owed() -> None:
    """The middle may have been sent by a request whose answer nobody heard."""
    row = accept(seen(level(5, 1)), told(5, 1))
    for one in (level(4, 2), level(5, 3)):
        row = observe(row, one, channel_key="ldn", counting=COMMERCE)
    assert is_owed(row)


def test_the_oldest_untold_change_says_since_when() -> None:
    assert seen(level(5, 1), level(4, 2), level(3, 3)).since_ms == 1000


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_level_that_is_not_newer_changes_nothing(sequence: int) -> None:
    row = seen(level(5, 2))
    late = level(9, sequence)
    assert observe(row, late, channel_key="ldn", counting=COMMERCE) is row


def test_another_channel_is_another_entry() -> None:
    row = accept(seen(level(5, 1)), told(5, 1))
    row = observe(row, level(5, 1), channel_key="par", counting=COMMERCE)
    assert row.told is None
    assert is_owed(row)


@pytest.mark.parametrize(
    "answer", [told(3, 1), told(4, 2), told(4, 2, version=1)], ids=repr
)
def test_an_answer_that_is_not_newer_changes_nothing(answer: Told) -> None:
    row = accept(seen(level(3, 1), level(4, 2)), told(4, 2))
    assert accept(row, answer) is row


def test_a_later_version_of_the_same_answer_is_noted() -> None:
    row = accept(seen(level(4, 2)), told(4, 2, version=1))
    assert accept(row, told(4, 2, version=3)).told == told(4, 2, version=3)


def test_an_adoption_stays_known() -> None:
    adoption = Adoption(found=7, correction=-2, sequence=1, adopted_at_ms=1)
    row = accept(seen(level(5, 1)), told(5, 1), adoption)
    row = observe(row, level(4, 2), channel_key="ldn", counting=COMMERCE)
    assert accept(row, told(4, 2)).adoption == adoption


def test_a_change_during_the_call_waits_since_that_change() -> None:
    row = accept(seen(level(5, 1), level(4, 2)), told(5, 1))
    assert is_owed(row)
    assert row.since_ms == 2000


def test_a_refusal_is_noted_and_an_acceptance_lifts_it() -> None:
    trouble = Trouble("InvalidField", "No such field.", 1, 1)
    row = refuse(seen(level(5, 1)), trouble)
    assert row.trouble == trouble
    assert is_owed(row)
    assert accept(row, told(5, 1)).trouble is None


def test_levels_change_nothing_of_what_commerce_said() -> None:
    adoption = Adoption(found=7, correction=-2, sequence=1, adopted_at_ms=1)
    row = accept(seen(level(5, 1), level(4, 2)), told(5, 1), adoption)
    row = refuse(row, Trouble("no_channel", "Make it.", 2, 3))
    assert None not in row

    for counting in Counting:
        new = observe(row, level(3, 3), channel_key="ldn", counting=counting)
        assert new == row._replace(
            target=3, available=3, sequence=3, changed_sequence=3, changed_ms=3000
        )


def test_an_answer_changes_nothing_of_what_is_wanted() -> None:
    row = refuse(seen(level(5, 1)), Trouble("no_channel", "Make it.", 1, 3))

    assert accept(row, told(5, 1)) == row._replace(told=told(5, 1), trouble=None)


def test_a_refusal_of_what_was_accepted_since_changes_nothing() -> None:
    row = accept(seen(level(5, 2)), told(5, 2))
    assert refuse(row, Trouble("Overtaken", "…", 2, 1)) is row


def test_an_older_refusal_changes_nothing() -> None:
    row = refuse(seen(level(5, 2)), Trouble("B", "…", 2, 1))
    assert refuse(row, Trouble("A", "…", 1, 1)) is row


def test_what_is_known_elsewhere_counts_as_told() -> None:
    row = seen(level(5, 1))
    assert not is_owed(row, told(5, 1))
    assert latest(None, told(5, 1)) == told(5, 1)
    assert latest(told(5, 1), None) == told(5, 1)
    assert latest(None, None) is None


levels = st.builds(
    Level,
    st.integers(-50, 50),
    st.integers(0, 50),
    st.integers(1, 9),
    st.integers(0, 9),
)


@given(st.lists(levels, min_size=1), levels, st.integers(0, 8))
def test_a_pools_sequence_grows_whenever_one_level_does(
    all_levels: list[Level], newer: Level, place: int
) -> None:
    place %= len(all_levels)
    before = pooled(all_levels)
    newer = newer._replace(sequence=all_levels[place].sequence + newer.sequence)
    after = pooled([*all_levels[:place], newer, *all_levels[place + 1 :]])
    assert after.sequence > before.sequence
    assert after.target - before.target == newer.target - all_levels[place].target


@given(st.lists(levels, min_size=1), st.randoms())
def test_levels_in_any_order_end_with_the_newest(
    all_levels: list[Level], shuffle: Random
) -> None:
    unique = {one.sequence: one for one in all_levels}
    shuffled = list(unique.values())
    shuffle.shuffle(shuffled)
    newest = unique[max(unique)]
    assert seen(*shuffled).wanted == (newest.target, newest.available, newest.sequence)
