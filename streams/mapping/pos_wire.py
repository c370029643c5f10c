"""NewStore's events on the wire: fast structs of what we read, and their decoding.

The documented contract is `schemas.newstore`; a test holds both to the same samples.
A line that does not fit becomes a Problem in its place, so the others still count.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from streams.mapping.problems import (
    Problem,
    broken_json,
    missing_field,
    number_out_of_range,
    wrong_type,
)

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with an offset; digits past the microsecond are rounded away."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    tenant: str
    name: str
    payload: msgspec.Raw
    published_at: Moment | None = None


class OrderItem(msgspec.Struct, frozen=True, gc=False):
    id: str
    product_id: str | None = None
    quantity: int | None = None
    item_type: str | None = None
    external_identifiers: dict[str, Any] | None = None
    shipping_service_level: str | None = None
    is_preorder: bool | None = None


class Order(msgspec.Struct, frozen=True, gc=False):
    """order.created, order.opened, order.cancelled and order.items_cancelled."""

    id: str
    items: Sequence[OrderItem]
    channel_type: str | None = None
    channel: str | None = None
    demand_location_id: str | None = None
    placed_at: Moment | None = None
    created_at: Moment | None = None
    is_historical: bool | None = None


class FulfilmentItem(msgspec.Struct, frozen=True, gc=False):
    id: str
    product_id: str | None = None
    external_identifiers: dict[str, Any] | None = None
    shipped_at: Moment | None = None


class FulfilmentRequest(msgspec.Struct, frozen=True, gc=False):
    """fulfillment_request.assigned, items_completed and items_failed."""

    id: str
    items: Sequence[FulfilmentItem]
    logical_timestamp: int | None = None
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None
    service_level: str | None = None


class ReturnItem(msgspec.Struct, frozen=True, gc=False):
    id: str | None = None
    product_id: str | None = None
    quantity: int | None = None
    item_type: str | None = None
    external_identifiers: dict[str, Any] | None = None
    condition_code: int | str | None = None
    item_condition: str | None = None


class Return(msgspec.Struct, frozen=True, gc=False):
    """return.processed."""

    id: str
    items: Sequence[ReturnItem]
    return_location_id: str | None = None
    returned_at: Moment | None = None
    is_historical: bool | None = None


class StockItem(msgspec.Struct, frozen=True, gc=False):
    quantity: int
    product_id: str | None = None
    external_identifiers: dict[str, Any] | None = None


class StockDocument(msgspec.Struct, frozen=True, gc=False):
    """inventory_transaction.items_received, adjustment_created and asn_created."""

    id: str
    items: list[StockItem]
    chunk_number: int = 1
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None
    processed_at: Moment | None = None
    origin_id: str | None = None
    destination_id: str | None = None
    shipment_date: str | None = None
    asn_id: str | None = None
    order_ref: str | None = None
    transfer_order_ref: str | None = None
    shipment_ref: str | None = None
    adjustment_type: str | None = None
    adjustment_reason: str | None = None
    origin_stock_location_name: str | None = None
    destination_stock_location_name: str | None = None


class CountItem(msgspec.Struct, frozen=True, gc=False):
    count: int
    product_id: str | None = None
    external_identifiers: dict[str, Any] | None = None


class Count(msgspec.Struct, frozen=True, gc=False):
    """inventory_count.items_counted."""

    id: str
    items: list[CountItem]
    chunk_number: int = 1
    fulfillment_location_id: str | None = None
    fulfillment_node_id: str | None = None
    completed_at: Moment | None = None


Item = OrderItem | FulfilmentItem | ReturnItem | StockItem | CountItem
Payload = Order | FulfilmentRequest | Return | StockDocument | Count

P = TypeVar("P", bound=Payload)
T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bodies that are not JSON, not UTF-8 or nested too deeply."""

EXPECTED = {
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a time with an offset, such as 2025-03-01T10:15:02Z",
    "decimal": "an amount",
}

_envelope = msgspec.json.Decoder(Envelope)
_payloads: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind)
    for kind in (Order, FulfilmentRequest, Return, StockDocument, Count)
}
_items: dict[type[Any], type[Item]] = {
    Order: OrderItem,
    FulfilmentRequest: FulfilmentItem,
    Return: ReturnItem,
    StockDocument: StockItem,
    Count: CountItem,
}

_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}

_AT = re.compile(r" - at `\$(.*)`$")
_MISSING = re.compile(r"^Object missing required field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def decode_envelope(body: bytes) -> Envelope | Problem:
    """Read an event's envelope; its payload stays raw until its name is known."""
    try:
        return _envelope.decode(body)
    except msgspec.ValidationError as error:
        whole = _decode_any(body, "")
        return whole if isinstance(whole, Problem) else _misfit(error, whole, "")
    except UNREADABLE:
        return broken_json(body)


def decode_payload(
    raw: msgspec.Raw, kind: type[P]
) -> tuple[P, Sequence[Any]] | Problem:
    """Read a payload and its lines; a line that does not fit is a Problem instead."""
    try:
        payload: P = _payloads[kind].decode(raw)
    except msgspec.ValidationError:
        return _decode_by_line(raw, kind)
    except UNREADABLE:
        return broken_json(bytes(raw))
    return payload, payload.items


def decode_fitting(raw: msgspec.Raw | bytes, kind: type[T]) -> T | None:
    """Read what fits as a whole; None where anything does not."""
    try:
        found: T = _decoder_of(kind).decode(raw)
    except UNREADABLE:
        return None
    return found


def decode_whole(raw: msgspec.Raw | bytes, kind: type[T], path: str) -> T | Problem:
    """Read what has to fit as a whole; `path` is where it stands in its message."""
    try:
        found: T = _decoder_of(kind).decode(raw)
    except msgspec.ValidationError as error:
        whole = _decode_any(bytes(raw), path)
        return whole if isinstance(whole, Problem) else _misfit(error, whole, path)
    except UNREADABLE:
        return broken_json(bytes(raw))
    return found


def _decoder_of(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def _decode_by_line(raw: msgspec.Raw, kind: type[P]) -> tuple[P, list[Any]] | Problem:
    whole = _decode_any(bytes(raw), "payload")
    if isinstance(whole, Problem):
        return whole
    if not isinstance(whole, dict):
        return wrong_type("payload", whole, EXPECTED["object"])
    items = whole.get("items")
    if isinstance(items, list):
        whole["items"] = []
    try:
        payload = msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        return _misfit(error, whole, "payload")
    return payload, [
        _decode_item(item, _items[kind], f"payload.items[{line}]")
        for line, item in enumerate(items or ())
    ]


def _decode_any(text: bytes, path: str) -> Any:
    """Read JSON without a type, to look for what is wrong with it."""
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return number_out_of_range(path)
    except UNREADABLE:
        return broken_json(text)


def _decode_item(item: object, kind: type[Item], path: str) -> Item | Problem:
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        return _misfit(error, item, path)


def _misfit(error: msgspec.ValidationError, whole: Any, path: str) -> Problem:
    """Turn msgspec's complaint into a path, the value found there and a remedy."""
    text = str(error)
    at = _AT.search(text)
    steps = "" if at is None else at[1]
    path = (path + steps).removeprefix(".")
    missing = _MISSING.match(text)
    if missing is not None:
        return missing_field(f"{path}.{missing[1]}".removeprefix("."))
    value = whole
    for name, index in _STEP.findall(steps):
        value = value[name] if name else value[int(index)]
    return wrong_type(path or "the event", value, _expected(text))


def _expected(text: str) -> str:
    named = re.match(r"^Expected `([^`]*)`", text)
    other = "decimal" if "decimal" in text else "datetime"
    kinds = [other] if named is None else named[1].split(" | ")
    return " or ".join(EXPECTED.get(kind, kind) for kind in kinds if kind != "null")


def item_type(kind: type[Payload]) -> type[Item]:
    """Return the struct of a payload's lines."""
    return _items[kind]
