"""The fulfilment order for NewStore: whose cents add up, the same bytes every time."""

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.money import digits_of
from streams.domain.reference import Location, Product, Reference
from streams.domain.sourcing_run import Injection, Placement
from streams.mapping.commerce_order_wire import SourceOrderWire
from streams.mapping.stores import StoreOptions, Unsourceable, injection_body
from streams.sandbox.newstore import Node, Sandbox, SandboxConfig

Json = dict[str, Any]


def money(cents: int, currency: str = "GBP") -> Json:
    return {
        "type": "centPrecision",
        "currencyCode": currency,
        "centAmount": cents,
        "fractionDigits": digits_of(currency),
    }


def line(
    line_id: str = "li-a",
    sku: str = "TEE",
    quantity: int = 1,
    *,
    each: int = 5000,
    total: int | None = None,
    tax: int | None = None,
    currency: str = "GBP",
    included: bool = True,
) -> Json:
    total = each * quantity if total is None else total
    tax = total // 6 if tax is None else tax
    net = total - tax if included else total
    portion = {"rate": 0.2, "name": "UK VAT", "amount": money(tax, currency)}
    return {
        "id": line_id,
        "variant": {"id": 1, "sku": sku},
        "quantity": quantity,
        "price": {"value": money(each, currency)},
        "totalPrice": money(total, currency),
        "taxedPrice": {
            "totalNet": money(net, currency),
            "totalGross": money(net + tax, currency),
            "taxPortions": [portion],
        },
        "taxRate": {"name": "UK VAT", "amount": 0.2, "includedInPrice": included},
    }


def payment(cents: int, *kinds: str, currency: str = "GBP") -> Json:
    return {
        "typeId": "payment",
        "id": "p-1",
        "obj": {
            "id": "p-1",
            "paymentMethodInfo": {
                "paymentInterface": "stripe",
                "method": "CREDIT_CARD",
            },
            "transactions": [
                {
                    "id": f"t-{kind}",
                    "type": kind,
                    "state": "Success",
                    "amount": money(cents, currency),
                    "timestamp": "2025-03-01T09:00:05.000Z",
                    "interactionId": f"psp-{kind}",
                }
                for kind in kinds
            ],
        },
    }


def commerce_order(*lines: Json, currency: str = "GBP", **more: Any) -> SourceOrderWire:
    total = sum(one["totalPrice"]["centAmount"] for one in lines)
    body = {
        "id": "c863",
        "version": 4,
        "orderNumber": "W-1",
        "createdAt": "2025-03-01T09:00:00.000Z",
        "customerId": "c-9",
        "customerEmail": "a@example.test",
        "locale": "en-GB",
        "totalPrice": money(total, currency),
        "lineItems": list(lines),
        "shippingAddress": {
            "firstName": "A",
            "streetName": "High St",
            "streetNumber": "1",
            "postalCode": "LS1 1AA",
            "city": "Leeds",
            "country": "GB",
        },
        **more,
    }
    return msgspec.json.decode(json.dumps(body), type=SourceOrderWire)


def reference() -> Reference:
    known = Reference()
    known.put_location(Location(location_id="LDN01", newstore_node_id="GB-01"))
    known.put_location(Location(location_id="PAR01"))
    known.put_product(Product(sku="TEE", newstore_product_id="P-TEE"))
    return known


def injection(
    *units: tuple[str, str], place: str = "LDN01", run: int = 1, part: int = 1
) -> Injection:
    placements = tuple(Placement(unit, sku, place, 1001) for unit, sku in units)
    return Injection("W-1", run, f"W-1#{run}.{part}", placements, part, ())


def raw(order: SourceOrderWire, owed: Injection, **options: str) -> bytes:
    return injection_body(order, owed, reference(), StoreOptions(**options))


def written(order: SourceOrderWire, owed: Injection, **options: str) -> Json:
    body: Json = json.loads(raw(order, owed, **options), parse_float=Decimal)
    return body


def test_a_line_of_two_becomes_two_units_of_newstores_product_at_its_node() -> None:
    order = commerce_order(line(quantity=2, total=9999))
    body = written(order, injection(("li-a#1", "TEE"), ("li-a#2", "TEE")))
    assert body["external_id"] == "W-1#1.1"
    assert (body["currency"], body["price_method"]) == ("GBP", "tax_included")
    assert (body["channel_type"], body["channel_name"]) == ("web", "commercetools")
    assert body["placed_at"] == "2025-03-01T09:00:00.000Z"
    (shipment,) = body["shipments"]
    assert shipment["shipping_option"] == {
        "service_level_identifier": "STANDARD",
        "fulfillment_node_id": "GB-01",
        "price": Decimal("0.00"),
        "tax": Decimal("0.00"),
    }
    first, second = shipment["items"]
    assert (first["external_item_id"], first["product_id"]) == ("li-a#1", "P-TEE")
    assert first["price"]["item_price"] == Decimal("50.00")
    assert second["price"]["item_price"] == Decimal("49.99")
    assert second["price"]["item_discount_info"][0]["price_adjustment"] == Decimal(
        "0.01"
    )
    assert second["extended_attributes"] == [
        {"name": "external_item_id", "value": "li-a#2"}
    ]


def test_the_address_is_written_in_newstores_words_and_nothing_empty() -> None:
    body = written(commerce_order(line()), injection(("li-a#1", "TEE")))
    assert body["shipping_address"] == {
        "first_name": "A",
        "address_line_1": "High St 1",
        "zip_code": "LS1 1AA",
        "city": "Leeds",
        "country": "GB",
    }
    assert "billing_address" not in body
    assert "shop" not in body
    assert body["shop_locale"] == "en-GB"


def test_settings_name_the_shop_and_the_service_level() -> None:
    body = written(
        commerce_order(line()),
        injection(("li-a#1", "TEE")),
        shop="storefront",
        service_level="EXPRESS",
    )
    assert body["shop"] == "storefront"
    option = body["shipments"][0]["shipping_option"]
    assert option["service_level_identifier"] == "EXPRESS"


def test_a_place_without_a_node_and_an_unknown_product_keep_their_names() -> None:
    order = commerce_order(line(sku="CAP"))
    body = written(order, injection(("li-a#1", "CAP"), place="PAR01"))
    assert body["shipments"][0]["items"][0]["product_id"] == "CAP"
    option = body["shipments"][0]["shipping_option"]
    assert option["fulfillment_node_id"] == "PAR01"


def test_shipping_goes_with_the_first_order_of_the_first_run_only() -> None:
    shipping = {
        "price": money(350),
        "taxedPrice": {"totalNet": money(292), "totalGross": money(350)},
    }
    order = commerce_order(line(), shippingInfo=shipping)
    prices = [
        written(order, injection(("li-a#1", "TEE"), run=run, part=part))["shipments"][
            0
        ]["shipping_option"]
        for run, part in ((1, 1), (1, 2), (2, 1))
    ]
    assert [(p["price"], p["tax"]) for p in prices] == [
        (Decimal("3.50"), Decimal("0.58")),
        (0, 0),
        (0, 0),
    ]


def test_a_discounted_shipping_costs_what_is_left_of_it() -> None:
    shipping = {"price": money(350), "discountedPrice": {"value": money(100)}}
    body = written(
        commerce_order(line(), shippingInfo=shipping), injection(("li-a#1", "TEE"))
    )
    assert body["shipments"][0]["shipping_option"]["price"] == Decimal("1.00")


def test_charges_count_and_only_without_them_what_was_authorised() -> None:
    for kinds, expected in (
        (("Authorization", "Charge"), ("captured", "psp-Charge")),
        (("Authorization",), ("authorized", "psp-Authorization")),
    ):
        info = {"payments": [payment(5000, *kinds)]}
        order = commerce_order(line(), paymentInfo=info)
        (paid,) = written(order, injection(("li-a#1", "TEE")))["payments"]
        assert (paid["type"], paid["correlation_ref"]) == expected
        assert (paid["processor"], paid["method"]) == ("stripe", "credit_card")
        assert paid["amount"] == Decimal("50.00")


def test_what_failed_or_is_not_expanded_was_not_paid() -> None:
    failed = payment(5000, "Charge")
    failed["obj"]["transactions"][0]["state"] = "Failure"
    bare = {"typeId": "payment", "id": "p-2"}
    order = commerce_order(line(), paymentInfo={"payments": [failed, bare]})
    assert written(order, injection(("li-a#1", "TEE")))["payments"] == []


def test_taxes_on_top_are_said_to_be_so() -> None:
    order = commerce_order(line(included=False, tax=1000))
    body = written(order, injection(("li-a#1", "TEE")))
    assert body["price_method"] == "tax_excluded"
    (tax,) = body["shipments"][0]["items"][0]["price"]["item_tax_lines"]
    assert tax == {
        "name": "UK VAT",
        "rate": Decimal("0.2"),
        "amount": Decimal("10.00"),
    }


def test_a_tax_without_portions_is_the_difference() -> None:
    plain = line(tax=800)
    del plain["taxedPrice"]["taxPortions"]
    (tax,) = written(commerce_order(plain), injection(("li-a#1", "TEE")))["shipments"][
        0
    ]["items"][0]["price"]["item_tax_lines"]
    assert tax["amount"] == Decimal("8.00")
    untaxed = line()
    del untaxed["taxedPrice"], untaxed["taxRate"]
    body = written(commerce_order(untaxed), injection(("li-a#1", "TEE")))
    assert body["shipments"][0]["items"][0]["price"]["item_tax_lines"] == []


@pytest.mark.parametrize(
    ("unit", "sku", "words"),
    [
        ("li-x#1", "TEE", "is not there"),
        ("li-a#2", "TEE", "is not there"),
        ("li-a#1", "CAP", "is TEE"),
    ],
)
def test_a_unit_that_the_order_lacks_is_said(unit: str, sku: str, words: str) -> None:
    with pytest.raises(Unsourceable, match=words) as raised:
        raw(commerce_order(line()), injection((unit, sku)))
    assert raised.value.reason == "order_changed"


LINES = st.lists(
    st.tuples(st.integers(1, 7), st.integers(0, 9999), st.integers(0, 500)),
    min_size=1,
    max_size=4,
)


@given(
    LINES,
    st.sampled_from(["JPY", "GBP", "KWD"]),
    st.integers(0, 3000),
    st.integers(0, 999),
    st.booleans(),
    st.integers(1, 3),
)
def test_all_amounts_add_up_however_an_order_is_divided(
    drawn: list[tuple[int, int, int]],
    currency: str,
    off: int,
    to_ship: int,
    included: bool,
    places: int,
) -> None:
    lines = _lines(drawn, currency, included=included)
    total = sum(one["totalPrice"]["centAmount"] for one in lines)
    off = min(off, total)
    paid = total - off + to_ship
    order = commerce_order(
        *lines,
        currency=currency,
        discountOnTotalPrice={"discountedAmount": money(off, currency)},
        shippingInfo={"price": money(to_ship, currency)},
        paymentInfo={"payments": [payment(paid, "Charge", currency=currency)]},
    )
    names = [
        f"li-{i}#{n}" for i, (q, _, _) in enumerate(drawn) for n in range(1, q + 1)
    ]
    parts = [names[start::places] for start in range(places) if names[start::places]]
    bodies = []
    for number, part in enumerate(parts, 1):
        owed = injection(*((name, "TEE") for name in part), part=number)
        assert raw(order, owed) == raw(order, owed)
        bodies.append(written(order, owed))
    sums = _sums(bodies)
    unit = Decimal(1).scaleb(-digits_of(currency))
    expected = {
        f"li-{i}": one["totalPrice"]["centAmount"] * unit for i, one in enumerate(lines)
    }
    assert {k: v for k, v in sums.items() if k.startswith("li-")} == expected
    assert sums["tax"] == sum(d for _, _, d in drawn) * unit
    assert sums["order_discount"] == off * unit
    assert sums["shipping"] == to_ship * unit
    assert sums["paid"] == paid * unit


def _lines(
    drawn: list[tuple[int, int, int]], currency: str, *, included: bool
) -> list[Json]:
    """Return lines of quantity, price and tax."""
    return [
        line(
            f"li-{i}",
            "TEE",
            q,
            each=c,
            total=c * q - min(d, c * q),
            tax=d,
            currency=currency,
            included=included,
        )
        for i, (q, c, d) in enumerate(drawn)
    ]


def _sums(bodies: list[Json]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for body in bodies:
        sums["paid"] += sum(p["amount"] for p in body["payments"])
        for shipment in body["shipments"]:
            sums["shipping"] += shipment["shipping_option"]["price"]
            for item in shipment["items"]:
                price = item["price"]
                sums[item["external_item_id"].partition("#")[0]] += price["item_price"]
                sums["tax"] += sum(t["amount"] for t in price["item_tax_lines"])
                sums["order_discount"] += sum(
                    d["price_adjustment"] for d in price["item_order_discount_info"]
                )
    return sums


@given(LINES, st.sampled_from(["JPY", "GBP", "KWD"]), st.integers(0, 3000))
def test_no_amount_has_more_decimals_than_newstore_takes(
    drawn: list[tuple[int, int, int]], currency: str, off: int
) -> None:
    lines = [
        line(
            f"li-{i}",
            "TEE",
            q,
            each=c,
            total=c * q - min(d, c * q),
            tax=d,
            currency=currency,
        )
        for i, (q, c, d) in enumerate(drawn)
    ]
    discount = {"discountedAmount": money(off, currency)}
    paid = payment(12345, "Charge", currency=currency)
    order = commerce_order(
        *lines,
        currency=currency,
        discountOnTotalPrice=discount,
        paymentInfo={"payments": [paid]},
    )
    units = [
        (f"li-{i}#{n}", "TEE")
        for i, (q, _, _) in enumerate(drawn)
        for n in range(1, q + 1)
    ]
    sandbox = Sandbox(SandboxConfig(nodes=(Node("GB-01"),)))
    taken = sandbox.inject(raw(order, injection(*units)))
    assert len(taken.unit_ids) == len(units)
    assert sandbox.inject(raw(order, injection(*units))) == taken
