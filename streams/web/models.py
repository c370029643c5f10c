"""The shapes of requests and answers, for the OpenAPI document and for checking bodies.

Answers are encoded from `levels.py`; a test holds both to the same fields.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from streams.topics import COMMERCE_MESSAGES, LEDGER_ENTRIES, NEWSTORE_EVENTS

SKUS_MAX = 500
SKU_CHARACTERS_MAX = 256
LEDGER_LIMIT_MAX = 1000
LEDGER_LIMIT_DEFAULT = 50

LOCATION_EXAMPLE: dict[str, Any] = {
    "location_id": "LDN01",
    "on_hand": 7,
    "reserved": 2,
    "safety_stock": 1,
    "available": 4,
    "damaged": 0,
    "in_transit": 12,
    "sequence": 1841,
    "as_of": "2025-03-01T10:15:02.345000Z",
}
SKU_EXAMPLE: dict[str, Any] = {
    "sku": "TEE-BLACK-M",
    "available": 4,
    "locations": [LOCATION_EXAMPLE],
    "staleness_s": 0.012,
}
ENTRY_EXAMPLE: dict[str, Any] = {
    "sku": "TEE-BLACK-M",
    "location_id": "LDN01",
    "sequence": 1841,
    "kind": "sale",
    "quantity": 1,
}


class Answer(BaseModel):
    """Base of all shapes here: nothing beyond what is described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LocationAvailability(Answer):
    """The stock of one SKU at one location."""

    model_config = ConfigDict(json_schema_extra={"examples": [LOCATION_EXAMPLE]})

    location_id: str
    on_hand: int = Field(description="Units physically there, reserved ones included.")
    reserved: int = Field(description="Units on hand that are promised to an order.")
    safety_stock: int = Field(description="Units kept back from selling.")
    available: int = Field(
        ge=0, description="What web shops are told: never below zero."
    )
    damaged: int
    in_transit: int = Field(description="Units announced and not yet received.")
    sequence: int = Field(description="Grows with every change of this row.")
    as_of: AwareDatetime = Field(description="When the row last changed, UTC.")


class LocationAnswer(LocationAvailability):
    """The stock of one SKU at one location, as asked for by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"sku": "TEE-BLACK-M", **LOCATION_EXAMPLE, "staleness_s": 0.012}
            ]
        }
    )

    sku: str
    staleness_s: float


class SkuAvailability(Answer):
    """The stock of one SKU, everywhere."""

    model_config = ConfigDict(json_schema_extra={"examples": [SKU_EXAMPLE]})

    sku: str
    available: int = Field(ge=0, description="The sum over all locations.")
    locations: list[LocationAvailability]
    staleness_s: float = Field(
        ge=0, description="Age of the oldest movement not yet in this answer, seconds."
    )


class AvailabilityQuery(Answer):
    """Up to 500 SKUs to look up at once."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={"examples": [{"skus": ["TEE-BLACK-M", "NO-SUCH-SKU"]}]},
    )

    skus: list[Annotated[str, Field(min_length=1, max_length=SKU_CHARACTERS_MAX)]] = (
        Field(
            min_length=1,
            max_length=SKUS_MAX,
            description="Each is answered once, in this order.",
        )
    )


class AvailabilityQueryAnswer(Answer):
    """What is known of the SKUs that were asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [SKU_EXAMPLE], "unknown": ["NO-SUCH-SKU"]}]
        }
    )

    items: list[SkuAvailability]
    unknown: list[str] = Field(description="SKUs without any recorded stock.")


class LedgerAnswer(Answer):
    """The journal of one row, newest entry first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "TEE-BLACK-M",
                    "location_id": "LDN01",
                    "entries": [ENTRY_EXAMPLE],
                }
            ]
        }
    )

    sku: str
    location_id: str
    entries: list[dict[str, Any]] = Field(
        description=f"Ledger entries as in the topic {LEDGER_ENTRIES.name}. Beside "
        "them, `transfer` says how the transfer stands now that an entry belongs to: "
        "its names, units sent, received and under way, and what each location told."
    )


class EventAccepted(Answer):
    """The event is stored for good; this is where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted": True,
                    "topic": NEWSTORE_EVENTS.name,
                    "partition": 2,
                    "offset": 90210,
                }
            ]
        }
    )

    accepted: bool
    topic: str
    partition: int
    offset: int


class MessagesAccepted(Answer):
    """The messages are stored for good."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"accepted": True, "topic": COMMERCE_MESSAGES.name, "records": 2}
            ]
        }
    )

    accepted: bool
    topic: str
    records: int


class Liveness(Answer):
    """The process works."""

    live: bool


class Readiness(Answer):
    """The worker serves its partitions."""

    ready: bool
    worker: dict[str, Any] = Field(description="The worker's own account of itself.")


class ProblemDetails(BaseModel):
    """A problem, as RFC 9457 describes it, with what is needed to mend it."""

    type: str = Field(examples=["urn:oneshelf:problem:sku-unknown"])
    title: str
    status: int
    detail: str
    field: str = Field(description="The field that is wrong; empty if none is.")
    value: str = Field(description="Its value, cut to 200 characters; no secrets.")
    remedy: str = Field(description="What to do about it.")
