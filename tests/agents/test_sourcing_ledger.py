"""Sourcing against the ledger itself: what is reserved, moved, given back, and gone."""

from streams.domain.order_notes import FulfilmentStep
from streams.domain.sourcing_run import Phase
from streams.engine.fold import Result
from streams.mapping.order_messages import REPLIES, REQUESTS
from streams.mapping.stock import row_key
from streams.topics import RESERVATION_ANSWERS, RESERVATION_REQUESTS, STOCK_MOVEMENTS
from tests.agents.test_ledger_requests import Desk
from tests.agents.test_sourcing_courier import place_order
from tests.support.ledger import receipt, release, reserve, ship
from tests.support.orders import item, opened, seen
from tests.support.sourcing_worker import World, until, worker


class Shelf(World):
    """A world whose ledger is the ledger's stage, and whose stock is in both."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.desk = Desk()
        self.desk.reference = self.rules.reference

    def stock(self, sku: str, **units: int) -> None:
        for place, number in units.items():
            arrival = receipt(f"{sku}-{place}", number, sku=sku, location_id=place)
            self.desk.tell(arrival)
            self.sandbox.set_stock(place, sku, number)

    def _commit(self, result: Result) -> None:
        assert not result.parked
        self.view.apply(result)
        movements = result.outputs.get(STOCK_MOVEMENTS, [])
        if movements:
            self.desk.tell_records([(out.key, out.value) for out in movements])
        if self.rows is not None:
            self.rows.committed(self.view, result.writes)
        for output in result.outputs.get(RESERVATION_REQUESTS, []):
            (reply,) = self.desk.ask(REQUESTS.decode(output.value))
            self.take(RESERVATION_ANSWERS, reply.order_number, REPLIES.encode(reply))

    def reserved(self, sku: str = "TEE") -> dict[str, int]:
        """Count what is reserved of a SKU, by place."""
        return {
            at: pools["reserved"]
            for at in self.rules.locations
            if row_key(sku, at) in self.desk.levels
            if "reserved" in (pools := self.desk.pools(at, sku))
        }


async def sourced(here: Shelf, number: str) -> None:
    async with worker(here):
        await until(lambda: here.run(number).is_over)


async def test_units_are_reserved_where_they_are_confirmed() -> None:
    here = Shelf()
    here.stock("TEE", LDN01=1, MAN01=2)
    here.stock("CAP", MAN01=1)
    place_order(here, "W-1", "TEE", "CAP")
    await sourced(here, "W-1")
    assert here.run("W-1").phase == Phase.CONFIRMED
    assert here.reserved() == {"MAN01": 1}
    assert here.reserved("CAP") == {"MAN01": 1}


async def test_a_failed_check_moves_the_reservation() -> None:
    here = Shelf()
    here.stock("TEE", LDN01=1, PAR01=1)
    here.sandbox.set_stock("LDN01", "TEE", 0)
    place_order(here, "W-1", "TEE")
    await sourced(here, "W-1")
    assert here.reserved() == {"PAR01": 1}
    assert here.desk.pools("LDN01", "TEE")["main"] == 1


async def test_an_exhausted_order_leaves_nothing_reserved() -> None:
    here = Shelf()
    here.stock("TEE", LDN01=1, MAN01=1, PAR01=1)
    for place in here.rules.locations:
        here.sandbox.set_stock(place, "TEE", 0)
    place_order(here, "W-1", "TEE")
    await sourced(here, "W-1")
    assert here.run("W-1").phase == Phase.EXHAUSTED
    assert here.reserved() == {}


async def test_orders_share_what_there_is_and_the_last_one_is_told() -> None:
    here = Shelf()
    here.stock("TEE", LDN01=1, PAR01=1)
    numbers = ["W-1", "W-2", "W-3"]
    for number in numbers:
        place_order(here, number, "TEE")
    async with worker(here):
        await until(lambda: all(here.run(n).is_over for n in numbers))
    phases = sorted(here.run(number).phase for number in numbers)
    assert phases == [Phase.CONFIRMED, Phase.CONFIRMED, Phase.EXHAUSTED]
    assert here.reserved() == {"LDN01": 1, "PAR01": 1}


async def test_a_place_that_fails_is_followed_by_its_fallback_and_the_unit_leaves() -> (
    None
):
    here = Shelf()
    here.stock("TEE", LDN01=1, MAN01=1, PAR01=1)
    place_order(here, "W-1", "TEE")
    await sourced(here, "W-1")
    (first,) = here.sandbox.units("W-1")
    unit = first.external_item_id or ""
    here.tell("W-1", opened(item(first.id, unit=unit), newstore_id=first.order_id))
    # What intake makes of NewStore's events: the stock moves under NewStore's name.
    here.desk.tell(reserve(first.id, 100, sku="TEE", location_id="LDN01"))
    here.tell(
        "W-1",
        seen(FulfilmentStep.ASSIGNED, first.id, rank=100, newstore_id=first.order_id),
    )
    assert here.reserved() == {"LDN01": 1}
    here.desk.tell(release(first.id, 110, sku="TEE", location_id="LDN01"))
    here.tell(
        "W-1",
        seen(FulfilmentStep.FAILED, first.id, rank=110, newstore_id=first.order_id),
    )
    await sourced(here, "W-1")
    run = here.run("W-1")
    assert (run.run, run.phase, run.rank) == (2, Phase.CONFIRMED, 110)
    assert here.injected() == ["W-1", "W-1~2"]
    assert here.reserved() == {"PAR01": 1}
    (second,) = here.sandbox.units("W-1~2")
    here.tell(
        "W-1",
        opened(
            item(second.id, unit=unit),
            newstore_id=second.order_id,
            external_id="W-1~2",
        ),
    )
    here.desk.tell(ship(second.id, sku="TEE", location_id="PAR01"))
    assert here.reserved() == {}
    assert here.desk.pools("PAR01", "TEE").get("main", 0) == 0
    assert here.desk.pools("LDN01", "TEE")["main"] == 1
