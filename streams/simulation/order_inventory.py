"""The stand-in's inventory, as the publishing courier's line to commerce sees it."""

from dataclasses import dataclass, field

from streams.connectors.errors import Duplicate, NotFound, VersionConflict
from streams.mapping.commerce import Body
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.simulation.commerce import Commerce, EntryId, StoredEntry


@dataclass(slots=True)
class SandboxInventory(Commerce):
    """The stand-in keeps the entries; here is what it has, as of its last change."""

    sandbox: Sandbox = field(default_factory=Sandbox)

    def count_orders(self) -> None:
        """Let the decrements show that are due by the stand-in's clock."""
        self.sandbox.settle()
        self._look()

    @property
    def settled(self) -> bool:
        return not len(self.sandbox.landings)

    def touch(self, key: EntryId) -> None:
        entry = self.entries.get(key)
        if entry is not None:
            self.sandbox.intrude("id", entry.id, 0)
            self._look()

    def create(self, draft: Body, by: str) -> StoredEntry:
        try:
            self.sandbox.create_entry(draft)
        except ApiError as error:
            raise Duplicate(error.message, reason=error.code, status=400) from error
        self._look()
        key = (draft["sku"], draft.get("supplyChannel", {}).get("key", ""))
        self._note(key, 0, self.entries[key], by)
        return self.entries[key]

    def update(
        self, entry_id: str, version: int, actions: list[Body], by: str
    ) -> StoredEntry:
        held = self.by_id(entry_id)
        if held is None:
            raise NotFound("no such entry", reason="ResourceNotFound", status=404)
        body = {"version": version, "actions": list(actions)}
        try:
            self.sandbox.update_entry("id", entry_id, body)
        except ApiError as error:
            if error.status != 409:
                raise
            raise VersionConflict(
                error.message, reason=error.code, status=error.status
            ) from error
        self._look()
        key = (held.sku, held.channel_key)
        self._note(key, held.quantity, self.entries[key], by)
        return self.entries[key]

    def _look(self) -> None:
        self.entries = {}
        for entry in self.sandbox.inventory.walk():
            channel = self.sandbox.channel_key(entry.channel_id) or ""
            self.entries[entry.sku, channel] = StoredEntry(
                entry.id,
                entry.sku,
                channel,
                entry.quantity_on_stock,
                entry.version,
                None if entry.custom is None else dict(entry.custom.fields),
            )
