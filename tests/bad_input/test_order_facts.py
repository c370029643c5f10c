"""News of an order that do not fit: through the orders stage to the exceptions list."""

from datetime import timedelta
from itertools import permutations

import pytest

from streams.agents.exceptions import ExceptionsStage
from streams.agents.orders import OrdersStage
from streams.domain.reference import Reference
from streams.engine.fold import Batch, Context
from streams.mapping.exception_rows import decode_case
from streams.mapping.order_messages import NOTES
from streams.tables import CASES
from streams.topics import EXCEPTION_COMMANDS, ORDER_FACTS
from tests.bad_input.order_facts import FACTS
from tests.bad_input.row import Bad
from tests.support.ledger import NOON
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.orders import NUMBER, RULES, book

MORE_THAN_THE_WAITS = timedelta(hours=1)


@pytest.mark.parametrize("row", FACTS, ids=str)
def test_news_that_do_not_fit_are_a_case_of_the_list_with_the_sentence(
    row: Bad,
) -> None:
    assert row.why is not None
    orders, view = OrdersStage(RULES), MemoryView()
    records = [
        MemoryRecord(ORDER_FACTS.name, offset, NUMBER.encode(), NOTES.encode(note))
        for offset, note in enumerate(row.given)
    ]
    now = Context(NOON, Reference())
    result = orders.fold(view, Batch(ORDER_FACTS, 0, records), now)
    assert (result.parked, result.counts["applied"]) == ([], len(row.given))
    view.apply(result)
    commands = result.outputs.get(EXCEPTION_COMMANDS, [])
    late = Context(NOON + MORE_THAN_THE_WAITS, Reference())
    for _ in range(3):
        woken = orders.tick(view, late)
        if woken is not None:
            view.apply(woken)
            commands += woken.outputs.get(EXCEPTION_COMMANDS, [])

    listed = MemoryView()
    told = [
        MemoryRecord(EXCEPTION_COMMANDS.name, offset, output.key, output.value)
        for offset, output in enumerate(commands)
    ]
    batch = Batch(EXCEPTION_COMMANDS, 0, told)
    listed.apply(ExceptionsStage().fold(listed, batch, late))

    (case,) = (decode_case(value).case for value in listed.tables[CASES].values())
    assert case.sentence == row.says
    assert case.trouble.reason == row.why.reason
    assert (case.trouble.entity, case.kind) == (NUMBER, row.options["kind"])


@pytest.mark.parametrize("row", FACTS, ids=str)
def test_they_are_the_same_case_in_whatever_order_they_come(row: Bad) -> None:
    if row.name == "two orders under one number":
        return  # Which of the two is followed is a matter of which came first.
    for notes in list(permutations(row.given))[:24]:
        made = book(*notes).wait(MORE_THAN_THE_WAITS)

        assert made.sentence == row.says
