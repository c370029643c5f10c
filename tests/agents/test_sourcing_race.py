"""Web orders and shops race for the last units, and everything fails now and then."""

import asyncio
import random
from collections import Counter

import pytest

from streams.connectors.errors import Ambiguous, Throttled, Unavailable
from streams.domain.order_notes import FulfilmentStep
from streams.domain.sourcing_run import Phase
from streams.sandbox.newstore import ApiError
from tests.agents.test_sourcing_courier import place_order
from tests.agents.test_sourcing_ledger import Shelf
from tests.support.ledger import release, reserve, sale, ship
from tests.support.orders import item, opened, seen
from tests.support.sourcing import PLACES
from tests.support.sourcing_worker import until, worker

SMALL = {"LDN01": 12, "MAN01": 10, "PAR01": 8}
LARGE = {"LDN01": 40, "MAN01": 35, "PAR01": 25}
FAULTS = (
    Ambiguous("dropped", reason="no_answer"),
    Throttled("slow down", status=429, retry_after_s=0.001),
    Unavailable("gone", reason="unreachable"),
)


class Street(Shelf):
    """Three shops whose tills sell, whose shelves lie, and whose news come late."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = random.Random(seed)
        self.unheard: list[str] = []
        self.rank = 100
        self.sold = 0
        self.shipped: Counter[str] = Counter()
        self.gate = self.weather

    async def weather(self, step: str) -> None:
        await asyncio.sleep(0)
        if step in ("check", "inject", "injected") and self.rng.random() < 0.1:
            raise self.rng.choice(FAULTS)

    def sell(self) -> None:
        """Sell a unit in a shop; the ledger hears of it later."""
        place = self.rng.choice(PLACES)
        try:
            self.sandbox.sell(place, ["TEE"])
        except ApiError:
            return  # Nothing on the shelf.
        self.sold += 1
        self.unheard.append(place)

    def hear(self) -> None:
        """Let the ledger hear of the sales so far."""
        for place in self.unheard:
            name = f"till-{self.rng.getrandbits(64)}"
            self.desk.tell(sale(name, sku="TEE", location_id=place))
        self.unheard.clear()

    def work(self) -> bool:
        """Let each shop ship what it was sent, or say that it cannot."""
        requests = self.sandbox.open_requests()
        for request in requests:
            (uuid,) = request.undone
            order = self.sandbox.order(request.order_id)
            (unit,) = self.sandbox.units(order.external_id)
            number = order.external_id.partition("~")[0]
            name = unit.external_item_id or ""
            whole = opened(
                item(uuid, unit=name),
                newstore_id=order.id,
                external_id=order.external_id,
            )
            self.tell(number, whole)
            place = request.node_id
            self._say(FulfilmentStep.ASSIGNED, number, order.id, uuid, place)
            try:
                self.sandbox.ship(request.id)
            except ApiError:
                self.sandbox.reject(request.id)
                self._say(FulfilmentStep.FAILED, number, order.id, uuid, place)
                continue
            self.shipped[f"{number}/{name}"] += 1
            self._say(FulfilmentStep.COMPLETED, number, order.id, uuid, place)
        return bool(requests)

    def _say(
        self, step: FulfilmentStep, number: str, order_id: str, uuid: str, place: str
    ) -> None:
        """Tell ledger and order what intake would make of NewStore's event."""
        self.rank += 1
        here = {"sku": "TEE", "location_id": place}
        movement = {
            FulfilmentStep.ASSIGNED: reserve(uuid, self.rank, **here),
            FulfilmentStep.FAILED: release(uuid, self.rank, **here),
            FulfilmentStep.COMPLETED: ship(uuid, **here),
        }[step]
        self.desk.tell(movement)
        note = seen(
            step,
            uuid,
            rank=self.rank,
            place=place,
            newstore_id=order_id,
            request=f"fr-{self.rank}",
        )
        self.tell(number, note)


@pytest.mark.parametrize(
    ("seed", "stock", "count"), [(0, SMALL, 60), (1, SMALL, 60), (2, LARGE, 200)]
)
async def test_no_more_leaves_than_there_was_and_each_loser_is_told(
    seed: int, stock: dict[str, int], count: int
) -> None:
    """As many shop sales are tried as there are orders."""
    here = Street(seed)
    here.sandbox.world.reroutes = False
    here.stock("TEE", **stock)
    numbers = [f"W-{n}" for n in range(count)]
    async with worker(here):
        for number in numbers:
            place_order(here, number, "TEE")
            here.sell()
            await asyncio.sleep(0.003)
            if here.rng.random() < 0.2:
                here.hear()
            if here.rng.random() < 0.1:
                here.work()
        here.hear()
        await until(lambda: _is_quiet(here, numbers), timeout_s=120)
    assert here.sold + here.shipped.total() == sum(stock.values())
    assert set(here.shipped.values()) <= {1}
    assert here.reserved() == {}
    assert sum(here.sandbox.stock(p, "TEE").shelf for p in PLACES) == 0
    assert sum(here.desk.pools(p, "TEE").get("main", 0) for p in PLACES) == 0
    for number in numbers:
        run = here.run(number)
        if any(name.startswith(f"{number}/") for name in here.shipped):
            assert run.phase == Phase.CONFIRMED
        else:
            assert run.phase == Phase.EXHAUSTED
            assert run.trouble is not None
            assert "TEE" in run.trouble.sentence


def _is_quiet(here: Street, numbers: list[str]) -> bool:
    return not here.work() and all(here.run(number).is_over for number in numbers)
