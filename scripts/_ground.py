"""What the scripts share: where things are, how to speak, how to fail."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
RIVALS_VENV = ROOT / ".venv-rivals"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneshelf"

EXIT_FAILED, EXIT_NOT_RUNNING, EXIT_MISSING = 1, 3, 4


class Trouble(Exception):
    """Something a person must mend, with the remedy in its message."""

    def __init__(self, message: str, code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Tell a person how far we are, apart from what a program would read."""
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr, flush=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time do this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def venv_program(name: str) -> Path:
    """Return a program of the project's environment."""
    return VENV / "bin" / name


def guarded(main: Callable[[], int]) -> int:
    """Run a script's main; turn trouble and Ctrl-C into a line and an exit code."""
    try:
        return main()
    except Trouble as trouble:
        say(str(trouble))
        return trouble.code
    except KeyboardInterrupt:
        say("stopped")
        return 130
