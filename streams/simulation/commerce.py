"""commercetools' inventory with its real rules, for the simulator: no network, no wait.

Versions, unique entries, all-or-nothing updates and orders counted late, as in the
commercetools API reference, "Inventory" and "Order" (inventory mode TrackOnly).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from streams.connectors.errors import (
    Ambiguous,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    Unavailable,
    VersionConflict,
)
from streams.mapping.commerce import (
    SEQUENCE_FIELD,
    TARGET_FIELD,
    TYPE_KEY,
    Body,
    CustomWire,
    EntryWire,
    ReferenceWire,
)
from streams.simulation.transactions import Answer, Step

ORDER_LAG_MAX_S = 10
"""An order's decrement is visible up to so much later (API reference, "Inventory")."""

EntryId = tuple[str, str]
"""SKU and channel key; no channel key for the project-wide entry."""


@dataclass(slots=True)
class StoredEntry:
    """One inventory entry."""

    id: str
    sku: str
    channel_key: str
    quantity: int
    version: int = 1
    fields: dict[str, Any] | None = None

    def wire(self) -> EntryWire:
        custom = None
        if self.fields is not None:
            custom = CustomWire(ReferenceWire("type", TYPE_KEY), dict(self.fields))
        channel = (
            ReferenceWire("channel", f"id-of-{self.channel_key}")
            if self.channel_key
            else None
        )
        return EntryWire(
            id=self.id,
            version=self.version,
            sku=self.sku,
            quantity_on_stock=self.quantity,
            available_quantity=self.quantity,
            supply_channel=channel,
            custom=custom,
        )


@dataclass(slots=True)
class Told:
    """One change of quantity that we sent and commerce applied."""

    entry: EntryId
    sequence: int
    before: int
    after: int
    by: str


@dataclass(slots=True)
class Commerce:
    """The project: entries, orders not yet counted, and what was applied.

    `raise_version`: an order's decrement changes the entry's version too (whether it
    does is not documented).
    """

    raise_version: bool = True
    entries: dict[EntryId, StoredEntry] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    first_target: dict[EntryId, int] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    now_ms: int = 0
    _uncounted: list[tuple[int, EntryId, int]] = field(default_factory=list)

    # The shop's side

    def place_order(self, entry: EntryId, quantity: int, lag_ms: int) -> None:
        """Take a web order; the entry goes down when its lag is over."""
        self._uncounted.append((self.now_ms + lag_ms, entry, quantity))

    def count_orders(self) -> None:
        """Let the decrements that are due show; a new version each."""
        due = [order for order in self._uncounted if order[0] <= self.now_ms]
        self._uncounted = [order for order in self._uncounted if order not in due]
        for _, key, quantity in due:
            entry = self.entries.get(key)
            if entry is not None:
                entry.quantity -= quantity
                entry.version += self.raise_version

    @property
    def settled(self) -> bool:
        return not self._uncounted

    def touch(self, key: EntryId) -> None:
        """Let somebody else write to the entry, something that is not its quantity."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.version += 1

    def put_foreign(self, key: EntryId, quantity: int) -> None:
        """Let an entry be there that we did not make."""
        self.entries[key] = StoredEntry(f"entry-{len(self.entries)}", *key, quantity)

    # Our side

    def by_id(self, entry_id: str) -> StoredEntry | None:
        for entry in self.entries.values():
            if entry.id == entry_id:
                return entry
        return None

    def create(self, draft: Body, by: str) -> StoredEntry:
        """Create an entry; one for each SKU and channel."""
        channel = draft.get("supplyChannel", {}).get("key", "")
        key = (draft["sku"], channel)
        if key in self.entries:
            raise Duplicate("the entry exists", reason="DuplicateField", status=400)
        entry = StoredEntry(f"entry-{len(self.entries)}", *key, 0)
        entry.quantity = draft["quantityOnStock"]
        entry.fields = dict(draft["custom"]["fields"])
        self.entries[key] = entry
        self._note(key, 0, entry, by)
        return entry

    def update(
        self, entry_id: str, version: int, actions: list[Body], by: str
    ) -> StoredEntry:
        """Apply all actions if the version is the stored one, else none of them."""
        entry = self.by_id(entry_id)
        if entry is None:
            raise NotFound("no such entry", reason="ResourceNotFound", status=404)
        if entry.version != version:
            raise VersionConflict(
                f"version {version}, stored is {entry.version}",
                reason="ConcurrentModification",
                status=409,
            )
        before, quantity = entry.quantity, entry.quantity
        fields = None if entry.fields is None else dict(entry.fields)
        for action in actions:
            match action["action"]:
                case "addQuantity":
                    quantity += action["quantity"]
                case "removeQuantity":
                    quantity -= action["quantity"]
                case "changeQuantity":
                    quantity = action["quantity"]
                case "setCustomType":
                    fields = dict(action["fields"])
                case "setCustomField":
                    if fields is None:
                        raise Refused("no custom type", "InvalidOperation", 400)
                    fields[action["name"]] = action["value"]
                case unknown:
                    raise Refused(f"unknown action {unknown}", "InvalidInput", 400)
        entry.quantity, entry.fields = quantity, fields
        entry.version += len(actions)
        self._note((entry.sku, entry.channel_key), before, entry, by)
        return entry

    def _note(self, key: EntryId, before: int, entry: StoredEntry, by: str) -> None:
        sequence = (entry.fields or {}).get(SEQUENCE_FIELD, -1)
        self.first_target.setdefault(key, target_of(entry) or 0)
        self.told.append(Told(key, sequence, before, entry.quantity, by))


def target_of(entry: StoredEntry) -> int | None:
    """Return the target that the entry carries; None if it is not ours."""
    target = (entry.fields or {}).get(TARGET_FIELD)
    return None if target is None else int(target)


class CommerceClient:
    """One worker's way to commerce; at each request the scheduler may interfere."""

    def __init__(self, commerce: Commerce, worker: str) -> None:
        self._commerce = commerce
        self._worker = worker

    async def entry_by_id(self, entry_id: str) -> EntryWire | None:
        await self._read()
        entry = self._commerce.by_id(entry_id)
        return None if entry is None else entry.wire()

    async def entry_by_sku(self, sku: str, channel_id: str | None) -> EntryWire | None:
        await self._read()
        key = "" if channel_id is None else channel_id.removeprefix("id-of-")
        entry = self._commerce.entries.get((sku, key))
        return None if entry is None else entry.wire()

    async def create_entry(self, draft: Body) -> EntryWire:
        answer = await self._may_send("create")
        wire = self._commerce.create(draft, self._worker).wire()
        self._may_answer(answer)
        return wire

    async def update_entry(
        self, entry_id: str, version: int, actions: list[Body]
    ) -> EntryWire:
        answer = await self._may_send("update")
        entry = self._commerce.update(entry_id, version, actions, self._worker)
        wire = entry.wire()
        self._may_answer(answer)
        return wire

    async def _read(self) -> None:
        answer = await self._may_send("read")
        self._may_answer(answer)

    async def _may_send(self, request: str) -> Answer:
        answer = await Step(f"request_{request}")
        self._commerce.answers[answer] += 1
        match answer:
            case Answer.LOSE_REQUEST:
                raise Ambiguous("no answer", "timeout")
            case Answer.THROTTLE:
                raise Throttled("too fast", "429", 429, 1.0)
            case Answer.UNAVAILABLE:
                raise Unavailable("over capacity", "503", 503)
            case _:
                return answer

    def _may_answer(self, answer: Answer) -> None:
        if answer is Answer.LOSE_ANSWER:
            raise Ambiguous("the connection broke", "502", 502)
