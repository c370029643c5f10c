"""Everything wrong that can come in over HTTP, and exactly what a person reads then.

Each row: what was sent, then status, problem, field, value, detail and remedy. After
each of them the worker still answers, and nothing has reached the log.
"""

import dataclasses
import json
from hashlib import sha256
from typing import Any

import pytest

from streams.web.auth import ApiKeysInvalid, Guard, UnsafeBinding, parse_api_keys
from tests.web.conftest import Serve, stock

MIB = 1024 * 1024
QUERY = "/v1/availability/query"
LEDGER = "/v1/ledger/TEE/LDN01"
EVENTS = "/v1/events/newstore"
JSON_REMEDY = 'send a JSON object, for example {"skus": ["TEE-BLACK-M"]}'


@dataclasses.dataclass(frozen=True)
class Bad:
    """A bad request and the exact answer."""

    path: str
    status: int
    problem: str
    field: str
    value: str
    detail: str
    remedy: str
    method: str = "GET"
    body: bytes | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)


def query(body: object, where: str, value: str, detail: str, remedy: str) -> Bad:
    """A query whose body is wrong."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Bad(QUERY, 422, FIELD, where, value, detail, remedy, "POST", raw)


def not_json(body: bytes, value: str, why: str) -> Bad:
    """A query whose body is no JSON."""
    return query(body, "body", value, f"The body is not JSON: {why}.", JSON_REMEDY)


def limit(text: str, detail: str, remedy: str) -> Bad:
    """A journal asked for with a wrong limit."""
    path = f"{LEDGER}?limit={text}"
    return Bad(path, 422, FIELD, "limit", text[:200], detail, remedy)


def sku_unknown(path: str, value: str) -> Bad:
    return Bad(path, 404, "sku-unknown", "sku", value, NO_STOCK, SPELLING)


def location_unknown(path: str) -> Bad:
    detail = "Nothing has been recorded for SKU 'TEE' at this location."
    remedy = "check the location's id, or ask for the SKU to see all its locations"
    return Bad(path, 404, "location-unknown", "location_id", "MOON", detail, remedy)


def unreadable(path: str, name: str, value: str) -> Bad:
    kind = f"{name}-unreadable".replace("_", "-")
    detail = f"The {name} in the path is not percent-encoded UTF-8."
    remedy = "percent-encode the UTF-8 bytes of the name"
    return Bad(path, 404, kind, name, value, detail, remedy)


def no_page(path: str) -> Bad:
    remedy = "see /v1/openapi.json for the routes"
    return Bad(
        path, 404, "page-unknown", "path", path, "No route has this path.", remedy
    )


def wrong_method(method: str, path: str, allowed: str) -> Bad:
    detail, remedy = f"The page takes {allowed}.", f"use {allowed}"
    kind = "method-not-allowed"
    return Bad(path, 405, kind, "method", method, detail, remedy, method)


def too_large(path: str) -> Bad:
    detail = "A body may have 1048576 bytes at most."
    remedy = "send one event, or fewer SKUs, per request"
    body = b" " * (MIB + 1)
    return Bad(
        path,
        413,
        "body-too-large",
        "body",
        "1048577 bytes",
        detail,
        remedy,
        "POST",
        body,
    )


def refused(
    status: int, kind: str, path: str, key: str, value: str, detail: str, remedy: str
) -> Bad:
    """A request with a key that is missing, unknown or may not do this."""
    headers = {"authorization": key} if key else {}
    method, body = ("POST", b"{}") if path == EVENTS else ("GET", None)
    where = {"webhook_key": "secret-of-newstore", "api_keys": API_KEYS}
    return Bad(
        path,
        status,
        kind,
        "Authorization",
        value,
        detail,
        remedy,
        method,
        body,
        headers,
        where,
    )


def missing(path: str, key: str, scope: str) -> Bad:
    remedy = f"send 'Authorization: Bearer <key>' with a key that may {scope}"
    detail = "The request carries no Bearer key."
    return refused(401, "key-missing", path, key, "", detail, remedy)


def unknown(path: str) -> Bad:
    detail = "The Bearer key is none of the configured keys."
    remedy = (
        "check the key; ONESHELF_API_KEYS holds the SHA-256 of each valid key, "
        "ONESHELF_NEWSTORE__WEBHOOK_KEY the one for events"
    )
    return refused(
        401, "key-unknown", path, "Bearer guess", "(not shown)", detail, remedy
    )


def lacking(path: str, key: str, scope: str) -> Bad:
    detail = f"The key does not have the scope '{scope}'."
    remedy = f"use a key with the scope {scope}, or add it in ONESHELF_API_KEYS"
    return refused(403, "scope-missing", path, key, "(not shown)", detail, remedy)


def foreign(header: str, value: str) -> Bad:
    detail = f"{header} does not name this machine."
    remedy = "use http://127.0.0.1 or http://localhost, or set ONESHELF_API_KEYS"
    headers = {header.lower(): value}
    return Bad(TEE, 403, "foreign-host", header, value, detail, remedy, headers=headers)


FIELD = "field-invalid"
TEE = "/v1/availability/TEE"
NO_STOCK = "No stock of this SKU has been recorded at any location."
SPELLING = (
    "check the spelling, upper and lower case included; stock appears with the SKU's "
    "first movement"
)
API_KEYS = ",".join(
    (
        f"shop:read:{sha256(b'reader').hexdigest()}",
        f"feed:ingest:{sha256(b'feeder').hexdigest()}",
    )
)
NO_LIST = ("The field is not a list.", "send a list of strings")
NO_STRING = ("The field is not a string.", "send a string in double quotes")
NO_NUMBER = ("This is not a whole number.", "use a whole number")
DEEP = "recursion limit exceeded at line 1 column 202"

TABLE: dict[str, Bad] = {
    "a SKU nobody knows": sku_unknown("/v1/availability/NOPE", "NOPE"),
    "a SKU in lower case": sku_unknown("/v1/availability/tee", "tee"),
    "a SKU with our separator": sku_unknown(
        "/v1/availability/TEE%7CLDN01", "TEE|LDN01"
    ),
    "a SKU with a NUL": sku_unknown("/v1/availability/TEE%00", "TEE\0"),
    "a very long SKU": sku_unknown(f"/v1/availability/{'x' * 5000}", "x" * 200),
    "a SKU that is not UTF-8": unreadable("/v1/availability/%FF", "sku", "%FF"),
    "a location nobody knows": location_unknown(f"{TEE}/MOON"),
    "a location of no SKU": sku_unknown("/v1/availability/NOPE/LDN01", "NOPE"),
    "a location that is not UTF-8": unreadable(f"{TEE}/%C3", "location_id", "%C3"),
    "no SKU": no_page("/v1/availability/"),
    "no location": no_page(f"{TEE}/"),
    "three names": no_page(f"{TEE}/LDN01/main"),
    "a page that is not there": no_page("/v1/stock"),
    "a post to a SKU": wrong_method("POST", TEE, "GET"),
    "a put to a location": wrong_method("PUT", f"{TEE}/LDN01", "GET"),
    "a delete of the query": wrong_method("DELETE", QUERY, "POST"),
    "a get of the webhook": wrong_method("GET", EVENTS, "POST"),
    "a query of nothing": not_json(
        b"", "", "EOF while parsing a value at line 1 column 0"
    ),
    "a query as a form": not_json(
        b"skus=TEE", "skus=TEE", "expected value at line 1 column 1"
    ),
    "a query cut off": not_json(
        b'{"skus": ["TEE"',
        '{"skus": ["TEE"',
        "EOF while parsing a list at line 1 column 15",
    ),
    "a query that is not UTF-8": not_json(
        b'{"skus": ["\xff"]}',
        '{"skus": ["\\xff"]}',
        "invalid unicode code point at line 1 column 12",
    ),
    "a query nested too deep": not_json(b"[" * 100_000, "[" * 200, DEEP),
    "a query that is a list": query(
        ["TEE"],
        "body",
        '["TEE"]',
        "The body is not a JSON object.",
        "send a JSON object",
    ),
    "a query that is null": query(
        None, "body", "null", "The body is not a JSON object.", "send a JSON object"
    ),
    "a query without skus": query(
        {}, "skus", "", "The field is missing.", "add the field"
    ),
    "a query with null for skus": query({"skus": None}, "skus", "null", *NO_LIST),
    "a query with text for skus": query({"skus": "TEE"}, "skus", "TEE", *NO_LIST),
    "a query for no SKU": query(
        {"skus": []},
        "skus",
        "[]",
        "The list has fewer than 1 entry.",
        "send at least 1",
    ),
    "a query for 501 SKUs": query(
        {"skus": ["T"] * 501},
        "skus",
        json.dumps(["T"] * 501)[:200],
        "The list has more than 500 entries.",
        "send at most 500, and the rest in another request",
    ),
    "a query with a number": query({"skus": ["TEE", 7]}, "skus[1]", "7", *NO_STRING),
    "a query with a null": query({"skus": [None]}, "skus[0]", "null", *NO_STRING),
    "a query with an empty SKU": query(
        {"skus": ["TEE", ""]},
        "skus[1]",
        "",
        "The text is empty.",
        "leave it out, or name a SKU",
    ),
    "a query with a long SKU": query(
        {"skus": ["x" * 257]},
        "skus[0]",
        "x" * 200,
        "The text has more than 256 characters.",
        "check it; no SKU is that long",
    ),
    "a query with another field": query(
        {"skus": ["TEE"], "locations": ["LDN01"]},
        "locations",
        '["LDN01"]',
        "There is no such field.",
        "leave the field out",
    ),
    "a query over the limit": too_large(QUERY),
    "a limit of 0": limit("0", "The number is below 1.", "use 1 or more"),
    "a limit below 0": limit("-1", "The number is below 1.", "use 1 or more"),
    "a limit over 1000": limit("1001", "The number is above 1000.", "use 1000 or less"),
    "a limit in words": limit("many", *NO_NUMBER),
    "a limit with a fraction": limit("1.5", *NO_NUMBER),
    "an empty limit": limit("", *NO_NUMBER),
    "a limit of 5000 digits": limit(
        "9" * 5000, "The number is too long.", "use a smaller whole number"
    ),
    "a journal nobody knows": location_unknown("/v1/ledger/TEE/MOON"),
    "a journal of no location": no_page("/v1/ledger/TEE"),
    "a journal that is not UTF-8": unreadable("/v1/ledger/%FF/LDN01", "sku", "%FF"),
    "an event over the limit": too_large(EVENTS),
    "an event without a key": missing(EVENTS, "", "ingest"),
    "an event with a password": missing(EVENTS, "Basic Z3Vlc3M=", "ingest"),
    "an event with a wrong key": unknown(EVENTS),
    "an event with a reader's key": lacking(EVENTS, "Bearer reader", "ingest"),
    "a question without a key": missing(TEE, "", "read"),
    "a question with an empty key": missing(TEE, "Bearer", "read"),
    "a question with a wrong key": unknown(TEE),
    "a question with a feeder's key": lacking(TEE, "Bearer feeder", "read"),
    "a name that leads here": foreign("Host", "shop.example"),
    "a web page from elsewhere": foreign("Origin", "https://evil.example"),
}


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
@pytest.mark.parametrize("bad", TABLE.values(), ids=TABLE.keys())
async def test_a_bad_request_is_told_exactly_what_is_wrong(
    serve: Serve, bad: Bad, fast: bool
) -> None:
    worker = await serve(fast=fast, **bad.settings)
    stock(worker.ledger)
    worker.journal.rows["TEE", "LDN01"] = [{"sequence": 1}]

    answer = await worker.client.request(
        bad.method, bad.path, content=bad.body, headers=bad.headers
    )

    assert answer.status_code == bad.status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told.pop("title")
    assert told == {
        "type": f"urn:oneshelf:problem:{bad.problem}",
        "status": bad.status,
        "detail": bad.detail,
        "field": bad.field,
        "value": bad.value,
        "remedy": bad.remedy,
    }
    assert worker.sink.records == []
    assert (await worker.client.get("/health/live")).status_code == 200


ENTRY = "API_KEYS entry 1"
WRITE = "write name:scope+scope:sha256hex-of-key, entries apart by commas"
NO_HASH = ' and is not a SHA-256 in hex; make it with `printf %s "$KEY" | sha256sum`'
OWN_KEY = "give each caller its own key"
HASH, OTHER = sha256(b"a").hexdigest(), sha256(b"b").hexdigest()
NAME_RULE = "use 1 to 64 letters, digits, dots, dashes or underscores"
SCOPE_RULE = "use read, ingest, operate, joined by +"

BAD_KEYS = {
    "a bare key": ("hunter2", f"{ENTRY}: expected 3 parts, found 1; {WRITE}"),
    "no hash": ("shop:read", f"{ENTRY}: expected 3 parts, found 2; {WRITE}"),
    "a part too many": (
        f"a:b:read:{HASH}",
        f"{ENTRY}: expected 3 parts, found 4; {WRITE}",
    ),
    "a comma at the end": (
        f"shop:read:{HASH},",
        f"API_KEYS entry 2: expected 3 parts, found 1; {WRITE}",
    ),
    "no name": (f":read:{HASH}", f"{ENTRY}: name '' is not allowed; {NAME_RULE}"),
    "a name with a space": (
        f"my shop:read:{HASH}",
        f"{ENTRY}: name 'my shop' is not allowed; {NAME_RULE}",
    ),
    "a name too long": (
        f"{'n' * 65}:read:{HASH}",
        f"{ENTRY}: name '{'n' * 65}' is not allowed; {NAME_RULE}",
    ),
    "no scope": (
        f"shop::{HASH}",
        f"{ENTRY} ('shop'): scope '' is unknown; {SCOPE_RULE}",
    ),
    "an unknown scope": (
        f"shop:read+write:{HASH}",
        f"{ENTRY} ('shop'): scope 'write' is unknown; {SCOPE_RULE}",
    ),
    "a scope in capitals": (
        f"shop:READ:{HASH}",
        f"{ENTRY} ('shop'): scope 'READ' is unknown; {SCOPE_RULE}",
    ),
    "the key instead of its hash": (
        "shop:read:hunter2",
        f"{ENTRY} ('shop'): the third part has 7 characters{NO_HASH}",
    ),
    "a hash cut short": (
        f"shop:read:{HASH[:-1]}",
        f"{ENTRY} ('shop'): the third part has 63 characters{NO_HASH}",
    ),
    "a name twice": (
        f"shop:read:{HASH},shop:ingest:{OTHER}",
        "API_KEYS entry 2: name 'shop' is used twice; give each key its own name",
    ),
    "a key twice": (
        f"shop:read:{HASH},feed:ingest:{HASH}",
        f"API_KEYS entry 2 ('feed'): has the same key as 'shop'; {OWN_KEY}",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_bad_api_keys_are_told_exactly_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ApiKeysInvalid) as raised:
        parse_api_keys(text)

    assert str(raised.value) == sentence


def test_a_worker_open_to_others_without_keys_refuses_to_start() -> None:
    with pytest.raises(UnsafeBinding) as raised:
        Guard(host="0.0.0.0")  # noqa: S104 - the case that must be refused.

    assert str(raised.value) == (
        "HTTP_HOST '0.0.0.0' can be reached from other machines but API_KEYS is empty; "
        "set ONESHELF_API_KEYS (name:scope+scope:sha256hex-of-key), or "
        "ONESHELF_HTTP_HOST=127.0.0.1"
    )
