"""Stock counts: absolute as of their time, whatever arrives before or after them."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from streams.domain.movements import Account, Outside, Pool
from streams.domain.postings import RELEASED, RESERVED_AGAIN, Effect, Posting
from streams.domain.stock import COUNTED_POOLS, MAIN, RESERVED, Count, Row


class Moved(NamedTuple):
    """Units that physically came into a pool (or left it, below zero), and when."""

    at: datetime
    pool: int
    quantity: int


Steps = tuple[tuple[int, int], ...]


def _steps(source: Account, target: Account) -> Steps:
    left, entered = COUNTED_POOLS.get(source), COUNTED_POOLS.get(target)
    if left == entered:
        return ()
    steps = ((left, -1), (entered, +1))
    return tuple((pool, sign) for pool, sign in steps if pool is not None)


_ALL: tuple[Account, ...] = (*Pool, *Outside)
STEPS: dict[tuple[Account, Account], Steps] = {
    (source, target): _steps(source, target) for source in _ALL for target in _ALL
}
"""For each pair of accounts: the counted pools a posting changes, and the sign."""


def is_late(row: Row, at: datetime) -> bool:
    """Say whether some pool of the row was counted at that time or later."""
    return bool(row.counts) and at <= row.counts[0].at


def absorb(row: Row, posting: Posting, at: datetime) -> tuple[Posting, ...]:
    """Turn a posting so that pools counted at `at` or later do not change by it.

    The count found what the movement had left behind, and booked the difference to
    `unknown`; the movement now explains that difference. A reservation that ends or
    begins with the movement still does, within what is on hand.
    """
    seen = {count.pool for count in row.counts if at <= count.at}
    steps = STEPS[posting.source, posting.target]
    if not any(pool in seen for pool, _ in steps):
        return (posting,)
    source, target, first = posting.source, posting.target, []
    if COUNTED_POOLS.get(source) in seen:
        if source == Pool.RESERVED:
            first.append(posting._replace(target=Pool.MAIN, suffix=RELEASED, counted=0))
        source = Outside.UNKNOWN
    if COUNTED_POOLS.get(target) in seen:
        if target == Pool.RESERVED:
            first.append(
                posting._replace(source=Pool.MAIN, suffix=RESERVED_AGAIN, counted=0)
            )
        target = Outside.UNKNOWN
    rest = posting._replace(source=source, target=target, effect=Effect.ABSORBED)
    return (*first, rest)


def supersedes(row: Row, count: Count) -> bool:
    """Say whether the row has no count of this pool that is as late or later."""
    return all(last < count for last in row.counts if last.pool == count.pool)


def is_answerable(row: Row, count: Count, *, remembered_since: datetime) -> bool:
    """Say whether all that moved since the count is still remembered.

    Movements recorded before `remembered_since` are forgotten, but those occurred
    before it, so only an older count on an older row could miss one.
    """
    return count.at >= remembered_since or row.first_recorded_at >= remembered_since


def decide_count(
    row: Row, location_id: str, pool: Pool, count: Count, moved: Iterable[Moved]
) -> Posting:
    """Find the difference between the books and the count plus what moved since it."""
    since = sum(m.quantity for m in moved if m.pool == count.pool and m.at > count.at)
    booked = row.balances[count.pool]
    if count.pool == MAIN:
        booked += row.balances[RESERVED]
    difference = count.found + since - booked
    if difference < 0:
        return Posting(location_id, pool, Outside.UNKNOWN, -difference)
    return Posting(location_id, Outside.UNKNOWN, pool, difference)


def superseded_count(location_id: str, pool: Pool) -> Posting:
    """Leave a trace of a count that came too late to matter."""
    return Posting(location_id, Outside.UNKNOWN, pool, 0, effect=Effect.SUPERSEDED)


def note_count(row: Row, count: Count) -> None:
    """Note the count as the last one of its pool."""
    others = [last for last in row.counts if last.pool != count.pool]
    row.counts = tuple(sorted([*others, count], reverse=True))


def still_needed(moved: Iterable[Moved], count: Count) -> list[Moved]:
    """Return what a later count may yet ask for; the rest can be forgotten."""
    return [m for m in moved if m.pool != count.pool or m.at > count.at]
