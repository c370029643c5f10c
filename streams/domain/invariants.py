"""What must always hold, computed from the journal alone.

Nothing here shares a line with the code that decides and posts: it is what that code
is judged by (`oneshelf verify`, the simulator, the tests).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Place = tuple[str, str]
"""SKU and location id."""

OUTSIDE = frozenset(("customer", "supplier", "transit", "shrink", "unknown"))


class InvariantBroken(Exception):
    """Something that cannot be is so: a bug. Stop, keep the evidence, do not go on."""


class JournalEntry(Protocol):
    """What the checks read of a journal entry."""

    @property
    def entry_id(self) -> str: ...
    @property
    def sku(self) -> str: ...
    @property
    def location_id(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def from_account(self) -> str: ...
    @property
    def to_account(self) -> str: ...
    @property
    def on_hand_before(self) -> int: ...
    @property
    def on_hand_after(self) -> int: ...
    @property
    def sequence(self) -> int: ...


class Level(Protocol):
    """What the checks read of a level."""

    @property
    def sku(self) -> str: ...
    @property
    def location_id(self) -> str: ...
    @property
    def on_hand(self) -> int: ...
    @property
    def reserved(self) -> int: ...
    @property
    def damaged(self) -> int: ...
    @property
    def held(self) -> int: ...
    @property
    def in_transit(self) -> int: ...
    @property
    def safety_stock(self) -> int: ...
    @property
    def available(self) -> int: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def entries(self) -> int: ...


@dataclass(slots=True)
class Balances:
    """What the journal says about one SKU at one location."""

    accounts: dict[str, int] = field(default_factory=dict)
    entries: int = 0
    on_hand: int = 0

    def of(self, account: str) -> int:
        return self.accounts.get(account, 0)


@dataclass(slots=True)
class Journal:
    """The journal folded: balances by SKU and location, and what is wrong with it."""

    rows: dict[Place, Balances] = field(default_factory=dict)
    entries: int = 0
    faults: list[str] = field(default_factory=list)


def fold_journal(entries: Iterable[JournalEntry]) -> dict[Place, Balances]:
    """Add up a journal by SKU and location; entries of a row in their order.

    Raises:
        InvariantBroken: The journal contradicts itself.
    """
    journal = audit_journal(entries)
    if journal.faults:
        raise InvariantBroken("; ".join(journal.faults[:10]))
    return journal.rows


def audit_journal(entries: Iterable[JournalEntry]) -> Journal:
    """Add up a journal and collect what is wrong with it instead of stopping.

    Each row's entries must be numbered 1, 2, 3 …, each must begin with the on hand the
    last one ended with, name two accounts of its own location, and be there once.
    """
    journal, seen = Journal(), set[str]()
    for entry in entries:
        row = journal.rows.setdefault((entry.sku, entry.location_id), Balances())
        journal.entries += 1
        row.entries += 1
        if entry.entry_id in seen:
            _fault(journal, entry, "is in the journal twice")
        seen.add(entry.entry_id)
        if entry.sequence != row.entries:
            _fault(journal, entry, f"is entry {row.entries} but says {entry.sequence}")
        if entry.quantity < 0:
            _fault(journal, entry, f"moves {entry.quantity} units")
        if entry.on_hand_before != row.on_hand:
            begun = f"begins at {entry.on_hand_before} on hand, not {row.on_hand}"
            _fault(journal, entry, begun)
        for account, units in (
            (entry.from_account, -entry.quantity),
            (entry.to_account, entry.quantity),
        ):
            name = _account_name(entry, account)
            if name is None:
                _fault(journal, entry, f"names the account {account!r}")
            else:
                row.accounts[name] = row.of(name) + units
        row.on_hand = row.of("main") + row.of("reserved")
        if entry.on_hand_after != row.on_hand:
            ended = f"ends at {entry.on_hand_after} on hand, not {row.on_hand}"
            _fault(journal, entry, ended)
    return journal


def _fault(journal: Journal, entry: JournalEntry, what: str) -> None:
    place = f"{entry.sku} at {entry.location_id}"
    journal.faults.append(f"{place}: entry {entry.entry_id} {what}")


def _account_name(entry: JournalEntry, account: str) -> str | None:
    if account in OUTSIDE:
        return account
    location_id, _, pool = account.rpartition(":")
    pools = ("main", "reserved", "damaged", "held", "in_transit")
    return pool if location_id == entry.location_id and pool in pools else None


def check_conservation(rows: Mapping[Place, Balances]) -> list[str]:
    """Name the SKUs and rows that do not sum to zero over all accounts."""
    faults, per_sku = [], dict[str, int]()
    for (sku, location_id), row in rows.items():
        total = sum(row.accounts.values())
        per_sku[sku] = per_sku.get(sku, 0) + total
        if total:
            faults.append(f"{sku} at {location_id}: accounts sum to {total}, not 0")
    faults += [f"{sku}: sums to {n}, not 0" for sku, n in per_sku.items() if n]
    return faults


def compare_levels(
    rows: Mapping[Place, Balances], levels: Iterable[Level]
) -> list[str]:
    """Name every difference between the journal's balances and the levels."""
    faults, unseen = [], set(rows)
    for level in levels:
        key = (level.sku, level.location_id)
        unseen.discard(key)
        row = rows.get(key, Balances())
        sellable = row.of("main") - level.safety_stock
        expected = {
            "on_hand": row.of("main") + row.of("reserved"),
            "reserved": row.of("reserved"),
            "damaged": row.of("damaged"),
            "held": row.of("held"),
            "in_transit": row.of("in_transit"),
            "available": max(0, sellable) if level.enabled else 0,
            "entries": row.entries,
        }
        for name, wanted in expected.items():
            found = getattr(level, name)
            if found != wanted:
                place = f"{level.sku} at {level.location_id}"
                faults.append(f"{place}: {name} is {found}, the journal says {wanted}")
    faults += [
        f"{sku} at {location_id}: in the journal, but without a level"
        for sku, location_id in sorted(unseen)
    ]
    return faults
