"""It cannot matter in which order, how often or how late an order's notes arrive."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.commerce_wanted import WantedOrder
from streams.domain.order_notes import GoodsReturned, OrderNote, PlacedLine
from streams.domain.order_record import Order
from streams.domain.wanted import content_of
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    FAILED,
    QUIET,
    READY,
    RULES,
    SECOND,
    Book,
    appeased,
    back,
    cancelled,
    completed,
    items_of,
    line,
    opened,
    placed,
    returned,
    seen,
    settled,
    state_seen,
)

Draw = Any

PLACES = ("LDN01", "LDS01")
LONG = RULES.window_longest + RULES.return_wait


@st.composite
def stories(draw: Draw) -> list[OrderNote]:
    """Tell an order's life in the order in which it happened."""
    skus = draw(st.lists(st.sampled_from(["TEE", "MUG"]), min_size=1, max_size=3))
    lines = [
        line(f"l{index}", sku, draw(st.integers(1, 3)), channel_key="london")
        for index, sku in enumerate(skus)
    ]
    items = items_of(lines)
    if draw(st.booleans()):
        items = [replace(each, external_item_id="") for each in items]
    told: list[OrderNote] = [placed(*lines, has_shipping=draw(st.booleans()))]
    told.append(opened(*items))
    for rank, each in enumerate(items):
        told += _fulfilment(draw, each.item_id, rank * 10)
    told += _ending(draw, lines, [each.item_id for each in items])
    return told


def _fulfilment(draw: Draw, item_id: str, rank: int) -> list[OrderNote]:
    request = draw(st.sampled_from(["fr-1", "fr-2"]))
    told: list[OrderNote] = []
    for step in draw(st.lists(st.sampled_from([ASSIGNED, FAILED, READY]), max_size=3)):
        rank += 1
        place = draw(st.sampled_from(PLACES))
        told.append(seen(step, item_id, rank=rank, request=request, place=place))
    match draw(st.sampled_from(["ship", "ship", "cancel", "lack", "nothing"])):
        case "ship":
            code = draw(st.sampled_from(["", "T1", "T2"]))
            told.append(
                seen(COMPLETED, item_id, rank=rank + 1, request=request, tracking=code)
            )
        case "cancel":
            told.append(cancelled(item_id))
        case "lack":
            told.append(cancelled(item_id, reason="insufficient_stock"))
    return told


def _ending(
    draw: Draw, lines: Sequence[PlacedLine], item_ids: Sequence[str]
) -> list[OrderNote]:
    told: list[OrderNote] = []
    if draw(st.booleans()):
        told.append(completed())
    for number in range(draw(st.integers(0, 2))):
        named = draw(st.lists(st.sampled_from(item_ids), max_size=2, unique=True))
        sku = draw(st.sampled_from([each.sku for each in lines]))
        items = [
            back(_sku_of(lines, name), name, sellable=draw(st.booleans()))
            for name in named
        ] or [back(sku)]
        told.append(
            returned(
                *items,
                return_id=f"ret-{number}",
                returned_at=NOON + number * SECOND,
                refund_minor=draw(st.sampled_from([0, 5_000])),
            )
        )
        told += [
            settled(2_500, f"ret-{number}", transaction_id=f"tx-{number}-{part}")
            for part in range(draw(st.integers(0, 2)))
        ]
    if draw(st.booleans()):
        told += [appeased(), settled(500, "app-1", transaction_id="tx-app")]
    if draw(st.integers(0, 4)) == 0:
        told.append(state_seen("Cancelled"))
    return told


def _sku_of(lines: Sequence[PlacedLine], item_id: str) -> str:
    line_id = item_id.removeprefix("i-").rpartition("#")[0]
    return next(each.sku for each in lines if each.line_id == line_id)


def told_whole(notes: Sequence[OrderNote], pause: Any = 0 * SECOND) -> Book:
    """Tell notes one by one, then wait until nothing is open any more."""
    made = Book()
    for note in notes:
        made.hear(note, after=pause)
    return made.wait(LONG)


def timeless(order: Order) -> Order:
    """Return the record without times learnt and without counters of changes."""
    return order._replace(
        returns={k: v._replace(learnt_at=NOON) for k, v in order.returns.items()},
        settlements={
            k: v._replace(learnt_at=NOON) for k, v in order.settlements.items()
        },
        deliveries=tuple(sorted(order.deliveries)),
        wanted_sequence=0,
        first_at=None,
        changed_at=None,
    )


def said(order: Order) -> WantedOrder:
    wanted = content_of(order)
    deliveries = sorted(wanted.deliveries, key=lambda each: each.key)
    return replace(wanted, deliveries=tuple(deliveries))


def sent(made: Book) -> list[Any]:
    """Return the movements sent, as a set; when a release was decided is learnt."""
    return sorted((m._replace(occurred_at=NOON) for m in made.movements), key=str)


@st.composite
def shuffled(draw: Draw) -> tuple[list[OrderNote], list[OrderNote]]:
    notes = draw(stories())
    repeats = draw(st.lists(st.sampled_from(notes), max_size=4))
    return notes, draw(st.permutations([*notes, *repeats]))


@settings(max_examples=60, deadline=None)
@given(shuffled(), st.floats(0, 1))
def test_notes_shuffled_repeated_and_delayed_within_the_waits_end_the_same(
    told: tuple[list[OrderNote], list[OrderNote]], pace: float
) -> None:
    notes, mixed = told
    pause = QUIET * pace * 0.99 / len(mixed)

    ordered, other = told_whole(notes), told_whole(mixed, pause)

    assert timeless(other.order) == timeless(ordered.order)
    assert said(other.order) == said(ordered.order)
    assert sent(other) == sent(ordered)


@settings(max_examples=40, deadline=None)
@given(shuffled(), st.lists(st.integers(0, 400), min_size=1, max_size=30))
def test_what_commercetools_is_told_is_only_added_to_and_always_adds_up(
    told: tuple[list[OrderNote], list[OrderNote]], pauses: list[int]
) -> None:
    notes, mixed = told
    made = Book()
    for index, note in enumerate(mixed):
        made.hear(note).wait(pauses[index % len(pauses)] * SECOND)
    made.wait(LONG)

    for earlier, later in zip(made.wanted, made.wanted[1:], strict=False):
        assert later.sequence > earlier.sequence
        assert later.deliveries[: len(earlier.deliveries)] == earlier.deliveries
        assert _return_items(earlier) <= _return_items(later)
    quantities = {
        each.line_id: each.quantity for note in notes for each in _lines(note)
    }
    for wanted in made.wanted:
        for each in wanted.lines:
            total = sum(part.quantity for part in each.states)
            assert total == quantities[each.line_id]
        for line_id, quantity in quantities.items():
            shipped = sum(
                part.quantity
                for delivery in wanted.deliveries
                for part in delivery.items
                if part.line_id == line_id
            )
            assert shipped <= quantity
    late, ordered = made.order, told_whole(notes).order
    assert _units(late) == _units(ordered)
    assert sent(made) == sent(told_whole(notes))


def _lines(note: OrderNote) -> Sequence[PlacedLine]:
    return getattr(note, "lines", ())


def _return_items(wanted: WantedOrder) -> set[tuple[str, str, int, str]]:
    return {
        (item.key, item.line_id, item.quantity, item.shipment_state)
        for each in wanted.returns
        for item in each.items
    }


def _units(order: Order) -> set[tuple[str, str]]:
    """Return each delivered unit and its request: what does not hang on windows."""
    return {
        (each.unit, delivery.request_id)
        for delivery in order.deliveries
        for each in delivery.units
    }


@settings(max_examples=25, deadline=None)
@given(stories())
def test_hearing_everything_again_changes_nothing(notes: list[OrderNote]) -> None:
    made = told_whole(notes)
    before = made.order
    count = len(made.movements)

    for note in notes:
        made.hear(note)

    assert made.order == before
    assert len(made.movements) == count


LATENESS = 15 * 60 * SECOND
PATIENT = replace(RULES, return_lateness=LATENESS)


@st.composite
def double_claims(draw: Draw) -> list[tuple[int, OrderNote]]:
    """Return an order's notes and returns of its units, several of the same, with the
    seconds from noon at which each is told: at most 15 minutes late."""
    lines = [line("a", "TEE", 3)]
    items = items_of(lines)
    told: list[tuple[int, OrderNote]] = [(0, placed(*lines)), (0, opened(*items))]
    told += [(0, seen(COMPLETED, each.item_id)) for each in items]
    names = st.sampled_from([each.item_id for each in items])
    for number in range(draw(st.integers(2, 5))):
        happened_s = draw(st.integers(0, 1800))
        note = returned(
            back("TEE", draw(names), sellable=draw(st.booleans())),
            return_id=f"ret-{number}",
            returned_at=NOON + happened_s * SECOND,
        )
        told.append((happened_s + draw(st.integers(1, 899)), note))
    return told


def told_late(told: Sequence[tuple[int, OrderNote]]) -> Book:
    made = Book(rules=PATIENT)
    for at_s, note in sorted(told, key=lambda each: each[0]):
        made.wait(NOON + at_s * SECOND - made.now).hear(note)
    return made.wait(LONG + LATENESS)


@settings(max_examples=60, deadline=None)
@given(double_claims())
def test_of_returns_of_one_unit_the_earliest_stands_however_late_they_are_told(
    told: list[tuple[int, OrderNote]],
) -> None:
    returns = [note for _, note in told if isinstance(note, GoodsReturned)]
    first: dict[str, GoodsReturned] = {}
    for note in sorted(returns, key=lambda each: (each.returned_at, each.return_id)):
        first.setdefault(note.items[0].item_id.removeprefix("i-"), note)

    made = told_late(told)

    stands = {name: match.claim.return_id for name, match in made.order.matches.items()}
    assert stands == {name: note.return_id for name, note in first.items()}
    losers = {note.return_id for note in returns} - set(stands.values())
    cases = {t.value.partition("/")[0]: t.reason for t in made.order.troubles}
    assert cases == dict.fromkeys(losers, "returned_twice")
    told_of = [item.key for each in made.says.returns for item in each.items]
    assert len(told_of) == len(stands)


@settings(max_examples=40, deadline=None)
@given(double_claims(), st.randoms(use_true_random=False))
def test_returns_of_one_unit_end_the_same_in_whatever_order_they_are_told(
    told: list[tuple[int, OrderNote]], rng: Random
) -> None:
    times = {}
    for _, note in told:
        if isinstance(note, GoodsReturned):
            happened_s = (note.returned_at - NOON) // SECOND
            times[note.return_id] = happened_s + rng.randint(1, 899)
    other = [
        (times[note.return_id] if isinstance(note, GoodsReturned) else at_s, note)
        for at_s, note in told
    ]

    one, two = told_late(told), told_late(other)

    assert timeless(one.order)._replace(troubles=()) == timeless(two.order)._replace(
        troubles=()
    )
    assert {t.identity for t in one.order.troubles} == {
        t.identity for t in two.order.troubles
    }
    assert said(one.order) == said(two.order)
