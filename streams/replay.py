"""Sends events from files onto the log, and says afterwards what became of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from streams.engine.headers import ERROR_OFFSET, ERROR_PARTITION, ERROR_TOPIC, header
from streams.engine.names import physical
from streams.engine.produce import LogWriter
from streams.engine.reading import LogReader
from streams.mapping.events import event_key
from streams.mapping.stock import decode_entry
from streams.settings import Settings
from streams.topics import EXCEPTIONS, LEDGER_ENTRIES, NEWSTORE_EVENTS

AT_ONCE_MAX = 4_000
"""Events under way to the broker at once."""

Progress = Callable[[int], None]
"""Hears how many events the broker has acknowledged."""

Place = tuple[int, int]


@dataclass(slots=True)
class Sent:
    """What was sent, and what became of it.

    Attributes:
        events: Events that the broker acknowledged.
        applied: Events with at least one journal entry of their own.
        parked: Events with at least one line on the exceptions list.
        duplicate: Events of which nothing was applied or parked: everything they report
            was known already, or they move no stock.
    """

    events: int = 0
    seconds: float = 0.0
    applied: int = 0
    duplicate: int = 0
    parked: int = 0
    places: set[Place] = field(default_factory=set, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        values = asdict(self)
        del values["places"]
        return values


def lines_of(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield every line that is not empty, as it is; broken ones are parked later."""
    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                if line.strip():
                    yield line.rstrip(b"\r\n")


async def send(
    settings: Settings,
    events: Iterable[bytes],
    *,
    rate: float | None = None,
    progress: Progress = lambda _done: None,
) -> Sent:
    """Append events in order per key; return once the broker has all of them.

    Args:
        rate: Events per second; as fast as the broker takes them if absent.

    Raises:
        BrokerUnavailable: The broker stopped answering; what it has was counted.
    """
    sent = Sent()
    writer = LogWriter(settings)
    begun = time.monotonic()
    try:
        async for event in _paced(events, rate):
            async with asyncio.TaskGroup() as appends:
                for one in event:
                    appends.create_task(_append(writer, one, sent))
            progress(sent.events)
    except* Exception as group:  # noqa: BLE001 - the first cause is the one to show
        raise group.exceptions[0] from None
    finally:
        await writer.stop()
    sent.seconds = round(time.monotonic() - begun, 3)
    return sent


async def _append(writer: LogWriter, event: bytes, sent: Sent) -> None:
    place = await writer.append(NEWSTORE_EVENTS, event_key(event), event)
    sent.events += 1
    sent.places.add(place)


async def _paced(
    events: Iterable[bytes], rate: float | None
) -> AsyncIterator[list[bytes]]:
    """Yield events by the handful, no faster than `rate`."""
    size = AT_ONCE_MAX if rate is None else max(1, min(AT_ONCE_MAX, int(rate / 20)))
    begun, count, batch = time.monotonic(), 0, list[bytes]()
    for event in events:
        batch.append(event)
        if len(batch) >= size:
            yield batch
            count += len(batch)
            batch = []
            if rate is not None:
                ahead = count / rate - (time.monotonic() - begun)
                await asyncio.sleep(max(0.0, ahead))
    if batch:
        yield batch


class Outcome:
    """Counts what became of sent events, from the journal and the exceptions list."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starts: dict[str, dict[int, int]] = {}

    async def remember(self) -> None:
        """Note where the journal and the exceptions list end, before sending."""
        async with LogReader(self._settings) as reader:
            for topic in (LEDGER_ENTRIES, EXCEPTIONS):
                self._starts[topic.name] = await reader.ends(topic)

    async def count(self, sent: Sent) -> None:
        """Fill in the counts; call once everything has settled."""
        applied, parked = set[Place](), set[Place]()
        source = physical(self._settings, NEWSTORE_EVENTS)
        async with LogReader(self._settings) as reader:
            starts = self._starts[LEDGER_ENTRIES.name]
            async for records in reader.read(LEDGER_ENTRIES, starts):
                for record in records:
                    if record.value is not None:
                        applied.add(_place(decode_entry(record.value).origin, source))
            starts = self._starts[EXCEPTIONS.name]
            async for records in reader.read(EXCEPTIONS, starts):
                for record in records:
                    parts = [
                        (header(record.headers, name) or b"").decode()
                        for name in (ERROR_TOPIC, ERROR_PARTITION, ERROR_OFFSET)
                    ]
                    parked.add(_place("/".join(parts), source))
        sent.applied = len(applied & sent.places)
        sent.parked = len(parked & sent.places)
        sent.duplicate = len(sent.places - applied - parked)


def _place(origin: str, source: str) -> Place:
    topic, _, rest = origin.rpartition("/")
    topic, _, partition = topic.rpartition("/")
    if topic != source or not (partition.isdigit() and rest.isdigit()):
        return -1, -1
    return int(partition), int(rest)
