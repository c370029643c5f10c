"""What happens in a trading day: facts for the oracle, events for us. All acts."""

from dataclasses import replace

import msgspec

from streams.simulation.acts_sales import give_back, order, sell
from streams.simulation.acts_stock import adjust, count, receive, transfer
from streams.simulation.workload import TENANT, Act, Changed, Shop, stamp


def change_offer(shop: Shop) -> None:
    """Change a safety stock, or take a product or shop out of the web shop or back."""
    product, location = shop.rng.choice(shop.stocked)
    if shop.rng.random() < 0.5:
        _change_product(shop, product.sku)
    else:
        _change_location(shop, location.location_id)


def _change_product(shop: Shop, sku: str) -> None:
    index = [one.sku for one in shop.products].index(sku)
    known = shop.products[index]
    if shop.rng.random() < 0.4:
        known = replace(known, enabled=not known.enabled)
    else:
        known = replace(known, safety_stock=shop.rng.choice((None, 0, 1, 2, 4)))
    shop.products[index] = known
    shop.arrivals.append(Changed(shop.now_ms, known))


def _change_location(shop: Shop, location_id: str) -> None:
    index = [one.location_id for one in shop.locations].index(location_id)
    known = shop.locations[index]
    if shop.rng.random() < 0.4:
        known = replace(known, enabled=not known.enabled)
    else:
        known = replace(known, safety_stock=shop.rng.choice((0, 1, 3)))
    shop.locations[index] = known
    shop.arrivals.append(Changed(shop.now_ms, known))


def name_the_unknown(shop: Shop) -> None:
    """Adjust a known product and one that nobody will ever make known."""
    at, document = shop.now_ms, shop.name("adj")
    location, product = shop.place(), shop.product()
    row = (product.sku, location.location_id)
    shop.truth.move(row, at, -1)
    shop.truth.entries[f"adjustment:{document}:1:0"] = row
    payload = {
        "id": document,
        "fulfillment_node_id": shop.called(location),
        "adjustment_type": "Write off",
        "origin_stock_location_name": "main",
        "processed_at": stamp(at),
        "chunk_number": 1,
        "items": [
            shop.line(product, quantity=1),
            {"product_id": shop.name("ghost"), "quantity": 1},
        ],
    }
    shop.tell("inventory_transaction.adjustment_created", payload, at, never_known=True)


def garble(shop: Shop) -> None:
    """Publish something that cannot be read or believed."""
    at, location, product = shop.now_ms, shop.place(), shop.product()
    document = shop.name("rcv")
    receipt = {
        "id": document,
        "fulfillment_location_id": shop.called(location),
        "processed_at": stamp(at),
        "items": [shop.line(product, quantity=0)],
    }
    envelope = {
        "tenant": TENANT,
        "name": "inventory_transaction.items_received",
        "published_at": stamp(at),
        "payload": receipt,
    }
    choice = shop.rng.randrange(5)
    if choice == 0:
        body = b'{"tenant": "acme", "name": ' + document.encode()
    elif choice == 1:
        body = msgspec.json.encode({**envelope, "payload": {"id": document}})
    elif choice == 2:
        body = msgspec.json.encode({**envelope, "tenant": "somebody-else"})
    elif choice == 3:
        receipt["items"] = [shop.line(product, quantity="many")]
        body = msgspec.json.encode(envelope)
    else:
        body = msgspec.json.encode(envelope)
    shop.truth.broken[body] += shop.arrive(body, at)


def chatter(shop: Shop) -> None:
    """Publish events that move no stock."""
    name = shop.rng.choice(("order.completed", "customer.created", "tea.brewed"))
    shop.tell(name, {"id": shop.name("x"), "items": []}, shop.now_ms)


ACTS: tuple[tuple[Act, int], ...] = (
    (sell, 10),
    (order, 6),
    (give_back, 4),
    (receive, 3),
    (transfer, 4),
    (adjust, 4),
    (count, 4),
    (change_offer, 2),
    (name_the_unknown, 1),
    (garble, 1),
    (chatter, 1),
)
"""Each act and its weight in a day."""
