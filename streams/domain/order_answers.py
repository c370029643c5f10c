"""What vendors answered when asked for an order, and what people ask for one."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFound:
    """NewStore's own word on one product at one location; None if it gave none."""

    sku: str
    location_id: str
    available: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChecked:
    """The final check's answer. `trouble` says why it has none; then nothing is found.

    Attributes:
        run: The sourcing run that asked; an answer to another run changes nothing.
        round: The run's round that asked; so here.
        check: The first, second … check of that round; so here.
    """

    order_number: str
    run: int
    found: tuple[StockFound, ...]
    answered_at: datetime
    trouble: str = ""
    round: int = 0
    check: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInjected:
    """NewStore took the fulfilment order: its uuid, and the uuid of each unit.

    Attributes:
        items: Our unit name and NewStore's item uuid, pairs.
    """

    order_number: str
    run: int
    external_id: str
    newstore_id: str
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionRefused:
    """NewStore will not take it, however often it is sent."""

    order_number: str
    run: int
    external_id: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommerceTold:
    """commercetools' order is as wanted, up to this sequence.

    Attributes:
        calls: Update requests that it took.
    """

    order_number: str
    wanted_sequence: int
    version: int
    told_at: datetime
    calls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommerceDeclined:
    """commercetools refuses what is wanted; a person must look."""

    order_number: str
    wanted_sequence: int
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgainAsked:
    """A person asks that an order which found no place looks for one again."""

    order_number: str
    asked_at: datetime


OrderAnswer = (
    StockChecked
    | OrderInjected
    | InjectionRefused
    | CommerceTold
    | CommerceDeclined
    | LookAgainAsked
)
