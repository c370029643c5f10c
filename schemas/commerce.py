"""Messages about commerce inventory: what an entry must come to, and the answer."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class InventoryUpdate(_Message):
    """What one commercetools inventory entry must come to.

    `location_id` is `*` and `channel_key` empty for the pooled entry, which has no
    supply channel. `target` is the sum of all changes commerce cannot know of; it goes
    into the entry's field `oneshelfTarget`, its `sequence` into `oneshelfSequence`.
    """

    sku: str = Field(min_length=1)
    location_id: str = Field(min_length=1)
    channel_key: str
    target: int
    available: int = Field(ge=0)
    sequence: int = Field(ge=0)


class InventoryAdoption(_Message):
    """An entry that existed before us: the quantity found, and our one correction."""

    found: int
    correction: int


class InventoryRefusal(_Message):
    """Why commercetools refuses an update, in words for the person who mends it."""

    reason: str = Field(min_length=1)
    sentence: str = Field(min_length=1)
    status: int = 0


class InventoryAnswer(_Message):
    """What came of an update: accepted, with the entry's state, or refused."""

    schema_version: Literal[1] = 1
    update: InventoryUpdate
    outcome: Literal["accepted", "refused"]
    action: Literal["create", "adopt", "add", "remove", "change", "fields", "none"]
    answered_at: AwareDatetime
    entry_id: str = ""
    entry_version: int = 0
    quantity: int = 0
    correlation_id: str = ""
    adoption: InventoryAdoption | None = None
    refusal: InventoryRefusal | None = None
