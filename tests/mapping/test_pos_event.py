"""An event read once for stock and for orders tells what it tells each on its own."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.mapping.order_news_pos import NO_NEWS, news_of
from streams.mapping.pos import map_event
from streams.mapping.pos_event import read_event
from streams.mapping.pos_wire import Envelope, decode_envelope
from tests.support.newstore import RULES, body, item, opened, shop_floor

SAMPLES = Path(__file__).parents[2] / "schemas" / "samples"
EVENTS = sorted(SAMPLES.glob("NewStoreEvent.v1.*.json"))

MISFITS: list[dict[str, Any]] = [
    {},
    {"currency": 7},
    {"external_order_id": 7},
    {"logical_timestamp": "late"},
    {"channel_type": 7},
    {"items": [{"id": "u1", "carrier": 7, "refund_amount": "much"}, {"id": 7}]},
    {"items": "none"},
]


@pytest.mark.parametrize("misfit", MISFITS, ids=str)
@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.name)
def test_read_once_is_as_read_twice(path: Path, misfit: dict[str, Any]) -> None:
    event = msgspec.json.decode(path.read_bytes())
    told = msgspec.json.encode(event | {"payload": event["payload"] | misfit})
    reference, envelope = shop_floor(), decode_envelope(told)
    assert isinstance(envelope, Envelope)

    mapped = map_event(told, reference, RULES)
    news = NO_NEWS if mapped.problems else news_of(envelope, reference, RULES)

    assert read_event(told, reference, RULES, origin="") == (mapped, news)


def test_what_only_orders_read_holds_up_no_stock_where_it_does_not_fit() -> None:
    told = body(opened(item("u1"), currency=7))

    mapped, news = read_event(told, shop_floor(), RULES, origin="")

    assert [movement.movement_id for movement in mapped.movements] == ["sale:u1"]
    assert [problem.field for problem in news.problems] == ["payload.currency"]
