"""What the other stages tell the exceptions list: their parked records' success."""

from datetime import timedelta

import pytest

from streams.agents.intake_corrections import EVENTS_MAX, KEPT_FOR
from streams.domain.exceptions import State
from streams.engine.fold import Batch, Result
from streams.engine.settling import settle_retried
from streams.mapping.exceptions import RETRY_OF, Action
from streams.mapping.waiting import EVENT
from streams.tables import PARKED_EVENTS, PARKED_EXPIRIES
from streams.topics import EXCEPTIONS, NEWSTORE_EVENTS
from tests.agents.desk import Stand
from tests.agents.test_intake import Intake, ids, sale
from tests.support.newstore import Json, body


class House:
    """Intake and the exceptions list over one log."""

    def __init__(self) -> None:
        self.intake = Intake()
        self.stand = Stand()

    def receive(self, event: object) -> Result:
        self.stand.append(NEWSTORE_EVENTS, b"order-1", body(event))
        return self.go_on()

    def go_on(self) -> Result:
        """Let intake take what is new, and the list hear of it."""
        start = self.intake.next_offset
        records = self.stand.topics[NEWSTORE_EVENTS.name][start:]
        self.intake.next_offset += len(records)
        batch = Batch(NEWSTORE_EVENTS, 0, records)
        result = self.intake.stage.fold(self.intake.view, batch, self.intake.context)
        settle_retried(result, records)
        return self._commit(result)

    def tick(self) -> Result | None:
        result = self.intake.stage.tick(self.intake.view, self.intake.context)
        return None if result is None else self._commit(result)

    def retry(self, edited: object = None) -> Result:
        case = self.stand.case().case
        if edited is not None:
            (record,) = self.stand.records()
            self.stand.ask(
                Action.EDIT,
                case.case_id,
                origin=record.origin,
                body_base64=body(edited),
            )
        self.stand.ask(Action.RETRY, case.case_id)
        self.stand.take()
        self.stand.tick()
        return self.go_on()

    def state(self) -> State:
        return self.stand.case().case.state

    def waiting(self) -> int:
        return sum(key.startswith(EVENT) for key in self.intake.waiting)

    def _commit(self, result: Result) -> Result:
        self.intake.view.apply(result)
        self.stand.commit("intake", result)
        self.stand.take()
        return result


def test_an_event_whose_name_becomes_known_resolves_its_case_by_itself() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    assert house.state() is State.OPEN

    house.intake.know("NEW")
    assert ids(house.tick()) == ["sale:u1"]

    assert house.state() is State.RESOLVED
    assert len(house.stand.topics[EXCEPTIONS.name]) == 1


def test_a_case_stays_open_while_one_of_its_names_is_unknown() -> None:
    house = House()
    house.receive(sale("u1", sku="NEW"))
    house.receive(sale("u2", sku="OTHER"))

    house.intake.know("NEW")
    house.tick()

    states = sorted(row.case.state for row in house.stand.cases())
    assert states == [State.OPEN, State.RESOLVED]


def test_an_edited_event_takes_the_place_of_the_one_that_waits() -> None:
    house = House()
    house.receive(sale(sku="NEW"))

    assert ids(house.retry(edited=sale(sku="MUG"))) == ["sale:u1"]
    assert house.state() is State.RESOLVED
    assert house.waiting() == 0

    house.intake.know("NEW")
    assert house.tick() is None


def test_of_several_retries_only_the_last_waits() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    for sku in ("NEW", "NEWER", "NEWEST"):
        house.stand.later(seconds=1)
        house.retry(edited=sale(sku=sku))
        assert house.state() is State.OPEN
        assert house.waiting() == 1

    house.intake.know("NEW", "NEWER")
    assert house.tick() is None
    house.intake.know("NEWEST")
    assert ids(house.tick()) == ["sale:u1"]

    assert house.state() is State.RESOLVED
    assert house.intake.waiting == {}


def test_two_copies_in_one_batch_leave_one_waiting() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    mark = [(RETRY_OF, f"{NEWSTORE_EVENTS.name}/0/0".encode())]
    for sku in ("NEWER", "NEWEST"):
        house.stand.append(NEWSTORE_EVENTS, b"order-1", body(sale(sku=sku)), mark)

    house.go_on()

    assert house.waiting() == 1


def test_an_event_told_anew_without_its_mistake_closes_the_case_of_the_first() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    assert house.waiting() == 1

    house.receive(sale(sku="MUG"))

    assert house.state() is State.RESOLVED
    assert house.intake.waiting == {}
    house.intake.know("NEW")
    assert house.tick() is None


def test_an_event_parked_whole_is_closed_by_the_corrected_one_as_well() -> None:
    house = House()
    broken = sale() | {"tenant": 7}
    house.receive(broken)
    house.receive(broken)
    assert [row.case.waiting for row in house.stand.cases()] == [2]

    done = house.receive(sale())

    assert done.counts["corrected"] == 2
    case = house.stand.case().case
    assert (case.state, case.waiting) == (State.RESOLVED, 0)
    assert [note.what for note in case.audit][-1] == "resolved"


@pytest.mark.parametrize(
    "later",
    [sale("u2"), sale(name="order.created"), sale() | {"payload": {"id": "order-1"}}],
    ids=["other units", "another event", "still broken"],
)
def test_what_does_not_tell_all_of_the_first_leaves_its_case_open(later: Json) -> None:
    house = House()
    house.receive(sale(sku="NEW"))

    house.receive(later)

    states = {row.case.trouble.value: row.case.state for row in house.stand.cases()}
    assert states["NEW"] is State.OPEN
    assert house.waiting() >= 1


def test_only_a_later_event_corrects() -> None:
    house = House()
    house.receive(sale(sku="MUG"))
    house.receive(sale(sku="NEW"))

    assert house.state() is State.OPEN


def test_a_correction_within_one_batch_counts_too() -> None:
    house = House()
    for sku in ("NEW", "MUG"):
        house.stand.append(NEWSTORE_EVENTS, b"order-1", body(sale(sku=sku)))

    house.go_on()

    assert house.state() is State.RESOLVED
    assert house.waiting() == 0


def test_a_retried_and_parked_again_event_is_closed_by_its_correction() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    house.retry()
    assert house.state() is State.OPEN

    house.receive(sale(sku="MUG"))

    assert house.state() is State.RESOLVED
    assert house.intake.waiting == {}


def test_of_many_broken_events_of_one_entity_the_newest_are_remembered() -> None:
    house = House()
    for number in range(EVENTS_MAX + 1):
        house.receive(sale(f"u{number}", sku="NEW"))

    for number in range(EVENTS_MAX + 1):
        house.receive(sale(f"u{number}", sku="MUG"))

    assert house.stand.case().case.waiting == 1


def test_parked_events_are_forgotten_in_the_end() -> None:
    house = House()
    house.receive(sale(sku="NEW"))
    view = house.intake.view
    assert view.tables[PARKED_EVENTS]

    house.intake.now += KEPT_FOR - timedelta(milliseconds=1)
    assert house.tick() is None
    house.intake.now += timedelta(milliseconds=1)
    house.tick()

    assert view.tables[PARKED_EVENTS] == view.tables[PARKED_EXPIRIES] == {}
    house.receive(sale(sku="MUG"))
    assert house.state() is State.OPEN
