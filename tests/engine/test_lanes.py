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


@pytest.mark.parametrize(
    ("records", "busy", "carrier"),
    [
        (1, "", "shared"),
        (LARGE_RECORDS - 1, "shared", "shared"),
        (LARGE_RECORDS, "", "second"),
        (LARGE_RECORDS, "second", "third"),
        (LARGE_RECORDS, "second third", "shared"),
    ],
)
async def test_small_commits_share_large_ones_go_side_by_side(
    records: int, busy: str, carrier: str
) -> None:
    lanes = [Lane("shared"), Lane("second"), Lane("third")]
    for lane in lanes:
        lane.is_busy = lane.name in busy.split()
    made = Commit(1, [(b"key", b"value")] * records)

    await Lanes(cast(Any, lanes)).commit(HOME, made)

    assert [lane.name for lane in lanes if lane.carried == [made]] == [carrier]
