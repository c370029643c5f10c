"""A command in a pseudo-terminal of its own, as a person sits before it.

Every process that the command starts carries a mark in its environment, so that none
can get away unseen, whoever its parent is by then.
"""

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[2]
MARK = "PSEUDO_TERMINAL"
CTRL_C = b"\x03"
GONE_WITHIN_S = 10.0


class PseudoTerminal:
    """Runs `oneshelf` in a terminal; shows what is on its screen."""

    def __init__(
        self,
        folder: Path,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        rows: int = 24,
        columns: int = 80,
    ) -> None:
        self._mark = f"{MARK}={uuid4().hex}"
        self._seen = bytearray()
        self._code: int | None = None
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ONESHELF_")}
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            kept.pop(name, None)
        given = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
        marked = dict([self._mark.split("=")])
        command = [sys.executable, "-m", "streams.cli", *words]
        # Our own slave stays open: its modes can be read when all have left.
        self._master, self._slave = os.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)
        self.modes = self.modes_now()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._master)
            os.login_tty(self._slave)
            os.chdir(folder)
            os.execve(command[0], command, kept | given | marked)  # noqa: S606 - no shell is wanted

    def modes_now(self) -> list[Any]:
        """Return how the terminal is set at the moment."""
        return termios.tcgetattr(self._slave)

    @property
    def screen(self) -> str:
        """Return all that was written so far."""
        return self._seen.decode(errors="replace")

    def wait_for(self, words: str, timeout_s: float = 90.0) -> None:
        """Wait until these words were written.

        Raises:
            AssertionError: They were not, in time or before the command ended.
        """
        end = time.monotonic() + timeout_s
        while words not in self.screen:
            assert time.monotonic() < end, f"no {words!r} in time:\n{self.screen}"
            if not self._read(0.1):
                assert self._poll() is None, f"ended, no {words!r}:\n{self.screen}"

    def wait_until_loaded(self, library: str, timeout_s: float = 60.0) -> None:
        """Wait until the command has loaded a shared library."""
        end, process = time.monotonic() + timeout_s, Path(f"/proc/{self.pid}")
        # Until it is another program, the child has what the tests have loaded.
        while (
            b"streams.cli" not in (process / "cmdline").read_bytes()
            or library not in (process / "maps").read_text()
        ):
            assert time.monotonic() < end, f"{library} is not loaded in time"
            time.sleep(0.005)

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._master, keys)

    def signal(self, number: signal.Signals) -> None:
        """Signal the command itself."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._master)
        self._master = -1

    def ended(self, timeout_s: float = 60.0) -> int:
        """Wait for the end; return the exit code."""
        end = time.monotonic() + timeout_s
        while self._poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.screen}"
            self._read(0.05)
        while self._read(0.05):
            pass
        assert self._code is not None
        return self._code

    def left_behind(self) -> list[str]:
        """Return the processes that are still there, a moment after the end."""
        end = time.monotonic() + GONE_WITHIN_S
        while (left := list(self._marked())) and time.monotonic() < end:
            time.sleep(0.05)
        return [name for _, name in left]

    def close(self) -> None:
        """Take down whatever is left."""
        for pid, _ in self._marked():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._poll() is None:
            os.waitpid(self.pid, 0)
        for each in (self._master, self._slave):
            if each >= 0:
                os.close(each)

    def _poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def _read(self, timeout_s: float) -> bool:
        """Read what there is; False where nothing came."""
        if self._master < 0 or not select.select([self._master], [], [], timeout_s)[0]:
            if self._master < 0:
                time.sleep(timeout_s)
            return False
        self._seen += os.read(self._master, 65_536)
        return True

    def _marked(self) -> Iterator[tuple[int, str]]:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self._mark.encode() in (folder / "environ").read_bytes().split(
                    b"\0"
                ):
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    yield int(folder.name), b" ".join(words).decode(errors="replace")
