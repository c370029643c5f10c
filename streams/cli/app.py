"""The command line's frame: the root command, settings, errors and exit codes."""

import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import pydantic
import typer
from rich.console import Console

from streams.engine.errors import EngineError
from streams.settings import Settings

EXIT_DIFFERENCES = 1
"""The command ran and found something wrong (verify, doctor, demo)."""

EXIT_REFUSED = 2
"""A setting, an argument or an input is wrong; the message says what to do."""

EXIT_UNAVAILABLE = 3
"""Something outside does not answer (broker, worker, commercetools): try again."""

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
        settings = Settings()
    except pydantic.ValidationError as error:
        for problem in error.errors():
            name = "ONESHELF_" + "__".join(str(part).upper() for part in problem["loc"])
            shown = "" if "secret" in name.lower() else f" (got {problem['input']!r})"
            err.print(f"[red]{name}[/red]: {problem['msg']}{shown}")
        raise SystemExit(EXIT_REFUSED) from None
    return settings.model_copy(update=changes)


def emit(value: dict[str, Any], *, as_json: bool, human: Callable[[], None]) -> None:
    """Print a result: one JSON object for machines, or the human form."""
    if as_json:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
        sys.stdout.flush()
    else:
        human()


def refuse(sentence: str, code: int = EXIT_REFUSED) -> NoReturn:
    """End with one clear sentence on standard error."""
    err.print(f"[red]error:[/red] {sentence}", highlight=False)
    raise SystemExit(code)


def main() -> None:
    """Run the command line; translate the engine's errors into sentences."""
    # Imported for their commands; each module adds its own to `app`.
    from streams.cli import commands  # noqa: F401

    try:
        app()
    except EngineError as error:
        retriable = getattr(error, "retriable", False)
        refuse(str(error), EXIT_UNAVAILABLE if retriable else EXIT_REFUSED)
