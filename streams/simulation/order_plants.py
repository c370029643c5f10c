"""Planted bugs of orders: each breaks one promise that a checker has to see."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType

import msgspec

from streams.connectors.commerce_orders import OrderClient
from streams.connectors.newstore import NewStoreClient
from streams.connectors.order_updates import OrderUpdater, Told
from streams.connectors.pacing import AnyTurn
from streams.domain.commerce_wanted import WantedOrder
from streams.domain.movements import MovementKind
from streams.domain.order_notes import GoodsReturned, UnitsCancelled
from streams.engine.fold import Output, Result
from streams.mapping.commerce_order_wire import PaymentWire
from streams.mapping.newstore import AtpKey, InjectedWire
from streams.mapping.order_messages import NEWS
from streams.mapping.orders_state import decode_order, encode_order
from streams.mapping.stock import decode_movement
from streams.simulation.order_errands import Parts
from streams.simulation.plants import HONEST, Patched, Plant, only
from streams.tables import ORDERS
from streams.topics import ORDER_NEWS, STOCK_MOVEMENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlant:
    """What of the handling of orders is replaced by something broken."""

    says: str = "nothing is planted"
    spine: Plant = HONEST
    parts: Parts = field(default_factory=Parts)


# Of the couriers


class Trusting(NewStoreClient):
    """Does not ask NewStore, and takes all to be there."""

    async def availability(
        self, keys: Sequence[AtpKey], *, deadline_s: float
    ) -> dict[AtpKey, int]:
        return dict.fromkeys(keys, 1_000)


class Renumbering(NewStoreClient):
    """Gives an order another number each time that it is sent."""

    serial = count(2)

    async def fulfil_order(self, body: bytes) -> InjectedWire:
        draft = msgspec.json.decode(body)
        draft["external_id"] += f"~{1000 + next(self.serial)}"
        return await super().fulfil_order(msgspec.json.encode(draft))


class NewKeys(OrderUpdater):
    """Makes the keys of deliveries anew each time."""

    serial = count()

    async def bring(self, wanted: WantedOrder, turn: AnyTurn) -> Told:
        number = next(self.serial)
        deliveries = tuple(
            replace(made, key=f"{made.key}-x{number}") for made in wanted.deliveries
        )
        return await super().bring(replace(wanted, deliveries=deliveries), turn)


class MoneyFirst(OrderUpdater):
    """Books refunds before the returns that they are for."""

    async def bring(self, wanted: WantedOrder, turn: AnyTurn) -> Told:
        await super().bring(replace(wanted, returns=(), deliveries=()), turn)
        return await super().bring(wanted, turn)


class BlindToRefunds(OrderClient):
    """Does not see which refunds are booked."""

    async def payment(self, payment_id: str) -> PaymentWire | None:
        found = await super().payment(payment_id)
        return found and msgspec.structs.replace(found, transactions=[])


# Of the stages


class DropsReleases(Patched):
    """Keeps what was reserved where the order goes on without it."""

    def spoil(self, result: Result) -> Result:
        sent = result.outputs.get(STOCK_MOVEMENTS, [])
        kept = [output for output in sent if not _is_release(output)]
        result.count("movements", len(kept) - len(sent))
        result.outputs[STOCK_MOVEMENTS] = kept
        return result


def _is_release(output: Output) -> bool:
    movement = decode_movement(output.value or b"")
    return movement.kind is MovementKind.RELEASE


class ClosesTwice(Patched):
    """Puts what a window gathered into a second delivery, too."""

    def spoil(self, result: Result) -> Result:
        rows = result.writes.get(ORDERS, {})
        for key, row in rows.items():
            order = decode_order(row or b"")
            keys = {made.key for made in order.deliveries}
            again = tuple(
                made._replace(key=f"{made.key}-again")
                for made in order.deliveries
                if not made.key.endswith("-again") and f"{made.key}-again" not in keys
            )
            deliveries = (*order.deliveries, *again)
            rows[key] = encode_order(order._replace(deliveries=deliveries))
        return result


class News(Patched, ABC):
    """Changes the news of orders that intake sends."""

    def spoil(self, result: Result) -> Result:
        sent = result.outputs.get(ORDER_NEWS)
        if sent:
            result.outputs[ORDER_NEWS] = [
                changed for output in sent for changed in self.change(output)
            ]
        return result

    @abstractmethod
    def change(self, output: Output) -> list[Output]: ...


class ReturnsTwice(News):
    """Takes a return for two."""

    def change(self, output: Output) -> list[Output]:
        news = NEWS.decode(output.value)
        if not isinstance(news, GoodsReturned):
            return [output]
        items = tuple(replace(item, item_id="") for item in news.items)
        again = replace(news, return_id=f"{news.return_id}-b", items=items)
        return [output, output._replace(value=NEWS.encode(again))]


class DropsCancellations(News):
    """Does not hear that units are cancelled."""

    def change(self, output: Output) -> list[Output]:
        is_one = isinstance(NEWS.decode(output.value), UnitsCancelled)
        return [] if is_one else [output]


PLANTS: Mapping[str, OrderPlant] = MappingProxyType(
    {
        "unchecked": OrderPlant(
            says="units are confirmed without asking NewStore",
            parts=Parts(newstore=Trusting),
        ),
        "number-anew": OrderPlant(
            says="a fulfilment order gets another number each time it is sent",
            parts=Parts(newstore=Renumbering),
        ),
        "delivery-key-anew": OrderPlant(
            says="a delivery gets another key each time it is told",
            parts=Parts(updater=NewKeys),
        ),
        "money-first": OrderPlant(
            says="a refund is booked before its return",
            parts=Parts(updater=MoneyFirst),
        ),
        "refund-blindly": OrderPlant(
            says="a refund is booked without a look at the payment",
            parts=Parts(orders=BlindToRefunds),
        ),
        "release-dropped": OrderPlant(
            says="reservations that were declined or cancelled stay",
            spine=Plant(stage=only("orders", DropsReleases)),
        ),
        "window-twice": OrderPlant(
            says="a window closes twice",
            spine=Plant(stage=only("orders", ClosesTwice)),
        ),
        "return-twice": OrderPlant(
            says="a return counts twice",
            spine=Plant(stage=only("intake", ReturnsTwice)),
        ),
        "cancellation-unheard": OrderPlant(
            says="cancellations are not heard by the order",
            spine=Plant(stage=only("intake", DropsCancellations)),
        ),
    }
)
"""Every planted bug of orders by its name."""
