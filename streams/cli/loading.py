"""Commands that bring data in: replay, stock load, reference load."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from streams.cli.app import (
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    app,
    emit,
    err,
    load_broker_settings,
    out,
    refuse,
    said_of,
    tell,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Return once commercetools knows all of it."),
]
WaitSeconds = Annotated[
    float, typer.Option("--timeout", help="How long `--wait` waits, in seconds.")
]
Rate = Annotated[
    float | None, typer.Option(min=0.1, help="Events per second; else full speed.")
]

AGAIN = "Send all of it again: what is there already counts once."

stock_app = typer.Typer(no_args_is_help=True, help="Stock baselines.")
reference_app = typer.Typer(no_args_is_help=True, help="Locations and products.")
app.add_typer(stock_app, name="stock")
app.add_typer(reference_app, name="reference")


@app.command()
def replay(
    files: Annotated[
        list[Path], typer.Argument(help="Files with one envelope per line (JSONL).")
    ],
    rate: Rate = None,
    wait: Wait = False,
    timeout_s: WaitSeconds = 120.0,
    as_json: Json = False,
) -> None:
    """Send NewStore envelopes from files, one per line, onto the log.

    Sending twice is harmless: movements count once, by their units' ids. With `--wait`
    the summary says what became of the events.

    Example: `oneshelf replay monday.jsonl tuesday.jsonl --wait --json`
    """
    from streams.replay import lines_of

    for path in files:
        if not path.is_file():
            refuse(f"{path} is not a file. Name files with one event per line.")
    total = sum(1 for _ in lines_of(files))
    send_events(lines_of(files), total, rate, wait, timeout_s, as_json)


@stock_app.command("load")
def stock_load(
    file: Annotated[Path, typer.Argument(help="CSV: sku,location_id,on_hand,as_of")],
    wait: Wait = False,
    timeout_s: WaitSeconds = 120.0,
    as_json: Json = False,
) -> None:
    """Set baselines: each line is a count as of its time.

    Later movements go on top; loading the same file again changes nothing.

    Example: `oneshelf stock load opening-stock.csv --wait`
    """
    from streams.stock_file import StockFileRefused, count_events, parse_stock_file

    try:
        events = list(count_events(parse_stock_file(read_file(file), str(file))))
    except StockFileRefused as error:
        refuse(f"Nothing was loaded.\n{error}")
    send_events(events, len(events), None, wait, timeout_s, as_json)


@reference_app.command("load")
def reference_load(
    directory: Annotated[Path, typer.Argument(help="With locations.csv, products.csv")],
    as_json: Json = False,
) -> None:
    """Load locations and products; workers follow at once, waiting events go on.

    Rows that are loaded already and not in the files stay; disable them in the files.

    Example: `oneshelf reference load ./reference`
    """
    from streams.reference import ReferenceRefused, load_reference

    try:
        loaded = asyncio.run(load_reference(load_broker_settings(), directory))
    except ReferenceRefused as error:
        refuse(f"Nothing was loaded.\n{error}")
    for warning in loaded.warnings:
        tell("warning:", "yellow", str(warning))
    emit(
        {"locations": loaded.locations, "products": loaded.products},
        as_json=as_json,
        human=lambda: out.print(
            f"Loaded {loaded.locations} locations and {loaded.products} products."
        ),
    )


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        refuse(said_of(error))


def send_events(
    events: Iterable[bytes],
    total: int,
    rate: float | None,
    wait: bool,
    timeout_s: float,
    as_json: bool,
    extra: dict[str, Any] | None = None,
) -> None:
    """Send with a progress bar, wait if asked, print the summary."""
    from streams.engine.admin import check_topics
    from streams.engine.errors import AppendError
    from streams.replay import Outcome, Sent, send
    from streams.settle import NotSettled, wait_until_settled
    from streams.wiring import STAGES

    settings = load_broker_settings()
    acknowledged = 0

    async def run() -> Sent:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        seen = err.is_terminal  # Elsewhere it would leave an empty line behind.
        with Progress(*columns, console=err, transient=True, disable=not seen) as bar:
            task = bar.add_task("sending", total=total)
            outcome = Outcome(settings)
            if wait:
                await check_topics(settings, STAGES)
                await outcome.remember()

            def progress(done: int) -> None:
                nonlocal acknowledged
                acknowledged = done
                bar.update(task, completed=done)

            sent = await send(settings, events, rate=rate, progress=progress)
            if wait:
                await wait_until_settled(
                    settings,
                    timeout_s=timeout_s,
                    progress=lambda left: bar.update(task, description=f"{left}"),
                )
                await outcome.count(sent)
        return sent

    try:
        sent = asyncio.run(run())
    except NotSettled as error:
        refuse(f"All {total:,} were sent. {error}", EXIT_UNAVAILABLE)
    except AppendError as error:
        code = EXIT_UNAVAILABLE if error.retriable else EXIT_REFUSED
        refuse(
            f"{error}. At least {acknowledged:,} of {total:,} were sent. {AGAIN}", code
        )
    except KeyboardInterrupt:
        _interrupted(acknowledged, total)
    summary = {"sent": sent.events, **sent.as_json(), **(extra or {})}
    if not wait:
        for name in ("applied", "duplicate", "parked"):
            summary.pop(name)
    emit(summary, as_json=as_json, human=lambda: out.print_json(json.dumps(summary)))


def _interrupted(acknowledged: int, total: int) -> NoReturn:
    if acknowledged == total:
        said = f"All {total:,} were sent; what became of them was not waited for."
    else:
        said = f"At least {acknowledged:,} of {total:,} were sent. {AGAIN}"
    tell("interrupted", "yellow", f"by Ctrl-C. {said}")
    raise SystemExit(EXIT_INTERRUPTED)
