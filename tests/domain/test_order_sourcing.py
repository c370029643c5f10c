"""An order and its search for places: begun, confirmed, lost, sent on, cancelled."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from streams.domain.movements import Movement, MovementKind
from streams.domain.order_answers import StockChecked
from streams.domain.order_names import ledger_unit
from streams.domain.order_rules import OrderRules
from streams.domain.order_sourcing import PAST_RUNS_MAX, LookAgain
from streams.domain.reservations import ReservationAnswer, ReservationOutcome
from streams.domain.sourcing_run import Phase, Release, Sourcing
from tests.support import sourcing as desk
from tests.support.ledger import NOON
from tests.support.orders import (
    ASSIGNED,
    COMPLETED,
    FAILED,
    NUMBER,
    RULES,
    SECOND,
    Book,
    cancelled,
    item,
    line,
    opened,
    placed,
    seen,
    state_seen,
)
from tests.support.sourcing import Ledger, stocked

SOURCED = replace(RULES, sourcing=desk.rules())
PLENTY = {"TEE_LDN01": 2, "TEE_MAN01": 2, "TEE_PAR01": 2}


@dataclass
class Shop:
    """An order with a ledger that answers at once; NewStore answers when told to."""

    ledger: Ledger
    rules: OrderRules = SOURCED
    book: Book = field(init=False)
    answered: int = 0
    undone: int = 0

    def __post_init__(self) -> None:
        self.book = Book(rules=self.rules)

    def hear(self, *inputs: Any) -> "Shop":
        self.book.hear(*inputs)
        return self.settle()

    def settle(self) -> "Shop":
        while self.answered < len(self.book.requests) or self._release():
            if self.answered < len(self.book.requests):
                request = self.book.requests[self.answered]
                self.answered += 1
                self.book.hear(self.ledger.ask(request))
        return self

    def _release(self) -> bool:
        releases = [m for m in self.book.movements if m.kind is MovementKind.RELEASE]
        ours = [m for m in releases[self.undone :] if m.attempt]
        self.undone = len(releases)
        for movement in ours:
            self.ledger.release(_undone(movement))
        return bool(ours)

    @property
    def run(self) -> Sourcing:
        assert self.book.order.sourcing is not None
        return self.book.order.sourcing

    def check(self, **numbers: int) -> "Shop":
        owed, now = self.run.owed_check(), self.book.now
        return self.hear(desk.checked(owed, now, trouble="", **numbers))

    @property
    def phase(self) -> str:
        return str(self.run.phase)

    def inject(self) -> "Shop":
        return self.hear(desk.injected(self.run.owed_injection()))

    def confirm(self) -> "Shop":
        return self.check().inject()

    @property
    def standing(self) -> dict[str, str]:
        return {unit: place for unit, (_, place) in self.ledger.standing().items()}


def _undone(movement: Movement) -> Release:
    unit = movement.unit_id.removeprefix(f"{NUMBER}/")
    assert ledger_unit(NUMBER, unit) == movement.unit_id
    return Release(
        unit, movement.sku, movement.location_id, movement.attempt, movement.rank
    )


def shop(quantity: int = 2, rules: OrderRules = SOURCED, **stock: int) -> Shop:
    made = Shop(stocked(**(stock or PLENTY)), rules)
    return made.hear(placed(line("a", "TEE", quantity), country="GB"))


def failed(unit: str, *, run: int = 1, rank: int = 20, place: str = "LDN01") -> Any:
    return seen(
        FAILED, f"uuid-{run}-{unit}", newstore_id=f"ns-{run}", rank=rank, place=place
    )


def test_a_new_web_order_is_reserved_checked_and_brought_to_newstore() -> None:
    made = shop()
    assert made.phase == Phase.CHECKING
    assert made.standing == {"W-1/a#1": "LDN01", "W-1/a#2": "LDN01"}
    assert made.book.order.places == {}

    made.check()
    assert made.phase == Phase.INJECTING
    made.inject()

    assert made.phase == Phase.CONFIRMED
    assert made.book.order.places == {"a#1": "LDN01", "a#2": "LDN01"}
    assert made.book.order.ties == {"uuid-1-a#1": "a#1", "uuid-1-a#2": "a#2"}
    assert made.book.moved()[-2:] == ["identify:uuid-1-a#1", "identify:uuid-1-a#2"]
    made.book.wait()
    (told,) = made.book.says.lines
    assert told.states[0].state_key == "oneshelf-reserved"
    assert told.locations == ("LDN01:2",)


def test_the_place_of_the_lines_channel_comes_first() -> None:
    rules = replace(SOURCED, places={"paris": "PAR01"})
    made = Shop(stocked(**PLENTY), rules)
    made.hear(placed(line("a", "TEE", 1, channel_key="paris")))

    assert made.standing == {"W-1/a#1": "PAR01"}


@pytest.mark.parametrize(
    "notes",
    [
        (placed(state="Complete"),),
        (placed(state="Cancelled"),),
        (opened(item("i-1")), placed()),
        (state_seen("Open"),),
    ],
)
def test_only_a_new_order_that_newstore_lacks_looks_for_a_place(
    notes: tuple[Any, ...],
) -> None:
    made = Shop(stocked(**PLENTY)).hear(*notes)

    assert made.book.order.sourcing is None
    assert made.book.requests == []


def test_where_newstore_finds_the_place_nothing_is_asked() -> None:
    made = shop(rules=RULES)

    assert made.book.order.sourcing is None
    made.book.hear(LookAgain(), _answer("x"))
    assert made.book.requests == []


def _answer(request_id: str) -> ReservationAnswer:
    return ReservationAnswer(
        request_id=request_id,
        order_number=NUMBER,
        sku="TEE",
        outcome=ReservationOutcome.GRANTED,
        location_id="LDN01",
    )


def test_an_answer_to_another_run_changes_nothing() -> None:
    made = shop()
    before = made.book.order
    made.book.hear(
        _answer("another"),
        StockChecked(order_number=NUMBER, run=9, found=(), answered_at=NOON),
    )

    assert made.book.order == before


def test_a_place_that_newstore_says_lacks_the_goods_is_given_up_for_its_fallback() -> (
    None
):
    made = shop(1).check(LDN01=0)

    assert made.standing == {"W-1/a#1": "PAR01"}
    assert [m.movement_id for m in made.book.movements if m.attempt] == [
        "release:W-1/a#1/LDN01/1001"
    ]
    (undone,) = [m for m in made.book.movements if m.attempt]
    assert (undone.location_id, undone.rank, undone.unit_id) == ("LDN01", 0, "W-1/a#1")


def test_an_order_that_finds_no_place_is_a_case_and_holds_nothing() -> None:
    made = shop(3, TEE_LDN01=1)

    assert made.phase == Phase.EXHAUSTED
    assert made.standing == {}
    assert made.book.reasons == {"sourcing_exhausted"}
    (trouble,) = made.book.order.troubles
    assert (trouble.kind, trouble.entity) == ("sourcing", NUMBER)


def test_a_person_may_have_it_look_again() -> None:
    made = shop(1, TEE_LDN01=0)
    made.ledger.stock["TEE", "LDN01"] = 1
    made.hear(LookAgain())

    assert (made.run.run, made.phase) == (2, Phase.CHECKING)
    assert made.book.order.troubles == ()
    assert [past.phase for past in made.book.order.past_runs] == ["exhausted"]


def test_looking_again_is_for_what_newstore_took_no_more_of_either() -> None:
    made = shop(2, TEE_LDN01=1, TEE_MAN01=1).check().inject()
    made.hear(desk.refused(made.run.owed_injection()))
    assert made.phase == Phase.CONFIRMED
    assert made.book.reasons == {"product_unknown"}

    made.hear(LookAgain())

    assert (made.run.run, made.phase) == (2, Phase.CHECKING)
    assert [unit.unit for unit in made.run.units] == ["a#2"]
    assert made.book.order.places == {"a#1": "LDN01"}
    again = made.confirm().hear(LookAgain())
    assert (again.run.run, again.phase) == (2, Phase.CONFIRMED)


def test_looking_again_is_of_no_use_while_a_run_is_under_way() -> None:
    made = shop(1)
    before = made.book.order

    assert made.hear(LookAgain()).book.order == before


def test_looking_again_leaves_out_what_was_cancelled() -> None:
    made = shop(1, TEE_LDN01=0).hear(state_seen("Cancelled"), LookAgain())

    assert made.phase == Phase.CANCELLED


def test_a_failed_unit_goes_on_to_another_place_and_the_rest_stays() -> None:
    made = shop().confirm()
    made.book.wait()
    told = made.book.order.wanted_sequence
    made.hear(failed("a#1"))

    assert (made.run.run, made.phase, made.run.rank) == (2, Phase.CHECKING, 20)
    assert made.standing["W-1/a#1"] == "PAR01"
    assert made.book.order.places == {"a#2": "LDN01"}

    made.confirm()

    assert made.book.order.places == {"a#1": "PAR01", "a#2": "LDN01"}
    assert made.book.order.past_runs[0].places == (("a#1", "LDN01"), ("a#2", "LDN01"))
    assert made.book.states == {"a#1": "open", "a#2": "open"}
    assert made.book.says.lines[0].locations == ("LDN01:1", "PAR01:1")
    assert made.book.order.wanted_sequence == told + 1


def test_a_unit_that_was_sent_on_is_where_the_later_order_says() -> None:
    made = shop(1).confirm().hear(failed("a#1")).confirm()
    made.hear(
        seen(ASSIGNED, "uuid-1-a#1", rank=15),
        seen(ASSIGNED, "uuid-2-a#1", rank=30, newstore_id="ns-2", place="PAR01"),
    )

    assert made.book.states == {"a#1": "assigned"}
    assert made.book.units["a#1"].standing.location_id == "PAR01"

    made.hear(seen(COMPLETED, "uuid-2-a#1", rank=31, newstore_id="ns-2"))

    assert made.book.states == {"a#1": "completed"}
    assert made.run.run == 2


@pytest.mark.parametrize("whole", [False, True])
def test_what_newstore_cancels_for_lack_of_stock_is_sent_on_too(whole: bool) -> None:
    made = shop(1).confirm()
    names = () if whole else ("uuid-1-a#1",)
    made.hear(cancelled(*names, reason="insufficient_stock", newstore_id="ns-1"))

    assert made.run.run == 2
    assert made.standing == {"W-1/a#1": "PAR01"}
    assert made.book.states == {"a#1": "open"}
    assert "release:cancelled:W-1/a#1" not in made.book.moved()


def test_where_newstore_reroutes_by_itself_it_is_only_followed() -> None:
    made = shop(1, rules=replace(SOURCED, reroutes=False)).confirm()
    made.hear(failed("a#1"))

    assert made.run.run == 1
    assert made.book.states == {"a#1": "failed"}
    assert made.hear(
        cancelled("uuid-1-a#1", reason="insufficient_stock", newstore_id="ns-1")
    ).book.states == {"a#1": "cancelled"}


def test_where_a_store_failed_it_a_unit_is_not_shown_as_held_any_more() -> None:
    made = shop(1, rules=replace(SOURCED, reroutes=False)).confirm()
    made.book.wait()
    assert list(made.book.says.lines[0].locations) == ["LDN01:1"]

    made.hear(failed("a#1"))
    made.book.wait()
    assert list(made.book.says.lines[0].locations) == []
    assert made.book.order.shown["a#1"].state_key == "oneshelf-failed"


def test_a_unit_is_never_sent_to_a_place_that_failed_it() -> None:
    made = shop(1).confirm().hear(failed("a#1")).confirm()
    made.hear(failed("a#1", run=2, rank=40, place="PAR01"))

    assert made.standing == {"W-1/a#1": "MAN01"}
    made.confirm().hear(failed("a#1", run=3, rank=50, place="MAN01"))

    assert made.phase == Phase.EXHAUSTED
    assert made.book.reasons == {"sourcing_exhausted"}


def test_a_failure_is_sent_on_once_however_often_it_is_told() -> None:
    made = shop(1).confirm().hear(failed("a#1"), failed("a#1"))

    assert made.run.run == 2


def test_a_failure_while_a_run_is_under_way_waits_for_its_end() -> None:
    made = shop().confirm().hear(failed("a#1"), failed("a#2", rank=21))
    assert [u.unit for u in made.run.units] == ["a#1"]

    made.confirm()

    assert made.run.run == 3
    assert [u.unit for u in made.run.units] == ["a#2"]


def test_what_is_cancelled_is_let_go_of_and_not_brought_to_newstore() -> None:
    made = shop().hear(state_seen("Cancelled"))

    assert made.phase == Phase.CANCELLED
    assert made.run.owed_check() is None
    assert "release:cancelled:W-1/a#1" in made.book.moved()
    assert made.standing == {}


def test_an_order_cancelled_after_newstore_took_it_needs_a_person() -> None:
    made = shop(1).confirm().hear(state_seen("Cancelled"))

    assert made.book.reasons == {"newstore_not_cancelled"}


def test_a_cancellation_while_newstore_took_the_order_is_over_with_its_own() -> None:
    made = shop(1).check().hear(state_seen("Cancelled")).inject()
    assert "cancelled_after_injection" in made.book.reasons

    made.hear(cancelled("uuid-1-a#1", newstore_id="ns-1"))
    assert made.book.reasons == set()


def test_a_silent_ledger_is_asked_again_when_the_time_comes() -> None:
    made = Shop(stocked(**PLENTY))
    made.book.hear(placed())
    asked = len(made.book.requests)
    assert made.book.order.wake_at == NOON + 10 * SECOND

    made.book.wait(10 * SECOND)

    assert len(made.book.requests) == 2 * asked
    assert made.book.requests[0].request_id == made.book.requests[-1].request_id


def test_a_refusal_of_newstore_is_a_case() -> None:
    made = shop(1).check()
    made.hear(desk.refused(made.run.owed_injection()))

    assert made.phase == Phase.EXHAUSTED
    assert made.book.sentence == "NewStore does not know TEE."


def test_a_clock_set_back_does_not_silence_a_run_for_long() -> None:
    made = Shop(stocked(**PLENTY))
    made.book.hear(placed())
    made.book.hear(state_seen("Confirmed"), after=-100_000 * SECOND)

    assert made.book.order.wake_at is not None
    assert made.book.order.wake_at <= made.book.now + 900 * SECOND


def test_past_runs_are_kept_for_people_but_not_for_ever() -> None:
    made = shop(1, TEE_LDN01=0)
    for _ in range(PAST_RUNS_MAX + 2):
        made.hear(LookAgain())

    assert len(made.book.order.past_runs) == PAST_RUNS_MAX
    assert made.book.order.past_runs[-1].run == made.run.run - 1
