"""What the sandbox's tests share: a clock moved by hand and short ways to set up."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote

import pytest

from streams.sandbox.commercetools import Lag, Sandbox, SandboxConfig
from streams.sandbox.commercetools.api import Api
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.faults import NO_STRIKE, Strike
from streams.sandbox.commercetools.inventory import InventoryEntry
from streams.sandbox.commercetools.messages import Answer, Request

BASIC = (
    "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ="  # sandbox-client:sandbox-secret
)
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}


class HandClock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def sandbox_with_clock(
    config: SandboxConfig | None = None,
) -> tuple[Sandbox, HandClock]:
    clock = HandClock()
    return Sandbox(config or SandboxConfig(), clock), clock


def lagging(seconds: float) -> SandboxConfig:
    return SandboxConfig(lag=Lag(seconds, seconds))


def entry_draft(
    sku: str = "SHIRT-M", quantity: int = 10, **fields: object
) -> dict[str, object]:
    return {"sku": sku, "quantityOnStock": quantity, **fields}


def update(version: int, *actions: Mapping[str, object]) -> dict[str, object]:
    return {"version": version, "actions": list(actions)}


def add(quantity: int) -> dict[str, object]:
    return {"action": "addQuantity", "quantity": quantity}


def supplied_by(key: str) -> dict[str, str]:
    return {"typeId": "channel", "key": key}


def stock_type_draft(**fields: object) -> dict[str, object]:
    kinds = {
        "target": "Number",
        "note": "String",
        "isCounted": "Boolean",
        "countedAt": "DateTime",
    }
    definitions = [field_definition(name, kind) for name, kind in kinds.items()]
    draft: dict[str, object] = {
        "key": "stock",
        "name": {"en": "Stock"},
        "resourceTypeIds": ["inventory-entry"],
        "fieldDefinitions": definitions,
    }
    return draft | fields


def field_definition(
    name: str, kind: str, *, required: bool = False
) -> dict[str, object]:
    return {
        "name": name,
        "label": {"en": name},
        "required": required,
        "type": {"name": kind},
    }


def typed(**fields: object) -> dict[str, object]:
    return {"type": {"typeId": "type", "key": "stock"}, "fields": fields}


def latest(sandbox: Sandbox, entry: InventoryEntry) -> InventoryEntry:
    sandbox.settle()
    return sandbox.inventory.get("id", entry.id)


def refused_update(
    sandbox: Sandbox, entry_id: str, body: dict[str, object]
) -> ApiError:
    with pytest.raises(ApiError) as raised:
        sandbox.update_entry("id", entry_id, body)
    return raised.value


class Caller:
    """Speaks to the vendor's API without HTTP, with a token of its own."""

    def __init__(self, sandbox: Sandbox, scope: str | None = None) -> None:
        self.api = Api(sandbox)
        parameters = CLIENT_CREDENTIALS | ({"scope": scope} if scope else {})
        token = sandbox.tokens.issue(BASIC, parameters)
        self.authorization: str | None = f"Bearer {token['access_token']}"

    def ask(
        self, method: str, target: str, body: bytes = b"", strike: Strike = NO_STRIKE
    ) -> Answer:
        path, _, query = target.partition("?")
        request = Request(
            method=method,
            path=path,
            segments=tuple(unquote(part) for part in path.split("/") if part),
            parameters=parse_qs(query, keep_blank_values=True),
            body=body,
            authorization=self.authorization,
            correlation_id="test",
        )
        return self.api.handle(request, strike)
