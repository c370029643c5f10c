"""Which of NewStore's events touch stock of which few units are left: they go first."""

from collections.abc import Sequence
from typing import Any

import msgspec

from streams.domain.reference import Reference
from streams.mapping.pos_rules import IntakeRules
from streams.mapping.pos_wire import decode_fitting
from streams.mapping.scarce_rows import ScarceRows
from streams.mapping.stock import row_key


class _Item(msgspec.Struct, gc=False):
    product_id: str | None = None
    external_identifiers: dict[str, Any] | None = None


class _Payload(msgspec.Struct, gc=False):
    """The lines of any event, and all fields that may name where its stock is."""

    items: Sequence[_Item] = ()
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None
    demand_location_id: str | None = None
    channel: str | None = None
    origin_id: str | None = None
    destination_id: str | None = None

    def places(self, reference: Reference) -> set[str]:
        """Return the locations that it names; a store's order names its own twice."""
        named = (
            self.fulfillment_location_id,
            self.fulfillment_node_id,
            self.demand_location_id,
            self.channel,
            self.origin_id,
            self.destination_id,
        )
        found = map(reference.location, set(filter(None, named)))
        return {place.location_id for place in found if place is not None}

    def skus(self, reference: Reference, identifier: str) -> set[str | None]:
        """Return the SKUs that its lines name, and None if any name is not known."""
        found = set()
        for item in self.items:
            if item.external_identifiers:
                named = item.external_identifiers.get(identifier)
                if isinstance(named, str):
                    found.add(reference.sku(named))
            if item.product_id:
                found.add(reference.sku(item.product_id))
        return found


class _Event(msgspec.Struct, gc=False):
    payload: _Payload
    name: str = ""


IN_THEIR_ORDER = frozenset({"return.processed"})
"""Of two returns that claim one unit, the one told first stands: none overtakes. Nobody
buys in vain because a unit is offered again a little later."""


def touches(
    body: bytes | None, scarce: ScarceRows, reference: Reference, rules: IntakeRules
) -> bool:
    """Say whether an event is about a scarce row.

    A glance, not a reading: what it does not see only waits for its turn.
    """
    if not len(scarce) or body is None:
        return False
    event = decode_fitting(body, _Event)
    if event is None or rules.aliases.get(event.name, event.name) in IN_THEIR_ORDER:
        return False
    skus = event.payload.skus(reference, rules.sku_identifier)
    for place in event.payload.places(reference):
        for sku in skus:
            if sku and row_key(sku, place) in scarce:
                return True
    return False
