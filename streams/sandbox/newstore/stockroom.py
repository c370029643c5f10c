"""What people do with stock: receive, transfer, count, write off, and lose.

Sources: inventory lifecycle, receiving and inventory event guides; fixtures of public
integrations for the shapes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from streams.sandbox.newstore.config import Node
from streams.sandbox.newstore.errors import invalid, not_allowed, not_found
from streams.sandbox.newstore.journal import Fact
from streams.sandbox.newstore.payloads import stock_lines
from streams.sandbox.newstore.wire import moment
from streams.sandbox.newstore.world import World

Lines = Sequence[tuple[str, int]]


class Stockroom:
    """Changes the stock book and tells of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        # Transfers under way: from where to where, and what.
        self._transfers: dict[str, tuple[str, str, Lines]] = {}

    def set_stock(
        self, node_id: str, product_id: str, on_hand: int, safety: int | None
    ) -> None:
        """Put a figure into the book and as many units on the shelf; no event.

        A node that is not known yet becomes a store.
        """
        world = self._world
        if on_hand < 0 or (safety is not None and safety < 0):
            raise invalid("Stock is not negative.")
        world.nodes.setdefault(node_id, Node(node_id))
        row = world.stock.row(node_id, product_id)
        if on_hand < row.packed:
            raise invalid(f"{row.packed} units are packed for orders there.")
        world.stock.change(
            node_id,
            product_id,
            on_hand=on_hand - row.on_hand,
            shelf=on_hand - row.shelf,
        )
        if safety is not None:
            world.stock.keep_back(node_id, product_id, safety)
        change = on_hand - row.shelf
        world.note(Fact("set", node_id, product_id, change))

    def shift_shelf(self, node_id: str, product_id: str, quantity: int) -> None:
        """Take units off the shelf, or add some, without the book noticing."""
        world = self._world
        world.node(node_id)
        if quantity < 0:
            world.stock.require_on_shelf(node_id, product_id, -quantity)
        world.stock.change(node_id, product_id, shelf=quantity)
        world.note(Fact("unnoticed", node_id, product_id, quantity))

    def receive(
        self,
        node_id: str,
        lines: Lines,
        *,
        asn_id: str | None = None,
        order_ref: str | None = None,
        chunk_size: int | None = None,
    ) -> str:
        """Take goods in: a delivery, or a transfer's; return the document's id."""
        world = self._world
        world.node(node_id)
        _check(lines)
        if asn_id is not None and self._transfers.pop(asn_id, None) is None:
            raise not_found("ASN", asn_id)
        more = {"asn_id": asn_id, "order_ref": order_ref}
        document_id = world.new_id()
        for product_id, quantity in lines:
            world.stock.change(node_id, product_id, on_hand=quantity, shelf=quantity)
            fact = Fact(
                "received", node_id, product_id, quantity, reference=document_id
            )
            world.note(fact)
        chunks = _chunks(lines, chunk_size)
        for number, chunk in enumerate(chunks, 1):
            world.emit(
                "inventory_transaction.items_received",
                document_id,
                {
                    "id": document_id,
                    "fulfillment_location_id": node_id,
                    "associate_id": "sandbox",
                    "processed_at": moment(world.now),
                    "chunk_number": number,
                    "total_chunks": len(chunks),
                    "items": stock_lines(chunk),
                    **{name: ref for name, ref in more.items() if ref is not None},
                },
            )
        return document_id

    def transfer(self, origin: str, destination: str, lines: Lines) -> str:
        """Send goods to another node; return the shipment notice's id.

        The name of the destination's field is not public: `destination_id` is a guess.
        """
        world = self._world
        world.node(origin)
        world.node(destination)
        _check(lines)
        wanted: Counter[str] = Counter()
        for product_id, quantity in lines:
            wanted[product_id] += quantity
        for product_id, quantity in wanted.items():
            world.stock.require_on_shelf(origin, product_id, quantity)
        asn_id = world.new_id()
        for product_id, quantity in lines:
            world.stock.change(origin, product_id, on_hand=-quantity, shelf=-quantity)
            fact = Fact("transferred", origin, product_id, quantity, reference=asn_id)
            world.note(fact)
        self._transfers[asn_id] = origin, destination, lines
        world.emit(
            "inventory_transaction.asn_created",
            asn_id,
            {
                "id": asn_id,
                "origin_id": origin,
                "destination_id": destination,
                "transfer_order_ref": f"TO-{asn_id[:8]}",
                "shipment_ref": f"SH-{asn_id[:8]}",
                "shipment_date": moment(world.now),
                "processed_at": moment(world.now),
                "chunk_number": 1,
                "items": stock_lines(lines),
            },
        )
        return asn_id

    def count(self, node_id: str, counts: Mapping[str, int | None]) -> str:
        """Count products, None as they are; the book becomes what was counted."""
        world = self._world
        world.node(node_id)
        if not counts or any(
            count is not None and count < 0 for count in counts.values()
        ):
            raise invalid("A count has products, none below zero.")
        document_id = world.new_id()
        items = []
        for product_id, stated in counts.items():
            row = world.stock.row(node_id, product_id)
            count = row.shelf if stated is None else stated
            items.append(
                {
                    "product_id": product_id,
                    "stock_on_hand": row.on_hand,
                    "count": count,
                    "external_identifiers": {"sku": product_id},
                }
            )
            world.stock.change(node_id, product_id, on_hand=count - row.on_hand)
            fact = Fact("counted", node_id, product_id, count, reference=document_id)
            world.note(fact)
        world.emit(
            "inventory_count.items_counted",
            document_id,
            {
                "id": document_id,
                "count_type": "cycle_count",
                "fulfillment_location_id": node_id,
                "associate_id": "sandbox",
                "started_at": moment(world.now),
                "completed_at": moment(world.now),
                "chunk_number": 1,
                "total_chunks": 1,
                "items": items,
            },
        )
        return document_id

    def adjust(self, node_id: str, product_id: str, quantity: int) -> str:
        """Find units (positive) or write some off (negative)."""
        if quantity == 0:
            raise invalid("An adjustment changes something.")
        if quantity < 0:
            self._world.stock.require_on_shelf(node_id, product_id, -quantity)
            kind, pools = "Write off", {"origin_stock_location_name": "main"}
        else:
            kind, pools = "Found", {"destination_stock_location_name": "main"}
        self._world.node(node_id)
        stock = self._world.stock
        stock.change(node_id, product_id, on_hand=quantity, shelf=quantity)
        return self._tell_adjusted(node_id, product_id, quantity, kind, kind, pools)

    def damage(self, node_id: str, product_id: str, quantity: int) -> str:
        """Set damaged units aside.

        The public sample has the origin `main`, no destination, and is read as a move.
        """
        world = self._world
        world.node(node_id)
        if quantity < 1:
            raise invalid("At least one unit is damaged.")
        world.stock.require_on_shelf(node_id, product_id, quantity)
        world.stock.change(
            node_id, product_id, on_hand=-quantity, shelf=-quantity, damaged=quantity
        )
        pools = {"origin_stock_location_name": "main"}
        return self._tell_adjusted(
            node_id, product_id, quantity, "Damage out", "Damaged", pools
        )

    def _tell_adjusted(
        self,
        node_id: str,
        product_id: str,
        quantity: int,
        kind: str,
        reason: str,
        pools: Mapping[str, str],
    ) -> str:
        world = self._world
        document_id = world.new_id()
        fact = "damaged" if kind == "Damage out" else "adjusted"
        world.note(Fact(fact, node_id, product_id, quantity, reference=document_id))
        world.emit(
            "inventory_transaction.adjustment_created",
            document_id,
            {
                "id": document_id,
                "fulfillment_node_id": node_id,
                "adjustment_type": kind,
                "adjustment_reason": reason,
                **pools,
                "associate_id": "sandbox",
                "processed_at": moment(world.now),
                "chunk_number": 1,
                "total_chunks": 1,
                "items": stock_lines([(product_id, abs(quantity))]),
            },
        )
        return document_id


def _check(lines: Lines) -> None:
    if not lines:
        raise invalid("A document has at least one line.")
    for product_id, quantity in lines:
        if quantity < 1:
            raise not_allowed("invalid_quantity", f"{product_id}: {quantity} units.")


def _chunks(lines: Lines, size: int | None) -> list[Lines]:
    if size is None:
        return [lines]
    return [lines[start : start + size] for start in range(0, len(lines), size)]
