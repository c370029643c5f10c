"""The record of one order: what is known of it, and what has been made of that.

Values only. New fields go at the end, with a default, so that older rows still read.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

from streams.domain.order_notes import ReturnedItem
from streams.domain.order_units import NOTHING, UnitFacts
from streams.domain.sourcing_run import Sourcing
from streams.domain.troubles import Trouble

NONE: Final[dict[str, Any]] = {}  # Never added to: a change is a new one.

CANCELLED = "Cancelled"
"""An OrderState of commercetools' API reference."""


class Commerce(NamedTuple):
    """The order as commercetools has it.

    Attributes:
        version: The highest one that a note was about; `state` is that version's.
        placed_version: The one that lines, payments and shipping were read at.
        cancelled_version: The highest one known to be cancelled; 0 if none.
        others: Other orders of commercetools that claim the same number.
    """

    commerce_id: str
    version: int = 0
    state: str = ""
    placed_version: int = -1
    placed_at: datetime | None = None
    currency: str = ""
    country: str = ""
    has_shipping: bool = True
    payment_ids: tuple[str, ...] = ()
    cancelled_version: int = 0
    others: tuple[str, ...] = ()


class Line(NamedTuple):
    """A line of the order in commercetools.

    Attributes:
        quantity: Units, by the latest version known; `most` by any.
        location_id: The place its supply channel stands for, where it is one of ours.
        counted: commercetools lowered its quantity for it; given back at `home`.
    """

    sku: str
    quantity: int
    most: int
    channel_key: str = ""
    location_id: str = ""
    counted: bool = False
    home: str = ""


class NewStoreOrder(NamedTuple):
    """An order as NewStore has it; a re-route's injection is one of its own.

    Attributes:
        external_id: Its public number; empty until the order itself was seen.
        unavailable: It was cancelled because no place had the goods.
    """

    external_id: str = ""
    channel: str = ""
    placed_at: datetime | None = None
    currency: str = ""
    exchanged_returns: tuple[str, ...] = ()
    historical: bool = False
    completed: bool = False
    cancelled: bool = False
    unavailable: bool = False


class Item(NamedTuple):
    """A unit in NewStore, by its uuid.

    Attributes:
        unit: Our name of it, where NewStore was told; empty otherwise.
        opened: The order itself named it, not only what happened to it.
    """

    newstore_id: str = ""
    unit: str = ""
    opened: bool = False
    facts: UnitFacts = NOTHING


class GoodsBack(NamedTuple):
    """A return, as it was told. `learnt_at` is by our clock."""

    location_id: str
    returned_at: datetime
    items: tuple[ReturnedItem, ...]
    learnt_at: datetime
    newstore_id: str = ""
    currency: str = ""
    refund_minor: int = 0


class Claim(NamedTuple):
    """One returned unit: the return, its item from 0, the unit of that item from 0."""

    return_id: str
    item: int
    number: int


class Match(NamedTuple):
    """The returned unit that an order's unit was found to be; it stays so.

    `by_name` says that the return named the unit; else only the product.
    """

    claim: Claim
    location_id: str
    sellable: bool
    by_name: bool
    reason: str = ""


class Settlement(NamedTuple):
    """Money that went back, by NewStore's id of the transaction."""

    correlation_id: str
    amount_minor: int
    currency: str
    settled_at: datetime
    learnt_at: datetime


class Appeasement(NamedTuple):
    """Money promised without goods."""

    amount_minor: int
    currency: str


class DeliveredUnit(NamedTuple):
    """A unit in a delivery, and its parcel."""

    unit: str
    carrier: str = ""
    tracking_code: str = ""


class Delivery(NamedTuple):
    """Units that left by one request and became known in one window; never edited."""

    key: str
    request_id: str
    units: tuple[DeliveredUnit, ...]


class Shown(NamedTuple):
    """What commercetools is to show of a unit."""

    state_key: str
    location_id: str = ""


class Window(NamedTuple):
    """The time in which news are gathered."""

    opened_at: datetime
    news_at: datetime


class PastRun(NamedTuple):
    """A sourcing run that another has followed: where it put which unit."""

    run: int
    phase: str
    places: tuple[tuple[str, str], ...]


class Declined(NamedTuple):
    """commercetools' refusal of what is wanted."""

    sequence: int
    reason: str
    sentence: str


class Order(NamedTuple):
    """One order: the facts, and what was decided by them.

    Attributes:
        ties: Our name of the unit that NewStore's uuid stands for.
        matches: By unit, the return that brought it back.
        shown: By unit, what commercetools is to show; moves when a window closes.
        wanted_sequence: Grows with what is wanted; `told_sequence` is confirmed.
        wake_at: When time alone will change something.
        sourcing: The latest run; those before are `past_runs`.
        places, runs: By unit, where a run has placed it, and the latest run for it.
        reroutes: We send on what a place could not fulfil.
        expires: `order_expiries` has it; rows of older versions are not there yet.
    """

    number: str
    commerce: Commerce | None = None
    lines: dict[str, Line] = NONE
    newstore: dict[str, NewStoreOrder] = NONE
    items: dict[str, Item] = NONE
    ties: dict[str, str] = NONE
    returns: dict[str, GoodsBack] = NONE
    settlements: dict[str, Settlement] = NONE
    appeasements: dict[str, Appeasement] = NONE
    misreads: tuple[Trouble, ...] = ()
    matches: dict[str, Match] = NONE
    deliveries: tuple[Delivery, ...] = ()
    shown: dict[str, Shown] = NONE
    sync_id: str = ""
    window: Window | None = None
    wanted_sequence: int = 0
    told_sequence: int = 0
    told_version: int = 0
    told_at: datetime | None = None
    calls: int = 0
    declined: Declined | None = None
    troubles: tuple[Trouble, ...] = ()
    first_at: datetime | None = None
    changed_at: datetime | None = None
    wake_at: datetime | None = None
    sourcing: Sourcing | None = None
    past_runs: tuple[PastRun, ...] = ()
    places: dict[str, str] = NONE
    runs: dict[str, int] = NONE
    reroutes: bool = False
    expires: bool = False

    @property
    def is_placed(self) -> bool:
        """Say whether the order's lines in commercetools are known."""
        return self.commerce is not None and self.commerce.placed_at is not None

    @property
    def is_cancelled(self) -> bool:
        """Say whether commercetools has cancelled the order."""
        return self.commerce is not None and self.commerce.cancelled_version > 0

    @property
    def is_historical(self) -> bool:
        """Say whether NewStore told it for the record only."""
        return any(each.historical for each in self.newstore.values())
