"""The ledger's inbox of requests: records become requests, or are parked."""

from typing import NamedTuple

from streams.agents.ledger_inbox import Item, item_of, park
from streams.domain.granting import reservations_of
from streams.domain.movement_checks import Problem, check
from streams.domain.reservations import RequestKind, ReservationRequest
from streams.engine.fold import Record, Result
from streams.engine.headers import cause_of
from streams.mapping.order_messages import REQUESTS
from streams.mapping.stock import Undecodable

UNITS_MAX = 1_000
"""Units of one request: an order line of more is split by whoever asks."""


class Asked(NamedTuple):
    """A request as it came, with the movements it would make."""

    record: Record
    request: ReservationRequest
    items: list[Item]

    @property
    def key(self) -> bytes:
        return f"{self.request.sku}|{self.request.request_id}".encode()


def read_request(record: Record, result: Result) -> Asked | None:
    """Read a request, or park what is none or cannot be."""
    try:
        request = REQUESTS.decode(record.value)
    except Undecodable as error:
        value = (record.value or b"").decode(errors="replace")
        problem = Problem("undecodable", error.field, value, error.sentence)
        park(record, problem, result)
        return None
    movements = reservations_of(request, cause_of(record))
    wrong = _problem(record, request) or next(
        (
            found
            for movement in movements
            if request.kind is RequestKind.RESERVE and (found := check(movement))
        ),
        None,
    )
    if wrong is not None:
        park(record, wrong, result)
        return None
    return Asked(record, request, [item_of(record, each) for each in movements])


def _problem(record: Record, request: ReservationRequest) -> Problem | None:
    if record.key != request.sku.encode():
        shown = (record.key or b"").decode(errors="replace")
        return Problem(
            "wrong_key",
            "key",
            shown,
            f"The record's key {shown!r} is not its SKU {request.sku!r}. Send the "
            "request again with the SKU as key.",
        )
    if 0 < len(set(request.unit_ids)) == len(request.unit_ids) <= UNITS_MAX:
        return None
    return Problem(
        "impossible_units",
        "unit_ids",
        str(len(request.unit_ids)),
        f"A request is about 1 to {UNITS_MAX:,} different units. Split it, or name "
        "each unit once.",
    )
