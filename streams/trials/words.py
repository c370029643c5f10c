"""What an order would do, for people: what is known, and what depends on answers."""

from collections.abc import Iterator, Sequence
from typing import Any

from streams.domain.order_record import Order
from streams.domain.order_ties import units_of
from streams.domain.reservations import ReservationRequest


def units_moved(before: Order | None, after: Order | None) -> list[dict[str, str]]:
    """List the units whose state would be another."""
    was = {} if before is None else units_of(before)
    will_be = {} if after is None else units_of(after)
    return [
        {
            "unit": name,
            "sku": unit.sku,
            "before": str(was[name].standing.state) if name in was else "",
            "after": str(unit.standing.state),
            "location_id": unit.standing.location_id,
        }
        for name, unit in will_be.items()
        if name not in was or was[name].standing != unit.standing
    ]


def owed_to_newstore(order: Order) -> dict[str, Any] | None:
    """Say what NewStore would be asked or given; None if nothing."""
    run = order.sourcing
    check = None if run is None else run.owed_check()
    if check is not None:
        needs = [need._asdict() for need in check.needs]
        return {"what": "check", "external_id": "", "needs": needs}
    injection = None if run is None else run.owed_injection()
    if injection is None:
        return None
    units = [placement._asdict() for placement in injection.placements]
    return {"what": "inject", "external_id": injection.external_id, "needs": units}


def words_of(
    before: Order | None, after: Order | None, requests: Sequence[ReservationRequest]
) -> Iterator[str]:
    """Say what cannot be told in figures, and what nobody can know yet."""
    if before is None and after is not None:
        yield "The order is not known; its record would begin with this."
    if after == before:
        yield "Nothing would change: the order knows it already, or cannot use it."
        return
    if after is None:
        return
    if requests:
        yield (
            f"The ledger would be asked {len(requests)} times; where the order is "
            "fulfilled depends on its answers, which are not there yet."
        )
    owed = owed_to_newstore(after)
    if owed is not None:
        asked = {
            "check": "asked whether its shelves have the units",
            "inject": f"given the order {owed['external_id']}",
        }[owed["what"]]
        yield (
            f"NewStore would be {asked}; what follows depends on its answer, which is "
            "not there yet."
        )
    if after.window is not None:
        yield (
            "News of the order are being gathered; what commercetools is told when the "
            "window closes is shown as if nothing more came."
        )
