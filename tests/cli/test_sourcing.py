"""`oneshelf source --dry-run`: the decision as it would be now, with its numbers."""

import json

import pytest

import streams.reference
from streams.domain.reference import Reference
from streams.settings import Settings
from tests.cli.conftest import Run
from tests.support.orders import Book, book, line, placed
from tests.support.sourcing import rules
from tests.web.conftest import Worker
from tests.web.test_orders import FakeOrders


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the places from memory: there is no broker here."""

    async def known(_settings: Settings) -> Reference:
        return rules().reference

    monkeypatch.setattr(streams.reference, "known_reference", known)


def order_of(*skus: str) -> Book:
    lines = [line(f"l{i}", sku) for i, sku in enumerate(skus, 1)]
    return book(placed(*lines))


def test_the_decision_is_explained_with_its_numbers(
    shell: Run, orders: FakeOrders, worker: Worker
) -> None:
    orders.put(order_of("TEE", "CAP").order)
    worker.ledger.put("TEE", "LDN01", on_hand=5, reserved=5)
    worker.ledger.put("TEE", "PAR01", on_hand=3)
    worker.ledger.put("CAP", "PAR01", on_hand=2, safety_stock=1)

    said = shell("source", "W-1", "--dry-run", broker="127.0.0.1:1")

    assert (said.code, said.err) == (0, "")
    assert "l1#1 from PAR01" in said.out
    assert "2 from PAR01, the first place that has the whole order" in said.out
    rows = [
        " ".join(r.replace("│", " ").replace("┃", " ").split())
        for r in said.out.splitlines()
    ]
    assert "LDN01 TEE 1 0 none" in rows
    assert "PAR01 CAP 1 1 chosen" in rows


def test_the_numbers_are_for_machines_too(
    shell: Run, orders: FakeOrders, worker: Worker
) -> None:
    orders.put(order_of("TEE").order)
    worker.ledger.put("TEE", "LDN01", on_hand=1)

    said = shell("source", "W-1", "--dry-run", "--json", broker="127.0.0.1:1")

    trial = json.loads(said.out)
    assert trial["places"] == {"l1#1": "LDN01"}
    assert trial["looks"][0] == {
        "location_id": "LDN01",
        "sku": "TEE",
        "needed": 1,
        "available": 1,
        "verdict": "chosen",
    }


def test_an_order_without_a_place_is_exit_code_1(
    shell: Run, orders: FakeOrders, worker: Worker
) -> None:
    orders.put(order_of("TEE").order)
    worker.ledger.put("TEE", "LDN01", on_hand=0)

    said = shell("source", "W-1", "--dry-run", broker="127.0.0.1:1")

    assert said.code == 1
    assert "No place for l1#1: the order would be excepted." in said.out


def test_an_unknown_order_is_said(shell: Run) -> None:
    said = shell("source", "W-404", "--dry-run", broker="127.0.0.1:1")

    assert said.code == 1
    assert "No order of this number has been recorded." in said.err


def test_nothing_but_a_dry_run_can_be_asked_for(shell: Run) -> None:
    said = shell("source", "W-1")

    assert said.code == 2
    assert "Add --dry-run" in said.err
