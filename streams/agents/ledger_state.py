"""What one batch touches of the ledger's state: loaded in bulk, then changed here.

A working copy, confined to one fold.
"""

from collections.abc import Sequence

from streams.agents import ledger_keys as keys
from streams.agents.ledger_history import History
from streams.agents.ledger_inbox import Item
from streams.agents.ledger_transfers import Transfers
from streams.domain.invariants import InvariantBroken
from streams.domain.movements import Movement, MovementKind
from streams.domain.scarcity import is_scarce
from streams.domain.stock import Row, new_row
from streams.domain.units import Unit, sale_id
from streams.engine.fold import Context, Output, Record, View
from streams.mapping import stock_state as codec
from streams.mapping.stock import location_in, split_row_key
from streams.tables import APPLIED, LEVELS, UNITS

_SALE = MovementKind.SALE


class LedgerState:
    """The rows, units, transfers and history that a batch may touch.

    `rows`, `applied`, `units` and `transfers` answer for the batch so far; the `new_`
    ones, the journal and the rows of `changed_by` are to be written.
    """

    def __init__(self, view: View, context: Context, items: Sequence[Item]) -> None:
        self.now = context.now
        self.rows: dict[bytes, Row] = {}
        self.changed_by: dict[bytes, Record] = {}
        self.was_scarce: set[bytes] = set()
        self.journal: list[Output] = []
        self.oversold = 0
        self.applied = view.get(APPLIED, keys.applied_keys(items))
        self.new_applied: dict[bytes, bytes] = {}
        found = view.get(UNITS, keys.unit_keys(items))
        self.units = {key: codec.decode_unit(value) for key, value in found.items()}
        named = keys.own_name_keys(self.units) - self.units.keys()
        for key, value in view.get(UNITS, named).items() if named else ():
            self.units[key] = codec.decode_unit(value)
        self.new_units: dict[bytes, Unit] = {}
        self.transfers = Transfers(view, items)
        self.history = History(view)
        self.first_entry: dict[bytes, int] = {}
        self._reference = context.reference
        self._loaded = keys.row_keys(items, self.units, self.applied)
        self._loaded.update(self.transfers.row_keys())
        self._stored = view.get(LEVELS, self._loaded)

    def row(self, key: bytes) -> Row:
        """Load a row that the batch has not touched yet; a new one if unknown."""
        if key not in self._loaded:
            raise InvariantBroken(f"row {key!r} was not loaded with its batch")
        stored = self._stored.get(key)
        if stored is not None:
            row = codec.decode_row(stored)
            if is_scarce(row):
                self.was_scarce.add(key)
        else:
            place = split_row_key(key)
            safety_stock = self._reference.safety_stock(*place)
            enabled = self._reference.is_published(*place)
            row = new_row(safety_stock=safety_stock, enabled=enabled, now=self.now)
        self.first_entry[key] = row.entries + 1
        self.rows[key] = row
        return row

    def unit(self, movement: Movement, key: bytes) -> Unit | None:
        """Return what is known of a movement's unit; None where it does not matter.

        A carried-out sale leaves no unit behind, only its id: most units are sold so
        and never reserved. Whatever comes after it finds the id, and the place there.
        """
        unit = self.units.get(key)
        if unit is not None or movement.kind is _SALE:
            return unit
        sold = self.applied.get(sale_id(movement.unit_id).encode())
        if sold is None:
            return Unit()
        return Unit(gone=True, final_at=self.now, home=location_in(sold))

    def learn_unit(self, key: bytes, unit: Unit) -> None:
        """Note what is now known of a unit, if it is anything new."""
        if unit != self.units.get(key, Unit()):
            self.units[key] = self.new_units[key] = unit
