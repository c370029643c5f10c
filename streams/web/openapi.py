"""Descriptions that the OpenAPI document adds to the routes."""

from typing import Any

from streams.web.models import AvailabilityQuery, ProblemDetails

TITLE = "OneShelf"
API_VERSION = "1.0.0"
DESCRIPTION = """\
The inventory ledger of a retailer: what is on hand, reserved and available for every
SKU at every location, and why.

Any worker answers any question; it passes questions about SKUs that it does not own on
to their owner. While an owner restores its state the answer is 503 with `Retry-After`:
never an old or partial figure.

Errors are `application/problem+json` and name the field, the value and the remedy.
"""
TAGS = [
    {"name": "availability", "description": "What can be sold, and where."},
    {"name": "ledger", "description": "Why a figure is what it is."},
    {"name": "orders", "description": "What is known of an order, and what is owed."},
    {"name": "events", "description": "What outside systems send."},
    {"name": "exceptions", "description": "What needs a person, and what to do."},
    {"name": "operation", "description": "How the worker is."},
]
RESPONSE_HEADERS = {
    503: {
        "Retry-After": {
            "description": "Seconds after which to ask again.",
            "schema": {"type": "integer", "minimum": 1},
        }
    },
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
}
_TEXTS = {
    401: "No key, or an unknown one.",
    403: "The key lacks the scope, or a foreign web page asks a worker without keys.",
    404: "Nothing is recorded under this name.",
    408: "The body did not arrive in time.",
    409: "The state of what is asked about does not allow it.",
    413: "The body is over the limit.",
    422: "A field is wrong; the problem names it.",
    503: "It cannot be answered at the moment.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route can answer with."""
    return {
        status: {
            "description": _TEXTS[status],
            "content": {"application/problem+json": {"schema": _PROBLEM}},
            **(
                {"headers": RESPONSE_HEADERS[status]}
                if status in RESPONSE_HEADERS
                else {}
            ),
        }
        for status in statuses
    }


def request_body(
    schema: dict[str, Any], description: str, *, required: bool = True
) -> dict[str, Any]:
    """Describe a JSON body that a route reads by itself, within limits."""
    return {
        "requestBody": {
            "required": required,
            "description": description,
            "content": {"application/json": {"schema": schema}},
        }
    }


def security(scope: str) -> dict[str, Any]:
    """Say which scope a route needs, once keys are configured."""
    return {"security": [{"bearer": []}, {}], "x-oneshelf-scope": scope}


BEARER = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key from ONESHELF_API_KEYS that has the route's scope "
        "(`x-oneshelf-scope`). A worker on loopback without keys asks for none.",
    }
}
_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "A NewStore event stream envelope.",
    "properties": {
        "tenant": {"type": "string"},
        "name": {"type": "string"},
        "published_at": {"type": "string", "format": "date-time"},
        "payload": {"type": "object"},
    },
    "examples": [
        {
            "tenant": "acme",
            "name": "order.opened",
            "published_at": "2025-03-01T10:15:02.345Z",
            "payload": {"id": "5c1f0e52-6c1a-4d53-9a53-0c9e3f6f7a01"},
        }
    ],
}
NEWSTORE_EVENT = {
    "anyOf": [
        _ENVELOPE,
        {"description": "Anything else is stored too, and parked with its reason."},
    ]
}
_MESSAGE: dict[str, Any] = {
    "type": "object",
    "description": "A message in the Platform format, or a CloudEvent around one.",
    "properties": {
        "notificationType": {"type": "string"},
        "resource": {"type": "object"},
        "type": {"type": "string"},
    },
    "examples": [
        {
            "notificationType": "Message",
            "resource": {"typeId": "order", "id": "c8636d1e-0f6c-4e3a-9d0a-5a2b1c3d"},
            "resourceVersion": 6,
            "sequenceNumber": 3,
            "type": "OrderStateChanged",
            "orderState": "Cancelled",
        }
    ],
}
COMMERCE_MESSAGES = {
    "anyOf": [
        _MESSAGE,
        {"type": "array", "items": _MESSAGE},
        {"description": "Anything else is stored too, and parked with its reason."},
    ]
}
QUERY_SCHEMA = AvailabilityQuery.model_json_schema()
_PROBLEM = ProblemDetails.model_json_schema()


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Add the key scheme; drop FastAPI's own 422, which no route answers with."""
    components = document.setdefault("components", {})
    components["securitySchemes"] = BEARER
    schemas = components.get("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for operations in document["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            if "application/json" in answers.get("422", {}).get("content", {}):
                del answers["422"]
    return document
