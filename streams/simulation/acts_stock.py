"""Goods and shelves: receipts, transfers, adjustments, counts."""

from collections import Counter

from streams.domain.reference import Location, Product
from streams.simulation.truth import Told
from streams.simulation.workload import HOUR_MS, Shop, stamp

Lines = list[tuple[Product, int]]
References = dict[str, str]
"""By sort: what a document calls the transfer, or the delivery, that it is about."""

RECEIPT_FIELDS = {"asn": "asn_id", "order": "order_ref", "shipment": "shipment_ref"}
NOTICE_FIELDS = {
    "asn": "id",
    "order": "transfer_order_ref",
    "shipment": "shipment_ref",
}


def open_shops(shop: Shop) -> None:
    """Give every product at every location its first stock: by count or by receipt."""
    for location in shop.locations:
        for product in shop.products:
            quantity = shop.rng.randint(0, 12)
            if shop.rng.random() < 0.3 and quantity:
                _receive(shop, location, [(product, quantity)])
            else:
                _count(shop, location, [(product, quantity)], shop.now_ms)
            shop.stocked.append((product, location))


def receive(shop: Shop) -> None:
    """Receive goods that nobody announced, in one or two chunks."""
    lines = [
        (shop.product(), shop.rng.randint(1, 6)) for _ in range(shop.rng.randint(1, 3))
    ]
    _receive(shop, shop.place(), lines)


def _receive(
    shop: Shop, location: Location, lines: Lines, refs: References | None = None
) -> None:
    receipt_id, at = shop.name("rcv"), shop.now_ms
    refs = refs or {"order": shop.name("PO")}
    chunks = [lines]
    if len(lines) > 1 and shop.rng.random() < 0.5:
        chunks = [lines[:1], lines[1:]]
    for number, chunk in enumerate(chunks, 1):
        items = []
        for line, (product, quantity) in enumerate(chunk):
            items.append(shop.line(product, quantity=quantity))
            row = (product.sku, location.location_id)
            shop.truth.move(row, at, quantity)
            shop.truth.told.append(Told(_names(refs), *row, received=quantity))
            shop.truth.entries[f"receipt:{receipt_id}:{number}:{line}"] = row
        payload = {
            "id": receipt_id,
            "fulfillment_location_id": shop.called(location),
            "processed_at": stamp(at),
            "chunk_number": number,
            "total_chunks": len(chunks),
            "items": items,
            **{RECEIPT_FIELDS[sort]: ref for sort, ref in refs.items()},
        }
        shop.tell("inventory_transaction.items_received", payload, at)


def _names(refs: References) -> tuple[str, ...]:
    return tuple(f"{sort}:{ref}" for sort, ref in refs.items())


def transfer(shop: Shop) -> None:
    """Send goods to another location, in one or two shipments of one order.

    NewStore tells where to or, as it is documented, not; the goods are received or not,
    wholly or in part, more than were sent, elsewhere, and by any of the references.
    """
    rng = shop.rng
    origin, destination = rng.sample(shop.locations, 2)
    common = {"order": shop.name("TO")} if rng.random() < 0.6 else {}
    arrived, shipments = Counter[int](), []
    for _ in range(1 + (rng.random() < 0.3)):
        refs = {"asn": shop.name("asn"), **common}
        if rng.random() < 0.4:
            refs["shipment"] = shop.name("IF")
        lines = [
            (rng.randrange(len(shop.products)), rng.randint(1, 5))
            for _ in range(rng.randint(1, 2))
        ]
        for number, quantity in lines:
            arrived[number] += quantity
        shipments.append(refs)
        _send(shop, origin, destination, lines, refs)
        shop.now_ms += rng.randint(0, HOUR_MS)
    if rng.random() < 0.2:
        return
    for number in arrived:
        arrived[number] += rng.choice((0, 0, 0, -1, -2, 1))
    for _ in range(rng.randint(1, 2)):
        shop.now_ms += rng.randint(1_000, 2 * HOUR_MS)
        part = _part_of(shop, arrived)
        if part:
            place = destination if rng.random() < 0.9 else shop.place()
            _receive(shop, place, part, _quoted(shop, rng.choice(shipments)))


def _part_of(shop: Shop, arrived: Counter[int]) -> Lines:
    """Take some of what has arrived; a product may be on several lines."""
    lines: Lines = []
    for number, units in list(arrived.items()):
        taken = shop.rng.choice((units, units, units // 2))
        arrived[number] -= taken
        if taken > 1 and shop.rng.random() < 0.3:
            lines.append((shop.products[number], 1))
            taken -= 1
        if taken > 0:
            lines.append((shop.products[number], taken))
    return lines


def _quoted(shop: Shop, refs: References) -> References:
    """Choose what the shop enters: what it scans, or a number from the papers."""
    if shop.rng.random() < 0.5:
        return refs
    return dict(shop.rng.sample(sorted(refs.items()), shop.rng.randint(1, len(refs))))


def _send(
    shop: Shop,
    origin: Location,
    destination: Location,
    lines: list[tuple[int, int]],
    refs: References,
) -> None:
    rng, at, truth = shop.rng, shop.now_ms, shop.truth
    payload = {
        "id": refs["asn"],
        "origin_id": shop.called(origin),
        "shipment_date": stamp(at),
        **{NOTICE_FIELDS[sort]: ref for sort, ref in refs.items()},
    }
    is_addressed = rng.random() < 0.4
    if is_addressed:
        payload["destination_id"] = shop.called(destination)
    for chunk, (number, quantity) in enumerate(lines, 1):
        product = shop.products[number]
        names = _names(refs)
        row = (product.sku, origin.location_id)
        truth.move(row, at, -quantity)
        truth.told.append(Told(names, *row, sent=quantity))
        truth.entries[f"asn:{refs['asn']}:{chunk}:0"] = row
        if is_addressed:
            row = (product.sku, destination.location_id)
            truth.told.append(Told(names, *row, announced=quantity))
            truth.entries[f"asn-in:{refs['asn']}:{chunk}:0"] = row
        items = [shop.line(product, quantity=quantity)]
        told = {**payload, "chunk_number": chunk, "items": items}
        # Some are told hours late, when the goods have been received long ago.
        delay_ms = rng.randint(0, 3 * HOUR_MS) if rng.random() < 0.2 else None
        shop.tell("inventory_transaction.asn_created", told, at, delay_ms=delay_ms)


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
