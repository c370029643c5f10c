"""Which of a worker's producers carries a commit."""

from typing import Any, cast

import pytest

from streams.engine.commit import Commit
from streams.engine.lanes import LARGE_RECORDS, Lanes
from streams.engine.transactions import Home

HOME = Home("changelog", 0)


class Lane:
    """A producer that notes what it carries."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_busy = False
        self.carried: list[Commit] = []

    async def commit(self, _home: Home, commit: Commit) -> int:
        self.carried.append(commit)
        return 0


def commit(records: int, *, is_urgent: bool = False) -> Commit:
    return Commit(1, [(b"key", b"value")] * records, is_urgent=is_urgent)


@pytest.mark.parametrize(
    ("records", "is_urgent", "busy", "carrier"),
    [
        (1, False, "", "shared"),
        (1, False, "shared", "shared"),
        (1, True, "", "shared"),
        (1, True, "shared", "second"),
        (1, True, "shared second", "third"),
        (1, True, "shared second third", "shared"),
        (LARGE_RECORDS - 1, False, "shared", "shared"),
        (LARGE_RECORDS, False, "", "second"),
        (LARGE_RECORDS, False, "second", "third"),
        (LARGE_RECORDS, False, "second third", "shared"),
    ],
)
async def test_small_commits_share_large_and_urgent_ones_need_not(
    records: int, is_urgent: bool, busy: str, carrier: str
) -> None:
    lanes = [Lane("shared"), Lane("second"), Lane("third")]
    for lane in lanes:
        lane.is_busy = lane.name in busy.split()
    made = commit(records, is_urgent=is_urgent)

    await Lanes(cast(Any, lanes)).commit(HOME, made)

    assert [lane.name for lane in lanes if lane.carried == [made]] == [carrier]
