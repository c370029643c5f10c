"""Planted bugs of orders: each breaks one promise that a checker has to see."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from types import MappingProxyType

import msgspec

from streams.agents.publishing_levels import SWEEP_KEY
from streams.connectors.commerce_orders import OrderClient
from streams.connectors.newstore import NewStoreClient
from streams.connectors.order_updates import OrderUpdater, Told
from streams.connectors.pacing import AnyTurn
from streams.domain.commerce_wanted import WantedOrder
from streams.domain.movements import MovementKind
from streams.domain.order_notes import GoodsReturned, OrderStateSeen, UnitsCancelled
from streams.domain.order_record import CANCELLED, Order
from streams.domain.reservations import ReservationAnswer, ReservationOutcome
from streams.engine.fold import Output, Result, View
from streams.mapping.commerce_order_wire import PaymentWire
from streams.mapping.newstore import AtpKey, InjectedWire
from streams.mapping.order_messages import NEWS, REPLIES
from streams.mapping.orders_state import decode_order, encode_order
from streams.mapping.stock import decode_movement
from streams.simulation.order_errands import Parts
from streams.simulation.plants import HONEST, BlindView, Patched, Plant, only
from streams.tables import ORDERS, PUBLISHED_LEVELS, Table
from streams.topics import ORDER_NEWS, RESERVATION_ANSWERS, STOCK_MOVEMENTS


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


class Silenced(Patched, ABC):
    """Keeps back some of the movements that orders give cause for."""

    prefix: str

    def spoil(self, result: Result) -> Result:
        sent = result.outputs.get(STOCK_MOVEMENTS, [])
        kept = [output for output in sent if not self._is_meant(output)]
        result.count("movements", len(kept) - len(sent))
        result.outputs[STOCK_MOVEMENTS] = kept
        return result

    def _is_meant(self, output: Output) -> bool:
        movement = decode_movement(output.value or b"")
        return movement.movement_id.startswith(self.prefix)


class GrantsAll(Patched):
    """Says that all is there and reserved, whatever the ledger has decided."""

    def spoil(self, result: Result) -> Result:
        sent = result.outputs.get(RESERVATION_ANSWERS, [])
        result.outputs[RESERVATION_ANSWERS] = [
            output._replace(value=REPLIES.encode(_granted(output))) for output in sent
        ]
        return result


def _granted(output: Output) -> ReservationAnswer:
    answer = REPLIES.decode(output.value)
    outcome = answer.outcome
    if outcome is ReservationOutcome.DECLINED:
        outcome = ReservationOutcome.GRANTED
    offers = tuple(replace(offer, available=1_000) for offer in answer.offers)
    return replace(answer, outcome=outcome, offers=offers)


class KeepsCancelled(Silenced):
    """Keeps the reservation of what nobody wants any more."""

    prefix = "release:cancelled:"


class NeverGivesBack(Silenced):
    """Leaves commerce short of what it took for orders that never had a place."""

    prefix = "announce:cancelled:"


class TakesAnyReturn(Patched):
    """Takes a unit back a second time."""

    def spoil(self, result: Result) -> Result:
        rows = result.writes.get(ORDERS, {})
        for key, row in rows.items():
            if row is None:
                continue  # Forgotten.
            order = decode_order(row)
            again = {
                name: one
                for name, match in order.matches.items()
                for one in order.returns
                if one > match.claim.return_id and _is_excess(order, one)
            }
            matches = {
                name: match._replace(claim=match.claim._replace(return_id=again[name]))
                if name in again
                else match
                for name, match in order.matches.items()
            }
            wanted = order.wanted_sequence + (1 if again else 0)
            rows[key] = encode_order(
                order._replace(matches=matches, wanted_sequence=wanted)
            )
        return result


def _is_excess(order: Order, return_id: str) -> bool:
    said = {trouble.value.partition("/")[0] for trouble in order.troubles}
    matched = {match.claim.return_id for match in order.matches.values()}
    return return_id in said and return_id not in matched


class PoolsTwice(Patched):
    """Adds the whole of a level to the pooled entry, not what has changed of it."""

    def see(self, view: View) -> View:
        return ForgetfulView(view, PUBLISHED_LEVELS)


class ForgetfulView(BlindView):
    """A view that has lost a table's rows, but for the place that a walk keeps."""

    def get(self, table: Table, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        kept = [key for key in keys if table is not self.hidden or key == SWEEP_KEY]
        return self.view.get(table, kept)

    def scan(
        self, table: Table, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        yield from self.view.scan(table, prefix, start)


class ClosesTwice(Patched):
    """Puts what a window gathered into a second delivery, too."""

    def spoil(self, result: Result) -> Result:
        rows = result.writes.get(ORDERS, {})
        for key, row in rows.items():
            if row is None:
                continue  # Forgotten.
            order = decode_order(row)
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


class DropsOnline(News):
    """Does not hear that commercetools' order is cancelled."""

    def change(self, output: Output) -> list[Output]:
        news = NEWS.decode(output.value)
        is_one = isinstance(news, OrderStateSeen) and news.state == CANCELLED
        return [] if is_one else [output]


class DropsGifts(News):
    """Does not hear of returns that name no order."""

    def change(self, output: Output) -> list[Output]:
        news = NEWS.decode(output.value)
        if not isinstance(news, GoodsReturned):
            return [output]
        return [output] if news.newstore_id or news.external_order else []


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
        "promised-blindly": OrderPlant(
            says="places are promised that have nothing, and nobody is asked",
            spine=Plant(stage=only("ledger", GrantsAll)),
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
        "cancelled-kept": OrderPlant(
            says="what is cancelled stays reserved",
            spine=Plant(stage=only("orders", KeepsCancelled)),
        ),
        "pool-short": OrderPlant(
            says="commerce is not given back what it counted where no place was found",
            spine=Plant(stage=only("orders", NeverGivesBack)),
        ),
        "pool-twice": OrderPlant(
            says="a level is added twice to the pooled entry",
            spine=Plant(stage=only("publishing", PoolsTwice)),
        ),
        "over-return": OrderPlant(
            says="a unit that is back already is taken back once more",
            spine=Plant(stage=only("orders", TakesAnyReturn)),
        ),
        "cancelled-online": OrderPlant(
            says="a cancellation in commercetools is not heard",
            spine=Plant(stage=only("intake", DropsOnline)),
        ),
        "gift-lost": OrderPlant(
            says="a return that names no order is not heard of",
            spine=Plant(stage=only("intake", DropsGifts)),
        ),
        "cancellation-unheard": OrderPlant(
            says="cancellations are not heard by the order",
            spine=Plant(stage=only("intake", DropsCancellations)),
        ),
    }
)
"""Every planted bug of orders by its name."""
