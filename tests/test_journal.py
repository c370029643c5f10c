"""A row's newest entries are found by jumping, whatever lies between them."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.admin import create_topics
from streams.engine.commit import Commit, Outgoing
from streams.engine.lanes import PartitionLog
from streams.engine.names import changelog
from streams.engine.reading import LogReader
from streams.engine.security import client_arguments
from streams.engine.transactions import Home, KafkaTransactions
from streams.journal import FETCH_BYTES, Newest, newest_entries
from streams.mapping.stock import decode_entry, row_key
from streams.settings import Settings
from streams.topics import LEDGER_ENTRIES, Topic
from tests.support.ledger import TEE, Ledger, receipt

BUSY, RARE = row_key(TEE, "LDN01"), row_key(TEE, "LDN02")
OFTEN = 12


class Written(NamedTuple):
    key: bytes
    value: bytes
    offset: int
    timestamp_ms: int


class Log:
    """A journal in memory with the broker's index by time; says how it was read."""

    def __init__(self) -> None:
        self.records: list[Written] = []
        self.walked = 0
        self.looked_at = 0

    def add(self, ledger: Ledger, begin: int, timestamp_ms: int) -> None:
        for result in ledger.results[begin:]:
            for output in result.outputs.get(LEDGER_ENTRIES, ()):
                key, value = output.key or b"", output.value or b""
                self.records.append(
                    Written(key, value, len(self.records), timestamp_ms)
                )

    async def since(
        self, _: Topic, __: int, key: bytes, at: datetime, *, reach: int
    ) -> AsyncGenerator[Written]:
        at_ms = int(at.timestamp() * 1000)
        later = [r.offset for r in self.records if r.timestamp_ms >= at_ms]
        if later:
            for record in self.records[later[0] : later[0] + reach]:
                self.looked_at += 1
                if record.key == key:
                    yield record

    async def latest(
        self, _: Topic, __: int, key: bytes, limit: int, *, before: int | None = None
    ) -> list[Written]:
        self.walked += 1
        known = [r for r in self.records[:before] if r.key == key]
        return known[::-1][:limit]

    async def newest(
        self, key: bytes, limit: int, newest: Newest | None
    ) -> list[bytes]:
        """Return the values found, encoded again."""
        found = await newest_entries(cast(Any, self), 0, key, limit, newest)
        at = {decode_entry(r.value): r.value for r in self.records if r.key == key}
        return [at[entry] for entry in found]

    def expected(self, key: bytes, limit: int) -> list[bytes]:
        return [r.value for r in self.records if r.key == key][::-1][:limit]


def trade(log: Log, ledger: Ledger, batches: int, step: timedelta) -> None:
    """Receive TEE in batches, in LDN01 often, in LDN02 in each fifth batch."""
    for number in range(batches):
        ledger.now += step
        begin = len(ledger.results)
        rows = [receipt(f"{number}-{n}", 1) for n in range(OFTEN)]
        if number % 5 == 0:
            rows.insert(4, receipt(f"{number}-rare", 1, location_id="LDN02"))
        ledger.tell(*rows)
        log.add(ledger, begin, int(ledger.now.timestamp() * 1000))


def newest_of(ledger: Ledger, location_id: str) -> Newest:
    row = ledger.row(location_id)
    return Newest(row.entries, row.entered_at)


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9, 50])
async def test_a_rare_rows_entries_are_jumped_to(limit: int) -> None:
    log, ledger = Log(), Ledger()
    trade(log, ledger, 40, timedelta(seconds=1))

    found = await log.newest(RARE, limit, newest_of(ledger, "LDN02"))

    assert found == log.expected(RARE, limit)
    assert log.walked == 0
    assert log.looked_at <= 5 * min(limit, 8), "no more than up to the entry itself"


async def test_a_busy_row_is_read_by_the_commit() -> None:
    log, ledger = Log(), Ledger()
    trade(log, ledger, 40, timedelta(seconds=1))

    found = await log.newest(BUSY, 100, newest_of(ledger, "LDN01"))

    assert found == log.expected(BUSY, 100)
    assert log.walked == 0


async def test_without_a_beginning_only_the_first_is_walked_back_to() -> None:
    log, ledger = Log(), Ledger()
    trade(log, ledger, 40, timedelta(seconds=1))

    assert await log.newest(RARE, 5, None) == log.expected(RARE, 5)
    assert log.walked == 1


async def test_a_beginning_that_is_too_late_is_not_believed() -> None:
    """As a level's time is, where safety stock changed after the last entry."""
    log, ledger = Log(), Ledger()
    trade(log, ledger, 40, timedelta(seconds=1))
    later = Newest(ledger.row("LDN02").entries, ledger.now)

    assert await log.newest(RARE, 5, later) == log.expected(RARE, 5)


async def test_a_row_that_nobody_entered_has_no_entries() -> None:
    assert await Log().newest(RARE, 5, None) == []


async def test_an_offer_in_between_does_not_hide_the_entries_before_it() -> None:
    log, ledger = Log(), Ledger()
    trade(log, ledger, 6, timedelta(seconds=1))
    entered_at = ledger.row("LDN02").entered_at
    ledger.now += timedelta(hours=1)
    ledger.reference.put_location(
        ledger.reference.locations["LDN02"].__class__(
            location_id="LDN02", safety_stock=2, enabled=True
        )
    )
    ledger.tick()

    assert ledger.row("LDN02").recorded_at == ledger.now
    assert ledger.row("LDN02").entered_at == entered_at
    found = await log.newest(RARE, 5, newest_of(ledger, "LDN02"))
    assert found == log.expected(RARE, 5)
    assert log.walked == 0


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["LDN01", "LDN02"]),
            st.integers(1, 4),
            st.integers(-3_000, 3_000),
            st.integers(-2_000, 2_000),
        ),
        max_size=12,
    ),
    limit=st.integers(1, 30),
    knows=st.booleans(),
)
async def test_whatever_the_clocks_do_the_newest_entries_are_found(
    steps: list[tuple[str, int, int, int]], limit: int, knows: bool
) -> None:
    """The clock jumps between commits, and even between a fold and its sending."""
    log, ledger = Log(), Ledger()
    for number, (place, entries, step_ms, delay_ms) in enumerate(steps):
        ledger.now += timedelta(milliseconds=step_ms)
        begin = len(ledger.results)
        names = [f"{number}-{n}" for n in range(entries)]
        ledger.tell(*(receipt(name, 1, location_id=place) for name in names))
        log.add(ledger, begin, int(ledger.now.timestamp() * 1000) + delay_ms)
    for place in {place for place, *_ in steps}:
        key = row_key(TEE, place)
        newest = newest_of(ledger, place) if knows else None

        assert await log.newest(key, limit, newest) == log.expected(key, limit)


def transactions_of(settings: Settings) -> PartitionLog:
    own = KafkaTransactions(
        transactional_id=f"{settings.topic_prefix}ledger",
        group_id=settings.app_id,
        physical=lambda name: f"{settings.topic_prefix}{name}",
        client=dict(client_arguments(settings)),
    )
    return PartitionLog(own, Home(changelog(settings, "ledger"), 0))


@pytest.mark.kafka
async def test_on_a_broker_the_index_by_time_leads_to_the_entries(
    broker: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        broker=broker, app_id=f"{topic_prefix}app", topic_prefix=topic_prefix
    )
    await create_topics(settings, ["ledger"])
    transactions = transactions_of(settings)
    await transactions.open()
    ledger = Ledger()
    try:
        for number in range(30):
            begin = len(ledger.results)
            ledger.now = datetime.now(UTC) - timedelta(microseconds=1)
            came = [receipt(f"{number}:{n}", 1) for n in range(OFTEN)]
            if number % 10 == 0:
                came.append(receipt(f"{number}:rare", 1, location_id="LDN02"))
            ledger.tell(*came)
            outgoing = [
                Outgoing(output.key, output.value, [])
                for result in ledger.results[begin:]
                for output in result.outputs[LEDGER_ENTRIES]
            ]
            rows: list[Any] = [(b"s", b"%d" % number)]
            await transactions.commit(
                Commit(number + 1, rows, {(LEDGER_ENTRIES, 0): outgoing})
            )
    finally:
        await transactions.close()

    async def never(*_: object, **__: object) -> None:
        raise AssertionError("it walked back")

    monkeypatch.setattr(LogReader, "latest", never)
    async with LogReader(settings, fetch_bytes=FETCH_BYTES) as reader:
        newest = newest_of(ledger, "LDN02")
        found = await newest_entries(reader, 0, RARE, 50, newest)

    rare = [each for each in ledger.journal if each.location_id == "LDN02"]
    assert found == rare[::-1]
    assert len(found) == 3
