"""Retrying a case that the orders stage raised: its order looks for a place again."""

from dataclasses import replace

import pytest

from streams.domain.exceptions import State
from streams.domain.order_answers import LookAgainAsked
from streams.domain.sourcing_choice import SourcingRules
from streams.engine.fold import Batch, Context
from streams.mapping.exceptions import ATTEMPT, CASE, RETRY_OF, Action
from streams.mapping.order_messages import ANSWERS, REPLIES, REQUESTS
from streams.tables import CASE_RETRIES
from streams.topics import (
    ORDER_ANSWERS,
    ORDER_FACTS,
    RESERVATION_ANSWERS,
    RESERVATION_REQUESTS,
)
from tests.agents.desk import Stand
from tests.agents.test_orders import Desk
from tests.support import sourcing
from tests.support.memory_view import MemoryRecord
from tests.support.orders import NUMBER, RULES, line, placed


class House:
    """Orders, a ledger's answers, and the exceptions list, in one partition."""

    def __init__(self, rules: SourcingRules | None = None) -> None:
        self.orders = Desk(replace(RULES, sourcing=rules or sourcing.rules()))
        self.stand = Stand()
        self.shelf = sourcing.stocked()
        self._asked = self._heard = 0

    def buy(self, number: str = NUMBER) -> None:
        note = placed(line("a", "TEE", 1), number=number, commerce_id=f"ct-{number}")
        self._commit(self.orders.tell(note, number=number))

    def go_on(self) -> None:
        """Let the ledger answer, orders hear, and the list take what is new."""
        for _ in range(8):
            requests = self.stand.sent(RESERVATION_REQUESTS)[self._asked :]
            self._asked += len(requests)
            for record in requests:
                request = REQUESTS.decode(record.value)
                answer = REPLIES.encode(self.shelf.ask(request))
                pair = (request.order_number, answer)
                self._commit(self.orders.take(RESERVATION_ANSWERS, pair))
            asked = self.stand.sent(ORDER_ANSWERS)[self._heard :]
            self._heard += len(asked)
            if asked:
                self._hear(asked)
            self.stand.take()
            self.stand.tick()

    def _hear(self, records: list[MemoryRecord]) -> None:
        orders = self.orders
        now = Context(orders.now, orders.reference)
        batch = Batch(ORDER_ANSWERS, 0, records)
        result = orders.stage.fold(orders.view, batch, now)
        orders.view.apply(result)
        self._commit(result)

    def _commit(self, result: object) -> None:
        self.stand.commit("orders", result)  # type: ignore[arg-type]  # a Result

    def retry(self) -> None:
        self.stand.later(seconds=1)
        self.stand.ask(Action.RETRY, self.stand.case().case.case_id)
        self.go_on()

    def states(self) -> list[State]:
        return [row.case.state for row in self.stand.cases()]


def exhausted(*numbers: str) -> House:
    house = House()
    for number in numbers or (NUMBER,):
        house.buy(number)
    house.go_on()
    return house


def test_an_order_that_found_no_place_is_a_case_that_can_be_retried() -> None:
    case = exhausted().stand.case().case

    assert (case.kind, case.trouble.reason) == ("sourcing", "sourcing_exhausted")
    assert (case.state, case.can_retry) == (State.OPEN, True)


def test_its_retry_finds_the_goods_that_have_come_since() -> None:
    house = exhausted()
    house.shelf = sourcing.stocked(TEE_LDN01=1)

    house.retry()

    run = house.orders.order().sourcing
    assert run is not None
    assert (run.run, run.phase) == (2, "checking")
    assert house.states() == [State.RESOLVED]


def test_its_retry_in_vain_opens_it_again_and_the_history_tells_all() -> None:
    house = exhausted()

    house.retry()

    case = house.stand.case().case
    assert (case.state, case.attempts) == (State.OPEN, 1)
    assert [(note.who, note.what) for note in case.audit] == [
        ("orders", "parked"),
        ("ann", "retry"),
        ("orders", "resolved"),
        ("orders", "parked"),
    ]


def test_what_is_sent_asks_the_order_and_is_no_copy_of_a_record() -> None:
    house = exhausted()
    house.retry()

    (sent,) = house.stand.sent(ORDER_ANSWERS)

    headers = dict(sent.headers)
    assert sent.key == NUMBER.encode()
    assert ANSWERS.decode(sent.value) == LookAgainAsked(
        order_number=NUMBER, asked_at=house.stand.now
    )
    assert headers[CASE] == house.stand.case().case.case_id.encode()
    assert headers[ATTEMPT] == b"1"
    assert RETRY_OF not in headers
    assert house.stand.sent(ORDER_FACTS) == []


def test_a_retry_that_the_order_cannot_follow_opens_the_case_again() -> None:
    house = exhausted()
    house.orders.stage._rules = replace(house.orders.stage._rules, sourcing=None)

    house.retry()

    assert house.states() == [State.OPEN]
    assert not list(house.stand.view.scan(CASE_RETRIES))


def test_all_orders_of_a_group_look_again_with_one_retry() -> None:
    house = exhausted("W-1", "W-2", "W-3")
    (group,) = {row.case.group_id for row in house.stand.cases()}
    house.shelf = sourcing.stocked(TEE_LDN01=2)

    house.stand.ask(Action.RETRY, group_id=group)
    house.go_on()

    assert sorted(house.states()) == [State.OPEN, State.RESOLVED, State.RESOLVED]
    asked = {record.key for record in house.stand.sent(ORDER_ANSWERS)}
    assert asked == {b"W-1", b"W-2", b"W-3"}


@pytest.mark.parametrize("kind", ["order", "return", "commerce"])
def test_other_cases_without_a_record_still_cannot_be_retried(kind: str) -> None:
    stand = Stand()
    stand.ask(Action.RAISE, kind=kind, entity="W-1", reason="x", sentence="y")
    stand.take()

    assert not stand.case().case.can_retry
    stand.ask(Action.RETRY, stand.case().case.case_id)
    stand.take()
    assert "There is no record to be sent again" in stand.case().refused
