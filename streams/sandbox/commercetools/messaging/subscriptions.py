"""Subscriptions: who asked to be told of what, in which format, and where.

Source: API spec, `types/subscription/*`, `resources/subscriptions`; docs
"Subscriptions".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.messaging.envelopes import (
    CLOUD_EVENTS,
    PLATFORM_FORMAT,
)
from streams.sandbox.commercetools.messaging.types import MESSAGE_TYPES
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import Stamp, Stamped
from streams.sandbox.commercetools.values import Fields, needed, optional

# Docs, "Limits".
SUBSCRIPTIONS_MAX = 50
HEALTHY, TEMPORARY_ERROR = "Healthy", "TemporaryError"
# Nothing is kept for these (`SubscriptionHealthStatus`).
STOPPED = frozenset({"ConfigurationErrorDeliveryStopped", "ManuallySuspended"})
STATUSES = (HEALTHY, TEMPORARY_ERROR, "ConfigurationError", *sorted(STOPPED))

CONFLUENT, HTTP = "ConfluentCloud", "HTTP"
# What a destination needs. `HTTP` is ours: it stands for a bridge behind a queue.
DESTINATIONS: dict[str, tuple[str, ...]] = {
    CONFLUENT: ("bootstrapServer", "apiKey", "apiSecret", "acks", "topic"),
    HTTP: ("url",),
}
SECRETS = ("apiKey", "apiSecret", "authorization")

SUBSCRIPTION_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "status": FieldKind.TEXT,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class Subscription(Stamped):
    """A subscription; of `messages`, None stands for all types of a resource."""

    key: str | None
    destination: Fields
    messages: Mapping[str, frozenset[str] | None]
    changes: frozenset[str]
    events: tuple[Fields, ...]
    format: str
    status: str = HEALTHY

    @property
    def is_stopped(self) -> bool:
        """Tell whether nothing is delivered, nor kept until it can be."""
        return self.status in STOPPED

    def with_status(self, status: str) -> "Subscription":
        """Return the subscription faring otherwise; its version stays (guess)."""
        return replace(self, status=status)

    def wants_message(self, type_id: str, message_type: str) -> bool:
        """Tell whether a message of a resource is asked for."""
        if type_id not in self.messages:
            return False
        types = self.messages[type_id]
        return types is None or message_type in types


class Subscriptions(Collection[Subscription]):
    """The project's subscriptions."""

    type_id = "subscription"

    def create(self, draft: Fields, stamp: Stamp) -> Subscription:
        """Create a subscription, 50 at the most (docs, "Limits")."""
        if len(self) >= SUBSCRIPTIONS_MAX:
            raise errors.limit_exceeded("subscription", SUBSCRIPTIONS_MAX)
        subscription = Subscription(
            stamp=stamp,
            key=optional(draft, "key", values.key),
            destination=_destination(needed(draft, "destination", values.mapping)),
            messages=_messages(optional(draft, "messages", values.objects) or ()),
            changes=_changes(optional(draft, "changes", values.objects) or ()),
            events=tuple(optional(draft, "events", values.objects) or ()),
            format=_format(optional(draft, "format", values.mapping)),
        )
        _check_wants(subscription)
        self.put(subscription)
        return subscription


def _check_wants(subscription: Subscription) -> None:
    """Refuse one that asks for nothing (`SubscriptionDraft`; the code is a guess)."""
    if not (subscription.messages or subscription.changes or subscription.events):
        raise errors.invalid_input("Either messages, changes, or events must be set.")


def _destination(draft: Fields) -> Fields:
    kind = needed(draft, "type", values.one_of(*DESTINATIONS))
    for name in DESTINATIONS[kind]:
        needed(draft, name, values.text)
    optional(draft, "authorization", values.text)
    if kind == CONFLUENT:
        needed(draft, "acks", values.one_of("0", "1", "all"))
        optional(draft, "key", values.text)
    return draft


def _messages(drafts: Sequence[Fields]) -> dict[str, frozenset[str] | None]:
    """Read MessageSubscriptions; types must be of the resource's (code is a guess)."""
    found: dict[str, frozenset[str] | None] = {}
    for draft in drafts:
        type_id = needed(draft, "resourceTypeId", values.text)
        types = optional(draft, "types", values.texts)
        known = MESSAGE_TYPES.get(type_id)
        for name in types or ():
            if known is not None and name not in known:
                raise errors.invalid_field("messages.types", name, sorted(known))
        found[type_id] = frozenset(types) if types else None
    return found


def _changes(drafts: Sequence[Fields]) -> frozenset[str]:
    return frozenset(needed(draft, "resourceTypeId", values.text) for draft in drafts)


def _format(draft: Fields | None) -> str:
    if draft is None:
        return PLATFORM_FORMAT
    kind = needed(draft, "type", values.one_of(PLATFORM_FORMAT, CLOUD_EVENTS))
    if kind == CLOUD_EVENTS:
        needed(draft, "cloudEventsVersion", values.text)
    return kind


Change = updates.Change[Subscription, Subscriptions]


def _change_destination(action: Fields) -> Change:
    """Set another destination, which heals (`SubscriptionHealthStatus`)."""
    destination = _destination(needed(action, "destination", values.mapping))
    return lambda held, _: replace(held, destination=destination, status=HEALTHY)


def _set_messages(action: Fields) -> Change:
    messages = _messages(optional(action, "messages", values.objects) or ())
    return lambda held, _: _checked(replace(held, messages=messages))


def _set_changes(action: Fields) -> Change:
    changes = _changes(optional(action, "changes", values.objects) or ())
    return lambda held, _: _checked(replace(held, changes=changes))


def _set_events(action: Fields) -> Change:
    """Ask for events; the sandbox has none to tell."""
    events = tuple(optional(action, "events", values.objects) or ())
    return lambda held, _: _checked(replace(held, events=events))


def _set_key(action: Fields) -> Change:
    key = optional(action, "key", values.key)
    return lambda held, _: replace(held, key=key)


def _checked(subscription: Subscription) -> Subscription:
    _check_wants(subscription)
    return subscription


SUBSCRIPTION_ACTIONS: dict[str, updates.Reader[Subscription, Subscriptions]] = {
    "changeDestination": _change_destination,
    "setChanges": _set_changes,
    "setEvents": _set_events,
    "setKey": _set_key,
    "setMessages": _set_messages,
}


def subscription_body(subscription: Subscription) -> dict[str, object]:
    """Write a subscription as the vendor does; secrets are hidden."""
    key = {} if subscription.key is None else {"key": subscription.key}
    version = (
        {"cloudEventsVersion": "1.0"} if subscription.format == CLOUD_EVENTS else {}
    )
    hidden = {
        name: "****" if name in SECRETS else value
        for name, value in subscription.destination.items()
    }
    return {
        **subscription.stamp.body(),
        **key,
        "destination": hidden,
        "messages": [
            {"resourceTypeId": type_id, "types": sorted(types or ())}
            for type_id, types in subscription.messages.items()
        ],
        "changes": [{"resourceTypeId": each} for each in sorted(subscription.changes)],
        "events": list(subscription.events),
        "format": {"type": subscription.format, **version},
        "status": subscription.status,
    }
