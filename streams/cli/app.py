"""The command line's frame: the root command, settings, errors and exit codes."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from streams.config_check import SettingProblem, SettingsRefused, read_settings
from streams.settings import Settings

EXIT_DIFFERENCES = 1
"""The command ran and found something wrong (verify, doctor, demo)."""

EXIT_REFUSED = 2
"""A setting, an argument or an input is wrong; the message says what to do."""

EXIT_UNAVAILABLE = 3
"""Something outside does not answer (broker, worker, commercetools): try again."""

EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells number it."""

app = typer.Typer(
    name="oneshelf",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="One shelf: the stock of every store, warehouse and web shop, kept exactly.",
)
out = Console()
err = Console(stderr=True)


def load_settings(**changes: Any) -> Settings:
    """Read the settings; end with a clear message where one is wrong."""
    try:
        return read_settings().model_copy(update=changes)
    except SettingsRefused as refused:
        tell_problems(refused.problems)
        raise SystemExit(EXIT_REFUSED) from None


def load_broker_settings() -> Settings:
    """Read the settings of a command that needs a broker."""
    settings = load_settings()
    if not settings.broker.strip():
        refuse("No broker is configured. Set ONESHELF_BROKER to host:port.")
    return settings


def emit(value: dict[str, Any], *, as_json: bool, human: Callable[[], None]) -> None:
    """Print a result: one JSON object for machines, or the human form."""
    if as_json:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
        sys.stdout.flush()
    else:
        human()


def tell(label: str, style: str, sentence: str) -> None:
    """Write one message on standard error, as it is: not wrapped, not interpreted."""
    err.print(Text.assemble((label, style), " ", sentence), soft_wrap=True)


def tell_problems(problems: Sequence[SettingProblem]) -> None:
    """Write what is wrong with the settings, one line each."""
    for problem in problems:
        tell(f"{problem.setting}:", "red", problem.sentence)


def refuse(sentence: str, code: int = EXIT_REFUSED) -> NoReturn:
    """End with one clear sentence on standard error."""
    tell("error:", "red", sentence)
    raise SystemExit(code)


def said_of(error: OSError) -> str:
    """Say what the operating system refused, and of what."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."
