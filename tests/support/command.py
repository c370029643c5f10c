"""The command line in this process: what a person reads, and the exit code."""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import structlog

from streams.cli.main import main


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands as from a shell in a folder, with no settings but those given."""

    def __init__(
        self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self._patch = patch
        self._capture = capture

    def run(self, *words: str, **settings: str) -> Said:
        """Run `oneshelf` with these words; keywords are settings, as `partitions`."""
        self._capture.readouterr()
        with self._patch.context() as patch, _untouched():
            patch.setattr(sys, "argv", ["oneshelf", *words])
            set_environment(patch, settings)
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
        captured = self._capture.readouterr()
        return Said(code, captured.out, captured.err)


def set_environment(patch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> None:
    """Take every setting of ours away and set these."""
    for name in [name for name in os.environ if name.startswith("ONESHELF_")]:
        patch.delenv(name)
    for name, value in settings.items():
        patch.setenv(f"ONESHELF_{name.upper()}", value)


@contextmanager
def _untouched() -> Iterator[None]:
    """Give other tests the logging back that a command sets up for its process."""
    configured = structlog.get_config()
    logger = logging.getLogger("aiokafka")
    level = logger.level
    try:
        yield
    finally:
        structlog.configure(**configured)
        logger.setLevel(level)


class Door:
    """A port that nobody should come to; counts who did."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def callers(self) -> int:
        """Return how many have connected since the last time."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        """Close the port."""
        self._socket.close()
