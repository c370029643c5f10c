"""The commands against a broker and one running worker, as an operator uses them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.readiness import free_port
from tests.support.newstore import body, item, notice, opened, received, stock_item

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
READY_TIMEOUT_S = 90.0


@dataclass
class Shop:
    """One worker without commercetools, and the commands with its settings."""

    folder: Path
    environment: dict[str, str]
    url: str

    def run(self, *words: str) -> tuple[int, Any]:
        """Run a command with --json; return its exit code and its one JSON object."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "streams.cli", *words, "--json"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout.count("\n") == 1, done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def shop(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Yield a shop whose worker is ready, with reference data loaded."""
    folder, port = tmp_path_factory.mktemp("shop"), free_port()
    prefix = f"t{uuid4().hex[:12]}-"
    given = {
        "ONESHELF_BROKER": broker,
        "ONESHELF_TOPIC_PREFIX": prefix,
        "ONESHELF_APP_ID": f"{prefix}app",
        "ONESHELF_PARTITIONS": "2",
        "ONESHELF_DATA_DIR": str(folder / "data"),
        "ONESHELF_HTTP_PORT": str(port),
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONESHELF_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **given}
    made = Shop(folder, environment, f"http://127.0.0.1:{port}")
    assert made.run("topics", "create")[0] == 0
    (folder / "locations.csv").write_text("location_id\nLDN01\nDC01\n")
    (folder / "products.csv").write_text("sku\nTEE-BLK-M\n")
    loaded = made.run("reference", "load", ".")
    assert loaded == (0, {"locations": 2, "products": 1})
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "worker"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        asyncio.run(ready(made.url))
        yield made
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
        asyncio.run(clean_up(broker, prefix))


async def clean_up(broker: str, prefix: str) -> None:
    """Remove the topics: left-over partitions slow a broker down."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        await admin.delete_topics(names)
    finally:
        await admin.close()


async def ready(url: str) -> None:
    """Return once the worker is ready."""
    async with asyncio.timeout(READY_TIMEOUT_S), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


def test_a_day_at_the_command_line(shop: Shop) -> None:
    (shop.folder / "stock.csv").write_text(
        "sku,location_id,on_hand,as_of\nTEE-BLK-M,LDN01,10,2025-02-28T06:00:00Z\n"
    )
    (shop.folder / "events.jsonl").write_bytes(
        b"\n".join((body(opened(item("u1"))), b"broken", b""))
    )
    figures = ("sent", "applied", "duplicate", "parked")

    def load(*words: str) -> list[int]:
        code, summary = shop.run(*words, "--wait")
        assert code == 0
        return [summary[name] for name in figures]

    # Loading and replaying twice is harmless: the second time all is known.
    assert load("stock", "load", "stock.csv") == [1, 1, 0, 0]
    assert load("stock", "load", "stock.csv") == [1, 0, 1, 0]
    assert load("replay", "events.jsonl") == [2, 1, 0, 1]
    assert load("replay", "events.jsonl") == [2, 0, 1, 1]

    code, levels = shop.run("query", "TEE-BLK-M", "CAP", "--worker", shop.url)
    assert code == 1
    assert levels["unknown"] == ["CAP"]
    assert levels["items"][0]["available"] == 9

    code, why = shop.run("explain", "TEE-BLK-M", "LDN01")
    assert code == 0
    assert [entry["kind"] for entry in why["entries"]] == ["sale", "count"]
    assert why["level"]["on_hand"] == 9

    code, found = shop.run("verify", "--wait", "30")
    assert (code, found["clean"], found["parked"]) == (0, True, 2)

    code, examined = shop.run("doctor")
    assert code == 0
    assert [each["ok"] for each in examined["findings"]] == [True] * 6


def test_a_receipt_shows_its_transfer_at_the_command_line_and_over_http(
    shop: Shop,
) -> None:
    papers = {"asn_id": None, "shipment_ref": None}
    (shop.folder / "transfer.jsonl").write_bytes(
        b"\n".join(
            (
                body(received(stock_item(quantity=4), **papers)),
                body(notice(stock_item(quantity=5))),
            )
        )
    )
    code, summary = shop.run("replay", "transfer.jsonl", "--wait")
    assert (code, summary["applied"]) == (0, 2)

    code, why = shop.run("explain", "TEE-BLK-M", "DC01")
    assert code == 0
    (transfer,) = why["transfers"]
    assert transfer["names"] == ["asn:asn-5", "order:TO000045", "shipment:IF000123"]
    assert (transfer["sent"], transfer["received"]) == (5, 4)
    _, why = shop.run("explain", "TEE-BLK-M", "LDN01")
    assert why["transfers"] == [transfer]
    assert why["entries"][0]["entry_id"] == "asn:asn-5:1:0:received:LDN01"

    answer = httpx.get(f"{shop.url}/v1/ledger/TEE-BLK-M/LDN01?limit=2").json()
    receipt = answer["entries"][1]
    assert receipt["transfer_ref"] == "order:TO000045"
    assert receipt["transfer"] == transfer
    assert transfer["under_way"] == 1
