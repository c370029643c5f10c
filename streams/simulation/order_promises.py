"""Promises watched at every moment, not only at rest: were they ours to give?

A unit is promised when NewStore takes its order for a place. At that moment all open
promises there must be covered by what our ledger had there when the latest final check
was answered. Customers at tills take promised units all the same: that is told apart.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import msgspec

from streams.domain.order_answers import StockChecked
from streams.domain.order_names import order_number_of, run_of
from streams.mapping.commerce_orders import LOCATIONS_FIELD
from streams.mapping.order_messages import ANSWERS
from streams.mapping.stock import LevelRecord, decode_level
from streams.sandbox.commercetools import Sandbox as Shop
from streams.sandbox.newstore import Sandbox, UnitState
from streams.sandbox.newstore.orders import Order
from streams.simulation.vendors import Answer
from streams.simulation.world import World
from streams.topics import STOCK_LEVELS

PROMISED = (UnitState.PENDING, UnitState.ASSIGNED, UnitState.READY)

Place = tuple[str, str]
"""A SKU and a location."""


@dataclass(slots=True)
class Promises:
    """Compares, whenever NewStore takes an order, promises with what was there.

    Attributes:
        answered: For each order's run, when its last check was answered, counted from
            1, and what our ledger had on hand then.
        taken: The orders that NewStore has taken, by their public numbers.
        ours: Promises that our own ledger did not cover, each in a sentence.
        unfounded: Places that commercetools was shown and NewStore never had, so too.
        by_tills: Promised units that customers at tills took, added up.
        by_tills_most: The most that were promised and not there at one time.
    """

    world: World
    store: Sandbox
    shop: Shop
    answered: dict[tuple[str, int], tuple[int, dict[Place, int]]] = field(
        default_factory=dict
    )
    taken: set[str] = field(default_factory=set)
    ours: list[str] = field(default_factory=list)
    unfounded: list[str] = field(default_factory=list)
    by_tills: int = 0
    by_tills_most: int = 0
    _levels: dict[Place, LevelRecord] = field(default_factory=dict)
    _read: Counter[int] = field(default_factory=Counter)
    _answers: int = 0

    def hear_answer(self, value: bytes) -> None:
        """Note what our ledger has where a final check was answered for."""
        answer = ANSWERS.decode(value)
        if not isinstance(answer, StockChecked) or answer.trouble:
            return
        self._catch_up()
        self._answers += 1
        there = {
            (found.sku, found.location_id): self._on_hand(found.sku, found.location_id)
            for found in answer.found
        }
        self.answered[answer.order_number, answer.run] = self._answers, there

    def hear_newstore(self, request: httpx.Request, answer: Answer) -> None:
        """Compare when NewStore has just taken an order for its place."""
        if answer.status != 200 or not request.url.path.endswith("/fulfill_order"):
            return
        external_id = msgspec.json.decode(request.content)["external_id"]
        if external_id not in self.taken:
            self.taken.add(external_id)
            self._compare(self.store.order(external_id))

    def _compare(self, new: Order) -> None:
        promised: Counter[Place] = Counter()
        covered: dict[Place, tuple[int, int]] = {}
        for order in self.store.world.orders.walk():
            key = order_number_of(order.external_id), run_of(order.external_id)
            at, there = self.answered.get(key, (0, {}))
            for place in self._promised(order):
                promised[place] += 1
                latest = at, there.get(place, 0)
                covered[place] = max(covered.get(place, latest), latest)
        for place in sorted(set(self._promised(new))):
            _, there_were = covered[place]
            if promised[place] > there_were:
                self.ours.append(
                    f"{new.external_id}: {promised[place]} of {place} are promised, "
                    f"our ledger had {there_were} when the last check was answered"
                )

    def _promised(self, order: Order) -> Iterator[Place]:
        """Go through the open promises of a web order, each a SKU and a location."""
        for unit in self.store.world.units_of(order.id):
            node = unit.node_id or order.routes_to.get(unit.id)
            if unit.state in PROMISED and order.channel_type == "web" and node:
                yield self._sku(unit.product_id), self._location(node)

    def hear_commerce(self, request: httpx.Request, answer: Answer) -> None:
        """Compare the places that an order was just told with NewStore's."""
        *_, collection, name = request.url.path.split("/")
        if answer.status != 200 or (request.method, collection) != ("POST", "orders"):
            return
        held = self.shop.orders.find("id", name)
        if held is None:
            return
        taken = self._taken_for(held.key or "")
        for line in held.lines:
            fields = {} if line.custom is None else line.custom.fields
            shown = str(fields.get(LOCATIONS_FIELD, "") or "")
            for part in filter(None, shown.split(", ")):
                place, _, number = part.rpartition(":")
                if int(number) > (there := len(taken.get((line.id, place), ()))):
                    self.unfounded.append(
                        f"{held.key}: {part} shown of {line.id}, NewStore took {there}"
                    )

    def _taken_for(self, number: str) -> dict[tuple[str, str], set[str]]:
        """Gather which units of each line NewStore was ever to send from where."""
        found: dict[tuple[str, str], set[str]] = {}
        for order in self.store.world.orders.walk():
            if order_number_of(order.external_id) != number:
                continue
            for unit in self.store.world.units_of(order.id):
                routed = order.routes_to.get(unit.id)
                for node in filter(None, (routed, unit.node_id, *unit.tried)):
                    line_id = (unit.external_item_id or "").rpartition("#")[0]
                    key = line_id, self._location(node)
                    found.setdefault(key, set()).add(unit.external_item_id or "")
        return found

    def short(self) -> int:
        """Count the promised units that are not there any more, over all places."""
        promised: Counter[Place] = Counter()
        for order in self.store.world.orders.walk():
            promised.update(self._promised(order))
        for (node, product), row in self.store.world.stock.rows():
            promised[self._sku(product), self._location(node)] -= row.on_hand
        return sum(left for left in promised.values() if left > 0)

    def look(self, short_before: int | None = None) -> None:
        """Note what is short now; and, after a sale at a till, what that has taken."""
        short = self.short()
        self.by_tills_most = max(self.by_tills_most, short)
        if short_before is not None:
            self.by_tills += short - short_before

    def _location(self, node: str) -> str:
        places = self.world.reference.locations.values()
        return next(p.location_id for p in places if p.newstore_node_id == node)

    def _sku(self, product_id: str) -> str:
        known = self.world.reference.products.values()
        return next(p.sku for p in known if p.newstore_product_id == product_id)

    def _on_hand(self, sku: str, location_id: str) -> int:
        level = self._levels.get((sku, location_id))
        return 0 if level is None else level.on_hand

    def _catch_up(self) -> None:
        """Read the levels that our ledger has committed since."""
        for partition in range(self.world.shape.partitions):
            place = (STOCK_LEVELS.name, partition)
            records, end = self.world.broker.read(place, self._read[partition])
            self._read[partition] = end
            for record in records:
                level = decode_level(record.value or b"")
                self._levels[level.sku, level.location_id] = level
