"""News of orders: notes, and what only says that there may be one to read."""

from dataclasses import dataclass

from streams.domain.order_notes import OrderNote


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMentioned:
    """commercetools spoke of this order, but not of what it now is.

    Attributes:
        version: Of the order when it was spoken of.
        has_changed: In a way that we have to read there.
    """

    commerce_id: str
    version: int
    number: str = ""
    sequence: int = 0
    has_changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMissing:
    """commercetools was asked for the order at this version, and has none to tell of.

    Attributes:
        reason: Why it makes no sense, if it is there; then also where and the words.
    """

    commerce_id: str
    version: int
    reason: str = ""
    field: str = ""
    value: str = ""
    sentence: str = ""


OrderNews = OrderNote | OrderMentioned | OrderMissing
