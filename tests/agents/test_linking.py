"""The linking stage as a plain fold: what goes on, what waits, what people hear of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.linking import LinkingStage
from streams.domain import order_notes as notes
from streams.domain.linking import Link
from streams.domain.order_news import OrderMentioned, OrderMissing, OrderNews
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context, Result
from streams.engine.headers import HEARD_AT, header
from streams.mapping.exceptions import RETRY_OF
from streams.mapping.linking_state import decode_link, encode_link
from streams.mapping.order_aliases import alias_of
from streams.mapping.order_messages import NEWS, NOTES
from streams.tables import LINK_TIMERS, ORDER_LINKS
from streams.topics import ORDER_FACTS, ORDER_NEWS
from tests.support.memory_view import MemoryRecord, MemoryView

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
WAIT_S = 900.0

OPENED = notes.OrderOpened(
    newstore_id="o",
    external_id="W-1~2",
    channel=notes.OrderChannel.WEB,
    placed_at=NOON,
    items=(notes.OpenedItem(item_id="u1", sku="MUG", external_item_id="li#1"),),
)
COMPLETED = notes.OrderCompleted(newstore_id="o", occurred_at=NOON)
CANCELLED = notes.UnitsCancelled(newstore_id="o", item_ids=("u1",), occurred_at=NOON)
BLIND = notes.GoodsReturned(return_id="r", location_id="L", returned_at=NOON, items=())
PLACED = notes.OrderPlaced(
    commerce_id="c", number="W-1", version=1, placed_at=NOON, lines=(), sequence=1
)
STATE = notes.OrderStateSeen(
    commerce_id="c", number="", version=3, state="Cancelled", sequence=2
)
MENTION = OrderMentioned(commerce_id="c", version=4, sequence=3, has_changed=True)
MISSING = OrderMissing(commerce_id="c", version=4)


class Linking:
    """The stage with its state, as the engine would drive it."""

    def __init__(self) -> None:
        self.stage = LinkingStage(wait_s=WAIT_S)
        self.view = MemoryView()
        self.now = NOON
        self.next_offset = 0
        self.counts: dict[str, int] = {}
        self.facts: list[tuple[bytes | None, bytes | None]] = []

    @property
    def context(self) -> Context:
        return Context(self.now, Reference())

    def record(
        self, news: OrderNews | bytes, key: bytes = b"", retry: bool = False
    ) -> MemoryRecord:
        alias = b"" if isinstance(news, bytes) else alias_of(news).encode()
        self.next_offset += 1
        return MemoryRecord(
            topic="order-news",
            offset=self.next_offset - 1,
            key=key or alias,
            value=news if isinstance(news, bytes) else NEWS.encode(news),
            headers=((RETRY_OF, b"order-news/0/0"),) if retry else (),
        )

    def take(self, *news: OrderNews | bytes) -> Result:
        return self.take_records([self.record(each) for each in news])

    def take_records(self, records: Sequence[MemoryRecord]) -> Result:
        batch = Batch(ORDER_NEWS, 0, records)
        return self._commit(self.stage.fold(self.view, batch, self.context))

    def tick(self, after_s: float = 0) -> Result | None:
        self.now += timedelta(seconds=after_s)
        result = self.stage.tick(self.view, self.context)
        return None if result is None else self._commit(result)

    def _commit(self, result: Result) -> Result:
        self.view.apply(result)
        for name, by in result.counts.items():
            self.counts[name] = self.counts.get(name, 0) + by
        outputs = result.outputs.get(ORDER_FACTS, [])
        self.facts += [(output.key, output.value) for output in outputs]
        return result

    @property
    def timers(self) -> int:
        return len(self.view.tables.get(LINK_TIMERS, {}))

    def is_balanced(self) -> bool:
        count = self.counts.get
        done = sum(count(name, 0) for name in ("applied", "noted", "waiting", "parked"))
        return count("in", 0) == done - count("raised", 0)


def test_news_go_on_with_the_time_at_which_the_log_took_what_they_stem_from() -> None:
    linking = Linking()
    first = replace(
        linking.record(OPENED), timestamp=1800, headers=((HEARD_AT, b"1700"),)
    )
    later = replace(linking.record(COMPLETED), timestamp=1900)

    result = linking.take_records([first, later])

    told = [header(each.headers, HEARD_AT) for each in result.outputs[ORDER_FACTS]]
    assert told == [b"1700", b"1900"]


def test_news_go_on_byte_for_byte_under_the_orders_number() -> None:
    linking = Linking()
    linking.take(OPENED, COMPLETED)
    assert linking.facts == [
        (b"W-1", NOTES.encode(OPENED)),
        (b"W-1", NOTES.encode(COMPLETED)),
    ]
    assert linking.counts == {"in": 2, "applied": 2}


def test_what_came_early_goes_on_with_what_names_the_order() -> None:
    linking = Linking()
    linking.take(COMPLETED)
    assert (linking.facts, linking.timers) == ([], 1)
    linking.take(CANCELLED, OPENED)
    assert [value for _, value in linking.facts] == [
        NOTES.encode(note) for note in (COMPLETED, CANCELLED, OPENED)
    ]
    assert linking.timers == 0
    assert linking.is_balanced()


def test_after_the_wait_people_are_told_and_the_news_still_go_on() -> None:
    linking = Linking()
    linking.take(COMPLETED, CANCELLED)
    assert linking.tick(WAIT_S - 1) is None
    told = linking.tick(1)
    assert told is not None
    (parked,) = told.parked
    assert (parked.reason, parked.field, parked.value) == (
        "unknown_order",
        "newstore_id",
        "o",
    )
    assert (parked.record.offset, parked.record.value) == (0, NOTES.encode(COMPLETED))
    assert parked.sentence == (
        'NewStore told of the order "o", but never that it was opened, so its number '
        "is not known. Have NewStore send its order.opened again; what waits then goes "
        "on by itself."
    )
    assert linking.tick(WAIT_S) is None
    resolved = linking.take(OPENED)
    ((_, trouble),) = resolved.settled
    assert trouble is not None
    assert (trouble.stage, trouble.entity, trouble.reason) == (
        "linking",
        "ns:o",
        "unknown_order",
    )
    assert len(linking.facts) == 3
    assert linking.is_balanced()


def test_a_blind_return_is_told_to_people_at_the_next_tick() -> None:
    linking = Linking()
    linking.take(BLIND)
    told = linking.tick()
    assert told is not None
    assert told.parked[0].reason == "unlinked_return"
    assert linking.facts == []


def test_a_blind_return_that_a_person_ties_to_an_order_goes_to_it() -> None:
    linking = Linking()
    linking.take(BLIND)
    linking.tick()
    tied = notes.GoodsReturned(
        return_id="r", location_id="L", returned_at=NOON, items=(), external_order="W-1"
    )
    linking.take_records([linking.record(tied, retry=True)])
    assert [key for key, _ in linking.facts] == [b"W-1", b"W-1"]


def test_a_retry_in_vain_is_parked_again() -> None:
    linking = Linking()
    linking.take(BLIND)
    linking.tick()
    result = linking.take_records([linking.record(BLIND, retry=True)])
    assert [parked.reason for parked in result.parked] == ["unlinked_return"]
    assert linking.is_balanced()


def test_a_mention_makes_the_order_one_to_read_and_reading_ends_it() -> None:
    linking = Linking()
    linking.take(STATE, MENTION)
    row = linking.view.tables[ORDER_LINKS][b"ct:c"]
    assert decode_link(row).needs_read
    linking.take(
        notes.OrderPlaced(
            commerce_id="c", number="W-1", version=4, placed_at=NOON, lines=()
        )
    )
    link = decode_link(linking.view.tables[ORDER_LINKS][b"ct:c"])
    assert (link.needs_read, link.number) == (False, "W-1")
    assert [key for key, _ in linking.facts] == [b"W-1", b"W-1"]
    assert linking.is_balanced()


def test_an_order_that_commerce_does_not_have_is_told_and_found_again() -> None:
    linking = Linking()
    linking.take(MENTION)
    (parked,) = linking.take(MISSING).parked
    assert (parked.reason, parked.value) == ("order_missing", "c")
    assert not decode_link(linking.view.tables[ORDER_LINKS][b"ct:c"]).needs_read
    linking.take_records([linking.record(MISSING, retry=True)])
    assert decode_link(linking.view.tables[ORDER_LINKS][b"ct:c"]).needs_read
    linking.take(MISSING)
    found = notes.OrderPlaced(
        commerce_id="c", number="W-1", version=4, placed_at=NOON, lines=()
    )
    ((_, trouble),) = linking.take(found).settled
    assert trouble is not None
    assert trouble.reason == "order_missing"
    assert linking.is_balanced()


def test_what_is_no_news_or_under_a_foreign_key_is_parked() -> None:
    linking = Linking()
    result = linking.take(b"{", b"")
    assert [parked.reason for parked in result.parked] == ["undecodable"] * 2
    (parked,) = linking.take_records([linking.record(OPENED, key=b"ns:other")]).parked
    assert (parked.reason, parked.value) == ("wrong_key", "ns:other")
    assert linking.facts == []
    assert linking.is_balanced()


def test_news_that_change_nothing_write_nothing() -> None:
    linking = Linking()
    linking.take(OPENED)
    assert linking.take(COMPLETED, OPENED).writes == {}


def test_a_row_is_read_back_whole() -> None:
    linking = Linking()
    linking.take(STATE, COMPLETED, MENTION)
    for row in linking.view.tables[ORDER_LINKS].values():
        assert encode_link(decode_link(row)) == row


ALL = (OPENED, COMPLETED, CANCELLED, PLACED, STATE, MENTION)


@settings(max_examples=200, deadline=None)
@given(
    told=st.permutations(ALL).flatmap(
        lambda once: st.lists(st.sampled_from(ALL), max_size=6).flatmap(
            lambda again: st.permutations([*once, *again])
        )
    ),
    cuts=st.sets(st.integers(1, 12)),
    pauses=st.lists(st.sampled_from([0.0, 1.0, WAIT_S]), min_size=13, max_size=13),
)
def test_any_order_repeats_and_delays_forward_the_same_notes(
    told: list[OrderNews], cuts: set[int], pauses: list[float]
) -> None:
    linking = Linking()
    start = 0
    for end in [*sorted(cut for cut in cuts if cut < len(told)), len(told)]:
        linking.take(*told[start:end])
        linking.tick(pauses[end - 1])
        start = end
    expected = {NEWS.encode(note) for note in ALL if note is not MENTION}
    assert {(key, value) for key, value in linking.facts} == {
        (b"W-1", value) for value in expected
    }
    assert linking.timers == 0
    assert linking.is_balanced()


def test_a_row_of_an_older_version_reads_with_what_it_has() -> None:
    assert decode_link(msgspec.msgpack.encode(["W-1", 3])) == Link("W-1", 3)
