"""Kinds of exceptions, coarse enough for a chart, and the reason codes of each."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What a person has to look at."""

    UNKNOWN_SKU = "unknown_sku"
    UNKNOWN_LOCATION = "unknown_location"
    MALFORMED = "malformed"
    NOT_OURS = "not_ours"
    UNCLEAR = "unclear"
    CLOSED_PERIOD = "closed_period"
    DOWNSTREAM_REJECTED = "downstream_rejected"
    ORDER = "order"
    FULFILMENT = "fulfilment"
    RETURN = "return"
    REFUND = "refund"
    SOURCING = "sourcing"
    COMMERCE = "commerce"
    TRANSFER = "transfer"
    OTHER = "other"


REASONS: Mapping[Kind, frozenset[str]] = {
    Kind.UNKNOWN_SKU: frozenset({"unknown_sku"}),
    Kind.UNKNOWN_LOCATION: frozenset({"unknown_location", "unknown_stock_location"}),
    Kind.MALFORMED: frozenset(
        {
            "empty_record",
            "broken_json",
            "missing_field",
            "wrong_type",
            "wrong_key",
            "wrong_content",
            "name_too_long",
            "undecodable",
            "not_a_parked_record",
            "impossible_name",
            "impossible_rank",
            "missing_location",
            "impossible_pool",
            "missing_account",
            "nothing_to_move",
            "missing_entry",
            "result_too_large",
        }
    ),
    Kind.NOT_OURS: frozenset({"wrong_tenant"}),
    Kind.UNCLEAR: frozenset(
        {
            "impossible_quantity",
            "impossible_amount",
            "unclear_adjustment",
            "ambiguous_count",
        }
    ),
    Kind.CLOSED_PERIOD: frozenset({"count_too_old"}),
    Kind.DOWNSTREAM_REJECTED: frozenset({"commerce_refused"}),
    Kind.ORDER: frozenset(
        {"unknown_order", "order_missing", "order_too_old", "too_many_waiting"}
    ),
    Kind.RETURN: frozenset({"unlinked_return"}),
}
"""Every reason to park a record, under its kind; one that is missing is `other`.

A stage that raises a case without a record names the kind itself.
"""

_TRIES_AGAIN = frozenset({("orders", Kind.SOURCING)})
"""Cases of these stages and kinds, raised without a record, can be retried all the
same: an order that found no place looks for one again."""

_KIND_OF = {reason: kind for kind, reasons in REASONS.items() for reason in reasons}


def kind_of(reason: str) -> Kind:
    """Return the kind of a reason code."""
    return _KIND_OF.get(reason, Kind.OTHER)


def can_try_again(stage: str, kind: Kind) -> bool:
    """Say whether a stage that raised a case of this kind tries again if asked."""
    return (stage, kind) in _TRIES_AGAIN


def kind_named(name: str) -> Kind:
    """Return the kind of that name; one that is not known here is `other`."""
    return Kind(name) if name in Kind.__members__.values() else Kind.OTHER
