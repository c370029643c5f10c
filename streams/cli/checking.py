"""Commands that check and explain: `verify`, `query`, `explain`."""

import asyncio
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_UNAVAILABLE,
    app,
    emit,
    err,
    load_settings,
    out,
    refuse,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


@app.command()
def verify(
    wait_s: Annotated[
        float, typer.Option("--wait", help="Wait this many seconds for quiet first.")
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Check that journal, table, levels and commercetools agree.

    Exit codes: 0 all agree, 1 differences (listed), 3 still under way.

    Example: `oneshelf verify --wait 60 --json`
    """
    from streams.settle import NotSettled, wait_until_settled
    from streams.verify import Verification
    from streams.verify import verify as compare

    settings = load_settings()

    async def run() -> Verification:
        columns = (SpinnerColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task("waiting for quiet")
            if wait_s:
                await wait_until_settled(
                    settings,
                    timeout_s=wait_s,
                    progress=lambda left: bar.update(
                        task, description=f"waiting for quiet: {left}"
                    ),
                )
            return await compare(
                settings,
                progress=lambda check, done: bar.update(
                    task, description=f"reading {check}: {done:,}"
                ),
            )

    try:
        found = asyncio.run(run())
    except NotSettled as error:
        refuse(str(error), EXIT_UNAVAILABLE)
    emit(found.as_json(), as_json=as_json, human=lambda: _print_verification(found))
    raise SystemExit(0 if found.is_clean else EXIT_DIFFERENCES)


def _print_verification(found: Any) -> None:
    out.print(
        f"{found.entries:,} journal entries, {found.places:,} rows, "
        f"{found.published:,} commercetools entries, {found.parked:,} parked"
    )
    for check, faults in found.faults.items():
        mark = "[green]ok[/green]" if not faults else f"[red]{len(faults)} differ[/red]"
        out.print(f"  {mark:24} {check}")
        for fault in faults[:20]:
            out.print(f"      {fault}", highlight=False)
