"""What the sandbox accepted, in order: the truth that tests compare their own against.

Bounded: the oldest records make room, and readers are told how many they missed.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

READ_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Write:
    """One accepted write; `delta` is what the visible quantity changed by.

    `messages` are the vendor's messages it would cause. An order's late decrement
    causes none (API spec, `InventoryEntryQuantitySetMessage`: add, remove and change
    of quantity only).
    """

    number: int
    at: str
    kind: str
    client_id: str
    correlation_id: str
    resource_id: str
    version: int
    sku: str | None = None
    channel_key: str | None = None
    delta: int = 0
    quantity_after: int | None = None
    fields: Mapping[str, object] | None = None
    actions: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    order_number: str | None = None

    def body(self) -> dict[str, object]:
        """Write the record for `GET /_sandbox/log`."""
        return {
            "number": self.number,
            "at": self.at,
            "kind": self.kind,
            "clientId": self.client_id,
            "correlationId": self.correlation_id,
            "resourceId": self.resource_id,
            "version": self.version,
            "sku": self.sku,
            "channelKey": self.channel_key,
            "delta": self.delta,
            "quantityAfter": self.quantity_after,
            "fields": self.fields,
            "actions": self.actions,
            "messages": self.messages,
            "orderNumber": self.order_number,
        }


class Journal:
    """The last `records_max` writes, numbered from 1 without gaps."""

    def __init__(self, records_max: int) -> None:
        self._writes: deque[Write] = deque(maxlen=records_max)
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def next_number(self) -> int:
        """Return the number that the next write must carry."""
        return self._number + 1

    def add(self, write: Write) -> None:
        """Keep the next write."""
        self._number = write.number
        self._writes.append(write)

    def read(self, after: int = 0, limit: int = READ_MAX) -> Sequence[Write]:
        """Return the writes behind a number, oldest first."""
        skipped = max(0, after - self.dropped)
        return list(islice(self._writes, skipped, skipped + limit))

    @property
    def dropped(self) -> int:
        """Return how many of the oldest writes are no longer kept."""
        return self._number - len(self._writes)
