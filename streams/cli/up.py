"""`oneshelf up`: everything in one terminal."""

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.app import (
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    app,
    load_settings,
    out,
    refuse,
    tell_problems,
)
from streams.cli.interrupts import ended_at_once
from streams.cli.stopping import Stopped, run_until_stopped

if TYPE_CHECKING:
    from streams.settings import Settings


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 1,
    sandbox: Annotated[
        bool,
        typer.Option(
            help="Stand-ins of commercetools and NewStore, unless configured."
        ),
    ] = True,
) -> None:
    """Run a broker (if none is configured), topics, workers and the sandboxes.

    Ctrl-C stops all of it cleanly; so do SIGTERM and closing the terminal. Exit codes:
    0 stopped, 2 a setting is wrong, 3 something did not get ready.

    Example: `oneshelf up --workers 2`
    """
    with ended_at_once():
        from streams.readiness import WorkersNotReady
        from streams.reference import ReferenceRefused
        from streams.up import house

        settings = _checked_settings()

    def say(line: str) -> None:
        out.print(line, highlight=False, markup=False, soft_wrap=True)

    async def run() -> None:
        async with house(
            settings, workers=workers, sandbox=sandbox, newstore=sandbox, say=say
        ) as running:
            first = next(iter(running.workers.values()))
            say(f"events to   {first}/v1/events/newstore")
            say(f"ask         {first}/v1/availability/SKU")
            say("Ctrl-C stops everything.")
            child = await running.supervisor.refused
            raise WorkersNotReady(f"{child.name} stopped; see {child.log_file}")

    try:
        run_until_stopped(run(), say)
    except Stopped:
        say("Stopped.")
    except ReferenceRefused as error:
        refuse(f"Nothing was loaded.\n{error}")
    except WorkersNotReady as error:
        refuse(str(error), EXIT_UNAVAILABLE)


def _checked_settings() -> "Settings":
    from streams.config_check import problems_of
    from streams.logs import configure_logs

    # What happens is said in sentences.
    configure_logs("up", level=logging.ERROR)
    settings = load_settings()
    problems = problems_of(settings)
    if problems:
        tell_problems(problems)
        raise SystemExit(EXIT_REFUSED)
    return settings
