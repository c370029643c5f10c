"""`oneshelf up` and `oneshelf demo` in a terminal, and every way to end them there.

Whatever the moment and the way: no process stays, no port, no traceback, and the
terminal is as it was.
"""

import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.pseudo_terminal import CTRL_C, PseudoTerminal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

READY = "Ctrl-C stops everything."
STOPPING = "Stopping; Ctrl-C again kills the rest."
ALONE = ("up", "--no-sandbox")
"""The broker and a worker: there sooner than with the stand-ins."""

Open = Callable[..., PseudoTerminal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open terminals with a command in them; nothing of it outlives the test."""
    terminals: list[PseudoTerminal] = []

    def opened(*words: str, **environment: str) -> PseudoTerminal:
        given = {"ONESHELF_HTTP_PORT": "0"} | environment
        terminals.append(PseudoTerminal(tmp_path, words, given))
        return terminals[-1]

    yield opened
    for terminal in terminals:
        terminal.close()


def ports_on(screen: str) -> set[int]:
    return {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", screen)}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def assert_left_clean(terminal: PseudoTerminal) -> None:
    """Assert that nothing is left of the command but what it wrote."""
    assert terminal.left_behind() == []
    assert "Traceback" not in terminal.screen
    assert "Error" not in terminal.screen
    assert [port for port in ports_on(terminal.screen) if not is_free(port)] == []
    assert terminal.modes_now() == terminal.modes
    hidden, shown = (terminal.screen.rfind(f"\x1b[?25{each}") for each in "lh")
    assert hidden <= shown, "the cursor stays hidden"


def test_ctrl_c_stops_everything_that_up_has_started(opened: Open) -> None:
    terminal = opened("up")
    terminal.wait_for(READY)
    assert len(ports_on(terminal.screen)) == 4
    assert not any(is_free(port) for port in ports_on(terminal.screen))

    terminal.press(CTRL_C)

    assert terminal.ended() == 0
    assert STOPPING in terminal.screen
    assert terminal.screen.endswith("Stopped.\r\n")
    assert_left_clean(terminal)


@pytest.mark.parametrize("moment", ["broker at", "worker-0: started"])
def test_ctrl_c_stops_up_while_it_is_still_starting(opened: Open, moment: str) -> None:
    terminal = opened(*ALONE)
    terminal.wait_for(moment)

    terminal.press(CTRL_C)

    assert terminal.ended() == 0
    assert READY not in terminal.screen
    assert terminal.screen.endswith("Stopped.\r\n")
    assert_left_clean(terminal)


def test_ctrl_c_while_the_program_is_still_loading_is_no_mishap(opened: Open) -> None:
    """Pydantic's library is loaded long before the first command is there."""
    terminal = opened(*ALONE)
    terminal.wait_until_loaded("_pydantic_core")

    terminal.press(CTRL_C)

    assert terminal.ended() in (-signal.SIGINT, 130)
    assert terminal.screen == "^C"
    assert_left_clean(terminal)


def test_an_impatient_second_ctrl_c_leaves_nothing_behind(opened: Open) -> None:
    terminal = opened(*ALONE)
    terminal.wait_for(READY)

    terminal.press(CTRL_C)
    terminal.wait_for(STOPPING)
    terminal.press(CTRL_C)
    terminal.press(CTRL_C)

    assert terminal.ended() == 0
    assert_left_clean(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_other_signals_stop_up_as_well(opened: Open, number: signal.Signals) -> None:
    terminal = opened(*ALONE)
    terminal.wait_for("broker at")

    terminal.signal(number)

    assert terminal.ended() == 0
    assert_left_clean(terminal)


def test_closing_the_window_stops_up(opened: Open) -> None:
    terminal = opened(*ALONE)
    terminal.wait_for("worker-0: started")

    terminal.hang_up()

    assert terminal.ended() == 0
    assert terminal.left_behind() == []
    assert all(is_free(port) for port in ports_on(terminal.screen))


def test_ctrl_c_ends_the_demo_while_it_is_still_starting(opened: Open) -> None:
    terminal = opened("demo")
    terminal.wait_for("Opening")

    terminal.press(CTRL_C)

    assert terminal.ended() == 130
    assert terminal.screen.endswith("Stopped.\r\n")
    assert_left_clean(terminal)


def test_two_ctrl_c_end_the_demo_in_the_middle_of_its_day(opened: Open) -> None:
    terminal = opened("demo", "--workers", "1", "--seconds", "30")
    terminal.wait_for("The doors open")

    terminal.press(CTRL_C)
    terminal.wait_for("Stopping")
    terminal.press(CTRL_C)

    assert terminal.ended() == 130
    assert terminal.screen.endswith("Stopped.\r\n")
    assert_left_clean(terminal)
