"""What intake hands on: movements by their SKU, news of orders by their alias."""

from collections.abc import Iterable, Sequence

from streams.domain.movements import Movement
from streams.domain.order_news import OrderNews
from streams.engine.fold import Output, Record, Result
from streams.engine.headers import heard_header
from streams.mapping.order_messages import NEWS
from streams.mapping.problems import Problem, combined
from streams.mapping.stock import encode_movement
from streams.topics import ORDER_NEWS, STOCK_MOVEMENTS


def send_movements(
    result: Result, record: Record, movements: Sequence[Movement]
) -> None:
    """Send an event's movements, each to its SKU's partition."""
    for movement in movements:
        key = movement.sku.encode()
        result.send(STOCK_MOVEMENTS, Output(key, encode_movement(movement), record))
    if movements:
        result.count("movements", len(movements))


def send_news(
    result: Result, record: Record, alias: str, news: Iterable[OrderNews]
) -> None:
    """Send what an event or message tells of an order."""
    for each in news:
        result.send(
            ORDER_NEWS,
            Output(
                alias.encode(),
                NEWS.encode(each),
                record,
                headers=(heard_header(record),),
            ),
        )
        result.count("order_news")


def park(result: Result, record: Record, problems: Sequence[Problem]) -> None:
    """Park a record with all that is wrong with it."""
    result.park(record, **combined(problems)._asdict())
