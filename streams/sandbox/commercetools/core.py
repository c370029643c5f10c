"""The heart of the stand-in: what every write goes through, whatever its resource.

A write is read, applied to a frozen value, stored, and only then told and recorded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, TypeVar

from streams.sandbox.commercetools.auth import TokenOffice
from streams.sandbox.commercetools.clock import Clock, utc_now, wire_time
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.config import SandboxConfig
from streams.sandbox.commercetools.desk import Desk
from streams.sandbox.commercetools.faults import FaultBook
from streams.sandbox.commercetools.happenings import Happening
from streams.sandbox.commercetools.identifiers import subject_of
from streams.sandbox.commercetools.inventory import InventoryEntry
from streams.sandbox.commercetools.journal import Journal, Write
from streams.sandbox.commercetools.landings import Landings
from streams.sandbox.commercetools.limits import RateLimit
from streams.sandbox.commercetools.messaging.courier import Sink
from streams.sandbox.commercetools.messaging.envelopes import Change
from streams.sandbox.commercetools.messaging.office import PostOffice
from streams.sandbox.commercetools.orders import Order
from streams.sandbox.commercetools.project import Project
from streams.sandbox.commercetools.resources import Caller, Stamp, Stamped, new_stamp
from streams.sandbox.commercetools.updates import Reader, apply_update, read_update
from streams.sandbox.commercetools.values import Fields

OPERATOR = Caller("sandbox", "sandbox")
RIVAL = Caller("another-client", "another-client")
R = TypeVar("R", bound=Stamped)
W = TypeVar("W")


class Core:
    """A project's memory: resources, faults, messages, and a journal of writes."""

    def __init__(
        self,
        config: SandboxConfig | None = None,
        clock: Clock = utc_now,
        sinks: Mapping[str, Sink] | None = None,
    ) -> None:
        self.config = config or SandboxConfig()
        self.clock = clock
        self.sinks: dict[str, Sink] = dict(sinks or {})
        self.reset()

    def reset(self) -> None:
        """Begin anew: no resources, tokens, faults, subscriptions or memory."""
        config = self.config
        # One stream of chance each, so that a fault does not change the ids.
        ids, tokens, lags, faults = (
            Random(f"{config.seed}/{name}")
            for name in ("ids", "tokens", "lags", "faults")
        )
        self._ids = ids
        self.tokens = TokenOffice(config, self.clock, tokens)
        self.rate_limit = RateLimit(
            config.requests_per_second, config.requests_burst, self.clock
        )
        self.faults = FaultBook(faults)
        self.landings = Landings(config.lag, lags)
        project = Project(self.landings, self._now())
        self.project = project
        self.types, self.channels = project.types, project.channels
        self.states, self.inventory = project.states, project.inventory
        self.payments, self.customers = project.payments, project.customers
        self.carts, self.orders = project.carts, project.orders
        self.office = PostOffice(
            config.project_key,
            config.seed,
            self.sinks,
            bytes_max=config.notification_bytes_max,
            messages_max=config.messages_max,
            pending_max=config.notifications_pending_max,
        )
        self.messages, self.courier = self.office.log, self.office.courier
        self.subscriptions = self.office.subscriptions
        self.journal = Journal(config.log_records_max)
        self.responses: Counter[int] = Counter()

    def desk(self) -> Desk:
        """Open a desk for one write."""
        return Desk(self.project, self._ids, self.clock())

    def channel_key(self, channel_id: str | None) -> str | None:
        """Return the key of an entry's channel."""
        channel = self.channels.find("id", channel_id) if channel_id else None
        return channel.key if channel else None

    def _update(
        self,
        collection: Collection[R],  # type: ignore[type-var] # all of them have keys
        readers: Mapping[str, Reader[R, W]],
        world: W,
        selector: tuple[str, str],
        body: Fields,
        caller: Caller,
    ) -> R:
        """Apply an update; what a desk was told meanwhile counts if it is stored."""
        update = read_update(body, readers)
        held = collection.get(*selector)
        resource = apply_update(held, update, world, caller, self._now())
        if resource is held:
            return held
        collection.put(resource)
        self._keep(
            f"{collection.type_id}-updated",
            caller,
            collection.type_id,
            resource,
            change="ResourceUpdated",
            told=world.told if isinstance(world, Desk) else (),
            old_version=held.version,
            actions=update.actions,
        )
        return resource

    def _stamp(self, caller: Caller) -> Stamp:
        return new_stamp(self._ids, by=caller.client_id, at=self._now())

    def _now(self) -> str:
        return wire_time(self.clock())

    def _keep(
        self,
        kind: str,
        caller: Caller,
        type_id: str,
        resource: Stamped,
        *,
        change: Change = "ResourceCreated",
        told: Iterable[Happening] = (),
        old_version: int | None = None,
        at: str | None = None,
        **details: Any,
    ) -> None:
        """Tell the world of a stored write and put it on record."""
        told = tuple(told)
        now, said_at = self.clock(), self._now()
        subject = subject_of(type_id, resource)
        self.office.publish(subject, told, change, old_version, now, said_at)
        if isinstance(resource, InventoryEntry):
            details |= {
                "sku": resource.sku,
                "channel_key": self.channel_key(resource.channel_id),
                "quantity_after": resource.quantity_on_stock,
                "fields": resource.custom.fields if resource.custom else None,
            }
        if isinstance(resource, Order):
            details["order_number"] = resource.key
        self.journal.add(
            Write(
                number=self.journal.next_number(),
                at=at or said_at,
                kind=kind,
                client_id=caller.client_id,
                correlation_id=caller.correlation_id,
                resource_id=resource.id,
                version=resource.version,
                messages=tuple(each.type for each in told),
                **details,
            )
        )
