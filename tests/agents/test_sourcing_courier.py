"""Sourcing gets to NewStore: checked in time, injected once, whatever fails or dies."""

import asyncio
import random
from collections import Counter

import pytest

from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    Refused,
    Throttled,
    Unauthorised,
    Unavailable,
)
from streams.domain.order_answers import InjectionRefused, StockChecked
from streams.domain.order_notes import PlacedLine
from streams.domain.sourcing_run import Phase
from streams.mapping.order_messages import ANSWERS
from tests.mapping.test_stores import commerce_order, line
from tests.sandbox.newstore.support import item as store_item
from tests.sandbox.newstore.support import web_order
from tests.support.orders import placed
from tests.support.sourcing import PLACES
from tests.support.sourcing_worker import World, until, worker


def world(**stock: int) -> World:
    """Make a world with `TEE_LDN01=2` and the like in ledger and NewStore alike."""
    made = World()
    for name, number in stock.items():
        sku, _, place = name.partition("_")
        made.ledger.stock[sku, place] = number
        made.sandbox.set_stock(place, sku, number)
    return made


def place_order(here: World, number: str, *skus: str) -> None:
    """Place a web order with one unit a line."""
    lines = [line(f"{number}-{i}", sku) for i, sku in enumerate(skus, 1)]
    here.orders[f"ct-{number}"] = commerce_order(*lines, id=f"ct-{number}")
    here.tell(
        number,
        placed(
            *(
                PlacedLine(line_id=one["id"], sku=one["variant"]["sku"], quantity=1)
                for one in lines
            ),
            commerce_id=f"ct-{number}",
            number=number,
        ),
    )


def is_over(here: World, *numbers: str) -> bool:
    return all(here.run(number).is_over for number in numbers)


def found_in(here: World) -> list[StockChecked]:
    answers = [ANSWERS.decode(value) for value in here.answers]
    return [answer for answer in answers if isinstance(answer, StockChecked)]


def failing(step: str, error: ConnectorError, times: int = 1) -> "Fails":
    return Fails(step, error, times)


class Fails:
    """A gate at which one step fails a number of times."""

    def __init__(self, step: str, error: ConnectorError, times: int) -> None:
        self.step, self.error, self.left = step, error, times

    async def __call__(self, step: str) -> None:
        if step == self.step and self.left:
            self.left -= 1
            raise self.error


async def test_an_order_is_checked_and_then_injected_at_its_place() -> None:
    here = world(TEE_LDN01=1)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert here.run("W-1").phase == Phase.CONFIRMED
    assert here.injected() == ["W-1"]
    (unit,) = here.sandbox.units("W-1")
    assert (unit.node_id, unit.external_item_id) == ("LDN01", "W-1-1#1")
    assert here.order("W-1").ties == {unit.id: "W-1-1#1"}
    assert here.ledger.standing() == {"W-1/W-1-1#1": ("TEE", "LDN01")}


async def test_checks_of_several_orders_go_in_one_call() -> None:
    here = world(TEE_LDN01=20, CAP_LDN01=20)
    for n in range(10):
        place_order(here, f"W-{n}", "TEE", "CAP")
    async with worker(here):
        await until(lambda: is_over(here, *(f"W-{n}" for n in range(10))))
    assert len(here.checks) <= 3
    assert len(here.checks[0]) == 2
    assert len(here.injected()) == 10


async def test_an_empty_shelf_sends_the_order_to_the_fallback() -> None:
    here = world(TEE_LDN01=1, TEE_PAR01=1)
    here.sandbox.set_stock("LDN01", "TEE", 0)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    (unit,) = here.sandbox.units("W-1")
    assert unit.node_id == "PAR01"
    assert here.ledger.standing() == {"W-1/W-1-1#1": ("TEE", "PAR01")}


async def test_nowhere_is_said_and_nothing_stays_reserved() -> None:
    here = world(TEE_LDN01=1, TEE_PAR01=1)
    for place in PLACES:
        here.sandbox.set_stock(place, "TEE", 0)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert here.run("W-1").phase == Phase.EXHAUSTED
    assert here.injected() == []
    assert here.ledger.standing() == {}


async def test_one_number_of_newstores_is_promised_once() -> None:
    here = world(TEE_LDN01=1)
    here.ledger.stock["TEE", "LDN01"] = 5  # Sold in the shop; we have not heard yet.
    for n in range(5):
        place_order(here, f"W-{n}", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, *(f"W-{n}" for n in range(5))))
    phases = Counter(here.run(f"W-{n}").phase for n in range(5))
    assert phases == {Phase.CONFIRMED: 1, Phase.EXHAUSTED: 4}
    assert len(here.injected()) == 1
    assert len(here.ledger.standing()) == 1


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("late", reason="late"),
        Ambiguous("500", status=500, reason="http_500"),
    ],
)
async def test_no_answer_confirms_nothing_and_is_asked_for_again(
    error: ConnectorError,
) -> None:
    here = world(TEE_LDN01=1)
    here.gate = failing("checked", error)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    first, second = found_in(here)
    assert (first.trouble, first.found, first.check) == (error.reason, (), 1)
    assert (second.trouble, second.check) == ("", 2)
    assert here.injected() == ["W-1"]


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow down", status=429, retry_after_s=0.01),
        Unauthorised("no scope", status=403),
    ],
)
async def test_what_could_not_be_asked_is_asked_later_and_counts_as_no_check(
    error: ConnectorError,
) -> None:
    here = world(TEE_LDN01=1)
    here.gate = failing("check", error)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert [answer.check for answer in found_in(here)] == [1]


async def test_an_order_that_spoils_the_question_does_not_spoil_the_others() -> None:
    here = world(TEE_LDN01=1, CAP_LDN01=1)

    real = here.availability

    async def picky(keys: object, *, deadline_s: float) -> object:
        assert isinstance(keys, list)
        if any(key.product_id == "CAP" for key in keys):
            raise Refused("unknown product", status=400)
        return await real(keys, deadline_s=deadline_s)

    here.availability = picky  # type: ignore[method-assign, assignment]  # a vendor's whim
    place_order(here, "W-1", "TEE")
    place_order(here, "W-2", "CAP")
    async with worker(here):
        await until(lambda: is_over(here, "W-1", "W-2"))
    assert here.run("W-1").phase == Phase.CONFIRMED
    assert here.run("W-2").phase == Phase.EXHAUSTED
    assert here.run("W-2").tried[0].why == "unknown"


@pytest.mark.parametrize("step", ["inject", "injected"])
async def test_an_injection_that_fails_is_sent_again_as_it_was(step: str) -> None:
    here = world(TEE_LDN01=1)
    here.gate = failing(step, Ambiguous("500", status=500), times=3)
    place_order(here, "W-1", "TEE")
    async with worker(here) as courier:
        await until(lambda: is_over(here, "W-1"))
    assert here.injected() == ["W-1"]
    assert len(set(here.bodies)) == 1
    assert courier.retried == 3


async def test_an_order_changed_after_its_lost_injection_is_taken_as_it_was() -> None:
    here = world(TEE_LDN01=1)
    place_order(here, "W-1", "TEE")
    changed = commerce_order(line("W-1-1", "TEE", each=4000), id="ct-W-1")

    async def lose(step: str) -> None:
        if step == "injected" and here.orders["ct-W-1"] is not changed:
            here.orders["ct-W-1"] = changed
            raise Ambiguous("no answer", reason="no_answer")

    here.gate = lose
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert here.run("W-1").phase == Phase.CONFIRMED
    assert here.injected() == ["W-1"]
    assert len(set(here.bodies)) == 2
    assert list(here.order("W-1").ties.values()) == ["W-1-1#1"]


@pytest.mark.parametrize("state", ["Cancelled", None])
async def test_a_cancelled_order_is_not_sent_to_newstore(state: str | None) -> None:
    here = world(TEE_LDN01=1)
    place_order(here, "W-1", "TEE")
    if state is None:
        del here.orders["ct-W-1"]
    else:
        gone = commerce_order(line("W-1-1"), id="ct-W-1", orderState=state)
        here.orders["ct-W-1"] = gone
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert here.injected() == []
    assert here.ledger.standing() == {}
    last = ANSWERS.decode(here.answers[-1])
    assert isinstance(last, InjectionRefused)
    assert last.reason == "order_cancelled"


async def test_what_newstore_refuses_is_said_in_its_words() -> None:
    here = world(TEE_LDN01=1)
    here.gate = failing("inject", Refused("no such product", reason="x", status=400))
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    trouble = here.run("W-1").trouble
    assert trouble is not None
    assert (trouble.reason, trouble.sentence) == ("x", "no such product")
    assert here.ledger.standing() == {}


async def test_another_order_under_our_number_is_not_taken_for_ours() -> None:
    here = world(TEE_LDN01=1)
    foreign = web_order("W-1", items=[store_item(7, "SOCK")])
    here.sandbox.inject(foreign)
    place_order(here, "W-1", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    trouble = here.run("W-1").trouble
    assert trouble is not None
    assert trouble.reason == "number_taken"
    assert here.ledger.standing() == {}


async def test_an_order_in_trouble_stops_no_other() -> None:
    here = world(TEE_LDN01=9)

    broken = True
    real = here.read_order

    async def read(order_id: str) -> object:
        if broken and order_id == "ct-W-0":
            raise Ambiguous("500", status=500)
        return await real(order_id)

    here.read_order = read  # type: ignore[method-assign, assignment]  # one order's fault
    for n in range(4):
        place_order(here, f"W-{n}", "TEE")
    async with worker(here):
        await until(lambda: is_over(here, "W-1", "W-2", "W-3"))
        assert here.run("W-0").phase == Phase.INJECTING
        broken = False
        await until(lambda: is_over(here, "W-0"))
    assert len(here.injected()) == 4


class Killer:
    """A gate that stops everything at the n-th step, for ever."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0
        self.reached = asyncio.Event()

    async def __call__(self, _step: str) -> None:
        self.steps += 1
        if self.steps == self.at:
            self.reached.set()
            await asyncio.Event().wait()


STEPS = 18
"""So many steps an undisturbed day has; each is a moment to die at."""


async def test_a_day_has_so_many_steps() -> None:
    here = two_places()
    killer = Killer(at=-1)
    here.gate = killer
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert killer.steps == STEPS


def two_places() -> World:
    """An order of two places, one of which turns out to be empty at first."""
    here = world(TEE_LDN01=1, CAP_MAN01=1, TEE_PAR01=1)
    here.sandbox.set_stock("LDN01", "TEE", 0)
    place_order(here, "W-1", "TEE", "CAP")
    return here


@pytest.mark.parametrize("at", range(1, STEPS + 1))
async def test_a_courier_killed_at_any_step_doubles_and_loses_nothing(at: int) -> None:
    here = two_places()
    killer = Killer(at)
    here.gate = killer
    async with worker(here):
        await until(lambda: killer.reached.is_set() or is_over(here, "W-1"))
    async with worker(here):
        await until(lambda: is_over(here, "W-1"))
    assert here.run("W-1").phase == Phase.CONFIRMED
    numbers = here.injected()
    assert len(numbers) == len(set(numbers))
    units = [u for n in numbers for u in here.sandbox.units(n)]
    names = sorted(u.external_item_id or "" for u in units)
    assert names == ["W-1-1#1", "W-1-2#1"]
    assert sorted(here.order("W-1").ties) == sorted(u.id for u in units)
    reserved = {u: p for u, (_, p) in here.ledger.standing().items()}
    placed_at = {f"W-1/{u.external_item_id}": u.node_id for u in units}
    assert reserved == placed_at


@pytest.mark.parametrize("seed", range(8))
async def test_a_day_of_faults_and_kills_confirms_no_unit_twice(seed: int) -> None:
    rng = random.Random(seed)
    here = world(TEE_LDN01=3, TEE_MAN01=2, TEE_PAR01=2, CAP_LDN01=4, CAP_PAR01=3)
    here.sandbox.set_stock("LDN01", "TEE", 1)
    numbers = [f"W-{n}" for n in range(8)]
    errors = (
        Ambiguous("dropped", reason="no_answer"),
        Throttled("slow down", status=429, retry_after_s=0.001),
        Unavailable("gone", reason="unreachable"),
    )
    calm = False

    async def gate(step: str) -> None:
        await asyncio.sleep(0)
        if step in ("report", "reported", "read") or calm or rng.random() > 0.15:
            return
        raise rng.choice(errors)

    here.gate = gate
    for number in numbers:
        place_order(here, number, *rng.choices(["TEE", "CAP"], k=rng.randint(1, 2)))
    for _ in range(6):
        async with worker(here):
            await asyncio.sleep(rng.random() * 0.03)
    calm = True
    async with worker(here):
        await until(lambda: is_over(here, *numbers))
    injected = here.injected()
    assert len(injected) == len(set(injected))
    units = [u for n in injected for u in here.sandbox.units(n)]
    names = [u.external_item_id for u in units]
    assert len(names) == len(set(names))
    reserved = {u: p for u, (_, p) in here.ledger.standing().items()}
    confirmed = {
        f"{number}/{p.unit}": p.location_id
        for number in numbers
        for p in here.run(number).plan
        if here.run(number).phase == Phase.CONFIRMED
    }
    assert reserved == confirmed
    assert {f"{n.rpartition('-')[0]}/{n}" for n in names if n} == set(confirmed)
