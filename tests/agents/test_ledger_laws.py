"""The ledger's laws, on random stories told in random orders and batches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.invariants import check_conservation, compare_levels, fold_journal
from streams.domain.movements import Movement, MovementKind, Outside, Pool
from streams.domain.reference import Location, Product
from streams.domain.stock import ACCOUNTS
from streams.mapping.stock import split_row_key
from streams.mapping.stock_state import decode_row
from streams.tables import LEVELS
from tests.support.ledger import (
    TEE,
    Ledger,
    adjustment,
    announce,
    cancel,
    count,
    giveback,
    identify,
    minutes,
    movement,
    receipt,
    release,
    reserve,
    sale,
    ship,
)

PLACES = ("LDN01", "LDN02", "CLOSED")
SKUS = (TEE, "MUG")
UNITS = ("u", "v", "w")
COUNTED = (Pool.MAIN, Pool.DAMAGED, Pool.HELD)

REFERENCES: tuple[dict[str, Any], ...] = (
    {"transfer_ref": "asn:1"},
    {"transfer_ref": "order:7"},
    {"transfer_ref": "asn:1", "transfer_also": ("order:7",)},
)

places = st.sampled_from(PLACES)
quantities = st.integers(1, 9)


@st.composite
def plain(draw: st.DrawFn, name: str) -> Movement:
    """Draw a movement that only its row bears on, or a transfer."""
    quantity = draw(quantities)
    pool = draw(st.sampled_from(COUNTED))
    refs = draw(st.sampled_from(REFERENCES))
    told = draw(
        st.sampled_from(
            [
                sale(f"s{name}"),
                sale(f"s{name}", commerce_counted=True),
                giveback(name, pool=pool),
                receipt(name, quantity, pool=pool),
                receipt(name, quantity, pool=pool, **refs),
                transfer(MovementKind.TRANSFER_IN, name, quantity, refs),
                transfer(MovementKind.TRANSFER_OUT, name, quantity, refs),
                adjustment(name, Pool.MAIN, Pool.DAMAGED, quantity),
                adjustment(name, Pool.HELD, Outside.SHRINK, quantity),
                adjustment(name, Outside.CUSTOMER, Pool.RESERVED, quantity),
                movement(MovementKind.HOLD, f"hold:{name}", quantity=quantity),
            ]
        )
    )
    return told._replace(location_id=draw(places), sku=draw(st.sampled_from(SKUS)))


def transfer(
    kind: MovementKind, name: str, quantity: int, refs: Mapping[str, Any]
) -> Movement:
    return movement(kind, f"{kind}:{name}", quantity=quantity, **refs)


@st.composite
def unit_story(draw: st.DrawFn, unit_id: str) -> list[Movement]:
    """Draw what is told of one unit; it leaves once, at most."""
    sku = draw(st.sampled_from(SKUS))
    home = draw(places)
    wandering = draw(st.booleans())
    place = places if wandering else st.just(home)
    ranks = draw(st.lists(st.integers(1, 9), max_size=3, unique=True))
    told = [reserve(unit_id, rank, location_id=draw(place)) for rank in ranks]
    for rank in draw(st.lists(st.integers(1, 9), max_size=2, unique=True)):
        somewhere = draw(st.just("") | place)
        told.append(release(unit_id, rank, location_id=somewhere))
    counted = draw(st.booleans())
    # Where no place is named, what commerce counted goes to the first one heard of:
    # only a unit that stays in one place has the same one in every order.
    somewhere = draw(place) if wandering or draw(st.booleans()) else ""
    told.append(announce(unit_id, location_id=somewhere, commerce_counted=counted))
    if draw(st.booleans()):
        told.append(cancel(unit_id))
    leave = draw(st.sampled_from([None, ship, sale]))
    if leave is not None:
        told.append(leave(unit_id, location_id=draw(place)))
    return [m._replace(sku=sku) for m in told]


@st.composite
def web_story(draw: st.DrawFn, own: str) -> list[Movement]:
    """Draw what is told of a web order's unit, under its own name and NewStore's."""
    home = draw(places)
    wandering = draw(st.booleans())
    place = places if wandering else st.just(home)
    counted = draw(st.booleans())
    told = [announce(own, location_id=home, commerce_counted=counted)]
    for attempt in range(1, draw(st.integers(1, 3))):
        rank = draw(st.sampled_from([0, 3, 6]))
        ours: dict[str, Any] = {"attempt": attempt, "location_id": draw(place)}
        told.append(reserve(own, rank, **ours)._replace(movement_id=f"r{own}{attempt}"))
        if draw(st.booleans()):
            freed = release(own, rank, **ours)._replace(movement_id=f"f{own}{attempt}")
            told.append(freed)
    if draw(st.booleans()):
        told.append(cancel(own))
    names = [f"{own}-ns{number}" for number in range(draw(st.integers(1, 2)))]
    for name in names:
        told.append(identify(name, own))
        ranks = draw(st.lists(st.integers(1, 9), max_size=2, unique=True))
        told += [reserve(name, rank, location_id=draw(place)) for rank in ranks]
        if draw(st.booleans()):
            somewhere = draw(st.just("") | place)
            told.append(release(name, draw(st.integers(1, 9)), location_id=somewhere))
        if draw(st.booleans()):
            told.append(cancel(name))
    leave = draw(st.sampled_from([None, ship, sale]))
    if leave is not None:
        told.append(leave(draw(st.sampled_from(names)), location_id=draw(place)))
    sku = draw(st.sampled_from(SKUS))
    return [m._replace(sku=sku) for m in told]


@st.composite
def stories(draw: st.DrawFn, *, with_counts: bool) -> list[Movement]:
    """Draw a set of movements with the times they occurred at."""
    told = [draw(plain(str(i))) for i in range(draw(st.integers(0, 8)))]
    for unit_id in UNITS[: draw(st.integers(0, 3))]:
        told += draw(unit_story(unit_id))
    for number in range(draw(st.integers(0, 2))):
        told += draw(web_story(f"W-1/li-a#{number}"))
    if with_counts:
        for i in range(draw(st.integers(1, 4))):
            changes: dict[str, Any] = {
                "pool": draw(st.sampled_from(COUNTED)),
                "location_id": draw(places),
                "sku": draw(st.sampled_from(SKUS)),
            }
            told.append(count(f"c{i}", draw(st.integers(0, 9)), **changes))
    times = st.integers(0, 4)
    crowd = draw(st.integers(0, 2))
    told = [_crowded(m, crowd) for m in told]
    return [m._replace(occurred_at=minutes(draw(times))) for m in told]


def _crowded(told: Movement, crowd: int) -> Movement:
    """Bring movements together in one row, where they get in each other's way."""
    if crowd == 0:
        return told
    changes: dict[str, Any] = {"sku": TEE}
    if told.location_id and crowd == 2:
        changes["location_id"] = "LDN01"
    if told.kind is MovementKind.COUNT and crowd == 2 and told.quantity % 3:
        changes["pool"] = Pool.MAIN
    return told._replace(**changes)


@st.composite
def batches(draw: st.DrawFn, story: Sequence[Movement]) -> list[list[Movement]]:
    """Draw an order, repeats and batches to tell a story in."""
    repeats = draw(st.lists(st.sampled_from(story), max_size=4)) if story else []
    order = draw(st.permutations([*story, *repeats]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [order[a:b] for a, b in pairwise([0, *cuts, len(order)])]


def told(batched: Sequence[Sequence[Movement]]) -> Ledger:
    ledger = Ledger()
    ledger.reference.put_product(Product(sku="MUG", safety_stock=2))
    for batch in batched:
        ledger.tell(*batch)
    return ledger


def rows(ledger: Ledger) -> dict[bytes, object]:
    """Return what must not hang on the order: not the sequence, not the journal."""
    found: dict[bytes, object] = {}
    for key, value in ledger.view.tables.get(LEVELS, {}).items():
        row = decode_row(value)
        state = (row.balances, row.target, row.available, row.counts)
        if any(row.balances) or row.target or row.counts:
            found[key] = state
    return found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_without_counts_any_order_with_repeats_ends_in_the_same_rows(
    data: st.DataObject,
) -> None:
    story = data.draw(stories(with_counts=False))
    assert rows(told([story])) == rows(told(data.draw(batches(story))))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_with_counts_any_order_ends_in_the_same_rows_as_the_order_of_occurrence(
    data: st.DataObject,
) -> None:
    story = data.draw(stories(with_counts=True))
    occurred = sorted(
        story, key=lambda m: (m.occurred_at, m.kind is MovementKind.COUNT)
    )
    assert rows(told([occurred])) == rows(told(data.draw(batches(story))))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_where_batches_are_split_changes_nothing_at_all(data: st.DataObject) -> None:
    split = data.draw(batches(data.draw(stories(with_counts=True))))
    whole = told([[m for batch in split for m in batch]])
    parts = told(split)
    assert parts.journal == whole.journal
    assert parts.levels == whole.levels
    assert parts.counts == whole.counts
    assert parts.view.tables.get(LEVELS) == whole.view.tables.get(LEVELS)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_journal_alone_gives_the_rows_and_every_sku_sums_to_zero(
    data: st.DataObject,
) -> None:
    ledger = told(data.draw(batches(data.draw(stories(with_counts=True)))))
    balances = fold_journal(ledger.journal)
    assert check_conservation(balances) == []
    assert compare_levels(balances, ledger.levels.values()) == []
    for key, value in ledger.view.tables.get(LEVELS, {}).items():
        row = decode_row(value)
        assert sum(row.balances) == 0
        journalled = balances[split_row_key(key)]
        assert row.balances == [journalled.of(account) for account in ACCOUNTS]
        assert row.entries == journalled.entries


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_comes_in_is_accounted_for_by_name(data: st.DataObject) -> None:
    split = data.draw(batches(data.draw(stories(with_counts=True))))
    counts = Counter(told(split).counts)
    came = counts.pop("in", 0)
    for beside in ("oversold", "duplicate_changed"):
        counts.pop(beside, 0)
    assert came == sum(len(batch) for batch in split) == counts.total()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_commerce_ends_at_what_is_available_whatever_it_counts_by_itself(
    data: st.DataObject,
) -> None:
    """Commerce hears target changes batch by batch, and counts its own orders at any
    time between: as soon as both are quiet, its quantity is what is available."""
    ledger = Ledger()
    split = data.draw(batches(data.draw(stories(with_counts=True))))
    commerce, heard, own = Counter[str](), Counter[str](), Counter[str]()
    for batch in split:
        if data.draw(st.booleans()):
            ledger.reference.put_location(
                Location(
                    location_id=data.draw(places),
                    safety_stock=data.draw(st.integers(0, 3)),
                    enabled=data.draw(st.booleans()),
                )
            )
            while ledger.tick() is not None:
                pass
        ledger.tell(*batch)
        for key, level in ledger.levels.items():
            commerce[key.decode()] += level.commerce_target - heard[key.decode()]
            heard[key.decode()] = level.commerce_target
    for place, units in counted_by_commerce(split).items():
        own[place] = units
    for key, level in ledger.levels.items():
        quantity = commerce[key.decode()] - own[key.decode()]
        assert quantity == level.available


def counted_by_commerce(split: Sequence[Sequence[Movement]]) -> Counter[str]:
    """Return what commerce took off by itself, where the ledger can know the place."""
    units: Counter[str] = Counter()
    story = {m.movement_id: m for batch in split for m in batch}
    for told_once in story.values():
        if not told_once.commerce_counted:
            continue
        place = told_once.location_id or next(
            (
                m.location_id
                for m in story.values()
                if m.unit_id == told_once.unit_id
                and m.location_id
                and m.kind is not MovementKind.RELEASE
            ),
            "",
        )
        if place:
            units[f"{told_once.sku}|{place}"] += told_once.quantity
    return units
