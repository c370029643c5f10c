"""The worker's side of the front: tells it of wanted SKUs at every commit."""

import asyncio
from collections.abc import Callable, Mapping

from streams.engine.fold import View
from streams.front.frames import Told, Wanted
from streams.tables import LEVELS, Table
from streams.web.answers import Answers
from streams.web.ports import LedgerPort, Local

ANSWERS_AT_ONCE = 200
"""Encoding this many takes a few milliseconds; then others may run."""


class FollowedAnswers(Answers):
    """Answers whose changes somebody hears of, in the order of the commits."""

    def __init__(self, ledger: LedgerPort) -> None:
        super().__init__()
        self._ledger = ledger
        self._followed: dict[bytes, int] = {}
        self._changed: dict[bytes, None] = {}
        self._telling: asyncio.Handle | None = None
        self._tell: Callable[[Told], None] | None = None

    def follow(self, tell: Callable[[Told], None] | None) -> None:
        """Have somebody hear of changes; None: nobody any more."""
        self._tell = tell
        self._followed.clear()
        self._changed.clear()

    def wish(self, wanted: Wanted) -> None:
        """Tell of these SKUs now, and whenever they change."""
        for sku in wanted.dropped:
            self._followed.pop(sku, None)
        self._note(wanted.skus)

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        super().committed(view, writes)
        if self._followed:
            skus = {key.partition(b"|")[0] for key in writes.get(LEVELS, ())}
            self._note([sku for sku in skus if sku in self._followed])

    def closed(self, partition: int) -> None:
        super().closed(partition)
        self._note([sku for sku, at in self._followed.items() if at == partition])

    def _note(self, skus: list[bytes]) -> None:
        self._changed.update(dict.fromkeys(skus))
        if self._changed and self._telling is None and self._tell is not None:
            # In the loop's next turn: a commit brings many changes, of a SKU too.
            self._telling = asyncio.get_running_loop().call_soon(self.tell_changes)

    def tell_changes(self) -> None:
        """Tell of a portion of what has changed, and of the rest in the next turn."""
        if self._telling is not None:
            self._telling.cancel()
        self._telling = None
        answers: dict[bytes, tuple[int, bytes] | None] = {}
        while self._changed and len(answers) < ANSWERS_AT_ONCE:
            sku = next(iter(self._changed))
            del self._changed[sku]
            answers[sku] = self._answer(sku)
        if answers and self._tell is not None:
            self._tell(Told(answers))
        self._note([])

    def _answer(self, sku: bytes) -> tuple[int, bytes] | None:
        owner = self._ledger.owner_of(sku)
        if isinstance(owner, Local) and (answer := self.of(owner.view, sku)):
            self._followed[sku] = owner.partition
            return owner.partition, answer
        self._followed.pop(sku, None)
        return None
