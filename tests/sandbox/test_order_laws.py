"""Whatever is asked of an order: line states add up, versions grow, messages have no
gap, and a refused request changes nothing.
"""

from collections import defaultdict
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.sandbox.commercetools import Conduct
from streams.sandbox.commercetools.orders import order_body
from tests.sandbox.support import update
from tests.sandbox.test_laws import refused
from tests.sandbox.trade_support import Fields, Inbox, Shop, action, state_key

KEYS = st.sampled_from(["k-1", "k-2", "k-3"])
STATES = st.sampled_from(["Initial", "reserved", "shipped"]).map(state_key)
LINES = st.sampled_from(["one", "two", "none"])
UNITS = st.integers(0, 4)


def actions(name: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Fields]:
    return st.fixed_dictionaries({"action": st.just(name), **fields})


def item_states() -> st.SearchStrategy[list[Fields]]:
    state = st.fixed_dictionaries({"quantity": UNITS, "state": STATES})
    return st.lists(state, max_size=3)


ACTIONS = st.one_of(
    actions(
        "transitionLineItemState",
        lineItemKey=LINES,
        quantity=UNITS,
        fromState=STATES,
        toState=STATES,
    ),
    actions("importLineItemState", lineItemKey=LINES, state=item_states()),
    actions("addDelivery", deliveryKey=KEYS),
    actions("removeDelivery", deliveryKey=KEYS),
    actions("addParcelToDelivery", deliveryKey=KEYS, parcelKey=KEYS),
    actions(
        "setReturnShipmentState",
        returnItemKey=KEYS,
        shipmentState=st.just("BackInStock"),
    ),
    actions("changeOrderState", orderState=st.sampled_from(["Open", "Complete", "X"])),
    actions("setOrderNumber", orderNumber=st.sampled_from(["W-1", "W-2"])),
    actions(
        "updateSyncInfo",
        channel=st.just({"typeId": "channel", "key": "pos"}),
        externalId=KEYS,
    ),
    st.builds(lambda key: ("return", key), KEYS),
)
REQUESTS = st.lists(
    st.tuples(st.booleans(), st.lists(ACTIONS, max_size=4)), max_size=12
)


def drafted(shop: Shop, drawn: object) -> Fields:
    """Returns name their line by id, which only the order knows."""
    if isinstance(drawn, dict):
        return drawn
    assert isinstance(drawn, tuple)
    item = {"key": drawn[1], "lineItemId": shop.line_id(), "quantity": 1}
    return action("addReturnInfo", items=[item | {"shipmentState": "Returned"}])


def check_sums(shop: Shop) -> None:
    for line in shop.order.lines:
        assert sum(units for _, units in line.states) == line.quantity
        assert all(units > 0 for _, units in line.states)
        assert len({state for state, _ in line.states}) == len(line.states)


def check_keys(shop: Shop) -> None:
    deliveries = [delivery for _, delivery in shop.order.deliveries()]
    parcels = [parcel for delivery in deliveries for parcel in delivery.parcels]
    for parts in (deliveries, parcels, list(shop.order.return_items())):
        keys = [part.key for part in parts]
        assert len(keys) == len(set(keys))


@given(REQUESTS)
def test_any_requests_leave_an_order_whole(
    requests: list[tuple[bool, list[object]]],
) -> None:
    shop = Shop()
    shop.sandbox.create_channel({"key": "other"})
    versions = [shop.order.version]
    for is_stale, drawn in requests:
        before, said = shop.order, len(shop.sandbox.messages)
        listed = [drafted(shop, each) for each in drawn]
        body = update(before.version - is_stale, *listed)
        error = refused(partial(shop.sandbox.update_order, "id", shop.order_id, body))
        after = shop.order
        if error is not None:
            assert after == before
            assert len(shop.sandbox.messages) == said
            assert is_stale or error.status == 400
        else:
            assert not is_stale
            grown = after.version - before.version
            assert 0 <= grown <= len(listed)
            assert (grown == 0) == (after == before)
        versions.append(shop.order.version)
        check_sums(shop)
        check_keys(shop)
    assert versions == sorted(versions)
    numbers = [each.sequence_number for each in shop.messages()]
    assert numbers == list(range(2, 2 + len(numbers)))


@given(st.lists(ACTIONS, min_size=1, max_size=6), st.integers(0, 6))
def test_one_wrong_action_anywhere_undoes_all_the_others(
    drawn: list[object], place: int
) -> None:
    shop = Shop()
    listed = [drafted(shop, each) for each in drawn]
    wrong = action("removeDelivery", deliveryKey="never-there")
    listed.insert(min(place, len(listed)), wrong)
    body = order_body(shop.order)
    shop.refused(*listed)
    assert order_body(shop.order) == body


@given(
    st.integers(0, 500),
    st.floats(0, 1),
    st.floats(0, 1),
    st.lists(st.integers(0, 2), max_size=25),
)
def test_everything_said_arrives_and_the_numbers_put_it_in_order(
    seed: int, duplicate: float, reorder: float, turns: list[int]
) -> None:
    shop = Shop()
    inbox = Inbox()
    shop.sandbox.subscribe(inbox)
    courier = shop.sandbox.courier
    courier.conduct = Conduct(duplicate=duplicate, reorder=reorder, reorder_s=seed % 7)
    orders = [shop.order_id]
    orders += [
        shop.sandbox.place_order([{"sku": "A"}], mode="None").id for _ in range(2)
    ]
    for turn in turns:
        version = shop.sandbox.orders.get("id", orders[turn]).version
        state = "Confirmed" if version % 2 else "Open"
        change = action("changeOrderState", orderState=state)
        shop.sandbox.update_order("id", orders[turn], update(version, change))
        inbox.is_closed = not inbox.is_closed
        shop.sandbox.deliver()
    inbox.is_closed = False
    for _ in range(40):
        shop.clock.move(2)
        shop.sandbox.deliver()
    assert len(courier) == 0
    got: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for message in inbox.messages():
        number = message["sequenceNumber"]
        # A repeat is the same message.
        known = got[message["resource"]["id"]].setdefault(number, message["id"])
        assert known == message["id"]
    for turn, order_id in enumerate(orders):
        first = 2 if turn == 0 else 1
        expected = turns.count(turn) + (0 if turn == 0 else 1)
        assert sorted(got[order_id]) == list(range(first, first + expected))
