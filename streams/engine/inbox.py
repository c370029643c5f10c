"""What a partition has polled and not yet taken up; urgent records go before others.

A record overtakes only those of other keys, so that a key's records keep their order;
in topics that are read in any order, all others.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from streams.engine.errors import DeliveryGap
from streams.engine.fold import Record
from streams.topics import Topic

GoesFirst = Callable[[Topic, Record], bool]
"""Says whether a record is urgent. It only decides what goes first."""


AHEAD_MAX = 2_000
"""So many records may be ahead of a waiting one: each commit writes their offsets."""

_NONE: frozenset[int] = frozenset()


class Taken(NamedTuple):
    """Records of one topic that are to be folded together.

    Attributes:
        upto: Once they are applied, so is all that lies below this offset.
        urgent: The offsets of those that are urgent; so is what they cause.
    """

    topic: Topic
    records: Sequence[Record]
    upto: int
    urgent: frozenset[int] = _NONE

    def halves(self) -> tuple["Taken", "Taken"]:
        """Divide them; after the first half, what is from the second on is missing."""
        half = len(self.records) // 2
        first, second = self.records[:half], self.records[half:]
        upto = min(self.upto, second[0].offset)
        return self._replace(records=first, upto=upto), self._replace(records=second)


@dataclass(slots=True)
class _Source:
    """One topic's records that wait.

    Attributes:
        end: Where the last delivery ended.
        urgent: Records that overtake those of `plain`.
        held: Offsets of urgent ones that must stay behind others of their key.
        keys: How often a key is among the plain ones.
        ahead: Offsets of taken records that are ahead of a waiting one.
    """

    end: int | None = None
    plain: deque[Record] = field(default_factory=deque)
    urgent: deque[Record] = field(default_factory=deque)
    held: set[int] = field(default_factory=set)
    keys: Counter[bytes | None] = field(default_factory=Counter)
    ahead: set[int] = field(default_factory=set)
    bytes: int = 0

    def __len__(self) -> int:
        return len(self.plain) + len(self.urgent)

    def first_offset(self) -> int:
        """Return the lowest offset that waits, or the end if nothing does."""
        heads = [queue[0].offset for queue in (self.plain, self.urgent) if queue]
        return min(heads, default=self.end or 0)

    def may_overtake(self) -> bool:
        """Say whether urgent records wait, and not too many are ahead already."""
        return bool(self.urgent) and (len(self.ahead) < AHEAD_MAX or not self.plain)


class Inbox:
    """One partition's waiting records, by topic, each topic in its turn."""

    def __init__(self, name: str, goes_first: GoesFirst | None = None) -> None:
        self._name = name
        self._goes_first = goes_first
        self._sources: dict[Topic, _Source] = {}
        self._gap: DeliveryGap | None = None

    def __len__(self) -> int:
        return sum(map(len, self._sources.values()))

    def waiting(self, topic: Topic) -> int:
        """Count the records of a topic that wait."""
        source = self._sources.get(topic)
        return 0 if source is None else len(source)

    def waiting_bytes(self, topic: Topic) -> int:
        """Return how many bytes those records have."""
        source = self._sources.get(topic)
        return 0 if source is None else source.bytes

    def check(self) -> None:
        """Raise `DeliveryGap` where records were never delivered that came before."""
        if self._gap is not None:
            raise self._gap

    @property
    def has_urgent(self) -> bool:
        """Say whether records wait that go before others."""
        return any(source.urgent for source in self._sources.values())

    def begin(self, positions: dict[Topic, int]) -> None:
        """Forget what waits; the next delivery must follow on these positions."""
        self._gap = None
        self._sources = {
            topic: _Source(end=position) for topic, position in positions.items()
        }

    def put(self, topic: Topic, records: Sequence[Record], fetched_from: int) -> None:
        """Queue what a poll brought, that began at `fetched_from`."""
        source = self._sources.setdefault(topic, _Source())
        end = source.end
        if end is not None and fetched_from > end:
            where = f"{self._name}, {topic.name}"
            self._gap = self._gap or DeliveryGap(where, end, fetched_from)
            return
        if end is not None and records and records[0].offset < end:
            records = [record for record in records if record.offset >= end]
        if not records:
            return
        source.end = records[-1].offset + 1
        source.bytes += _bytes_of(records)
        if self._goes_first is None:
            source.plain.extend(records)
        else:
            self._sort(source, topic, records, self._goes_first)

    @staticmethod
    def _sort(
        source: _Source, topic: Topic, records: Sequence[Record], goes_first: GoesFirst
    ) -> None:
        keys = source.keys
        for record in records:
            is_urgent = goes_first(topic, record)
            if is_urgent and (topic.in_any_order or record.key not in keys):
                source.urgent.append(record)
                continue
            source.plain.append(record)
            keys[record.key] += 1
            if is_urgent:
                source.held.add(record.offset)

    def take(self, limit_of: Callable[[int], int]) -> Taken | None:
        """Take urgent records, else those of the topic whose turn it is; None if none.

        Args:
            limit_of: Says for how many that wait how many are taken.

        Raises:
            DeliveryGap: Records before those that wait were never delivered.
        """
        self.check()
        for topic, source in self._sources.items():
            if source.may_overtake():
                return self._taken_urgent(topic, source, limit_of)
        for topic, source in self._sources.items():
            if source.plain:
                # It goes behind the others, whose turn is next.
                self._sources[topic] = self._sources.pop(topic)
                records = _first(source.plain, limit_of(len(source.plain)))
                source.bytes -= _bytes_of(records)
                urgent = self._forget(source, records)
                return self._taken(topic, source, records, urgent)
        return None

    def _taken_urgent(
        self, topic: Topic, source: _Source, limit_of: Callable[[int], int]
    ) -> Taken:
        limit = limit_of(len(source))
        records = _first(source.urgent, limit)
        urgent = frozenset(record.offset for record in records)
        if len(source.plain) <= limit - len(records):
            # Together they are few: to overtake would only cost a commit.
            plain = _first(source.plain, limit)
            urgent |= self._forget(source, plain)
            records = sorted(records + plain, key=lambda record: record.offset)
        source.bytes -= _bytes_of(records)
        return self._taken(topic, source, records, urgent)

    @staticmethod
    def _taken(
        topic: Topic,
        source: _Source,
        records: Sequence[Record],
        urgent: frozenset[int],
    ) -> Taken:
        upto = source.first_offset()
        if source.ahead or records[-1].offset >= upto:
            source.ahead.update(record.offset for record in records)
            source.ahead = {offset for offset in source.ahead if offset >= upto}
        return Taken(topic, records, upto, urgent)

    def _forget(self, source: _Source, plain: Sequence[Record]) -> frozenset[int]:
        """Note that plain records are taken; return the urgent ones' offsets."""
        keys = source.keys
        if self._goes_first is None:
            return _NONE
        for record in plain:
            left = keys[record.key] - 1
            if left:
                keys[record.key] = left
            else:
                del keys[record.key]
        if not source.held:
            return _NONE
        urgent = source.held.intersection(record.offset for record in plain)
        source.held -= urgent
        return frozenset(urgent)


def _first(queue: deque[Record], limit: int) -> list[Record]:
    """Take the first records out of a queue."""
    if limit < len(queue):
        return [queue.popleft() for _ in range(limit)]
    records = list(queue)
    queue.clear()
    return records


def _bytes_of(records: Sequence[Record]) -> int:
    return sum(len(record.value or b"") for record in records)
