"""Faults on all that is traded: before the write, after it, or in between."""

from collections.abc import Callable

import msgspec
import pytest

from streams.sandbox.commercetools import FaultKind, Sandbox
from streams.sandbox.commercetools.faults import read_rule
from streams.sandbox.commercetools.messages import Answer
from tests.sandbox.support import Caller, sandbox_with_clock, update
from tests.sandbox.trade_support import Fields, action

MONEY = {"currencyCode": "EUR", "centAmount": 1999}


def an_order(sandbox: Sandbox) -> tuple[str, Fields]:
    order = sandbox.place_order([{"sku": "A"}], order_number="W-1", mode="None")
    return f"orders/{order.id}", action("addDelivery", deliveryKey="ns-1")


def an_order_by_number(sandbox: Sandbox) -> tuple[str, Fields]:
    an_order(sandbox)
    return "orders/order-number=W-1", action("addDelivery", deliveryKey="ns-1")


def a_payment(sandbox: Sandbox) -> tuple[str, Fields]:
    payment = sandbox.create_payment({"amountPlanned": MONEY})
    transaction = {"type": "Refund", "amount": MONEY}
    change = action("addTransaction", transaction=transaction)
    return f"payments/{payment.id}", change


def a_customer(sandbox: Sandbox) -> tuple[str, Fields]:
    draft = {"email": "a@b.de", "authenticationMode": "ExternalAuth"}
    customer = sandbox.create_customer(draft)
    return f"customers/{customer.id}", action("setExternalId", externalId="NS-1")


def a_cart(sandbox: Sandbox) -> tuple[str, Fields]:
    cart = sandbox.create_cart({"currency": "EUR"})
    return f"carts/{cart.id}", action("addLineItem", sku="A")


MAKERS = [an_order, an_order_by_number, a_payment, a_customer, a_cart]
Maker = Callable[[Sandbox], tuple[str, Fields]]


class Client:
    """Updates one resource over the API while faults strike."""

    def __init__(self, maker: Maker) -> None:
        self.sandbox, _ = sandbox_with_clock()
        path, self.change = maker(self.sandbox)
        self.path = f"/oneshelf/{path}"
        self.caller = Caller(self.sandbox)

    def rule(self, kind: FaultKind, **fields: object) -> None:
        self.sandbox.faults.add(read_rule({"kind": kind, "count": 1, **fields}))

    def post(self, version: int = 1) -> Answer:
        body = msgspec.json.encode(update(version, self.change))
        strike = self.sandbox.faults.draw("POST", self.path)
        return self.caller.ask("POST", self.path, body, strike)

    def version(self) -> int:
        body = self.caller.ask("GET", self.path).body
        assert isinstance(body, dict)
        return int(body["version"])


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(("when", "version"), [("before", 1), ("after", 2)])
@pytest.mark.parametrize("kind", [FaultKind.FAILURE, FaultKind.DROP])
def test_a_failure_comes_before_or_after_the_write(
    maker: Maker, when: str, version: int, kind: FaultKind
) -> None:
    client = Client(maker)
    said = len(client.sandbox.messages)
    client.rule(kind, when=when, status=502)
    answer = client.post()
    assert answer.is_dropped if kind is FaultKind.DROP else answer.status == 502
    assert client.version() == version
    is_said = len(client.sandbox.messages) > said
    assert is_said is (when == "after" and maker is not a_cart)
    # The blind repeat: taken once, whatever happened.
    assert client.post().status == (200 if version == 1 else 409)
    assert client.version() == 2


@pytest.mark.parametrize("maker", MAKERS)
def test_a_conflict_is_another_client_that_wrote_just_before(maker: Maker) -> None:
    client = Client(maker)
    client.rule(FaultKind.CONFLICT)
    assert client.post().status == 409
    assert client.version() == 2
    write = client.sandbox.journal.read()[-1]
    assert (write.kind, write.client_id) == ("intrusion", "another-client")
    assert client.post(2).status == 200


@pytest.mark.parametrize("maker", MAKERS)
def test_a_storm_is_a_429_that_writes_nothing(maker: Maker) -> None:
    client = Client(maker)
    client.rule(FaultKind.RATE_LIMIT, retryAfterS=2)
    answer = client.post()
    assert (answer.status, list(answer.headers)) == (429, [("Retry-After", "2")])
    assert client.version() == 1


@pytest.mark.parametrize("path", ["orders", "orders/import", "payments", "customers"])
@pytest.mark.parametrize(("when", "count"), [("before", 0), ("after", 1)])
def test_a_creation_may_fail_and_still_have_happened(
    path: str, when: str, count: int
) -> None:
    sandbox, _ = sandbox_with_clock()
    cart = sandbox.create_cart(
        {
            "currency": "EUR",
            "lineItems": [{"sku": "A"}],
            "shippingAddress": {"country": "DE"},
        }
    )
    price = {"value": MONEY}
    line = {
        "name": {"en": "A"},
        "variant": {"sku": "A"},
        "quantity": 1,
        "price": price,
    }
    drafts: dict[str, Fields] = {
        "orders": {"cart": {"typeId": "cart", "id": cart.id}, "version": 1},
        "orders/import": {"totalPrice": MONEY, "lineItems": [line]},
        "payments": {"amountPlanned": MONEY},
        "customers": {"email": "a@b.de", "authenticationMode": "ExternalAuth"},
    }
    rule = {"kind": "failure", "status": 500, "when": when, "count": 1}
    sandbox.faults.add(read_rule(rule))
    target = f"/oneshelf/{path}"
    strike = sandbox.faults.draw("POST", target)
    body = msgspec.json.encode(drafts[path])
    assert Caller(sandbox).ask("POST", target, body, strike).status == 500
    collections = (sandbox.orders, sandbox.payments, sandbox.customers)
    assert sum(len(each) for each in collections) == count


def test_a_conflict_leaves_creations_alone() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.faults.add(read_rule({"kind": "conflict"}))
    for path in ("orders", "orders/import", "payments", "customers", "subscriptions/x"):
        assert sandbox.faults.draw("POST", f"/oneshelf/{path}").conflicts == ()
    assert sandbox.faults.draw("POST", "/oneshelf/orders/x").conflicts == (0,)
