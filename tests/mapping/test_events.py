"""An event keeps to the key of its order or entity, whatever bytes it is made of."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.mapping.events import event_key


def key(payload: object) -> bytes:
    return event_key(msgspec.json.encode({"name": "x", "payload": payload}))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"id": "5c1f"}, b"5c1f"),
        ({"id": "fr-77", "order_id": "5c1f"}, b"5c1f"),
        ({"id": "ret-01", "order_id": None}, b"ret-01"),
        ({"id": "ret-01", "order_id": ""}, b"ret-01"),
        ({"id": 4711}, b"4711"),
        ({"id": " 5c1f "}, b"5c1f"),
        ({"id": "é"}, "é".encode()),
    ],
)
def test_the_key_is_the_order_else_the_entity(
    payload: dict[str, object], expected: bytes
) -> None:
    assert key(payload) == expected


@pytest.mark.parametrize(
    "payload", [None, [], {}, {"id": True}, {"id": []}, {"id": -1}, {"id": "x" * 201}]
)
def test_without_an_id_the_content_is_the_key_so_that_a_re_send_has_the_same(
    payload: object,
) -> None:
    assert key(payload) == key(payload)
    assert len(key(payload)) == 64
    assert key(payload) != key([payload])


def test_an_order_and_its_fulfilment_requests_share_a_key() -> None:
    assert key({"id": "5c1f"}) == key({"id": "fr-1", "order_id": "5c1f"})


@given(
    st.one_of(
        st.binary(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(st.sampled_from(["payload", "id", "order_id"]), inner)
            ),
        ).map(lambda value: str(value).encode() if _huge(value) else encode(value)),
    )
)
def test_any_bytes_have_a_key_of_bounded_length(event: bytes) -> None:
    assert 0 < len(event_key(event)) <= 200


def test_a_nested_or_endless_number_has_a_key_too() -> None:
    assert event_key(b"[" * 100_000)
    assert event_key(b'{"payload":{"id":' + b"9" * 5_000 + b"}}")


def encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def _huge(value: object) -> bool:
    try:
        encode(value)
    except OverflowError:
        return True
    return False
