"""Our own stock messages, version 1: movements in, journal entries and levels out.

The models say what the messages are; the hot paths encode them in `streams.mapping`.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from streams.domain.movement_checks import (
    ATTEMPT_MAX,
    NAME_MAX,
    QUANTITY_MAX,
    RANK_MAX,
    TRANSFER_ALSO_MAX,
)
from streams.domain.movements import MovementKind, Outside, Pool
from streams.domain.postings import Effect

NAME_PATTERN = r"^[^|\x00-\x1f\x7f]+$"

Sku = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        max_length=NAME_MAX,
        description="The sellable variant.",
        examples=["TEE-BLK-M"],
    ),
]
LocationId = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        max_length=NAME_MAX,
        description="Our id of the place that holds the stock.",
        examples=["LDN01"],
    ),
]
Units = Annotated[
    int, Field(description="Units; below zero where more left than came.")
]
Sequence = Annotated[int, Field(ge=1)]
TransferRef = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]


class Message(BaseModel):
    """What our own messages share: frozen, strict, no unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    schema_version: Literal[1]
    """Version of this message's schema."""


class StockMovement(Message):
    """One thing that changes the stock of one SKU at one location.

    Topic `stock-movements`, key `sku`. Fields at their default are left out.
    """

    movement_id: str = Field(min_length=1, max_length=2 * NAME_MAX)
    """From the unit, not from the message: a re-send carries the same id."""
    kind: MovementKind
    """What happened."""
    sku: Sku
    quantity: int = Field(ge=0, le=QUANTITY_MAX)
    """Units, positive; for a count the absolute quantity found."""
    occurred_at: AwareDatetime
    """When it happened in the world."""
    location_id: str = Field(default="", max_length=NAME_MAX)
    """Empty only for a unit's release or announcement: the ledger knows the place, or
    nobody does yet."""
    pool: Pool = Pool.MAIN
    """For a return or receipt the pool the goods go into, for a count the pool counted.
    A count of `main` finds what is on hand: reserved units included."""
    source: Pool | Outside | None = None
    """The account that an adjustment, hold, unhold or correction takes from."""
    target: Pool | Outside | None = None
    """The account that it gives to."""
    unit_id: str = Field(default="", max_length=NAME_MAX)
    """The sales item's uuid, where the movement is about one physical unit."""
    rank: int = Field(default=0, ge=0, le=RANK_MAX)
    """Orders the events about one unit (NewStore's `logical_timestamp`). A release
    with neither rank nor location is a cancellation: final for its unit."""
    commerce_counted: bool = False
    """Commerce has lowered its own quantity for this already."""
    transfer_ref: str = Field(default="", max_length=NAME_MAX)
    """The transfer it belongs to, by the most exact reference its document gives:
    `asn:…`, `order:…` or `shipment:…`."""
    transfer_also: tuple[TransferRef, ...] = Field(
        default=(), max_length=TRANSFER_ALSO_MAX
    )
    """The other references in that document; any of them matches."""
    corrects: str = Field(default="", max_length=2 * NAME_MAX)
    """For a correction, the entry that it corrects."""
    attempt: int = Field(default=0, ge=0, le=ATTEMPT_MAX)
    """Orders our own reservations of one unit within a rank; 0 for a vendor's."""
    same_as: str = Field(default="", max_length=NAME_MAX)
    """For an identification, the unit's other name: that of the order."""
    event_name: str = ""
    """The event that told us, by its vendor's name."""
    document_type: str = ""
    """What kind of document stands behind it (order, return, receipt, count)."""
    document_id: str = ""
    """That document's id."""
    origin: str = ""
    """`topic/partition/offset` of the event that told us."""

    @model_validator(mode="after")
    def _positive_unless_counted(self) -> "StockMovement":
        if self.quantity == 0 and self.kind is not MovementKind.COUNT:
            raise ValueError("quantity must be positive; only a count may find 0")
        return self


class LedgerEntry(Message):
    """One posting of the journal: `quantity` moved from one account to another.

    Topic `ledger-entries`, key `sku|location_id`, kept for ever. An account is a pool
    of the location (`LDN01:main`) or an outside account (`customer`).
    """

    entry_id: str = Field(min_length=1)
    """Unique: the movement's id, and a suffix where one movement makes two entries."""
    movement_id: str = Field(min_length=1)
    """The movement that caused the entry."""
    kind: MovementKind
    """What happened."""
    sku: Sku
    location_id: LocationId
    quantity: int = Field(ge=0)
    """Units moved; 0 where the entry records that nothing was to be moved."""
    from_account: str
    """The account that gave the units."""
    to_account: str
    """The account that got them."""
    on_hand_before: Units
    on_hand_after: Units
    available_before: int = Field(ge=0)
    """Units offered to web shops before the entry."""
    available_after: int = Field(ge=0)
    """Units offered to web shops after it."""
    sequence: Sequence
    """1, 2, 3 … within the row, without a gap."""
    level_sequence: Sequence
    """The level's sequence after this entry."""
    occurred_at: AwareDatetime
    """When it happened in the world."""
    recorded_at: AwareDatetime
    """When the ledger applied it."""
    effect: Effect
    """`applied`; `absorbed`: a later count had already seen it, so the pool did not
    change; `superseded`: something later was known, so nothing changed."""
    commerce_target: int
    """Sum, after this entry, of all changes of availability commerce cannot know."""
    document_type: str = ""
    document_id: str = ""
    event_name: str = ""
    origin: str = ""
    """`topic/partition/offset` of the event that told us."""
    unit_id: str = ""
    corrects: str = ""
    """For a correction, the entry that it corrects."""
    previous_at: AwareDatetime | None = None
    """When the row's entry before this one was recorded; a reader finds it by time."""
    transfer_ref: str = ""
    """The transfer that the movement belongs to, as its document calls it."""


class ScarceRow(Message):
    """A SKU at a location of which few units are left for web shops: three or fewer.

    Topic `scarce-rows`, key `sku|location_id`, compacted: written when that begins; a
    record without a value when it ends.
    """

    sku: Sku
    location_id: LocationId
    available: int = Field(ge=0)
    """Units offered to web shops when that began; `stock-levels` says how many now."""


class StockLevel(Message):
    """The stock of one SKU at one location, now.

    Topic `stock-levels`, key `sku|location_id`, compacted.
    """

    sku: Sku
    location_id: LocationId
    on_hand: Units
    """Units physically there and sellable, reserved ones included."""
    reserved: Units
    """Units on hand that are promised to an order and not yet gone."""
    damaged: Units
    held: Units
    in_transit: Units
    """Units announced to this location and not yet received."""
    safety_stock: int
    """Units kept back from selling."""
    available: int = Field(ge=0)
    """Units offered to web shops: on hand less reserved less safety stock, never below
    zero; 0 where the location or the product is not enabled."""
    enabled: bool
    """The location and the product are both enabled."""
    commerce_target: int
    """Sum of all changes of availability that commerce cannot know by itself."""
    sequence: Sequence
    """Grows with every change of the level: each journal entry, and each change of
    safety stock or enablement."""
    entries: int = Field(ge=0)
    """Journal entries of the row so far: the last one's sequence."""
    as_of: AwareDatetime
    """When the latest thing known of the row happened."""
    recorded_at: AwareDatetime
    """When the ledger last changed the level."""
