"""The names under which news of an order come before its number is known."""

import re

from streams.domain.order_names import order_number_of
from streams.mapping.pos_rules import NAME_MAX
from streams.mapping.pos_sheet import Refused
from streams.mapping.problems import impossible_name, name_too_long

COMMERCE = "ct:"
NEWSTORE = "ns:"
UNKNOWN_SALE = "ns:return/"

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
