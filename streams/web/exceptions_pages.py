"""Pages of the exceptions list: what one worker has of it, and many workers' as one."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from streams.domain.exceptions import UNFINISHED, Case, State
from streams.mapping.exception_reading import Rows, walk_cases
from streams.web.exceptions_shapes import case_shape

LOOKED_AT_MAX = 500
"""Cases of one partition looked at for one page; the next page goes on from there."""


class Query(NamedTuple):
    """Which cases are asked for; what is empty does not matter."""

    states: frozenset[State] = UNFINISHED
    kind: str = ""
    reason: str = ""
    owner: str = ""
    group: str = ""
    limit: int = 50
    after: bytes = b""

    def fits(self, case: Case) -> bool:
        """Say whether a case is one of those."""
        return (
            case.state in self.states
            and self.kind in ("", case.kind)
            and self.reason in ("", case.trouble.reason)
            and self.owner in ("", case.owner)
            and self.group in ("", case.group_id)
        )

    def target(self, partitions: Iterable[int]) -> bytes:
        """Write the question as a path for another worker."""
        pairs = [("state", str(state)) for state in sorted(self.states)]
        pairs += [
            ("kind", self.kind),
            ("reason", self.reason),
            ("owner", self.owner),
            ("group", self.group),
            ("limit", str(self.limit)),
            ("after", self.after.hex()),
            ("partitions", ",".join(map(str, partitions))),
        ]
        asked = urlencode([(name, value) for name, value in pairs if value])
        return f"/v1/exceptions?{asked}".encode()


class Page(NamedTuple):
    """Cases by their places in the queue, and where to go on; None at the end."""

    items: list[dict[str, Any]]
    next: str | None


def page_of(rows: Rows, query: Query) -> Page:
    """Return the first cases of one partition that fit."""
    items: list[dict[str, Any]] = []
    looked_at = 0
    for closed in (False, True):
        if not (query.states - UNFINISHED if closed else query.states & UNFINISHED):
            continue
        for key, case in walk_cases(rows, closed=closed, after=query.after):
            looked_at += 1
            if query.fits(case):
                items.append({**case_shape(case), "place": key.hex()})
            if len(items) == query.limit or looked_at == LOOKED_AT_MAX:
                return Page(items, key.hex())
    return Page(items, None)


def merged(pages: Sequence[Page], limit: int) -> Page:
    """Make one page of several: nothing behind a page's end is shown before its rest.

    Oldest first; unfinished cases before closed ones.
    """
    ends = [page.next for page in pages if page.next is not None]
    border = min(ends, default=None)
    items = sorted(
        (
            item
            for page in pages
            for item in page.items
            if border is None or item["place"] <= border
        ),
        key=lambda item: item["place"],
    )
    if len(items) > limit:
        return Page(items[:limit], items[limit - 1]["place"])
    return Page(items, border)
