"""Laws of the outbox: whatever is interleaved with crashes, order and events hold."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.edge.disk import Disk
from streams.edge.errors import SpoolFull
from streams.edge.outbox import Draft, Outbox
from streams.edge.segment import Stored
from tests.edge.fakes import Clock, PowerCut, draft, first_appearances, number_of

ORDERS = ("order-1", "order-2", "order-3")

accepts = st.tuples(
    st.just("accept"), st.lists(st.sampled_from(ORDERS), min_size=1, max_size=4)
)
cuts = st.tuples(
    st.just("power_cut"),
    st.lists(st.sampled_from(ORDERS), min_size=1, max_size=3),
    st.integers(min_value=0, max_value=700),
)
steps = st.one_of(
    accepts,
    cuts,
    st.tuples(st.just("disk_full"), st.integers(min_value=0, max_value=300)),
    st.tuples(st.just("forward"), st.integers(min_value=1, max_value=6)),
    st.tuples(st.just("forward_unanswered"), st.integers(min_value=1, max_value=6)),
    st.tuples(st.just("kill")),
    st.tuples(st.just("lose_cursor")),
)


class CuttingDisk(Disk):
    """Loses power, or fills up, after so many bytes of a write."""

    def __init__(self) -> None:
        self.cut_after: int | None = None
        self.full_after: int | None = None

    def write(self, file: int, data: bytes, position: int) -> None:
        limit = self.full_after if self.cut_after is None else self.cut_after
        super().write(file, data if limit is None else data[:limit], position)
        if self.cut_after is not None:
            raise PowerCut
        if self.full_after is not None:
            raise OSError(28, "No space left on device")

    def sync(self, file: int) -> None:
        pass

    def sync_directory(self, directory: Path) -> None:
        pass


@dataclass
class Store:
    """A store's edge and the topic it sends to, step by step."""

    directory: Path
    disk: CuttingDisk = field(default_factory=CuttingDisk)
    clock: Clock = field(default_factory=Clock)
    number: int = 0
    accepted: list[tuple[str, int]] = field(default_factory=list)
    topic: list[Stored] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = self.opened()

    def opened(self) -> Outbox:
        return Outbox(
            self.directory, clock=self.clock, disk=self.disk, segment_bytes=700
        )

    def drafts(self, orders: list[str]) -> list[tuple[str, int, Draft]]:
        made = []
        for order in orders:
            self.number += 1
            made.append((order, self.number, draft(self.number, order=order)))
        return made

    def accept(self, orders: list[str]) -> None:
        made = self.drafts(orders)
        self.outbox.append([each for _, _, each in made])
        self.accepted += [(order, number) for order, number, _ in made]

    def power_cut(self, orders: list[str], after: int) -> None:
        self.disk.cut_after = after
        try:
            self.outbox.append([each for _, _, each in self.drafts(orders)])
        except PowerCut:
            self.disk.cut_after = None
            self.kill()

    def disk_full(self, after: int) -> None:
        self.disk.full_after = after
        try:
            self.outbox.append([each for _, _, each in self.drafts(["order-1"])])
        except SpoolFull:
            self.disk.full_after = None

    def forward(self, records_max: int) -> None:
        window = self.outbox.read_next(records_max=records_max, bytes_max=10_000)
        self.topic += window
        self.outbox.acknowledge(window)

    def forward_unanswered(self, records_max: int) -> None:
        """The records arrive, the acknowledgement does not: the process dies of it."""
        self.topic += self.outbox.read_next(records_max=records_max, bytes_max=10_000)
        self.kill()

    def kill(self) -> None:
        self.outbox.close()
        self.outbox = self.opened()

    def lose_cursor(self) -> None:
        os.truncate(self.directory / "acknowledged", 0)
        self.kill()

    def drain(self) -> None:
        while self.outbox.backlog().count:
            self.forward(5)
        self.outbox.close()


@given(st.lists(steps, max_size=25))
@settings(max_examples=250, deadline=None)
def test_every_accepted_event_arrives_in_order_per_key_whatever_crashes(
    plan: list[tuple[object, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        for name, *arguments in plan:
            getattr(store, str(name))(*arguments)
        store.drain()

    for order in ORDERS:
        accepted = [number for key, number in store.accepted if key == order]
        arrived = first_appearances(
            number_of(stored.event)
            for stored in store.topic
            if stored.key == order.encode()
        )
        known = set(accepted)
        # What was never accepted (a crash before the answer) may arrive; in order too.
        assert [number for number in arrived if number in known] == accepted
        assert arrived == sorted(arrived)


@given(st.lists(steps, max_size=25))
@settings(max_examples=150, deadline=None)
def test_a_sequence_names_one_event_for_ever(plan: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        for name, *arguments in plan:
            getattr(store, str(name))(*arguments)
        store.drain()

    events: dict[int, bytes] = {}
    for stored in store.topic:
        assert events.setdefault(stored.sequence, stored.event) == stored.event
    assert [s.sequence for s in store.topic] or not store.accepted
