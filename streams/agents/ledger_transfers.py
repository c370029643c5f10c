"""The transfers a batch may touch, found by any of their names."""

from collections.abc import Iterator, Sequence

from streams.agents.ledger_inbox import Item
from streams.domain.movements import Movement
from streams.domain.transfers import Transfer, TransferDecision
from streams.engine.fold import Record, View
from streams.mapping.stock import row_key
from streams.mapping.stock_state import decode_transfer, own_transfer_key, transfer_key
from streams.tables import TRANSFERS

TransferRows = dict[bytes, Transfer]


class Transfers:
    """A working copy: `new` is to be written, `ended` are delays that are over.

    A transfer lies under its own name, and each of its other names leads there.
    """

    def __init__(self, view: View, items: Sequence[Item]) -> None:
        asked = {key for item in items if item[5] is not None for key in item[5]}
        found = view.get(TRANSFERS, asked)
        self._known = {key: decode_transfer(value) for key, value in found.items()}
        own = {
            own_transfer_key(key, transfer)
            for key, transfer in self._known.items()
            if transfer.same_as
        }
        missing = own - self._known.keys()
        for key, value in view.get(TRANSFERS, missing).items() if missing else ():
            self._known[key] = decode_transfer(value)
        self.new: TransferRows = {}
        self.ended: list[tuple[Record, str, str]] = []

    def row_keys(self) -> Iterator[bytes]:
        """Walk the rows where units of the loaded transfers are booked."""
        for key, transfer in self._known.items():
            sku = key.partition(b"|")[0].decode()
            for leg in transfer.legs:
                yield row_key(sku, leg.location_id)

    def of(self, keys: Sequence[bytes]) -> list[Transfer]:
        """Return all transfers that these names stand for."""
        found = {}
        for key in keys:
            transfer = self._known.get(key)
            if transfer is not None and transfer.same_as:
                key = own_transfer_key(key, transfer)
                transfer = self._known.get(key)
            if transfer is not None:
                found[key] = transfer
        return list(found.values())

    def learn(
        self,
        record: Record,
        movement: Movement,
        known: Sequence[Transfer],
        decision: TransferDecision,
    ) -> None:
        """Note what is now known of a transfer, and lead its names to it."""
        sku, transfer = movement.sku, decision.transfer
        own, *others = transfer.names
        rows = {transfer_key(sku, own): transfer}
        if [one.names for one in known] != [transfer.names]:
            leads = Transfer(same_as=own)
            rows |= {transfer_key(sku, name): leads for name in others}
        self._known |= rows
        self.new |= rows
        self.ended += [(record, sku, name) for name in decision.ended]
