"""Rows of the linking stage: links by alias, and the times at which people are told."""

from collections.abc import Iterable
from itertools import islice, takewhile

from streams.agents.expiries import expiry_key
from streams.domain.linking import Link
from streams.engine.fold import Result, View
from streams.mapping.linking_state import (
    decode_link,
    encode_link,
    parse_timer_key,
    timer_key,
)
from streams.tables import LINK_EXPIRIES, LINK_TIMERS, ORDER_LINKS

DUE_MAX = 200
"""Aliases whose time is up that one tick takes; the rest follows in the next."""


def load_links(view: View, aliases: Iterable[bytes]) -> dict[bytes, Link]:
    """Read what is known of some aliases; those never heard of are left out."""
    rows = view.get(ORDER_LINKS, aliases)
    return {key: decode_link(row) for key, row in rows.items()}


def due_aliases(view: View, now_ms: int) -> list[bytes]:
    """List the aliases whose time is up, the longest overdue first."""
    rows = (parse_timer_key(key) for key, _ in view.scan(LINK_TIMERS))
    due = takewhile(lambda row: row[0] <= now_ms, rows)
    return [alias for _, alias in islice(due, DUE_MAX)]


def write_link(result: Result, key: bytes, before: Link, after: Link) -> None:
    """Write a row that has changed, and the time that is due with it."""
    if after == before:
        return
    result.put(ORDER_LINKS, key, encode_link(after))
    if after.heard_ms and not before.heard_ms:
        result.put(LINK_EXPIRIES, expiry_key(after.heard_ms, key), b"")
    if before.due_ms != after.due_ms:
        if before.due_ms:
            result.put(LINK_TIMERS, timer_key(before.due_ms, key), None)
        if after.due_ms:
            result.put(LINK_TIMERS, timer_key(after.due_ms, key), b"")
