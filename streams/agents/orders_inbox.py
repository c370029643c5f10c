"""The orders stage's inbox: records become what an order hears, or are parked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from streams.domain.order_sourcing import LookAgain
from streams.domain.orders import Input
from streams.engine.fold import Batch, Record, Result
from streams.engine.headers import heard_ms
from streams.mapping.exceptions import was_sent_again
from streams.mapping.order_messages import ANSWERS, NOTES, REPLIES
from streams.mapping.stock import Undecodable
from streams.topics import ORDER_ANSWERS, ORDER_FACTS, RESERVATION_ANSWERS, Topic

Decode = Callable[[bytes | None], Input]

DECODERS: Mapping[Topic, Decode] = {
    ORDER_FACTS: NOTES.decode,
    ORDER_ANSWERS: ANSWERS.decode,
    RESERVATION_ANSWERS: REPLIES.decode,
}


@dataclass(slots=True)
class Heard:
    """What a batch says of one order, in its order, and the records that say it."""

    inputs: list[Input] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def add(self, record: Record, *inputs: Input) -> None:
        """Add a record, and what it says."""
        self.inputs += inputs
        self.records.append(record)

    @property
    def told_at(self) -> datetime | None:
        """When the log took the last of it; None if nothing was said."""
        if not self.records:
            return None
        return datetime.fromtimestamp(max(map(heard_ms, self.records)) / 1000, UTC)

    def pairs(self) -> Iterator[tuple[Record, list[Input]]]:
        """Walk the records, each with what it says: one thing, or that and a retry."""
        inputs = iter(self.inputs)
        for record in self.records:
            yield record, list(islice(inputs, 1 + was_sent_again(record)))


def read_heard(batch: Batch, result: Result) -> dict[str, Heard]:
    """Read a batch, gathered by order number; park what cannot be read."""
    heard: dict[str, Heard] = {}
    for record in batch.records:
        result.count("in")
        read = _read(record, DECODERS[batch.topic], result)
        if read is None:
            continue
        number, value = read
        again = (LookAgain(),) if was_sent_again(record) else ()
        heard.setdefault(number, Heard()).add(record, value, *again)
    return heard


def _read(record: Record, decode: Decode, result: Result) -> tuple[str, Input] | None:
    try:
        value = decode(record.value)
        number = (record.key or b"").decode()
    except (Undecodable, UnicodeDecodeError) as error:
        said = error.sentence if isinstance(error, Undecodable) else str(error)
        result.park(
            record,
            reason="undecodable",
            field=error.field if isinstance(error, Undecodable) else "key",
            value=(record.value or b"").decode(errors="replace"),
            sentence=f"The record about an order cannot be read: {said} Only stages "
            "write these; find who else did.",
        )
        return None
    stated = getattr(value, "order_number", number)
    if number and stated == number:
        return number, value
    result.park(
        record,
        reason="wrong_key",
        field="key",
        value=number,
        sentence=f"The record's key {number!r} is not its order's number {stated!r}: "
        "its partition does not hold that order. Send it again with that key.",
    )
    return None
