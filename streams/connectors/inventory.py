"""Bring one commercetools entry to what is wanted: read, decide, write, once.

The decision is the domain's. Here is what to do when an answer is lost, late or a
conflict: always the same, read again and decide again, because the entry itself says
what it was last told, and its version admits only one of two writers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, assert_never

from streams.connectors.errors import (
    Ambiguous,
    ChannelMissing,
    ConnectorError,
    Duplicate,
    NotFound,
    Overtaken,
    Refused,
    Unavailable,
    VersionConflict,
)
from streams.connectors.pacing import AnyTurn, slow_down
from streams.domain.availability import (
    Absent,
    AddQuantity,
    Adopt,
    AlreadyDone,
    ChangeQuantity,
    Counting,
    CreateEntry,
    Decision,
    Entry,
    FieldsOnly,
    Ours,
    RemoveQuantity,
    Superseded,
    Update,
    decide,
)
from streams.domain.publications import Told
from streams.mapping.commerce import (
    SEQUENCE_FIELD,
    TARGET_FIELD,
    Body,
    EntryWire,
    actions_of,
    draft_of,
    entry_of,
)
from streams.mapping.publications import Action, AdoptionWire, UpdateWire

ROUNDS_MAX = 4
"""Reads and decisions in one go; after that others get their turn first."""


class InventoryClient(Protocol):
    """The requests that publishing needs (CommercetoolsClient fits)."""

    async def entry_by_id(self, entry_id: str) -> EntryWire | None: ...
    async def entry_by_sku(
        self, sku: str, channel_id: str | None
    ) -> EntryWire | None: ...
    async def create_entry(self, draft: Body) -> EntryWire: ...
    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire: ...


class Channels(Protocol):
    def is_known(self, key: str) -> bool: ...
    async def find(self, key: str) -> str: ...
    def forget(self, key: str) -> None: ...


@dataclass(slots=True)
class Counters:
    """What the delivery to commercetools has done since the worker started."""

    calls: int = 0
    reads: int = 0
    writes: int = 0
    accepted: int = 0
    adopted: int = 0
    coalesced: int = 0
    conflicts: int = 0
    throttled: int = 0
    ambiguous: int = 0
    unavailable: int = 0
    superseded: int = 0
    refused: int = 0
    misconfigured: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """The entry has come to the update."""

    action: Action
    told: Told
    adoption: AdoptionWire | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not now: nothing was told, or it is not known whether; try again later."""

    error: ConnectorError


@dataclass(frozen=True, slots=True)
class Declined:
    """Not like this: trying again at once is of no use."""

    action: Action
    error: ConnectorError


Outcome = Accepted | Postponed | Declined


class Seen(NamedTuple):
    """An entry as last read, or as we left it; its id is empty if it does not exist."""

    entry_id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Means:
    client: InventoryClient
    channels: Channels
    counting: Counting
    counters: Counters
    clock: Callable[[], datetime]


class InventoryPublisher:
    """Carries updates to commercetools, each delta once whatever gets lost."""

    def __init__(
        self,
        client: InventoryClient,
        channels: Channels,
        *,
        counting: Counting,
        counters: Counters,
        clock: Callable[[], datetime],
    ) -> None:
        self._means = _Means(client, channels, counting, counters, clock)

    async def publish(
        self, update: UpdateWire, told: Told | None, turn: AnyTurn
    ) -> Outcome:
        """Bring the entry to `update`; `told` is what it was last told, if known."""
        carry = _Carry(self._means, update, turn, told)
        for _ in range(ROUNDS_MAX - 1):
            try:
                return await carry.round()
            except ConnectorError as error:
                outcome = carry.settle(error)
            if outcome is not None:
                return outcome
        try:
            return await carry.round()
        except ConnectorError as error:
            return carry.settle(error) or Postponed(error)


class _Carry:
    """One update on its way."""

    def __init__(
        self, means: _Means, update: UpdateWire, turn: AnyTurn, told: Told | None
    ) -> None:
        self._means = means
        self._counters = means.counters
        self._update = update
        self._turn = turn
        # What we last left there is good enough to decide on, and saves the read: if it
        # is no longer so, the version tells.
        self._seen = None if told is None else _seen_as_told(told)
        self._entry_id = "" if told is None else told.entry_id
        self._action: Action = "none"
        self._adopting: Adopt | None = None
        self._writing = False
        self._duplicates = 0

    async def round(self) -> Outcome:
        """Read if need be, decide, and write at most once."""
        self._writing = False
        seen, self._seen = self._seen, None
        if seen is None:
            seen = await self._read()
        decision = decide(self._update.wanted, seen.entry, self._means.counting)
        self._action = _action_of(decision)
        if not isinstance(decision, AlreadyDone):
            self._adopting = None  # It did not happen, or was another's.
        match decision:
            case Superseded(sequence=sequence):
                self._counters.superseded += 1
                return Postponed(_overtaken(sequence, self._update))
            case AlreadyDone():
                return self._accepted(
                    seen.entry_id, decision.version, decision.quantity
                )
        wire = await self._write(seen.entry_id, decision)
        return self._accepted(wire.id, wire.version, wire.quantity_on_stock)

    def settle(self, error: ConnectorError) -> Outcome | None:
        """Say what an error means for the update; None: read and decide again."""
        match error:
            case VersionConflict():
                self._counters.conflicts += 1
                self._adopting = None
                return None
            case NotFound() if self._entry_id:
                self._entry_id = ""  # Deleted since we last saw it.
                return None
            case Duplicate() if self._duplicates < ROUNDS_MAX - 2:
                self._duplicates += 1
                return None
            case Ambiguous():
                self._counters.ambiguous += 1
                slow_down(self._turn, error)
                return None if self._writing else Postponed(error)
            case Unavailable():
                self._counters.throttled += error.status != 0
                self._counters.unavailable += error.status == 0
                slow_down(self._turn, error)
                return Postponed(error)
            case Refused():
                self._counters.refused += 1
                return Declined(self._action, self._explained(error))
            case _:
                self._counters.misconfigured += 1
                if isinstance(error, ChannelMissing):
                    self._means.channels.forget(self._update.channel_key)
                return Declined(self._action, error)

    async def _read(self) -> Seen:
        if self._entry_id:
            await self._reading()
            wire = await self._means.client.entry_by_id(self._entry_id)
            if wire is not None:
                return Seen(wire.id, entry_of(wire))
            self._entry_id = ""
        channel_id = await self._channel_id()
        await self._reading()
        wire = await self._means.client.entry_by_sku(self._update.sku, channel_id)
        if wire is None:
            return Seen("", Absent())
        self._entry_id = wire.id
        return Seen(wire.id, entry_of(wire))

    async def _channel_id(self) -> str | None:
        key, channels = self._update.channel_key, self._means.channels
        if not key:
            return None
        if not channels.is_known(key):
            await self._reading()
        return await channels.find(key)

    async def _write(self, entry_id: str, decision: Update) -> EntryWire:
        await self._turn.next()
        self._counters.calls += 1
        self._counters.writes += 1
        self._writing = True
        if isinstance(decision, CreateEntry):
            # A duplicate whose entry is not to be found: the key is someone else's.
            draft = draft_of(self._update, decision, hashed=self._duplicates > 0)
            return await self._means.client.create_entry(draft)
        if isinstance(decision, Adopt):
            self._adopting = decision
        actions = actions_of(self._update.wanted, decision)
        return await self._means.client.update_entry(
            entry_id, decision.version, actions
        )

    async def _reading(self) -> None:
        await self._turn.next()
        self._counters.calls += 1
        self._counters.reads += 1

    def _accepted(self, entry_id: str, version: int, quantity: int) -> Accepted:
        adopting, update = self._adopting, self._update
        told = Told(
            target=update.target,
            available=update.available,
            sequence=update.sequence,
            entry_id=entry_id,
            version=version,
            quantity=quantity,
            told_at_ms=int(self._means.clock().timestamp() * 1000),
        )
        self._turn.succeeded()
        self._counters.accepted += 1
        if adopting is None:
            return Accepted(self._action, told)
        self._counters.adopted += 1
        adoption = AdoptionWire(adopting.found, adopting.correction)
        return Accepted("adopt", told, adoption)

    def _explained(self, error: ConnectorError) -> ConnectorError:
        if self._adopting is not None and self._adopting.typed:
            error.message += (
                "; the entry carries a custom type of its own: add the number fields "
                f"{TARGET_FIELD} and {SEQUENCE_FIELD} to that type, or take the type "
                "off the entry"
            )
        return error


def _seen_as_told(told: Told) -> Seen:
    entry = Ours(told.target, told.sequence, told.quantity, told.version)
    return Seen(told.entry_id, entry)


def _action_of(decision: Decision) -> Action:
    match decision:
        case CreateEntry():
            return "create"
        case Adopt():
            return "adopt"
        case AddQuantity():
            return "add"
        case RemoveQuantity():
            return "remove"
        case ChangeQuantity():
            return "change"
        case FieldsOnly():
            return "fields"
        case AlreadyDone() | Superseded():
            return "none"
        case _:
            assert_never(decision)


def _overtaken(sequence: int, update: UpdateWire) -> Overtaken:
    return Overtaken(
        f"The entry was told sequence {sequence}, ours is {update.sequence}: another "
        "or an earlier installation writes here; clear the entry's fields "
        f"{TARGET_FIELD} and {SEQUENCE_FIELD} to have it adopted anew",
        reason="overtaken",
    )
