"""`oneshelf up`: everything in one terminal."""

import asyncio
import signal
from typing import Annotated, Any

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

    Ctrl-C stops all of it cleanly. Exit codes: 0 stopped, 2 a setting is wrong, 3
    something did not get ready.

    Example: `oneshelf up --workers 2`
    """
    from streams.config_check import problems_of
    from streams.readiness import WorkersNotReady
    from streams.reference import ReferenceRefused
    from streams.up import house

    settings = load_settings()
    problems = problems_of(settings)
    if problems:
        tell_problems(problems)
        raise SystemExit(EXIT_REFUSED)

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
        asyncio.run(_until_stopped(run()))
    except ReferenceRefused as error:
        refuse(f"Nothing was loaded.\n{error}")
    except WorkersNotReady as error:
        refuse(str(error), EXIT_UNAVAILABLE)


async def _until_stopped(work: Any) -> None:
    """Do the work until Ctrl-C or SIGTERM, also while it is still starting."""
    running = asyncio.ensure_future(work)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    # Once only: a second Ctrl-C must not keep the processes from being stopped.
    if stopping.done():
        running.cancel()
    stopping.cancel()
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()
