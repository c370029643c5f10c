"""The whole demo as people start it: a short day must end exact on either broker."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

TIMEOUT_S = 280


def run_demo(broker: str, orders: int) -> dict[str, Any]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ONESHELF_")
    }
    if broker:
        environment["ONESHELF_BROKER"] = broker
    command = [sys.executable, "-m", "streams.cli", "demo"]
    ended = subprocess.run(  # noqa: S603 - our own arguments
        [*command, "--json", "--seconds", "6", "--seed", "5", "--orders", str(orders)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


def assert_exact(said: dict[str, Any]) -> None:
    assert said["exact"] is True
    assert all(check["differences"] == 0 for check in said["checks"].values())
    assert {"GET /v1/availability = oracle", "commercetools = oracle"} < set(
        said["checks"]
    )
    assert said["worker_restarts"] >= 1
    assert said["duplicates_recognised"] > 0
    assert said["re-driven"] == 3
    assert said["store_sales"] > 0
    assert said["web_orders_won"] > 0
    assert said["latency_p50_s"] > 0


def assert_evening(said: dict[str, Any]) -> None:
    assert {
        "evening: orders",
        "evening: reservations = units",
        "evening: commercetools' orders = wanted",
        "evening: on hand = NewStore's books",
    } < set(said["checks"])
    assert said["evening_units_shipped"] == said["evening_units_ordered"] > 0
    assert said["evening_rejected_by_a_store"] > 0
    assert said["evening_units_returned"] > 0


@pytest.mark.kafka
@pytest.mark.slow
def test_a_short_day_ends_exact_on_the_test_broker(broker: str) -> None:
    assert_exact(run_demo(broker, orders=0))


@pytest.mark.kafka
@pytest.mark.slow
def test_a_short_day_and_its_evening_end_exact_on_the_embedded_broker() -> None:
    said = run_demo("", orders=6)
    assert_exact(said)
    assert_evening(said)
