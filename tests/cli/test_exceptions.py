"""Working through the exceptions list at the command line, with a web behind it."""

import asyncio
import io
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.cli.exceptions import _print_effects
from tests.support.command import Said, Terminal
from tests.support.newstore import body, item, opened
from tests.web.cases import FakeCases, desk_of
from tests.web.conftest import Worker


@pytest.fixture
def cases() -> FakeCases:
    made = FakeCases()
    made.park(1, "order-1", b"{}")
    made.park(2, "order-2", b"{}")
    return made


@pytest.fixture
def worker(cases: FakeCases) -> Iterator[Worker]:
    """A worker's web in a thread of its own, as commands ask without asyncio."""
    made = Worker(desk=desk_of(cases))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> None:
        await made.serve().start()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "ann")
    return Terminal(monkeypatch, capsys)


class Desk:
    """A person at a terminal."""

    def __init__(self, terminal: Terminal, worker: Worker) -> None:
        self._terminal = terminal
        self._url = worker.url

    def run(self, *words: str) -> Said:
        return self._terminal.run("exceptions", *words, "--worker", self._url)

    def json(self, *words: str) -> Any:
        said = self.run(*words, "--json")
        assert (said.code, said.err) == (0, "")
        return json.loads(said.out)

    def case(self, entity: str) -> str:
        items = self.json("list")["items"]
        return next(str(one["id"]) for one in items if one["entity_id"] == entity)


@pytest.fixture
def desk(terminal: Terminal, worker: Worker) -> Desk:
    return Desk(terminal, worker)


def test_the_list_names_what_to_do(desk: Desk) -> None:
    said = desk.run("list")

    assert said.code == 0
    assert "order-1" in said.out
    assert "malformed" in said.out
    assert desk.run("list", "--kind", "refund").out == "Nothing needs a person.\n"
    assert desk.json("list", "--groups")["items"][0]["unfinished"] == 2


def test_a_filter_that_is_none_is_refused(desk: Desk) -> None:
    said = desk.run("list", "--kind", "odd")

    assert (said.code, said.out) == (2, "")
    assert "kind" in said.err


def test_a_record_is_mended_tried_out_and_sent_again(
    desk: Desk, cases: FakeCases, tmp_path: Path
) -> None:
    case = desk.case("order-1")
    would = desk.run("retry", case, "--dry-run")
    assert would.code == 1
    assert "would be parked again" in would.out
    mended = tmp_path / "mended.json"
    mended.write_bytes(body(opened(item("u1", product_id="MUG"))))

    assert desk.run("edit", case, "--file", str(mended), "--note", "typo").code == 0
    told = desk.json("retry", case, "--dry-run")
    assert told["outcomes"] == {"applied": 1}
    assert "0 > -1" in desk.run("retry", case, "--dry-run").out
    done = desk.run("retry", case)

    assert (done.code, done.out) == (0, f"{case} is now resubmitted.\n")
    assert cases.stands[1].sent()[-1].value == mended.read_bytes()
    shown = desk.run("show", case).out
    assert "ann: edit" in shown
    assert "typo" in shown


def test_new_bytes_may_come_from_standard_input(
    desk: Desk, cases: FakeCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))

    assert desk.run("edit", desk.case("order-1")).code == 0

    assert cases.stands[1].records()[0].edited == b"\xff"


def test_a_file_that_cannot_be_read_is_refused(desk: Desk) -> None:
    said = desk.run("edit", desk.case("order-1"), "--file", "nowhere.json")

    assert said.code == 2
    assert "nowhere.json" in said.err


def test_cases_get_owners_and_are_dismissed_for_a_reason(desk: Desk) -> None:
    case = desk.case("order-2")

    assert desk.run("assign", case, "bea").code == 0
    assert desk.json("list", "--owner", "bea")["items"][0]["id"] == case
    assert desk.run("dismiss", case, "--note", "a test order").code == 0
    again = desk.run("dismiss", case)

    assert again.code == 1
    assert "dismissed" in again.err
    assert desk.json("list", "--state", "dismissed")["items"][0]["id"] == case


def test_a_group_is_sent_again_whole(desk: Desk, cases: FakeCases) -> None:
    group = desk.json("list", "--groups")["items"][0]["id"]

    assert desk.run("retry", group, "--group").code == 0

    assert [len(cases.stands[each].sent()) for each in (1, 2)] == [2, 2]


def test_an_unknown_case_is_exit_code_1(desk: Desk) -> None:
    said = desk.run("show", "1-ffff")

    assert (said.code, said.out) == (1, "")
    assert "1-ffff" in said.err


def test_nobody_there_is_exit_code_3(terminal: Terminal) -> None:
    said = terminal.run("exceptions", "list", "--worker", "http://127.0.0.1:9")

    assert said.code == 3
    assert "--worker" in said.err


FORETOLD: dict[str, Any] = {
    "order": "W-1",
    "units": [
        {
            "unit": "a#1",
            "sku": "TEE",
            "before": "open",
            "after": "completed",
            "location_id": "LDN01",
        },
        {"unit": "a#2", "sku": "TEE", "before": "", "after": "open"}
        | {"location_id": ""},
    ],
    "requests": [
        {"kind": "quote", "sku": "TEE", "unit_ids": ["W-1/a#2"], "location_id": ""}
    ],
    "raised": ["No [place] has it."],
    "withdrawn": ["sourcing_exhausted"],
    "commercetools": [
        {"when": "now", "actions": [{"action": "addDelivery"}], "said": "First."}
    ],
    "said": ["What follows depends on its answer."],
}


def test_what_orders_would_do_is_told_line_by_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = {"order_number": "W-2", "outcome": "granted", "sku": "MUG"}

    _print_effects(
        {
            "records": 1,
            "outcomes": {},
            "levels": [],
            "orders": [],
            "foretold": [FORETOLD],
            "said": ["1 of the news would wait."],
            "answers": [answer, answer | {"location_id": "LDN01"}],
            "parked": [],
            "left_out": 0,
        }
    )

    assert capsys.readouterr().out.splitlines() == [
        "1 records: nothing would move",
        "order W-1:",
        "    a#1 (TEE): open > completed LDN01",
        "    a#2 (TEE): not known > open",
        "    asks the ledger: quote 1 TEE",
        "    needs a person: No [place] has it.",
        "    no longer needs a person: sourcing_exhausted",
        "    tells commercetools (now): First.",
        '        {"action": "addDelivery"}',
        "    What follows depends on its answer.",
        "1 of the news would wait.",
        "the ledger would answer: granted MUG to order W-2",
        "the ledger would answer: granted MUG to order W-2, at LDN01",
    ]
