"""What a destination receives: the Platform format, or CloudEvents around it.

Source: API spec, `types/subscription/{MessageDeliveryPayload,Resource*DeliveryPayload,
PayloadNotIncluded,CloudEventsPayload}`.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from streams.sandbox.commercetools.messaging.log import Message, Subject
from streams.sandbox.commercetools.resources import reference

Change = Literal["ResourceCreated", "ResourceUpdated", "ResourceDeleted"]
PLATFORM_FORMAT = "Platform"
CLOUD_EVENTS = "CloudEvents"
# Where the resources of a kind are, for `source`; the default REST URI of the kind.
COLLECTIONS = {"inventory-entry": "inventory"}
TOO_LARGE = "The payload exceeds the size limit."

Envelope = dict[str, object]


def message_envelope(project: str, message: Message, omitted: str = "") -> Envelope:
    """Write a message for a subscription.

    `omitted` is the reason why its own fields are left out: `payloadNotIncluded`.
    """
    head = {
        "notificationType": "Message",
        "projectKey": project,
        **message.head(),
    }
    if not omitted:
        return {**head, **message.happening.fields}
    head.pop("type")
    return {
        **head,
        "payloadNotIncluded": {"reason": omitted, "payloadType": message.type},
    }


def change_envelope(
    project: str, change: Change, subject: Subject, old_version: int | None = None
) -> Envelope:
    """Write a bare notice that a resource was created, changed or deleted."""
    envelope: Envelope = {
        "notificationType": change,
        "projectKey": project,
        "resource": reference(subject.type_id, subject.id),
        "version": subject.version,
        "modifiedAt": subject.last_modified_at,
    }
    if subject.identifiers:
        envelope["resourceUserProvidedIdentifiers"] = dict(subject.identifiers)
    if old_version is not None:
        envelope["oldVersion"] = old_version
    return envelope


def cloud_event(
    project: str,
    event_id: str,
    subject: Subject,
    data: Envelope,
    message: Message | None,
) -> Envelope:
    """Wrap an envelope as a CloudEvent 1.0; only messages have a sequence."""
    kind = "change" if message is None else "message"
    name = data["notificationType"] if message is None else message.type
    collection = COLLECTIONS.get(subject.type_id, f"{subject.type_id}s")
    event: Envelope = {
        "specversion": "1.0",
        "id": event_id,
        "type": f"com.commercetools.{subject.type_id}.{kind}.{name}",
        "source": f"/{project}/{collection}",
        "subject": subject.id,
        "time": subject.last_modified_at,
        "data": data,
    }
    if message is not None:
        event["sequence"] = str(message.sequence_number)
        event["sequencetype"] = "Integer"
        event["dataref"] = f"/{project}/messages/{message.id}"
    return event


def encode(envelope: Mapping[str, object]) -> bytes:
    """Write an envelope as JSON."""
    return msgspec.json.encode(envelope)
