"""Units and customers: sales, orders on their way through routing, returns."""

from streams.domain.reference import Location, Product
from streams.simulation.workload import HOUR_MS, Shop, WebOrder, stamp

CARRIED_OUT = "IN_STORE_HANDOVER"


def sell(shop: Shop) -> None:
    """Sell units over the counter; told by one signal or by both."""
    rng, at = shop.rng, shop.now_ms
    location = shop.place()
    order_id = shop.name("order")
    units = [(shop.name("unit"), shop.product()) for _ in range(rng.randint(1, 3))]
    for unit_id, product in units:
        shop.truth.move((product.sku, location.location_id), at, -1)
        shop.truth.entries[f"sale:{unit_id}"] = (product.sku, location.location_id)
        shop.sold.append((unit_id, product))
    signals = rng.choice(("opened", "both", "both", "completed"))
    offline = rng.randint(0, 3 * HOUR_MS) if rng.random() < 0.15 else None
    if signals != "completed":
        shop.tell(
            "order.opened",
            _order(shop, order_id, units, "store", location, CARRIED_OUT, at),
            at,
            delay_ms=offline,
        )
    if signals != "opened":
        for unit_id, product in units:
            item = shop.line(product, id=unit_id, shipped_at=stamp(at))
            request = shop.name("fr")
            shop.tell(
                "fulfillment_request.items_completed",
                _request(shop, request, order_id, location, [item], CARRIED_OUT),
                at,
            )


def order(shop: Shop) -> None:
    """Take an order that is shipped: from the web shop, or an endless aisle."""
    rng, at = shop.rng, shop.now_ms
    web = rng.random() < 0.7 and bool(shop.stocked)
    first, location = rng.choice(shop.stocked)
    order_id = shop.name("order")
    units = [(shop.name("unit"), first) for _ in range(rng.randint(1, 3))]
    if web and shop.counts_web_orders:
        lag_ms = rng.randint(0, 10_000)
        shop.arrivals.append(
            WebOrder(at, first.sku, location.location_id, len(units), lag_ms)
        )
    guess = location if web or rng.random() < 0.6 else None
    channel = "web" if web else "store"
    payload = _order(shop, order_id, units, channel, guess, "STANDARD", at)
    if rng.random() < 0.5:
        shop.tell("order.created", payload, at)
    shop.tell("order.opened", payload, at + 60_000)
    for unit_id, product in units:
        _follow(shop, order_id, unit_id, product, guess)


def _follow(
    shop: Shop, order_id: str, unit_id: str, product: Product, guess: Location | None
) -> None:
    """Tell a unit's way through routing: assigned, failed, shipped, cancelled."""
    rng, at = shop.rng, shop.now_ms + 60_000
    standing, tried = guess, False
    for _ in range(rng.randint(0, 3)):
        at += rng.randint(1_000, HOUR_MS)
        if tried and standing is not None and rng.random() < 0.4:
            _request_told(
                shop, "items_failed", order_id, standing, unit_id, product, at
            )
            standing = None
            continue
        standing, tried = shop.place(), True
        _request_told(shop, "assigned", order_id, standing, unit_id, product, at)
    at += rng.randint(1_000, HOUR_MS)
    end = rng.choice(("shipped", "shipped", "cancelled", "open", "late cancel"))
    if end in ("shipped", "late cancel"):
        place = standing if standing and rng.random() < 0.85 else shop.place()
        shop.truth.move((product.sku, place.location_id), at, -1)
        shop.truth.entries[f"ship:{unit_id}"] = (product.sku, place.location_id)
        shop.sold.append((unit_id, product))
        _request_told(shop, "items_completed", order_id, place, unit_id, product, at)
        standing = None
    if end in ("cancelled", "late cancel"):
        at += rng.randint(1_000, HOUR_MS)
        name = rng.choice(("order.cancelled", "order.items_cancelled"))
        item = shop.line(product, id=unit_id)
        shop.tell(name, {"id": order_id, "items": [item]}, at)
        standing = None
    if standing is not None:
        shop.truth.reserved[product.sku, standing.location_id] += 1


def _request_told(
    shop: Shop,
    event: str,
    order_id: str,
    location: Location,
    unit_id: str,
    product: Product,
    at: int,
) -> None:
    item = shop.line(product, id=unit_id)
    if event == "items_completed":
        item["shipped_at"] = stamp(at)
    request = shop.name("fr")
    shop.tell(
        f"fulfillment_request.{event}",
        _request(shop, request, order_id, location, [item], "STANDARD"),
        at,
    )


def give_back(shop: Shop) -> None:
    """Take units back, sellable or not, known or blind."""
    rng, at = shop.rng, shop.now_ms
    location = shop.place()
    return_id = shop.name("ret")
    items = []
    for line in range(rng.randint(1, 2)):
        unit_id, product = f"line-{line}", shop.product()
        blind = not shop.sold or rng.random() < 0.3
        if not blind:
            unit_id, product = shop.sold.pop(rng.randrange(len(shop.sold)))
        item = shop.line(product, quantity=1)
        if not blind:
            item["id"] = unit_id
        row = (product.sku, location.location_id)
        if rng.random() < 0.7:
            item["condition_code"] = 1
            shop.truth.move(row, at, +1)
        else:
            item["condition_code"] = 2
            shop.truth.damaged[row] += 1
        items.append(item)
        shop.truth.entries[f"return:{return_id}:{unit_id}"] = row
    payload = {
        "id": return_id,
        "returned_at": stamp(at),
        "return_location_id": shop.called(location),
        "items": items,
    }
    shop.tell("return.processed", payload, at)


def _order(
    shop: Shop,
    order_id: str,
    units: list[tuple[str, Product]],
    channel_type: str,
    location: Location | None,
    service_level: str,
    at: int,
) -> dict[str, object]:
    payload: dict[str, object] = {
        "id": order_id,
        "channel_type": channel_type,
        "placed_at": stamp(at),
        "items": [
            shop.line(
                product,
                id=unit_id,
                item_type="product",
                quantity=1,
                shipping_service_level=service_level,
            )
            for unit_id, product in units
        ],
    }
    if location is not None:
        payload["demand_location_id"] = shop.called(location)
        if channel_type == "store":
            payload["channel"] = payload["demand_location_id"]
    return payload


def _request(
    shop: Shop,
    request_id: str,
    order_id: str,
    location: Location,
    items: list[dict[str, object]],
    service_level: str,
) -> dict[str, object]:
    return {
        "id": request_id,
        "order_id": order_id,
        "logical_timestamp": shop.next_rank(),
        "fulfillment_location_id": shop.called(location),
        "service_level": service_level,
        "items": items,
    }
