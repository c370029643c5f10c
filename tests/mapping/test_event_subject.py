"""What an event is about, and whether a later one tells all of it again."""

from typing import Any

import pytest

from streams.mapping.event_subject import Subject, is_corrected, subject_of
from tests.support.newstore import Json, body, event, item, opened


def about(content: Any) -> Subject:
    found = subject_of(body(content))
    assert found is not None
    return found


def request(*ids: str, **more: Any) -> Json:
    items = [{"id": each, "product_id": "MUG"} for each in ids]
    payload = {"id": "fr-1", "logical_timestamp": 3, "items": items} | more
    return event("fulfillment_request.items_completed", **payload)


FIRST = opened(item("u1"), item("u2"))


@pytest.mark.parametrize(
    ("parked", "later", "is_so"),
    [
        (FIRST, FIRST, True),
        (FIRST, opened(item("u2", product_id="MUG"), item("u1")), True),
        (FIRST, opened(item("u1"), item("u2"), item("u3")), True),
        (FIRST, opened(item("u1")), False),
        (FIRST, opened(item("u1"), item("u3")), False),
        (FIRST, opened(item("u1"), item("u2"), id="order-2"), False),
        (FIRST, opened(item("u1"), item("u2"), name="order.created"), False),
        (opened(item("u1"), {"quantity": 1}), opened(item("u1")), False),
        (opened(item("u1"), {"quantity": 1}), FIRST, True),
        (request("u1"), request("u1"), True),
        (request("u1"), request("u2"), False),
        (request("u1"), request("u1", logical_timestamp=4), False),
        (request(chunk_number=1), request(chunk_number=2), False),
        (event("order.completed", id="o"), event("order.completed", id="o"), True),
    ],
)
def test_a_later_event_corrects_what_it_tells_all_of(
    parked: Json, later: Json, is_so: bool
) -> None:
    assert is_corrected(about(parked), about(later)) is is_so


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff",
        b"7",
        b"[]",
        b"[" * 100_000,
        body({"name": 1, "payload": {"id": "o"}}),
        body({"name": "order.opened", "payload": []}),
        body({"name": "order.opened", "payload": {}}),
        body({"name": "order.opened", "payload": {"id": ["o"]}}),
        None,
    ],
)
def test_what_does_not_say_what_it_is_about_corrects_nothing(
    content: bytes | None,
) -> None:
    assert subject_of(content) is None
    assert not is_corrected(about(FIRST), subject_of(content))


def test_items_that_are_no_list_are_no_lines() -> None:
    assert about(opened() | {"payload": {"id": "o", "items": "x"}}).lines == 0
