"""The names under which news of an order come before its number is known."""

import re

from streams.domain.order_names import order_number_of
from streams.domain.order_news import OrderMentioned, OrderMissing, OrderNews
from streams.domain.order_notes import GoodsReturned, OrderPlaced, OrderStateSeen
from streams.mapping.pos_rules import NAME_MAX
from streams.mapping.pos_sheet import Refused
from streams.mapping.problems import (
    RESEND,
    Problem,
    Reason,
    impossible_name,
    name_too_long,
    shown_value,
)
from streams.mapping.stock import Undecodable

COMMERCE = "ct:"
NEWSTORE = "ns:"
UNKNOWN_SALE = "ns:return/"

_AND_RETRY = ", and retry; the order is then read again"

_BARRED = re.compile(r"[|\x00-\x1f\x7f]")


def commerce_alias(commerce_id: str) -> str:
    """Return the alias of commercetools' order."""
    return f"{COMMERCE}{commerce_id}"


def newstore_alias(newstore_id: str) -> str:
    """Return the alias of NewStore's order."""
    return f"{NEWSTORE}{newstore_id}"


def unknown_sale_alias(return_id: str) -> str:
    """Return the alias of a return that names no order of NewStore's."""
    return f"{UNKNOWN_SALE}{return_id}"


def checked_number(value: str, path: str) -> str:
    """Return an order's public number, if rows and keys can be named by it.

    Raises:
        Refused: It cannot; the problem says why.
    """
    if len(value) > NAME_MAX:
        raise Refused(name_too_long(path, value, NAME_MAX))
    if _BARRED.search(value):
        why = "has a bar or a control character and cannot be an order's number"
        raise Refused(impossible_name(path, value, why))
    return value


def checked_commerce_number(value: str, path: str) -> str:
    """Return an order number of commercetools that NewStore can carry as well.

    Raises:
        Refused: It cannot; the problem says why.
    """
    checked_number(value, path)
    if order_number_of(value) != value:
        why = "ends like the number of a re-routed order, which has ~2, ~3 and so on"
        raise Refused(impossible_name(path, value, why))
    return value


def alias_of(news: OrderNews) -> str:
    """Return the alias under which a piece of news belongs."""
    match news:
        case OrderPlaced() | OrderStateSeen() | OrderMentioned() | OrderMissing():
            return commerce_alias(news.commerce_id)
        case GoodsReturned(newstore_id=""):
            return unknown_sale_alias(news.return_id)
        case _:
            return newstore_alias(news.newstore_id)


def unknown_alias(alias: str) -> Problem:
    """Say that nobody has told us which order an alias stands for."""
    if alias.startswith(UNKNOWN_SALE):
        return_id = alias.removeprefix(UNKNOWN_SALE)
        return Problem(
            Reason.UNLINKED_RETURN,
            "return_id",
            return_id,
            f"The return {shown_value(return_id)} names no order. The stock is booked. "
            "Write the order's number into external_order and retry it, or dismiss it.",
        )
    if alias.startswith(COMMERCE):
        commerce_id = alias.removeprefix(COMMERCE)
        return Problem(
            Reason.UNKNOWN_ORDER,
            "commerce_id",
            commerce_id,
            f"The order {shown_value(commerce_id)} of commercetools could not be read, "
            "so its number is not known. See that commercetools can be reached and has "
            "the order, then retry.",
        )
    newstore_id = alias.removeprefix(NEWSTORE)
    return Problem(
        Reason.UNKNOWN_ORDER,
        "newstore_id",
        newstore_id,
        f"NewStore told of the order {shown_value(newstore_id)}, but never that it was "
        "opened, so its number is not known. Have NewStore send its order.opened "
        "again; what waits then goes on by itself.",
    )


def missing_order(alias: str) -> Problem:
    """Say that commercetools has no order that it has told us of."""
    commerce_id = alias.removeprefix(COMMERCE)
    return Problem(
        Reason.ORDER_MISSING,
        "commerce_id",
        commerce_id,
        f"commercetools told of the order {shown_value(commerce_id)}, but has none of "
        "that id. Look whether it was deleted there; if not, retry.",
    )


def missing_news(news: OrderMissing) -> Problem:
    """Say that an order could not be read, or cannot be one of ours."""
    if not news.reason:
        return missing_order(commerce_alias(news.commerce_id))
    said = news.sentence.replace(RESEND, f"Mend it in commercetools{_AND_RETRY}")
    field = f"order {news.commerce_id}: {news.field}"
    return Problem(Reason(news.reason), field, news.value, said)


def overflowing(alias: str, waiting: int) -> Problem:
    """Say that too much waits for an order's number already."""
    return Problem(
        Reason.TOO_MANY_WAITING,
        "key",
        alias,
        f"{waiting} pieces of news of {shown_value(alias)} wait for its order's number "
        "already. Retry this one once the number is known.",
    )


def undecodable_news(error: Undecodable) -> Problem:
    """Say that a record is no news of an order."""
    return Problem(Reason.UNDECODABLE, error.field, "", error.sentence)


def foreign_alias(key: bytes | None, alias: str) -> Problem:
    """Say that news came under another key than its own."""
    shown = (key or b"").decode(errors="replace")
    return Problem(
        Reason.WRONG_KEY,
        "key",
        shown[:200],
        f"The record's key is {shown_value(shown)}, but its order is "
        f"{shown_value(alias)}. Write order news only by intake and by the couriers.",
    )
