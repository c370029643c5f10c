"""What every command keeps to: help with an example, exit codes, one JSON object."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from streams.cli import commands
from tests.support.command import Terminal

SERVERS = [
    ["edge", "run"],
    ["sandbox", "commercetools"],
    ["sandbox", "newstore"],
    ["up"],
    ["worker"],
]
"""They run until they are stopped, and have nothing to answer."""


def every_command(group: Any, *words: str) -> Iterator[list[str]]:
    """Walk the commands as they are, so that a new one cannot be forgotten."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from every_command(command, *words, name)
        else:
            yield [*words, name]


COMMANDS = list(every_command(typer.main.get_command(commands.app)))


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Terminal:
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch, capsys)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(
    terminal: Terminal, words: list[str]
) -> None:
    said = terminal.run(*words, "--help")

    assert said.code == 0
    assert f"Example: {'ONESHELF' if words == ['worker'] else ''}" in said.out
    assert "oneshelf " + " ".join(words) in said.out
    assert said.err == ""


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_that_ends_by_itself_can_answer_in_json(
    terminal: Terminal, words: list[str]
) -> None:
    said = terminal.run(*words, "--help")

    assert ("--json" in said.out) == (words not in SERVERS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_exit_code_2_on_standard_error(
    terminal: Terminal, words: list[str]
) -> None:
    said = terminal.run(*words, "--colour")

    assert (said.code, said.out) == (2, "")
    assert "No such option: --colour" in said.err


def test_settings_in_force_are_one_json_object_without_secrets(
    terminal: Terminal,
) -> None:
    said = terminal.run(
        "config", "check", "--json", newstore__webhook_key="hush", partitions="8"
    )

    assert (said.code, said.err) == (0, "")
    answer = json.loads(said.out)
    assert answer["problems"] == answer["warnings"] == []
    assert answer["settings"]["partitions"] == 8
    assert "hush" not in said.out


def test_settings_that_cannot_be_read_are_still_one_json_object(
    terminal: Terminal,
) -> None:
    said = terminal.run("config", "check", "--json", partitions="0")

    assert said.code == 2
    assert json.loads(said.out)["settings"] is None
    assert json.loads(said.out)["problems"] == [
        {
            "setting": "ONESHELF_PARTITIONS",
            "sentence": "'0' cannot be used; write a number from 1 on.",
        }
    ]


def test_a_misspelt_setting_is_warned_of(terminal: Terminal) -> None:
    said = terminal.run("config", "check", "--json", partition="8")

    assert said.code == 0
    assert said.err == (
        "warning: ONESHELF_PARTITION is not a setting and has no effect; did you mean "
        "ONESHELF_PARTITIONS?\n"
    )
    assert len(json.loads(said.out)["warnings"]) == 1


def test_schemas_are_written_where_asked(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal.run("schemas", "export", "contracts", "--json")

    written = json.loads(said.out)["written"]
    assert (said.code, said.err) == (0, "")
    assert all((tmp_path / name).is_file() for name in written)
    assert "contracts/StockLevel.v1.json" in written


def test_a_folder_that_cannot_be_made_is_a_sentence(terminal: Terminal) -> None:
    Path("file").write_text("")

    said = terminal.run("schemas", "export", "file/contracts")

    assert said == (2, "", "error: file/contracts: Not a directory.\n")


def test_a_simulation_is_one_json_object_however_narrow_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    said = terminal.run("simulate", "--seed", "1", "--json")

    assert (said.code, said.err) == (0, "")
    assert said.out.count("\n") == 1
    assert json.loads(said.out)["ok"] is True


def test_an_unknown_plant_is_exit_code_2(terminal: Terminal) -> None:
    said = terminal.run("simulate", "--seed", "1", "--plant", "moss")

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: There is no planted bug 'moss'; there are: ")


def test_a_worker_that_does_not_answer_is_exit_code_3(terminal: Terminal) -> None:
    said = terminal.run("query", "TEE", "--worker", "http://127.0.0.1:1")

    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("error: No worker answers at http://127.0.0.1:1 (")
    assert said.err.endswith(
        "Start one, or name its URL with --worker, like http://127.0.0.1:8600.\n"
    )


def test_a_doctor_without_a_broker_says_what_to_set(terminal: Terminal) -> None:
    said = terminal.run("doctor", "--json")

    assert said.code == 1
    assert json.loads(said.out)["findings"][-1] == {
        "what": "broker",
        "ok": False,
        "said": "ONESHELF_BROKER is not set; set it to host:port",
    }
