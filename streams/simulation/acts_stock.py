"""Goods and shelves: receipts, transfers, adjustments, counts."""

from streams.domain.reference import Location, Product
from streams.simulation.workload import HOUR_MS, Shop, stamp


def open_shops(shop: Shop) -> None:
    """Give every product at every location its first stock: by count or by receipt."""
    for location in shop.locations:
        for product in shop.products:
            quantity = shop.rng.randint(0, 12)
            if shop.rng.random() < 0.3 and quantity:
                _receive(shop, location, [(product, quantity)], shop.name("PO"))
            else:
                _count(shop, location, [(product, quantity)], shop.now_ms)
            shop.stocked.append((product, location))


def receive(shop: Shop) -> None:
    """Receive goods that nobody announced, in one or two chunks."""
    lines = [
        (shop.product(), shop.rng.randint(1, 6)) for _ in range(shop.rng.randint(1, 3))
    ]
    _receive(shop, shop.place(), lines, shop.name("PO"))


def _receive(
    shop: Shop,
    location: Location,
    lines: list[tuple[Product, int]],
    ref: str,
    *,
    announced: bool = False,
) -> None:
    receipt_id, at = shop.name("rcv"), shop.now_ms
    chunks = [lines]
    if len(lines) > 1 and shop.rng.random() < 0.5:
        chunks = [lines[:1], lines[1:]]
    for number, chunk in enumerate(chunks, 1):
        items = []
        for line, (product, quantity) in enumerate(chunk):
            items.append(shop.line(product, quantity=quantity))
            row = (product.sku, location.location_id)
            shop.truth.move(row, at, quantity)
            shop.truth.received[ref, *row] += quantity
            shop.truth.entries[f"receipt:{receipt_id}:{number}:{line}"] = row
        payload = {
            "id": receipt_id,
            "fulfillment_location_id": shop.called(location),
            "processed_at": stamp(at),
            "order_ref" if not announced else "asn_id": ref,
            "chunk_number": number,
            "total_chunks": len(chunks),
            "items": items,
        }
        shop.tell("inventory_transaction.items_received", payload, at)


def transfer(shop: Shop) -> None:
    """Send goods to another location: told where to or not, received or not."""
    rng, at = shop.rng, shop.now_ms
    origin, destination = rng.sample(shop.locations, 2)
    asn = shop.name("asn")
    product, quantity = shop.product(), rng.randint(1, 5)
    row_out = (product.sku, origin.location_id)
    row_in = (product.sku, destination.location_id)
    payload = {
        "id": asn,
        "origin_id": shop.called(origin),
        "shipment_date": stamp(at),
        "chunk_number": 1,
        "items": [shop.line(product, quantity=quantity)],
    }
    shop.truth.move(row_out, at, -quantity)
    shop.truth.entries[f"asn:{asn}:1:0"] = row_out
    if rng.random() < 0.7:
        payload["destination_id"] = shop.called(destination)
        shop.truth.announced[asn, *row_in] += quantity
        shop.truth.entries[f"asn-in:{asn}:1:0"] = row_in
    shop.tell("inventory_transaction.asn_created", payload, at)
    if rng.random() < 0.75:
        shop.now_ms = at + rng.randint(1_000, 2 * HOUR_MS)
        arrived = rng.choice((quantity, quantity, max(1, quantity - 1), quantity + 1))
        lines = [(product, arrived)]
        if arrived > 1 and rng.random() < 0.3:
            lines = [(product, 1), (product, arrived - 1)]
        _receive(shop, destination, lines, asn, announced=True)


def adjust(shop: Shop) -> None:
    """Write off, find, damage, hold or free some units."""
    rng, at = shop.rng, shop.now_ms
    location, product = shop.place(), shop.product()
    row, quantity = (product.sku, location.location_id), rng.randint(1, 3)
    truth, document = shop.truth, shop.name("adj")
    kind, reason, origin, destination, shelf = rng.choice(
        (
            ("Write off", "Lost", "main", "", -1),
            ("Damage out", "Damaged", "main", "", -1),
            ("Found", "Found", "", "main", +1),
            ("Hold", "Display", "main", "reservations", -1),
            ("Unhold", "Display", "reservations", "main", +1),
        )
    )
    truth.move(row, at, shelf * quantity)
    if kind == "Damage out":
        truth.damaged[row] += quantity
    if kind in ("Hold", "Unhold"):
        truth.held[row] -= shelf * quantity
    truth.entries[f"adjustment:{document}:1:0"] = row
    payload = {
        "id": document,
        "fulfillment_node_id": shop.called(location),
        "adjustment_type": kind,
        "adjustment_reason": reason,
        "origin_stock_location_name": origin,
        "destination_stock_location_name": destination,
        "processed_at": stamp(at),
        "chunk_number": 1,
        "items": [shop.line(product, quantity=quantity)],
    }
    shop.tell("inventory_transaction.adjustment_created", payload, at)


def count(shop: Shop) -> None:
    """Count some products; the result may come at once or hours later."""
    rng = shop.rng
    chosen = rng.sample(shop.products, rng.randint(1, len(shop.products)))
    delay = rng.randint(0, 2 * HOUR_MS) if rng.random() < 0.3 else None
    lines = [(product, rng.randint(0, 12)) for product in chosen]
    _count(shop, shop.place(), lines, shop.now_ms, delay)


def _count(
    shop: Shop,
    location: Location,
    lines: list[tuple[Product, int]],
    at: int,
    delay_ms: int | None = None,
) -> None:
    document = shop.name("cnt")
    for line, (product, found) in enumerate(lines):
        row = (product.sku, location.location_id)
        shop.truth.found[row].append((at, found))
        shop.truth.entries[f"count:{document}:1:{line}"] = row
    payload = {
        "id": document,
        "fulfillment_location_id": shop.called(location),
        "completed_at": stamp(at),
        "chunk_number": 1,
        "items": [shop.line(product, count=found) for product, found in lines],
    }
    shop.tell("inventory_count.items_counted", payload, at, delay_ms=delay_ms)
