"""`oneshelf up`: everything in one terminal."""

import asyncio
import signal
from typing import Annotated

import typer

from streams.cli.app import EXIT_UNAVAILABLE, app, load_settings, out, refuse


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 1,
    sandbox: Annotated[
        bool, typer.Option(help="A commercetools stand-in, unless one is configured.")
    ] = True,
) -> None:
    """Run a broker (if none is configured), topics, workers and the sandbox.

    Ctrl-C stops all of it cleanly.

    Example: `oneshelf up --workers 2`
    """
    from streams.up import WorkersNotReady, house

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with house(
            load_settings(), workers=workers, sandbox=sandbox, say=out.print
        ) as running:
            first = next(iter(running.workers.values()))
            out.print(f"events to   [bold]{first}/v1/events/newstore[/bold]")
            out.print(f"ask         [bold]{first}/v1/availability/SKU[/bold]")
            out.print("Ctrl-C stops everything.")
            refused = running.supervisor.refused
            refused.add_done_callback(lambda _: stop.set())
            await stop.wait()
            if refused.done():
                child = refused.result()
                refuse(f"{child.name} does not start; see {child.log_file}")

    try:
        asyncio.run(run())
    except WorkersNotReady as error:
        refuse(str(error), EXIT_UNAVAILABLE)
