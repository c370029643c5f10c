"""Laws of the mapping, whatever the event."""

import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.domain.movement_checks import check
from streams.domain.movements import Movement
from streams.mapping.pos import HANDLERS, Mapped, map_event
from streams.mapping.stock import decode_movement, encode_movement
from tests.support.newstore import (
    RULES,
    Json,
    adjusted,
    body,
    cancelled,
    counted,
    notice,
    opened,
    received,
    request,
    returned,
    shop_floor,
    web_order,
)

FLOOR = shop_floor()

PRODUCTS = st.sampled_from(
    ["TEE-BLK-M", "TEE-BLK-L", "MUG", "NS-100", "NEW", "", None, 7]
)
LEVELS = st.sampled_from(["IN_STORE_HANDOVER", "STANDARD", None])
QUANTITIES = st.sampled_from([1, 2, 3, 0, -1, 1_001, 1_000_001, None, "2", 1.5, True])
PLACES = st.sampled_from(["LDN01", "LDN02", "NODE-L1", "LDN99", "", None])

LINES = st.lists(
    st.fixed_dictionaries(
        {"product_id": PRODUCTS},
        optional={
            "id": st.sampled_from([f"u{number}" for number in range(9)] + ["", None]),
            "quantity": QUANTITIES,
            "count": QUANTITIES,
            "shipping_service_level": LEVELS,
            "item_type": st.sampled_from(["product", "shipping", None]),
            "condition_code": st.sampled_from([1, 2, "x", None]),
            "is_preorder": st.booleans(),
            "external_identifiers": st.sampled_from([None, {}, {"sku": "MUG"}]),
        },
    ),
    max_size=6,
)

EVENTS = st.builds(
    lambda make, lines, place: make(lines, place),
    st.sampled_from(
        [
            lambda lines, place: opened(items=lines, demand_location_id=place),
            lambda lines, place: web_order(items=lines, demand_location_id=place),
            lambda lines, _: cancelled(items=lines),
            lambda lines, place: returned(items=lines, return_location_id=place),
            lambda lines, place: received(items=lines, fulfillment_location_id=place),
            lambda lines, place: notice(items=lines, destination_id=place),
            lambda lines, place: adjusted(items=lines, fulfillment_node_id=place),
            lambda lines, place: counted(items=lines, fulfillment_location_id=place),
            *(
                lambda lines, place, name=name: request(
                    name, items=lines, fulfillment_location_id=place
                )
                for name in ("assigned", "items_completed", "items_failed")
            ),
        ]
    ),
    LINES,
    PLACES,
)


def answer_to(event: Json, only: set[int] | None = None) -> Mapped:
    return map_event(body(event), FLOOR, RULES, origin="t/0/1", only=only)


def effects(movements: tuple[Movement, ...]) -> Counter[Any]:
    """What movements do, whatever their ids."""
    return Counter(
        (m.kind, m.sku, m.location_id, m.pool, m.source, m.target, m.quantity)
        for m in movements
    )


@given(EVENTS)
def test_every_line_is_mapped_or_open_or_a_problem_or_idle(event: Json) -> None:
    answer = answer_to(event)
    if any(found.line is None for found in answer.problems):
        assert answer.movements == ()
        assert len(answer.problems) == 1
        return
    lines = [
        *answer.mapped_lines,
        *(line.line for line in answer.open_lines),
        *(found.line for found in answer.problems if found.line is not None),
        *answer.idle_lines,
    ]
    assert sorted(lines) == list(range(len(event["payload"]["items"])))


@given(EVENTS)
def test_a_resend_gives_the_same_movements(event: Json) -> None:
    again = json.loads(json.dumps(event))
    again["published_at"] = "2025-03-01T22:00:00Z"
    first, second = answer_to(event), answer_to(again)
    assert [m.movement_id for m in first.movements] == [
        m.movement_id for m in second.movements
    ]
    assert effects(first.movements) == effects(second.movements)


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_lines_never_matters(event: Json, random: Any) -> None:
    shuffled = json.loads(json.dumps(event))
    random.shuffle(shuffled["payload"]["items"])
    first, second = answer_to(event), answer_to(shuffled)
    assert effects(first.movements) == effects(second.movements)
    assert len(first.problems) == len(second.problems)
    assert len(first.open_lines) == len(second.open_lines)


@given(EVENTS)
def test_no_movement_of_an_event_has_the_id_of_another_unit(event: Json) -> None:
    units: dict[str, tuple[str, str]] = {}
    ids = Counter(line.get("id") for line in event["payload"]["items"])
    for movement in answer_to(event).movements:
        known = units.setdefault(
            movement.movement_id, (movement.unit_id, movement.location_id)
        )
        assert known == (movement.unit_id, movement.location_id)
    if all(count == 1 for count in ids.values()):
        assert len(units) == len(answer_to(event).movements)


@given(EVENTS)
def test_mapping_line_by_line_comes_to_the_same(event: Json) -> None:
    whole = answer_to(event)
    parts = [answer_to(event, {line}) for line in range(len(event["payload"]["items"]))]
    if any(found.line is None for found in whole.problems):
        return
    assert whole.movements == tuple(m for part in parts for m in part.movements)
    assert whole.open_lines == tuple(o for part in parts for o in part.open_lines)
    assert whole.problems == tuple(p for part in parts for p in part.problems)


@given(EVENTS)
def test_every_movement_passes_the_ledgers_own_checks(event: Json) -> None:
    for movement in answer_to(event).movements:
        assert check(movement) is None
        assert decode_movement(encode_movement(movement)) == movement
        assert movement.origin == "t/0/1"


@given(st.binary(max_size=200))
def test_no_bytes_at_all_break_the_mapping(raw: bytes) -> None:
    answer = map_event(raw, FLOOR, RULES)
    assert answer.movements == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "items", "quantity"]), inner)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(HANDLERS)), JSON)
def test_no_payload_at_all_breaks_the_mapping(name: str, payload: Any) -> None:
    event = {"tenant": "acme", "name": name, "payload": payload}
    text = json.dumps(event).encode()
    answer = map_event(text, FLOOR, RULES)
    assert answer.known
