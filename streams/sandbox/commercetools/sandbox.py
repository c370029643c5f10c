"""The stand-in project: resources, their rules and what was accepted, without HTTP.

One thread at a time: the server runs it on its event loop (`SandboxServer.call`).
"""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from streams.sandbox.commercetools.auth import TokenOffice
from streams.sandbox.commercetools.channels import CHANNEL_ACTIONS, Channel, Channels
from streams.sandbox.commercetools.clock import Clock, utc_now, wire_time
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.custom import TYPE_ACTIONS, CustomType, Types
from streams.sandbox.commercetools.faults import FaultBook
from streams.sandbox.commercetools.inventory import Inventory, InventoryEntry
from streams.sandbox.commercetools.inventory_actions import (
    ENTRY_ACTIONS,
    QUANTITY_ACTIONS,
)
from streams.sandbox.commercetools.journal import Journal, Write
from streams.sandbox.commercetools.landings import Landings
from streams.sandbox.commercetools.limits import RateLimit
from streams.sandbox.commercetools.orders import (
    InventoryMode,
    Order,
    Orders,
    purchase_draft,
)
from streams.sandbox.commercetools.resources import (
    PLATFORM,
    Caller,
    Stamp,
    Stamped,
    new_stamp,
)
from streams.sandbox.commercetools.updates import (
    apply_update,
    check_version,
    read_update,
)
from streams.sandbox.commercetools.values import Fields

OPERATOR = Caller("sandbox", "sandbox")
SHOP = Caller("web-shop", "web-shop")
RIVAL = Caller("another-client", "another-client")


class Sandbox:
    """A commercetools project in memory.

    Every draw of chance comes from the seed, every time from the clock: the same
    requests get the same answers.
    """

    def __init__(
        self, config: SandboxConfig | None = None, clock: Clock = utc_now
    ) -> None:
        self.config = config or SandboxConfig()
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Begin anew: no resources, tokens, faults or memory."""
        # One stream of chance each, so that a fault does not change the ids.
        ids, tokens, lags, faults = (
            Random(f"{self.config.seed}/{name}")
            for name in ("ids", "tokens", "lags", "faults")
        )
        self._ids = ids
        self.tokens = TokenOffice(self.config, self.clock, tokens)
        self.rate_limit = RateLimit(
            self.config.requests_per_second, self.config.requests_burst, self.clock
        )
        self.faults = FaultBook(faults)
        self.types = Types()
        self.channels = Channels()
        self.inventory = Inventory(self.channels, self.types)
        self.landings = Landings(self.config.lag, lags)
        self.orders = Orders(self.inventory, self.landings, ids)
        self.journal = Journal(self.config.log_records_max)
        self.responses: Counter[int] = Counter()

    def settle(self) -> None:
        """Let every decrement that is due become visible; reads come after this."""
        for landing in self.landings.due(self.clock()):
            at = wire_time(landing.due_at)
            entry = self.inventory.land(landing.entry_id, landing.quantity, at)
            if entry is not None:
                self._record(
                    "landing", Caller(PLATFORM, ""), entry, at, delta=-landing.quantity
                )

    def create_channel(self, draft: Fields, caller: Caller = OPERATOR) -> Channel:
        """Create a channel from its draft."""
        channel = self.channels.create(draft, self._stamp(caller))
        self._record("channel-created", caller, channel, self._now())
        return channel

    def create_type(self, draft: Fields, caller: Caller = OPERATOR) -> CustomType:
        """Create a custom type from its draft."""
        created = self.types.create(draft, self._stamp(caller))
        self._record("type-created", caller, created, self._now())
        return created

    def create_entry(self, draft: Fields, caller: Caller = OPERATOR) -> InventoryEntry:
        """Create an inventory entry from its draft."""
        entry = self.inventory.create(draft, self._stamp(caller))
        self._record(
            "created",
            caller,
            entry,
            self._now(),
            delta=entry.quantity_on_stock,
            messages=("InventoryEntryCreated",),
        )
        return entry

    def update_entry(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> InventoryEntry:
        """Apply an update to the entry whose `id` or `key` (the name) is the value."""
        update = read_update(body, ENTRY_ACTIONS)
        held = self.inventory.get(name, value)
        at = self._now()
        entry = apply_update(held, update, self.inventory, caller, at)
        if entry is held:
            return held
        self.inventory.put(entry)
        sets_quantity = not QUANTITY_ACTIONS.isdisjoint(update.actions)
        self._record(
            "updated",
            caller,
            entry,
            at,
            delta=entry.quantity_on_stock - held.quantity_on_stock,
            actions=update.actions,
            messages=("InventoryEntryQuantitySet",) if sets_quantity else (),
        )
        return entry

    def update_channel(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Channel:
        """Apply an update to a channel."""
        update = read_update(body, CHANNEL_ACTIONS)
        held = self.channels.get(name, value)
        channel = apply_update(held, update, self.channels, caller, self._now())
        if channel is not held:
            self.channels.put(channel)
            self._record("channel-updated", caller, channel, self._now())
        return channel

    def update_type(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> CustomType:
        """Apply an update to a custom type."""
        update = read_update(body, TYPE_ACTIONS)
        held = self.types.get(name, value)
        changed = apply_update(held, update, self.types, caller, self._now())
        if changed is not held:
            self.types.put(changed)
            self._record("type-updated", caller, changed, self._now())
        return changed

    def delete_entry(
        self, name: str, value: str, version: int, caller: Caller = OPERATOR
    ) -> InventoryEntry:
        """Delete an entry; return it as it was."""
        held = self.inventory.get(name, value)
        check_version(held, version)
        self.inventory.remove(held)
        gone = replace(held, quantity_on_stock=0)
        self._record(
            "deleted",
            caller,
            gone,
            self._now(),
            delta=-held.quantity_on_stock,
            messages=("InventoryEntryDeleted",),
        )
        return held

    def import_order(self, draft: Fields, caller: Caller = OPERATOR) -> Order:
        """Import an order; its decrements land later."""
        order = self.orders.place(draft, self._stamp(caller), self.clock())
        self._record(
            "order",
            caller,
            order,
            self._now(),
            messages=("OrderImported",),
            order_number=order.key,
        )
        return order

    def purchase(
        self,
        sku: str,
        quantity: int,
        *,
        channel_key: str | None = None,
        mode: str = InventoryMode.TRACK_ONLY,
        order_number: str | None = None,
    ) -> Order:
        """Buy one SKU in the web shop, as a customer would."""
        draft = purchase_draft(
            sku,
            quantity,
            channel_key=channel_key,
            mode=mode,
            order_number=order_number,
        )
        return self.import_order(draft, SHOP)

    def intrude(self, name: str, value: str, quantity: int) -> None:
        """Write an entry as another client: add a quantity, or only touch it.

        Background changes bump versions too; a touch stands for those.
        """
        held = self.inventory.find(name, value)
        if held is None:
            return
        at = self._now()
        entry = replace(
            held,
            quantity_on_stock=held.quantity_on_stock + quantity,
            stamp=held.stamp.grown(steps=1, by=RIVAL.client_id, at=at),
        )
        self.inventory.put(entry)
        messages = ("InventoryEntryQuantitySet",) if quantity else ()
        self._record("intrusion", RIVAL, entry, at, delta=quantity, messages=messages)

    def channel_key(self, channel_id: str | None) -> str | None:
        """Return the key of an entry's channel."""
        channel = self.channels.find("id", channel_id) if channel_id else None
        return channel.key if channel else None

    def _stamp(self, caller: Caller) -> Stamp:
        return new_stamp(self._ids, by=caller.client_id, at=self._now())

    def _now(self) -> str:
        return wire_time(self.clock())

    def _record(
        self,
        kind: str,
        caller: Caller,
        resource: Stamped,
        at: str,
        **details: Any,
    ) -> None:
        if isinstance(resource, InventoryEntry):
            details |= {
                "sku": resource.sku,
                "channel_key": self.channel_key(resource.channel_id),
                "quantity_after": resource.quantity_on_stock,
                "fields": resource.custom.fields if resource.custom else None,
            }
        self.journal.add(
            Write(
                number=self.journal.next_number(),
                at=at,
                kind=kind,
                client_id=caller.client_id,
                correlation_id=caller.correlation_id,
                resource_id=resource.id,
                version=resource.version,
                **details,
            )
        )
