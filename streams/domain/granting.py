"""May these units be reserved there? The one place where stock can say no."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.domain.movements import Movement, MovementKind
from streams.domain.reservations import Offer, ReservationRequest
from streams.domain.stock import MAIN, Row
from streams.domain.units import Unit, standing


class Places(NamedTuple):
    """What bears on a request: the SKU's rows by location, and the request's units."""

    rows: Mapping[str, Row]
    units: Sequence[Unit]


def offers_of(places: Places) -> tuple[Offer, ...]:
    """Say what could be reserved where, the request's own units set free in thought."""
    own = [standing(unit) for unit in places.units]
    return tuple(
        Offer(location_id=place, available=_free(row) + own.count(place))
        for place, row in sorted(places.rows.items())
        if row.enabled
    )


def is_grantable(request: ReservationRequest, places: Places) -> bool:
    """Say whether all units of the request can be reserved at its location."""
    if any(unit.gone or unit.cancelled for unit in places.units):
        return False
    return any(
        offer.location_id == request.location_id
        and offer.available >= len(request.unit_ids)
        for offer in offers_of(places)
    )


def reservations_of(request: ReservationRequest, origin: str) -> list[Movement]:
    """Return the movements that a grant makes, one for each unit."""
    return [
        Movement(
            movement_id=f"reserve:{request.request_id}:{unit_id}",
            kind=MovementKind.RESERVE,
            sku=request.sku,
            quantity=1,
            occurred_at=request.requested_at,
            location_id=request.location_id,
            unit_id=unit_id,
            rank=request.rank,
            attempt=request.attempt,
            document_type="order",
            document_id=request.order_number,
            origin=origin,
        )
        for unit_id in request.unit_ids
    ]


def _free(row: Row) -> int:
    return row.balances[MAIN] - row.safety_stock
