"""The stand-in project: resources, their rules and what was accepted, without HTTP.

One thread at a time: the server runs it on its event loop (`SandboxServer.call`).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from streams.sandbox.commercetools import errors
from streams.sandbox.commercetools.channels import CHANNEL_ACTIONS, Channel
from streams.sandbox.commercetools.clock import wire_time
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.core import OPERATOR, RIVAL
from streams.sandbox.commercetools.custom import TYPE_ACTIONS, CustomType
from streams.sandbox.commercetools.identifiers import subject_of
from streams.sandbox.commercetools.inventory import InventoryEntry
from streams.sandbox.commercetools.inventory_actions import ENTRY_ACTIONS
from streams.sandbox.commercetools.inventory_messages import (
    entry_created,
    entry_deleted,
    entry_updated,
    levels_reached,
    quantity_set,
)
from streams.sandbox.commercetools.messaging.courier import NeedsWaiting, Sink
from streams.sandbox.commercetools.messaging.subscriptions import (
    CONFLUENT,
    HEALTHY,
    SUBSCRIPTION_ACTIONS,
    TEMPORARY_ERROR,
    Subscription,
)
from streams.sandbox.commercetools.resources import PLATFORM, Caller
from streams.sandbox.commercetools.trade import Trade
from streams.sandbox.commercetools.updates import (
    apply_update,
    check_version,
    read_update,
)
from streams.sandbox.commercetools.values import Fields

ENTRY = "inventory-entry"


class Sandbox(Trade):
    """A commercetools project in memory.

    Every draw of chance comes from the seed, every time from the clock: the same
    requests get the same answers. `sinks` take notifications to their destinations, by
    the destination's type.
    """

    def settle(self) -> None:
        """Let every decrement that is due become visible; reads come after this."""
        for landing in self.landings.due(self.clock()):
            at = wire_time(landing.due_at)
            before = self.inventory.find("id", landing.entry_id)
            entry = self.inventory.land(landing.entry_id, landing.quantity, at)
            if entry is None or before is None:
                continue
            self._keep(
                "landing",
                Caller(PLATFORM, ""),
                ENTRY,
                entry,
                change="ResourceUpdated",
                told=levels_reached(before, entry),
                old_version=before.version,
                at=at,
                delta=-landing.quantity,
            )

    def create_channel(self, draft: Fields, caller: Caller = OPERATOR) -> Channel:
        """Create a channel from its draft."""
        channel = self.channels.create(draft, self._stamp(caller))
        self._keep("channel-created", caller, "channel", channel)
        return channel

    def update_channel(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Channel:
        """Apply an update to a channel."""
        return self._update(
            self.channels, CHANNEL_ACTIONS, self.channels, (name, value), body, caller
        )

    def create_type(self, draft: Fields, caller: Caller = OPERATOR) -> CustomType:
        """Create a custom type from its draft."""
        created = self.types.create(draft, self._stamp(caller))
        self._keep("type-created", caller, "type", created)
        return created

    def update_type(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> CustomType:
        """Apply an update to a custom type."""
        return self._update(
            self.types, TYPE_ACTIONS, self.types, (name, value), body, caller
        )

    def create_entry(self, draft: Fields, caller: Caller = OPERATOR) -> InventoryEntry:
        """Create an inventory entry from its draft."""
        entry = self.inventory.create(draft, self._stamp(caller))
        self._keep(
            "created",
            caller,
            ENTRY,
            entry,
            told=(entry_created(entry),),
            delta=entry.quantity_on_stock,
        )
        return entry

    def update_entry(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> InventoryEntry:
        """Apply an update to the entry whose `id` or `key` (the name) is the value."""
        update = read_update(body, ENTRY_ACTIONS)
        held = self.inventory.get(name, value)
        entry = apply_update(held, update, self.inventory, caller, self._now())
        if entry is held:
            return held
        self.inventory.put(entry)
        self._keep(
            "updated",
            caller,
            ENTRY,
            entry,
            change="ResourceUpdated",
            told=entry_updated(held, entry, update.actions),
            old_version=held.version,
            delta=entry.quantity_on_stock - held.quantity_on_stock,
            actions=update.actions,
        )
        return entry

    def delete_entry(
        self, name: str, value: str, version: int, caller: Caller = OPERATOR
    ) -> InventoryEntry:
        """Delete an entry; return it as it was."""
        held = self.inventory.get(name, value)
        check_version(held, version)
        self.inventory.remove(held)
        self._keep(
            "deleted",
            caller,
            ENTRY,
            replace(held, quantity_on_stock=0),
            change="ResourceDeleted",
            told=(entry_deleted(held),),
            delta=-held.quantity_on_stock,
        )
        return held

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
        told = [*levels_reached(held, entry)]
        self._keep(
            "intrusion",
            RIVAL,
            ENTRY,
            entry,
            change="ResourceUpdated",
            told=[quantity_set(held, entry), *told] if quantity else (),
            old_version=held.version,
            delta=quantity,
        )

    def touch(self, collection: Collection[Any], name: str, value: str) -> None:
        """Let another client write any resource, so that its version moves on."""
        held = collection.find(name, value)
        if held is None:
            return
        stamp = held.stamp.grown(steps=1, by=RIVAL.client_id, at=self._now())
        touched = replace(held, stamp=stamp)
        collection.put(touched)
        self._keep(
            "intrusion",
            RIVAL,
            collection.type_id,
            touched,
            change="ResourceUpdated",
            old_version=held.version,
        )

    def create_subscription(
        self, draft: Fields, caller: Caller = OPERATOR
    ) -> Subscription:
        """Create a subscription once its test notification has arrived."""
        created = self.subscriptions.create(draft, self._stamp(caller))
        try:
            self.office.try_out(created, subject_of("subscription", created))
        except errors.ApiError:
            self.subscriptions.remove(created)
            raise
        self._keep("subscription-created", caller, "subscription", created)
        return created

    def update_subscription(
        self, name: str, value: str, body: Fields, caller: Caller = OPERATOR
    ) -> Subscription:
        """Apply an update to a subscription; it acts at once (there: in a minute)."""
        changed = self._update(
            self.subscriptions,
            SUBSCRIPTION_ACTIONS,
            self.subscriptions,
            (name, value),
            body,
            caller,
        )
        self.courier.readdress(changed)
        return changed

    def delete_subscription(
        self, name: str, value: str, version: int, caller: Caller = OPERATOR
    ) -> Subscription:
        """Delete a subscription; what is on its way to it never arrives."""
        held = self.subscriptions.get(name, value)
        check_version(held, version)
        self.subscriptions.remove(held)
        self.courier.drop(held.id)
        self._keep(
            "subscription-deleted",
            caller,
            "subscription",
            held,
            change="ResourceDeleted",
        )
        return held

    def subscribe(
        self,
        sink: Sink,
        resources: Iterable[str] = ("order",),
        *,
        topic: str = "ct.messages",
        message_format: str = "Platform",
        key: str | None = None,
    ) -> Subscription:
        """Take the messages of some kinds of resources to a sink, as Confluent would.

        One sink serves all ConfluentCloud destinations; the topic tells them apart.
        """
        self.sinks[CONFLUENT] = sink
        version = {"cloudEventsVersion": "1.0"} if message_format != "Platform" else {}
        return self.create_subscription(
            {
                "key": key,
                "destination": {
                    "type": CONFLUENT,
                    "bootstrapServer": "sandbox.confluent.cloud:9092",
                    "apiKey": "sandbox",
                    "apiSecret": "sandbox",
                    "acks": "all",
                    "topic": topic,
                },
                "messages": [{"resourceTypeId": each} for each in resources],
                "format": {"type": message_format, **version},
            }
        )

    def deliver(self) -> int:
        """Hand all due notifications to sinks that need no waiting; count the taken.

        One that its sink refuses, by any exception, comes again later.
        """
        taken = 0
        now = self.clock()
        for consignment in self.courier.due(now):
            notification = consignment.notification
            try:
                self.courier.hand_over_at_once(notification)
            except NeedsWaiting:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a sink may raise
                self.courier.failed(consignment, now)
                self.fares(notification.subscription_id, error)
            else:
                taken += 1
                self.fares(notification.subscription_id, None)
        return taken

    def fares(self, subscription_id: str, error: Exception | None) -> None:
        """Note how the last delivery to a subscription went."""
        held = self.subscriptions.find("id", subscription_id)
        if held is None or held.is_stopped:
            return
        if error is None:
            self.courier.counts["delivered"] += 1
        self.office.set_status(
            subscription_id, HEALTHY if error is None else TEMPORARY_ERROR
        )
