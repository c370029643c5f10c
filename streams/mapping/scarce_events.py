"""Which of NewStore's events touch stock of which few units are left: they go first."""

from collections.abc import Iterator, Sequence
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

    def names(self, identifier: str) -> Iterator[str]:
        """Walk what may name its SKU."""
        if self.external_identifiers:
            named = self.external_identifiers.get(identifier)
            if isinstance(named, str):
                yield named
        if self.product_id:
            yield self.product_id


class _Payload(msgspec.Struct, gc=False):
    """The lines of any event, and all fields that may name where its stock is."""

    items: Sequence[_Item] = ()
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None
    demand_location_id: str | None = None
    return_location_id: str | None = None
    channel: str | None = None
    origin_id: str | None = None
    destination_id: str | None = None

    def places(self) -> Iterator[str]:
        """Walk the locations that it names, under their outside names."""
        for name in (
            self.fulfillment_location_id,
            self.fulfillment_node_id,
            self.demand_location_id,
            self.return_location_id,
            self.channel,
            self.origin_id,
            self.destination_id,
        ):
            if name:
                yield name


class _Event(msgspec.Struct, gc=False):
    payload: _Payload


def touches(
    body: bytes | None, scarce: ScarceRows, reference: Reference, rules: IntakeRules
) -> bool:
    """Say whether an event is about a scarce row.

    A glance, not a reading: what it does not see only waits for its turn.
    """
    if not len(scarce) or body is None:
        return False
    event = decode_fitting(body, _Event)
    if event is None:
        return False
    payload = event.payload
    skus = {
        reference.sku(name)
        for item in payload.items
        for name in item.names(rules.sku_identifier)
    }
    for name in payload.places():
        place = reference.location(name)
        if place is not None and any(
            sku and row_key(sku, place.location_id) in scarce for sku in skus
        ):
            return True
    return False
