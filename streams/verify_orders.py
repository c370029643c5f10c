"""Checks the orders: every unit in one state, reservations, commercetools' orders."""

from collections.abc import Callable, Mapping

from streams.connectors.commerce_orders import OrderClient, ProjectIds
from streams.domain.commerce_orders import SeenOrder, actions_of, payment_states_of
from streams.domain.commerce_wanted import WantedOrder
from streams.domain.order_audit import UnitsBySku, order_faults, reservation_faults
from streams.domain.order_record import Order
from streams.domain.stock import RESERVED
from streams.domain.wanted import wanted_of
from streams.mapping.commerce_orders import seen_of, state_ids_of
from streams.mapping.orders_state import decode_order
from streams.mapping.stock import split_row_key
from streams.mapping.stock_state import decode_row, decode_unit
from streams.settings import Settings

OURS = "ns-"
"""What the keys of our deliveries begin with."""

Progress = Callable[[str, int], None]
Faults = dict[str, list[str]]


def compare_reservations(
    rows: Mapping[bytes, bytes], units: Mapping[bytes, bytes]
) -> list[str]:
    """Compare the ledger's rows with its units."""
    reserved = {
        split_row_key(key): decode_row(row).balances[RESERVED]
        for key, row in rows.items()
    }
    held = {place: count for place, count in reserved.items() if count}
    return reservation_faults(held, units_by_name(units))


def units_by_name(units: Mapping[bytes, bytes]) -> UnitsBySku:
    """Return the ledger's units by SKU and name."""
    found = {}
    for key, value in units.items():
        sku, _, name = key.decode().partition("|")
        found[sku, name] = decode_unit(value)
    return found


def compare_orders(
    orders: Mapping[bytes, bytes], units: Mapping[bytes, bytes]
) -> list[str]:
    """List what is wrong with orders in themselves and in the ledger."""
    known = units_by_name(units)
    return [
        fault
        for row in orders.values()
        for fault in order_faults(decode_order(row), known)
    ]


async def compare_commerce_orders(
    settings: Settings, orders: Mapping[bytes, bytes], progress: Progress
) -> list[str]:
    """Read every order from commercetools and compare it with what is wanted."""
    faults: list[str] = []
    async with OrderClient(settings.commercetools) as client:
        ids = ProjectIds(client)
        for number, row in enumerate(orders.values(), 1):
            order = decode_order(row)
            if order.is_placed:
                found = await _compare(client, ids, order)
                faults += [f"order {order.number}: {fault}" for fault in found]
            progress("commercetools' orders", number)
    return faults


async def _compare(client: OrderClient, ids: ProjectIds, order: Order) -> list[str]:
    wanted = wanted_of(order)
    wire = await client.order_by_id(wanted.commerce_id)
    if wire is None:
        return [f"commercetools has no order {wanted.commerce_id}"]
    await ids.load(state_ids_of(wire))
    seen = seen_of(wire, ids.state_keys, ids.line_type_id)
    return differences(wanted, seen)


def differences(wanted: WantedOrder, seen: SeenOrder) -> list[str]:
    """List what commercetools' order lacks, and what of ours it has too much."""
    faults = [
        f"commercetools lacks {type(action).__name__}: {action}"
        for action in (*actions_of(wanted, seen), *payment_states_of(wanted, seen))
    ]
    return faults + _surplus(wanted, seen)


def _surplus(wanted: WantedOrder, seen: SeenOrder) -> list[str]:
    """List deliveries and returns of ours that we do not know."""
    deliveries = {delivery.key: delivery for delivery in wanted.deliveries}
    faults = []
    for key, items in seen.delivered.items():
        known = deliveries.get(key)
        if known is None and key.startswith(OURS):
            faults.append(f"commercetools has a delivery {key} that we do not know")
        elif known is not None and set(known.items) != set(items):
            faults.append(f"delivery {key} has other items in commercetools")
    returned = {item.key for each in wanted.returns for item in each.items}
    faults += [
        f"commercetools has a return item {key} that we do not know"
        for key in seen.returns
        if key not in returned
    ]
    return faults
