"""The API without HTTP: addresses, pages, and the shape of what is refused."""

import json

import pytest

from streams.sandbox.commercetools import Sandbox, SandboxConfig
from streams.sandbox.commercetools.messages import Answer
from tests.sandbox.support import (
    Caller,
    add,
    entry_draft,
    lagging,
    sandbox_with_clock,
    stock_type_draft,
    supplied_by,
    update,
)


def page(answer: Answer) -> dict[str, object]:
    assert answer.status == 200
    assert isinstance(answer.body, dict)
    return answer.body


def results(answer: Answer) -> list[dict[str, object]]:
    found = page(answer)["results"]
    assert isinstance(found, list)
    return found


def code_of(answer: Answer) -> object:
    assert isinstance(answer.body, dict)
    assert answer.body["statusCode"] == answer.status
    (error,) = answer.body["errors"]
    assert answer.body["message"] == error["message"]
    return error["code"]


def filled(count: int) -> tuple[Sandbox, Caller]:
    sandbox, _ = sandbox_with_clock()
    for number in range(count):
        sandbox.create_entry(entry_draft(f"SKU-{number:04}", number % 7))
    return sandbox, Caller(sandbox)


def test_an_entry_is_created_read_updated_and_deleted() -> None:
    sandbox, _ = sandbox_with_clock()
    caller = Caller(sandbox)
    draft = json.dumps(entry_draft(key="one")).encode()
    created = caller.ask("POST", "/oneshelf/inventory", draft)
    assert created.status == 201
    assert isinstance(created.body, dict)
    entry_id = created.body["id"]
    for path in (f"/oneshelf/inventory/{entry_id}", "/oneshelf/inventory/key=one"):
        assert caller.ask("GET", path).body == created.body
        assert caller.ask("HEAD", path) == Answer(200)
    body = json.dumps(update(1, add(1))).encode()
    updated = caller.ask("POST", "/oneshelf/inventory/key=one", body)
    assert isinstance(updated.body, dict)
    assert (updated.status, updated.body["quantityOnStock"]) == (200, 11)
    assert updated.body["lastModifiedBy"] == {"clientId": "sandbox-client"}
    deleted = caller.ask("DELETE", f"/oneshelf/inventory/{entry_id}?version=2")
    assert (deleted.status, deleted.body) == (200, updated.body)
    assert caller.ask("HEAD", f"/oneshelf/inventory/{entry_id}").status == 404


def test_the_journal_names_the_client_and_the_correlation_id() -> None:
    sandbox, _ = sandbox_with_clock()
    draft = json.dumps(entry_draft()).encode()
    Caller(sandbox).ask("POST", "/oneshelf/inventory", draft)
    (write,) = sandbox.journal.read()
    assert (write.client_id, write.correlation_id) == ("sandbox-client", "test")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/oneshelf/inventory/none?version=1", 404),
        ("/oneshelf/inventory/key=one", 400),
        ("/oneshelf/inventory/key=one?version=", 400),
        ("/oneshelf/inventory/key=one?version=x", 400),
        ("/oneshelf/inventory/key=one?version=-1", 400),
        ("/oneshelf/inventory/key=one?version=0", 409),
        ("/oneshelf/inventory/key=one?version=2", 409),
        ("/oneshelf/inventory/key=one?version=1", 200),
        ("/oneshelf/inventory", 404),
        ("/oneshelf/channels/none?version=1", 404),
    ],
)
def test_a_deletion_needs_an_entry_and_its_version(target: str, status: int) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft(key="one"))
    assert Caller(sandbox).ask("DELETE", target).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/oneshelf"),
        ("GET", "/oneshelf/products"),
        ("GET", "/oneshelf/inventory/one/two"),
        ("GET", "/oneshelf/inventory/one/two/three"),
        ("PUT", "/oneshelf/inventory"),
        ("PUT", "/oneshelf/inventory/key=one"),
        ("POST", "/oneshelf/products"),
        ("POST", "/oneshelf/messages/none"),
        ("GET", "/oauth/token"),
        ("GET", "/oneshelf/inventory/key=two"),
        ("GET", "/oneshelf/inventory/two"),
    ],
)
def test_what_is_not_there_is_not_found(method: str, path: str) -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.create_entry(entry_draft(key="one"))
    answer = Caller(sandbox).ask(method, path, b"{}")
    assert (answer.status, code_of(answer)) == (404, "ResourceNotFound")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_a_body_that_is_no_json_object_is_invalid_json(body: bytes) -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    caller = Caller(sandbox)
    for path in ("inventory", f"inventory/{held.id}", "channels", "types"):
        answer = caller.ask("POST", f"/oneshelf/{path}", body)
        assert (answer.status, code_of(answer)) == (400, "InvalidJsonInput")


def test_a_conflict_names_the_current_version_in_the_body() -> None:
    sandbox, _ = sandbox_with_clock()
    held = sandbox.create_entry(entry_draft())
    body = json.dumps(update(5, add(1))).encode()
    answer = Caller(sandbox).ask("POST", f"/oneshelf/inventory/{held.id}", body)
    assert answer.status == 409
    assert isinstance(answer.body, dict)
    (error,) = answer.body["errors"]
    assert error["code"] == "ConcurrentModification"
    assert error["currentVersion"] == 1


def test_a_page_has_20_entries_unless_asked_and_says_how_many_there_are() -> None:
    _, caller = filled(25)
    first = page(caller.ask("GET", "/oneshelf/inventory"))
    assert (first["limit"], first["offset"], first["count"]) == (20, 0, 20)
    assert first["total"] == 25
    rest = page(caller.ask("GET", "/oneshelf/inventory?offset=20&limit=500"))
    assert (rest["count"], rest["offset"], rest["limit"]) == (5, 20, 500)
    without = page(caller.ask("GET", "/oneshelf/inventory?withTotal=false&limit=0"))
    assert (without["count"], without["results"]) == (0, [])
    assert "total" not in without


@pytest.mark.parametrize(
    "query",
    [
        "limit=501",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=99999999999999999999",
        "offset=10001",
        "offset=-1",
        "withTotal=maybe",
        "sort=colour asc",
        "sort=id upwards",
        "sort=custom asc",
        "sort=supplyChannel asc",
        "where=colour=1",
    ],
)
def test_a_query_out_of_bounds_is_invalid_input(query: str) -> None:
    _, caller = filled(1)
    answer = caller.ask("GET", f"/oneshelf/inventory?{query.replace(' ', '%20')}")
    assert (answer.status, code_of(answer)) == (400, "InvalidInput")


@pytest.mark.parametrize("query", ["limit=500", "offset=10000", "expand=supplyChannel"])
def test_a_query_at_its_bounds_is_answered(query: str) -> None:
    _, caller = filled(1)
    assert caller.ask("GET", f"/oneshelf/inventory?{query}").status == 200


def test_results_are_sorted_as_asked() -> None:
    _, caller = filled(15)
    by_sku = results(caller.ask("GET", "/oneshelf/inventory?sort=sku+desc"))
    assert [e["sku"] for e in by_sku] == [f"SKU-{n:04}" for n in range(14, -1, -1)]
    query = "sort=quantityOnStock+asc&sort=sku+desc&withTotal=false"
    by_two = results(caller.ask("GET", f"/oneshelf/inventory?{query}"))
    assert [(e["quantityOnStock"], e["sku"]) for e in by_two[:4]] == [
        (0, "SKU-0014"),
        (0, "SKU-0007"),
        (0, "SKU-0000"),
        (1, "SKU-0008"),
    ]
    by_id = results(caller.ask("GET", "/oneshelf/inventory?sort=id"))
    assert [e["id"] for e in by_id] == sorted(str(e["id"]) for e in by_id)


def test_a_field_that_some_lack_can_be_sorted_by() -> None:
    sandbox, _ = sandbox_with_clock()
    for sku, key in (("a", "k2"), ("b", None), ("c", "k1")):
        sandbox.create_entry(entry_draft(sku, key=key))
    found = results(Caller(sandbox).ask("GET", "/oneshelf/inventory?sort=key"))
    assert [e["sku"] for e in found] == ["b", "c", "a"]


@pytest.mark.parametrize("total", ["true", "false"])
def test_a_scan_by_id_meets_every_entry_once(total: str) -> None:
    sandbox, caller = filled(130)
    last, met = "", []
    while True:
        query = f'where=id+>+"{last}"&sort=id+asc&limit=50&withTotal={total}'
        found = results(caller.ask("GET", f"/oneshelf/inventory?{query}"))
        if not found:
            break
        met += [e["id"] for e in found]
        last = str(met[-1])
    assert met == [entry.id for entry in sandbox.inventory.walk()]
    assert len(met) == 130


def test_entries_are_found_by_sku_and_channel() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "LDN01"})
    wanted = sandbox.create_entry(entry_draft(supplyChannel=supplied_by("LDN01")))
    without = sandbox.create_entry(entry_draft())
    caller = Caller(sandbox)
    query = f"where=sku=:s+and+supplyChannel(id=:c)&var.s=SHIRT-M&var.c={channel.id}"
    (found,) = results(caller.ask("GET", f"/oneshelf/inventory?{query}"))
    assert found["id"] == wanted.id
    query = 'where=sku="SHIRT-M"&where=supplyChannel+is+not+defined'
    (found,) = results(caller.ask("GET", f"/oneshelf/inventory?{query}"))
    assert found["id"] == without.id
    assert not results(caller.ask("GET", '/oneshelf/inventory?where=sku="none"'))


def test_head_tells_whether_any_entry_matches() -> None:
    _, caller = filled(3)
    head = '/oneshelf/inventory?where=sku="SKU-000{}"'
    assert caller.ask("HEAD", head.format(1)) == Answer(200)
    assert caller.ask("HEAD", head.format(9)) == Answer(404)


def test_channels_and_types_are_read_by_key_and_by_query() -> None:
    sandbox, _ = sandbox_with_clock()
    channel = sandbox.create_channel({"key": "Store 12/a"})
    stock = sandbox.create_type(stock_type_draft())
    caller = Caller(sandbox)
    by_key = caller.ask("GET", "/oneshelf/channels/key=Store%2012%2Fa")
    assert page(by_key)["id"] == channel.id
    query = 'where=roles+contains+any+("InventorySupply")'
    (found,) = results(caller.ask("GET", f"/oneshelf/channels?{query}"))
    assert found["key"] == "Store 12/a"
    assert page(caller.ask("GET", "/oneshelf/types/key=stock"))["id"] == stock.id
    action = {"action": "addRoles", "roles": ["Primary"]}
    body = json.dumps(update(1, action)).encode()
    answer = caller.ask("POST", f"/oneshelf/channels/{channel.id}", body)
    assert page(answer)["roles"] == ["InventorySupply", "Primary"]
    unknown = json.dumps(update(2, {"action": "setAddress"})).encode()
    answer = caller.ask("POST", f"/oneshelf/channels/{channel.id}", unknown)
    assert code_of(answer) == "InvalidInput"


def test_orders_are_imported_and_read_by_number() -> None:
    sandbox, clock = sandbox_with_clock(lagging(1))
    held = sandbox.create_entry(entry_draft())
    caller = Caller(sandbox)
    price = {"currencyCode": "EUR", "centAmount": 1}
    draft = {
        "orderNumber": "W/1",
        "totalPrice": price,
        "inventoryMode": "TrackOnly",
        "lineItems": [
            {
                "name": {"en": "Shirt"},
                "variant": {"sku": "SHIRT-M"},
                "quantity": 4,
                "price": {"value": price},
            }
        ],
    }
    created = caller.ask("POST", "/oneshelf/orders/import", json.dumps(draft).encode())
    assert created.status == 201
    read = caller.ask("GET", "/oneshelf/orders/order-number=W%2F1")
    assert read.body == created.body
    clock.move(1)
    entry = page(caller.ask("GET", f"/oneshelf/inventory/{held.id}"))
    assert (entry["quantityOnStock"], entry["version"]) == (6, 2)
    # The platform's own write has no client.
    assert entry["lastModifiedBy"] == {}


def test_more_requests_than_the_limit_are_told_to_wait() -> None:
    config = SandboxConfig(requests_per_second=0.5, requests_burst=2)
    sandbox, clock = sandbox_with_clock(config)
    caller = Caller(sandbox)
    statuses = [caller.ask("GET", "/oneshelf/inventory").status for _ in range(3)]
    assert statuses == [200, 200, 429]
    answer = caller.ask("GET", "/oneshelf/inventory")
    assert list(answer.headers) == [("Retry-After", "2")]
    clock.move(1.999)
    assert caller.ask("GET", "/oneshelf/inventory").status == 429
    clock.move(0.001)
    assert caller.ask("GET", "/oneshelf/inventory").status == 200
    # A pause fills the bucket, but no higher than the burst.
    clock.move(1000)
    statuses = [caller.ask("GET", "/oneshelf/inventory").status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_tokens_are_not_rate_limited() -> None:
    config = SandboxConfig(requests_per_second=0.5, requests_burst=1)
    sandbox, _ = sandbox_with_clock(config)
    caller = Caller(sandbox)
    assert caller.ask("GET", "/oneshelf/inventory").status == 200
    caller.authorization = None
    assert caller.ask("POST", "/oauth/token").status == 401


@pytest.mark.parametrize(("rate", "burst"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_a_limit_that_lets_nothing_pass_is_refused(rate: float, burst: int) -> None:
    config = SandboxConfig(requests_per_second=rate, requests_burst=burst)
    with pytest.raises(ValueError, match="must be positive"):
        Sandbox(config)


def test_responses_are_counted_by_status() -> None:
    sandbox, caller = filled(1)
    caller.ask("GET", "/oneshelf/inventory")
    caller.ask("GET", "/oneshelf/nothing")
    caller.ask("GET", "/oneshelf/nothing")
    assert sandbox.responses == {200: 1, 404: 2}
