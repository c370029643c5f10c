"""Malformed events and movements: taken, parked with reason and bytes; or refused."""

from typing import Any

from streams.domain.movements import MovementKind, Pool
from streams.mapping.stock import encode_movement
from tests.bad_input.row import Bad, Kept, Surface, Why
from tests.support.ledger import TEE, count, movement, receipt, sale
from tests.support.newstore import (
    adjusted,
    body,
    count_item,
    counted,
    item,
    opened,
    received,
    request,
    stock_item,
)

RESEND = "Correct it at the source and publish the event again."
RELOAD = "run `oneshelf reference load`; the event is then applied by itself."
NOT_JSON = "The body is not JSON; publish the event again as NewStore wrote it."
A_TIME = "a time with an offset, such as 2025-03-01T10:15:02Z"
KEY = {"authorization": "Bearer newstore-secret"}
BEARER = "send 'Authorization: Bearer <key>' with a key that may ingest"


def parked(name: str, given: Any, why: Why, says: str) -> Bad:
    """An event that is taken as it is and parked with its bytes."""
    raw = given if isinstance(given, bytes) else body(given)
    return Bad(
        name=name,
        surface=Surface.WEBHOOK,
        given=raw,
        says=says,
        status=200,
        kept=Kept.PARKED,
        why=why,
        options={"headers": KEY},
    )


def turned_away(
    name: str, given: bytes, status: int, says: str, headers: dict[str, str]
) -> Bad:
    """A request that is refused with a problem document."""
    return Bad(
        name=name,
        surface=Surface.WEBHOOK,
        given=given,
        says=says,
        status=status,
        kept=Kept.NOT_TAKEN,
        options={"headers": headers},
    )


def without(envelope: dict[str, Any], name: str) -> dict[str, Any]:
    """The event without one of its fields."""
    return {key: value for key, value in envelope.items() if key != name}


WEBHOOK = [
    parked("no body", b"", Why("broken_json", "", ""), NOT_JSON),
    parked("not JSON", b"sold!", Why("broken_json", "", "sold!"), NOT_JSON),
    parked("cut off", b'{"name":', Why("broken_json", "", '{"name":'), NOT_JSON),
    parked("not UTF-8", b"\xff\xfe", Why("broken_json", "", "\ufffd\ufffd"), NOT_JSON),
    parked(
        "a list of events",
        b"[]",
        Why("wrong_type", "the event", "[]"),
        f"the event is [], but must be an object. {RESEND}",
    ),
    parked(
        "no event name",
        without(opened(), "name"),
        Why("missing_field", "name", ""),
        f"name is missing. {RESEND}",
    ),
    parked(
        "no tenant",
        without(opened(), "tenant"),
        Why("missing_field", "tenant", ""),
        f"tenant is missing. {RESEND}",
    ),
    parked(
        "no payload",
        without(opened(), "payload"),
        Why("missing_field", "payload", ""),
        f"payload is missing. {RESEND}",
    ),
    parked(
        "another tenant's event",
        opened(tenant="rival"),
        Why("wrong_tenant", "tenant", "rival"),
        'tenant is "rival", but this ledger belongs to "acme". Point that tenant\'s '
        "event stream elsewhere, or correct the tenant setting.",
    ),
    parked(
        "published yesterday",
        opened(published_at="yesterday"),
        Why("wrong_type", "published_at", '"yesterday"'),
        f'published_at is "yesterday", but must be {A_TIME}. {RESEND}',
    ),
    parked(
        "a time without an offset",
        opened(placed_at="2025-03-01T10:00:00"),
        Why("wrong_type", "payload.placed_at", '"2025-03-01T10:00:00"'),
        f'payload.placed_at is "2025-03-01T10:00:00", but must be {A_TIME}. {RESEND}',
    ),
    parked(
        "an unknown SKU",
        opened(item(product_id="CAP")),
        Why("unknown_sku", "payload.items[0].product_id", "CAP"),
        'payload.items[0].product_id "CAP" is not a known product. Add it to '
        f"products.csv (sku or newstore_product_id) and {RELOAD}",
    ),
    parked(
        "an unknown location",
        received(fulfillment_location_id="MOON"),
        Why("unknown_location", "payload.fulfillment_location_id", "MOON"),
        'payload.fulfillment_location_id "MOON" is not a known location. Add it to '
        "locations.csv (location_id, newstore_node_id or newstore_store_id) and "
        f"{RELOAD}",
    ),
    parked(
        "an unknown stock location",
        adjusted(origin_stock_location_name="attic"),
        Why("unknown_stock_location", "payload.origin_stock_location_name", "attic"),
        'payload.origin_stock_location_name "attic" is not tied to a pool. Name its '
        "pool in the stock location table and re-drive the event.",
    ),
    parked(
        "fewer than no units",
        received(stock_item(quantity=-3)),
        Why("impossible_quantity", "payload.items[0].quantity", "-3"),
        f"payload.items[0].quantity is -3, but must be from 1 to 1,000,000. {RESEND}",
    ),
    parked(
        "half a unit",
        received(stock_item(quantity=0.5)),
        Why("wrong_type", "payload.items[0].quantity", "0.5"),
        f"payload.items[0].quantity is 0.5, but must be a whole number. {RESEND}",
    ),
    parked(
        "a count below nothing",
        counted(count_item(count=-1)),
        Why("impossible_quantity", "payload.items[0].count", "-1"),
        f"payload.items[0].count is -1, but must be from 0 to 1,000,000. {RESEND}",
    ),
    parked(
        "a product counted twice",
        counted(count_item(), count_item()),
        Why("ambiguous_count", "payload.items[0]", "TEE-BLK-M"),
        'payload.items[0]: the count lists "TEE-BLK-M" on 2 lines, so its quantity is '
        "unclear. Count it again on one line. payload.items[1]: the count lists "
        '"TEE-BLK-M" on 2 lines, so its quantity is unclear. Count it again on one '
        "line.",
    ),
    parked(
        "an endless unit id",
        request("items_completed", "u" * 201),
        Why("name_too_long", "payload.items[0].id", "u" * 200),
        f"payload.items[0].id has 201 characters, at most 200 are possible. {RESEND}",
    ),
    turned_away(
        "larger than a mebibyte",
        b" " * (1024 * 1024 + 1),
        413,
        "A body may have 1048576 bytes at most. send one event, or fewer SKUs, per "
        "request",
        KEY,
    ),
    turned_away(
        "no key", b"{}", 401, f"The request carries no Bearer key. {BEARER}", {}
    ),
    turned_away(
        "a wrong key",
        b"{}",
        401,
        "The Bearer key is none of the configured keys. check the key; "
        "ONESHELF_API_KEYS holds the SHA-256 of each valid key, "
        "ONESHELF_NEWSTORE__WEBHOOK_KEY the one for events",
        {"authorization": "Bearer guess"},
    ),
]


def movement_parked(
    name: str, value: bytes | None, why: Why, says: str, key: bytes = TEE.encode()
) -> Bad:
    """A record on stock-movements that the ledger parks."""
    return Bad(
        name=name,
        surface=Surface.MOVEMENTS,
        given=value,
        says=says,
        status=200,
        kept=Kept.PARKED,
        why=why,
        options={"key": key},
    )


CORRECT = "Correct it at the source and send the event again."
SALE = encode_movement(sale("u1"))
MENDED = "Mend whatever sent it and send the movement again."

MOVEMENTS = [
    movement_parked(
        "no value",
        None,
        Why("undecodable", "$", ""),
        "The record has no value; a movement cannot be deleted.",
    ),
    movement_parked(
        "not JSON",
        b"sold!",
        Why("undecodable", "$", "sold!"),
        f"JSON is malformed: invalid character (byte 0). {MENDED}",
    ),
    movement_parked(
        "a quantity in words",
        SALE.replace(b'"quantity":1', b'"quantity":"one"'),
        Why(
            "undecodable",
            "$.quantity",
            SALE.replace(b'"quantity":1', b'"quantity":"one"').decode()[:200],
        ),
        f"$.quantity: Expected `int`, got `str`. {MENDED}",
    ),
    movement_parked(
        "a version of tomorrow",
        SALE.replace(b'"schema_version":1', b'"schema_version":9'),
        Why(
            "undecodable",
            "$.schema_version",
            SALE.replace(b'"schema_version":1', b'"schema_version":9').decode()[:200],
        ),
        "Version 9 of a movement is not known here; this worker reads version 1. "
        "Upgrade it, then re-drive.",
    ),
    movement_parked(
        "a key that is not its SKU",
        SALE,
        Why("wrong_key", "key", "MUG"),
        f"The record's key 'MUG' is not its SKU '{TEE}', so it may lie in the wrong "
        "partition. Send it again with the SKU as key.",
        key=b"MUG",
    ),
    movement_parked(
        "a receipt of nothing",
        encode_movement(receipt("r1", 0)),
        Why("impossible_quantity", "quantity", "0"),
        f"quantity of a receipt must be from 1 to 1,000,000,000. {CORRECT}",
    ),
    movement_parked(
        "a count below nothing",
        encode_movement(count("c1", -1)),
        Why("impossible_quantity", "quantity", "-1"),
        f"quantity of a count must be from 0 to 1,000,000,000. {CORRECT}",
    ),
    movement_parked(
        "a location with a bar",
        encode_movement(sale("u1", location_id="LDN|01")),
        Why("impossible_name", "location_id", "LDN|01"),
        "location_id must have 1 to 256 characters, with no '|' and no control "
        f"characters. {CORRECT}",
    ),
    movement_parked(
        "a sale nowhere",
        encode_movement(sale("u1", location_id="")),
        Why("missing_location", "location_id", ""),
        "A sale must name its location; only a unit's release or announcement may "
        "leave it out. Send the event again with its location.",
    ),
    movement_parked(
        "a correction of nothing",
        encode_movement(
            movement(
                MovementKind.CORRECTION,
                "c1",
                source=Pool.MAIN,
                target=Pool.DAMAGED,
            )
        ),
        Why("missing_entry", "corrects", ""),
        "A correction must name the entry it corrects. Send it again with the entry's "
        "id.",
    ),
]
