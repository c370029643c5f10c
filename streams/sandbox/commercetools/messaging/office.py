"""The post office: turns what happened into notifications for those who asked.

Source: API spec, `types/subscription/*`; the size limit from
`ConfluentCloudDestination` (`max.request.size` 1048576).
"""

from collections.abc import Iterable
from datetime import datetime
from random import Random

from streams.sandbox.commercetools.happenings import Happening
from streams.sandbox.commercetools.messaging.courier import Courier, Sink
from streams.sandbox.commercetools.messaging.envelopes import (
    CLOUD_EVENTS,
    TOO_LARGE,
    Change,
    Envelope,
    change_envelope,
    cloud_event,
    encode,
    message_envelope,
)
from streams.sandbox.commercetools.messaging.log import Message, MessageLog, Subject
from streams.sandbox.commercetools.messaging.subscriptions import (
    Subscription,
    Subscriptions,
)
from streams.sandbox.commercetools.resources import new_id

ON_DEMAND = "The sandbox was told to leave the payload out."


class PostOffice:
    """Messages, subscriptions and the courier of one project."""

    def __init__(
        self,
        project: str,
        seed: int,
        sinks: dict[str, Sink],
        *,
        bytes_max: int = 1_048_576,
        messages_max: int = 20_000,
        pending_max: int = 100_000,
    ) -> None:
        ids, travels = (Random(f"{seed}/{name}") for name in ("messages", "travels"))
        self.subscriptions = Subscriptions()
        self.log = MessageLog(ids, messages_max)
        self.courier = Courier(travels, sinks, pending_max)
        self._project = project
        self._ids = ids
        self._bytes_max = bytes_max

    def publish(
        self,
        subject: Subject,
        told: Iterable[Happening],
        change: Change,
        old_version: int | None,
        now: datetime,
        at: str,
    ) -> tuple[Message, ...]:
        """Keep the messages of a write and send them, and the bare change, around."""
        messages = tuple(self.log.add(each, subject, at) for each in told)
        if not len(self.subscriptions):
            return messages
        for subscription in list(self.subscriptions.walk()):
            if subscription.is_stopped:
                continue
            for message in messages:
                if subscription.wants_message(subject.type_id, message.type):
                    self._post(subscription, self._message(subscription, message), now)
            if subject.type_id in subscription.changes:
                envelope = change_envelope(self._project, change, subject, old_version)
                value = encode(self._formatted(subscription, subject, envelope, None))
                self._post(subscription, value, now)
        return messages

    def send_again(self, message: Message, now: datetime) -> None:
        """Send a message once more to all who asked for its kind."""
        for subscription in list(self.subscriptions.walk()):
            if subscription.wants_message(message.subject.type_id, message.type):
                self._post(subscription, self._message(subscription, message), now)

    def try_out(self, subscription: Subscription, subject: Subject) -> None:
        """Send the test notification: the subscription's own `ResourceCreated`."""
        envelope = change_envelope(self._project, "ResourceCreated", subject)
        value = encode(self._formatted(subscription, subject, envelope, None))
        self.courier.try_out(subscription, value)

    def _message(self, subscription: Subscription, message: Message) -> bytes:
        omitted = ON_DEMAND if self.courier.omits() else ""
        value = self._encoded(subscription, message, omitted)
        if len(value) > self._bytes_max:
            value = self._encoded(subscription, message, TOO_LARGE)
        return value

    def _encoded(
        self, subscription: Subscription, message: Message, omitted: str
    ) -> bytes:
        envelope = message_envelope(self._project, message, omitted)
        return encode(self._formatted(subscription, message.subject, envelope, message))

    def _formatted(
        self,
        subscription: Subscription,
        subject: Subject,
        envelope: Envelope,
        message: Message | None,
    ) -> Envelope:
        if subscription.format != CLOUD_EVENTS:
            return envelope
        event_id = message.id if message is not None else new_id(self._ids)
        return cloud_event(self._project, event_id, subject, envelope, message)

    def _post(self, subscription: Subscription, value: bytes, now: datetime) -> None:
        if not self.courier.post(subscription, value, now):
            # Docs: after some time nothing more is kept.
            self.set_status(subscription.id, "ConfigurationErrorDeliveryStopped")

    def set_status(self, subscription_id: str, status: str) -> None:
        """Set how a subscription fares; what is on its way to a stopped one is lost."""
        held = self.subscriptions.find("id", subscription_id)
        if held is None or held.status == status:
            return
        changed = held.with_status(status)
        self.subscriptions.put(changed)
        if changed.is_stopped:
            self.courier.drop(subscription_id)
