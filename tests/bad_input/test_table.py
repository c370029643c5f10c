"""The bad-input table: every malformed input, word for word what a person reads.

The rows are in `events`, `files` and `settings`; a bad broker is in `test_broker`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from streams import worker
from streams.agents.intake import IntakeStage
from streams.config_check import SettingsRefused, read_settings
from streams.engine.fold import Batch, Context
from streams.engine.headers import ERROR_MESSAGE, REASON, parked_headers
from streams.mapping.pos import IntakeRules
from streams.topics import NEWSTORE_EVENTS, STOCK_MOVEMENTS
from tests.bad_input.events import MOVEMENTS, WEBHOOK
from tests.bad_input.files import EXPORT, REFERENCE, STOCK
from tests.bad_input.order_facts import FACTS
from tests.bad_input.orders import MESSAGES, ORDERS
from tests.bad_input.row import Bad, Kept
from tests.bad_input.settings import SETTINGS
from tests.support.command import Door, Terminal, set_environment
from tests.support.ledger import NOON, Ledger
from tests.support.memory_view import MemoryRecord, MemoryView
from tests.support.newstore import shop_floor
from tests.web.conftest import Worker

TABLE = [
    *WEBHOOK,
    *ORDERS,
    *MESSAGES,
    *FACTS,
    *MOVEMENTS,
    *STOCK,
    *REFERENCE,
    *EXPORT,
    *SETTINGS,
]
ROWS_MIN = 75


def test_the_table_is_as_long_as_promised_and_names_each_row_once() -> None:
    assert len(TABLE) >= ROWS_MIN
    assert len({str(row) for row in TABLE}) == len(TABLE)


@pytest.fixture
async def web() -> AsyncIterator[Worker]:
    serving = Worker().serve(webhook_key="newstore-secret")
    await serving.start()
    yield serving
    await serving.stop()


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.close()


@pytest.mark.parametrize("row", WEBHOOK, ids=str)
async def test_a_bad_event_is_taken_and_parked_with_its_bytes_or_turned_away(
    web: Worker, row: Bad
) -> None:
    answer = await web.client.post(
        "/v1/events/newstore", content=row.given, headers=row.options["headers"]
    )

    assert answer.status_code == row.status
    if row.kept is Kept.NOT_TAKEN:
        problem = answer.json()
        assert f"{problem['detail']} {problem['remedy']}" == row.says
        assert web.sink.records == []
        return
    ((_, key, value, _),) = web.sink.records
    record = MemoryRecord(NEWSTORE_EVENTS.name, 0, key, value)
    result = IntakeStage(IntakeRules(tenant="acme")).fold(
        MemoryView(), Batch(NEWSTORE_EVENTS, 0, [record]), Context(NOON, shop_floor())
    )
    (parked,) = result.parked
    assert parked.record.value == value == row.given
    assert (parked.reason, parked.field, parked.value) == row.why
    assert parked.sentence == row.says
    assert STOCK_MOVEMENTS not in result.outputs
    headers = dict(parked_headers(parked, "intake", NOON))
    assert headers[ERROR_MESSAGE].decode() == row.says
    assert headers[REASON].decode() == parked.reason


@pytest.mark.parametrize("row", MOVEMENTS, ids=str)
def test_a_bad_movement_is_parked_with_its_bytes_and_the_next_is_applied(
    row: Bad,
) -> None:
    ledger = Ledger()

    result = ledger.tell_records([(row.options["key"], row.given)])

    (parked,) = result.parked
    assert parked.record.value == row.given
    assert (parked.reason, parked.field, parked.value) == row.why
    assert parked.sentence == row.says
    assert ledger.journal == []
    assert ledger.counts == {"in": 1, "parked": 1}


@pytest.mark.parametrize("row", STOCK, ids=str)
def test_a_bad_stock_file_is_refused_before_anything_is_sent(
    terminal: Terminal, door: Door, row: Bad
) -> None:
    Path("stock.csv").write_bytes(row.given)

    said = terminal.run("stock", "load", "stock.csv", broker=door.address)

    assert said == (row.status, "", row.says)
    assert door.callers() == 0


@pytest.mark.parametrize("row", REFERENCE, ids=str)
def test_bad_reference_data_is_refused_before_anything_is_sent(
    terminal: Terminal, door: Door, row: Bad
) -> None:
    Path("reference").mkdir()
    for name, text in row.given.items():
        (Path("reference") / name).write_text(text)

    said = terminal.run("reference", "load", "reference", broker=door.address)

    assert said == (row.status, "", row.says)
    assert door.callers() == 0


@pytest.mark.parametrize("row", EXPORT, ids=str)
def test_a_bad_export_is_refused_or_its_bad_lines_are_listed(
    terminal: Terminal, door: Door, row: Bad
) -> None:
    Path("sales.csv").write_bytes(row.given)

    words = ("import-sales", "sales.csv", *row.options["words"])
    said = terminal.run(*words, broker=door.address)

    assert (said.code, said.err) == (row.status, row.says)
    assert door.callers() == 0
    if row.kept is Kept.OTHERS_KEPT:
        (kept,) = Path("kept.jsonl").read_text().splitlines()
        assert json.loads(kept)["payload"]["external_id"] == "LDN01-2026-03-01-1"
        assert json.loads(said.out)["refused"] == 1


@pytest.mark.parametrize("row", SETTINGS, ids=str)
def test_with_a_bad_setting_nothing_starts(
    terminal: Terminal, door: Door, row: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"broker": door.address, **row.given}

    said = terminal.run("config", "check", **given)

    assert said == (row.status, "", row.says)
    set_environment(monkeypatch, given)
    try:
        settings = read_settings()
    except SettingsRefused:
        assert terminal.run("worker", **given).err == row.says
    else:
        assert asyncio.run(worker.run(settings)) == worker.EXIT_REFUSED
    assert door.callers() == 0
