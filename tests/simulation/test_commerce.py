"""commercetools in memory keeps its rules where publishing leans on them."""

from collections.abc import Coroutine
from typing import Any

import pytest

from streams.connectors.errors import (
    Ambiguous,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    Unavailable,
    VersionConflict,
)
from streams.mapping.commerce import Body
from streams.simulation.commerce import Commerce, CommerceClient
from streams.simulation.transactions import Answer

ENTRY = ("TEE", "channel-0")
DRAFT: Body = {
    "sku": "TEE",
    "quantityOnStock": 5,
    "supplyChannel": {"typeId": "channel", "key": "channel-0"},
    "custom": {"fields": {"oneshelfTarget": 5, "oneshelfSequence": 1}},
}
ADD: list[Body] = [
    {"action": "addQuantity", "quantity": 2},
    {"action": "setCustomField", "name": "oneshelfTarget", "value": 7},
]


def carry(task: Coroutine[Any, Any, Any], answer: Answer) -> Any:
    task.send(None)
    try:
        task.send(answer)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("the request is still under way")


@pytest.fixture
def commerce() -> Commerce:
    made = Commerce()
    made.create(DRAFT, "test")
    return made


def test_there_is_one_entry_for_a_sku_and_channel(commerce: Commerce) -> None:
    with pytest.raises(Duplicate):
        commerce.create(DRAFT, "test")


def test_an_update_of_another_version_changes_nothing(commerce: Commerce) -> None:
    with pytest.raises(VersionConflict):
        commerce.update("entry-0", 2, ADD, "test")
    assert commerce.entries[ENTRY].quantity == 5


def test_an_update_is_applied_whole_or_not_at_all(commerce: Commerce) -> None:
    with pytest.raises(Refused):
        commerce.update("entry-0", 1, [*ADD, {"action": "setQuantity"}], "test")
    assert commerce.entries[ENTRY].quantity == 5
    assert commerce.entries[ENTRY].version == 1


def test_an_unknown_entry_is_not_found(commerce: Commerce) -> None:
    with pytest.raises(NotFound):
        commerce.update("entry-9", 1, ADD, "test")


def test_a_field_needs_a_type_first(commerce: Commerce) -> None:
    commerce.put_foreign(("TEE", ""), 3)
    with pytest.raises(Refused):
        commerce.update("entry-1", 1, ADD, "test")


def test_an_order_is_counted_when_its_lag_is_over_not_before(
    commerce: Commerce,
) -> None:
    commerce.place_order(ENTRY, 2, lag_ms=10_000)
    commerce.now_ms = 9_999
    commerce.count_orders()
    assert commerce.entries[ENTRY].quantity == 5
    assert not commerce.settled
    commerce.now_ms = 10_000
    commerce.count_orders()
    assert commerce.entries[ENTRY].quantity == 3
    assert commerce.settled


def test_two_equal_orders_are_counted_both(commerce: Commerce) -> None:
    commerce.place_order(ENTRY, 2, lag_ms=0)
    commerce.place_order(ENTRY, 2, lag_ms=0)
    commerce.count_orders()
    assert commerce.entries[ENTRY].quantity == 1


@pytest.mark.parametrize(
    ("answer", "error", "quantity"),
    [
        (Answer.LOSE_REQUEST, Ambiguous, 5),
        (Answer.LOSE_ANSWER, Ambiguous, 7),
        (Answer.THROTTLE, Throttled, 5),
        (Answer.UNAVAILABLE, Unavailable, 5),
    ],
)
def test_a_failed_request_was_applied_or_not_as_was_decided(
    commerce: Commerce, answer: Answer, error: type[Exception], quantity: int
) -> None:
    client = CommerceClient(commerce, "test")
    with pytest.raises(error):
        carry(client.update_entry("entry-0", 1, ADD), answer)
    assert commerce.entries[ENTRY].quantity == quantity


def test_an_undisturbed_update_answers_with_the_new_entry(commerce: Commerce) -> None:
    client = CommerceClient(commerce, "test")
    wire = carry(client.update_entry("entry-0", 1, ADD), Answer.GO)
    assert (wire.quantity_on_stock, wire.version) == (7, 3)
