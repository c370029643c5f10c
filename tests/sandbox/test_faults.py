"""Faults on demand, without HTTP: which requests they strike, how often, and how."""

import json

import pytest

from streams.sandbox.commercetools import FaultKind, FaultRule, Sandbox, SandboxConfig
from streams.sandbox.commercetools.errors import ApiError
from streams.sandbox.commercetools.faults import NO_STRIKE, read_rule
from streams.sandbox.commercetools.inventory import InventoryEntry
from streams.sandbox.commercetools.messages import Answer
from tests.sandbox.support import (
    Caller,
    add,
    entry_draft,
    latest,
    sandbox_with_clock,
    update,
)

UPDATE = "/oneshelf/inventory/x"


class Shop:
    """A sandbox with one entry, a caller, and updates of it."""

    def __init__(self) -> None:
        self.sandbox, _ = sandbox_with_clock()
        self.held = self.sandbox.create_entry(entry_draft(quantity=10))
        self.caller = Caller(self.sandbox)

    def rule(self, kind: FaultKind, **fields: object) -> int:
        return self.sandbox.faults.add(read_rule({"kind": kind, **fields}))

    def add_one(self, version: int = 1) -> Answer:
        path = f"/oneshelf/inventory/{self.held.id}"
        strike = self.sandbox.faults.draw("POST", path)
        body = json.dumps(update(version, add(1))).encode()
        return self.caller.ask("POST", path, body, strike)

    def entry(self) -> InventoryEntry:
        return latest(self.sandbox, self.held)


def test_without_rules_nothing_strikes() -> None:
    sandbox, _ = sandbox_with_clock()
    assert sandbox.faults.draw("POST", UPDATE) is NO_STRIKE


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "General"),
        (502, "BadGateway"),
        (503, "OverCapacity"),
        (504, "GatewayTimeout"),
    ],
)
def test_a_failure_before_the_write_has_not_written(status: int, code: str) -> None:
    shop = Shop()
    shop.rule(FaultKind.FAILURE, status=status, count=1)
    answer = shop.add_one()
    assert answer.status == status
    assert isinstance(answer.body, dict)
    assert answer.body["errors"][0]["code"] == code
    assert shop.entry() == shop.held
    assert shop.add_one().status == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_after_the_write_has_written(status: int) -> None:
    shop = Shop()
    shop.rule(FaultKind.FAILURE, status=status, when="after", count=1)
    assert shop.add_one().status == status
    assert (shop.entry().quantity_on_stock, shop.entry().version) == (11, 2)
    assert shop.add_one().status == 409


@pytest.mark.parametrize(("when", "quantity"), [("before", 10), ("after", 11)])
def test_a_connection_drops_before_or_after_the_write(when: str, quantity: int) -> None:
    shop = Shop()
    shop.rule(FaultKind.DROP, when=when, count=1)
    assert shop.add_one().is_dropped
    assert shop.entry().quantity_on_stock == quantity


def test_a_failure_after_leaves_a_refusal_as_it_is() -> None:
    shop = Shop()
    shop.rule(FaultKind.FAILURE, status=500, when="after")
    assert shop.add_one(version=7).status == 409


def test_a_failure_may_be_a_page_and_say_when_to_come_back() -> None:
    shop = Shop()
    shop.rule(FaultKind.FAILURE, page="html", retryAfterS=7, count=1)
    answer = shop.add_one()
    content_type, payload = answer.payload()
    assert content_type.startswith("text/html")
    assert payload.startswith(b"<!DOCTYPE html>")
    assert list(answer.headers) == [("Retry-After", "7")]


def test_a_conflict_is_another_client_that_wrote_just_before() -> None:
    shop = Shop()
    shop.rule(FaultKind.CONFLICT, quantity=-3, count=1)
    answer = shop.add_one()
    assert answer.status == 409
    entry = shop.entry()
    assert (entry.version, entry.quantity_on_stock) == (2, 7)
    write = shop.sandbox.journal.read()[-1]
    assert (write.kind, write.client_id, write.delta) == (
        "intrusion",
        "another-client",
        -3,
    )
    assert shop.add_one(version=2).status == 200


def test_a_conflict_without_quantity_only_moves_the_version() -> None:
    shop = Shop()
    shop.rule(FaultKind.CONFLICT, count=2)
    assert [shop.add_one(version).status for version in (1, 2, 3)] == [409, 409, 200]
    assert (shop.entry().version, shop.entry().quantity_on_stock) == (4, 11)


def test_a_conflict_concerns_updates_of_entries_only() -> None:
    sandbox, _ = sandbox_with_clock()
    number = sandbox.faults.add(FaultRule(kind=FaultKind.CONFLICT))
    for method, path in (
        ("GET", UPDATE),
        ("POST", "/oneshelf/inventory"),
        ("POST", "/oneshelf/channels/x"),
        ("POST", "/oauth/token"),
    ):
        sandbox.faults.draw(method, path)
    assert sandbox.faults.hits(number) == 0
    sandbox.faults.draw("POST", UPDATE)
    sandbox.faults.draw("DELETE", UPDATE)
    assert sandbox.faults.hits(number) == 2


def test_a_conflict_on_an_unknown_entry_writes_nothing() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.faults.add(FaultRule(kind=FaultKind.CONFLICT))
    strike = sandbox.faults.draw("POST", UPDATE)
    body = json.dumps(update(1)).encode()
    assert Caller(sandbox).ask("POST", UPDATE, body, strike).status == 404
    assert len(sandbox.journal) == 0


def test_a_rate_limit_storm_says_how_long_to_wait() -> None:
    shop = Shop()
    shop.rule(FaultKind.RATE_LIMIT, retryAfterS=2.1, count=1)
    answer = shop.add_one()
    assert answer.status == 429
    assert list(answer.headers) == [("Retry-After", "3")]
    assert shop.entry() == shop.held


def test_a_revoked_token_is_refused_and_stays_revoked() -> None:
    shop = Shop()
    shop.rule(FaultKind.REVOKE_TOKEN, count=1)
    assert [shop.add_one().status for _ in range(2)] == [401, 401]
    shop.caller = Caller(shop.sandbox)
    assert shop.add_one().status == 200


def test_a_rule_strikes_its_methods_and_paths_only() -> None:
    sandbox, _ = sandbox_with_clock()
    rule = FaultRule(kind=FaultKind.FAILURE, methods=("POST",), path=r"/inventory/\w+$")
    number = sandbox.faults.add(rule)
    for method, path, struck in (
        ("POST", UPDATE, True),
        ("GET", UPDATE, False),
        ("POST", "/oneshelf/inventory", False),
        ("POST", "/oauth/token", False),
    ):
        strike = sandbox.faults.draw(method, path)
        assert (strike.before == rule) is struck
    assert sandbox.faults.hits(number) == 1


def test_a_count_strikes_the_next_requests_and_no_more() -> None:
    sandbox, _ = sandbox_with_clock()
    number = sandbox.faults.add(FaultRule(kind=FaultKind.FAILURE, count=2))
    struck = [sandbox.faults.draw("GET", "/").before is not None for _ in range(4)]
    assert struck == [True, True, False, False]
    assert sandbox.faults.hits(number) == 2
    assert sandbox.faults.bodies() == []


def test_a_probability_strikes_its_share_the_same_for_the_same_seed() -> None:
    def struck(seed: int, probability: float) -> list[bool]:
        sandbox = Sandbox(SandboxConfig(seed=seed))
        sandbox.faults.add(FaultRule(kind=FaultKind.FAILURE, probability=probability))
        return [sandbox.faults.draw("GET", "/").before is not None for _ in range(1000)]

    assert struck(1, 0.3) == struck(1, 0.3) != struck(2, 0.3)
    # With this seed; 1000 draws at 0.3 lie within 5 deviations of 300.
    assert 230 < sum(struck(1, 0.3)) < 370
    assert not any(struck(1, 0.0))
    assert all(struck(1, 1.0))


def test_latencies_add_up_before_and_after_the_work() -> None:
    sandbox, _ = sandbox_with_clock()
    for when, latency in (("before", 1.0), ("before", 0.5), ("after", 2.0)):
        rule = {"kind": "latency", "when": when, "latencyS": latency}
        sandbox.faults.add(read_rule(rule))
    strike = sandbox.faults.draw("GET", "/")
    assert (strike.delay_before_s, strike.delay_after_s) == (1.5, 2.0)


def test_jitter_lies_within_its_bounds() -> None:
    sandbox, _ = sandbox_with_clock()
    sandbox.faults.add(FaultRule(kind=FaultKind.LATENCY, latency_s=1.0, jitter_s=0.5))
    delays = [sandbox.faults.draw("GET", "/").delay_before_s for _ in range(100)]
    assert min(delays) >= 1.0
    assert max(delays) <= 1.5
    assert len(set(delays)) > 50


def test_a_removed_rule_strikes_no_more() -> None:
    sandbox, _ = sandbox_with_clock()
    first = sandbox.faults.add(FaultRule(kind=FaultKind.FAILURE))
    second = sandbox.faults.add(FaultRule(kind=FaultKind.DROP))
    assert sandbox.faults.remove(first)
    assert not sandbox.faults.remove(first)
    assert [body["id"] for body in sandbox.faults.bodies()] == [second]
    sandbox.faults.clear()
    assert sandbox.faults.draw("GET", "/") is NO_STRIKE


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "fire"},
        {"kind": "failure", "status": 404},
        {"kind": "failure", "when": "during"},
        {"kind": "failure", "probability": 1.1},
        {"kind": "failure", "probability": -0.1},
        {"kind": "failure", "count": 0},
        {"kind": "latency", "latencyS": -1},
        {"kind": "latency", "latencyS": 121},
        {"kind": "failure", "chance": 1},
        {"kind": "failure", "page": "xml"},
    ],
)
def test_a_wrong_rule_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ApiError) as raised:
        read_rule(rule)
    assert raised.value.status == 400


def test_a_path_that_is_no_expression_is_refused() -> None:
    sandbox, _ = sandbox_with_clock()
    with pytest.raises(ApiError):
        sandbox.faults.add(FaultRule(kind=FaultKind.FAILURE, path="("))
    assert sandbox.faults.bodies() == []


def test_a_fault_does_not_change_the_ids_that_are_drawn() -> None:
    def ids(*, with_fault: bool) -> list[str]:
        sandbox, _ = sandbox_with_clock()
        if with_fault:
            sandbox.faults.add(FaultRule(kind=FaultKind.FAILURE, probability=0.5))
        for number in range(3):
            sandbox.faults.draw("POST", "/oneshelf/inventory")
            sandbox.create_entry(entry_draft(f"SKU-{number}"))
        return [entry.id for entry in sandbox.inventory.walk()]

    assert ids(with_fault=True) == ids(with_fault=False)
