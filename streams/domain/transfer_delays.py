"""Transfers that do not arrive: when to look after them, and what people are told.

A transfer that is overdue is a case on the exceptions list, one for each SKU, grouped
by transfer. Stores expect to be asked: somebody has to find the goods, receive them or
write them off, and only a list of work has an owner and an end; a gauge in a chart has
neither. It ends by itself when the rest is received. Goods received beyond what was
sent are no case: they are on the shelf and in the books, and the next count at the
origin finds them missing there.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from streams.domain.exceptions import Trouble
from streams.domain.transfers import Transfer, received, sent, under_way

KIND = "transfer"
REASON = "transfer_overdue"

TRANSIT_OVERDUE_DAYS = 7
"""Between two shops of a country a parcel takes one to three days, and lies for a
weekend; a week is late everywhere, and soon enough to ask the carrier."""


class LedgerRules(NamedTuple):
    """How long the ledger remembers, and how long a transfer may be on its way.

    Attributes:
        forget_after: How long ids and history are remembered; a transfer, from when it
            was last touched, unless units are still on their way.
        overdue_after: From when units were last sent: a transfer order may leave in
            several shipments.
    """

    forget_after: timedelta
    overdue_after: timedelta


def look_at(transfer: Transfer, rules: LedgerRules) -> datetime | None:
    """Return when it is overdue, or to be forgotten; None while it only waits.

    What is on its way is never forgotten: its receipt must find it.
    """
    since, after = transfer.touched_at, rules.forget_after
    if under_way(transfer):
        is_listed = bool(transfer.overdue)
        since, after = transfer.sent_at, rules.overdue_after
        since = None if is_listed else since
    return None if since is None else since + after


def listed(transfer: Transfer) -> Transfer:
    """Note that it is on the exceptions list now, under its own name."""
    return transfer._replace(overdue=(transfer.names[0],))


def delay_of(sku: str, name: str) -> Trouble:
    """Return the trouble that a transfer's delay is, for one SKU.

    All SKUs of a transfer share reason, field and value: they are one group.
    """
    return Trouble("ledger", "", f"{name} {sku}", REASON, "transfer_ref", name)


def describe_delay(sku: str, transfer: Transfer) -> str:
    """Say what is overdue, and what to do."""
    origins = [leg.location_id for leg in transfer.legs if leg.sent]
    places = [leg.location_id for leg in transfer.legs if leg.received or leg.announced]
    when = "" if transfer.sent_at is None else f", last at {transfer.sent_at:%F %R} UTC"
    came = f" at {_names(places)}" if places else ""
    return (
        f"{sent(transfer)} {sku} were sent from {_names(origins)}{when}, and "
        f"{received(transfer)} received{came}: {under_way(transfer)} are still under "
        f"way ({', '.join(transfer.names)}). Find them and receive them in NewStore, "
        "or dismiss this, if they are lost."
    )


def _names(places: list[str]) -> str:
    return ", ".join(places) or "nowhere known"
