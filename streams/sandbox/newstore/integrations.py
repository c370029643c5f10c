"""Registrations to the event stream (Event Stream configuration API)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from streams.sandbox.newstore.drafts import Draft, Moment, Text
from streams.sandbox.newstore.errors import ApiError, invalid, not_found
from streams.sandbox.newstore.wire import moment

# "25 integrations per tenant", temporary and stopped ones included.
INTEGRATIONS_MAX = 25


class Status(StrEnum):
    """Whether events are delivered."""

    RUNNING = "running"
    STOPPED = "stopped"


class Callback(Draft, frozen=True, kw_only=True):
    callback_url: Annotated[str, msgspec.Meta(pattern="^https?://[^ ]+$")]
    api_key: str | None = None


class Filters(Draft, frozen=True, kw_only=True):
    event_filter: tuple[Text, ...] = ()


class IntegrationDraft(Draft, frozen=True, kw_only=True):
    """The body of a registration. Without a filter all events are sent."""

    id: Text
    callback_parameters: Callback
    integration_type: Literal["permanent", "temporary"] = "permanent"
    filter_conditions: Filters = Filters()
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class IntegrationPatch(Draft, frozen=True, kw_only=True):
    callback_parameters: Callback


@dataclass(frozen=True, slots=True)
class Integration:
    """One registration; `failures` are those in a row."""

    id: str
    integration_type: str
    callback: Callback
    event_filter: frozenset[str] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    status: Status = Status.RUNNING
    failures: int = 0

    def wants(self, name: str, published_at: datetime) -> bool:
        """Tell whether an event is sent to it.

        A temporary one gets every event created in its window.
        """
        if self.event_filter and name not in self.event_filter:
            return False
        if self.starts_at is not None and published_at < self.starts_at:
            return False
        return self.ends_at is None or published_at < self.ends_at

    def body(self) -> dict[str, object]:
        """Write it as the API does; the key is a secret and not told."""
        window: dict[str, object] = {}
        if self.starts_at is not None and self.ends_at is not None:
            window = {
                "starts_at": moment(self.starts_at),
                "ends_at": moment(self.ends_at),
            }
        return {
            "id": self.id,
            "integration_type": self.integration_type,
            "status": self.status,
            "callback_parameters": {"callback_url": self.callback.callback_url},
            "filter_conditions": {"event_filter": sorted(self.event_filter)},
            **window,
        }


def new_integration(draft: IntegrationDraft) -> Integration:
    """Build a registration; it starts at once."""
    is_temporary = draft.integration_type == "temporary"
    if is_temporary and (draft.starts_at is None or draft.ends_at is None):
        raise invalid("A temporary integration needs starts_at and ends_at.")
    if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
        raise invalid("ends_at must be after starts_at.")
    return Integration(
        id=draft.id,
        integration_type=draft.integration_type,
        callback=draft.callback_parameters,
        event_filter=frozenset(draft.filter_conditions.event_filter),
        starts_at=draft.starts_at if is_temporary else None,
        ends_at=draft.ends_at if is_temporary else None,
    )


class Integrations:
    """All registrations."""

    def __init__(self) -> None:
        self._held: dict[str, Integration] = {}

    def add(self, integration: Integration) -> Integration:
        """Keep a new registration."""
        if integration.id in self._held:
            raise ApiError(
                409, "already_exists", f"Integration '{integration.id}' exists already."
            )
        if len(self._held) >= INTEGRATIONS_MAX:
            raise ApiError(
                400,
                "too_many_integrations",
                f"A tenant has {INTEGRATIONS_MAX} integrations at the most.",
            )
        return self.put(integration)

    def get(self, integration_id: str) -> Integration:
        """Return a registration."""
        found = self._held.get(integration_id)
        if found is None:
            raise not_found("Integration", integration_id)
        return found

    def find(self, integration_id: str) -> Integration | None:
        """Return a registration, if there is one."""
        return self._held.get(integration_id)

    def put(self, integration: Integration) -> Integration:
        """Keep a registration as it is now; return it."""
        self._held[integration.id] = integration
        return integration

    def remove(self, integration_id: str) -> None:
        """Delete a registration."""
        self.get(integration_id)
        del self._held[integration_id]

    def walk(self) -> list[Integration]:
        """Return all registrations."""
        return list(self._held.values())
