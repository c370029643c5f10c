"""Commands that bring data in: replay, import-sales, stock load, reference load."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

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
    EXIT_DIFFERENCES,
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
    _send(lines_of(files), total, rate, wait, timeout_s, as_json)


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
        events = list(count_events(parse_stock_file(_read(file), str(file))))
    except StockFileRefused as error:
        refuse(f"Nothing was loaded.\n{error}")
    _send(events, len(events), None, wait, timeout_s, as_json)


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


@app.command("import-sales")
def import_sales(
    file: Annotated[Path, typer.Argument(help="A point-of-sale export (CSV).")],
    mapping: Annotated[
        str,
        typer.Option(
            "--map",
            help="Which column holds what: date=…,time=…,transaction=…,item=…,"
            "quantity=…,store=…",
        ),
    ],
    store: Annotated[
        str, typer.Option(help="The location, where the file names none.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="The shop's time zone.")] = "UTC",
    date_format: Annotated[
        str, typer.Option(help="As strptime reads it.")
    ] = "%Y-%m-%d",
    time_format: Annotated[
        str, typer.Option(help="As strptime reads it.")
    ] = "%H:%M:%S",
    output: Annotated[
        Path | None,
        typer.Option("--out", help="Write envelopes to this file instead of sending."),
    ] = None,
    write_reference: Annotated[
        Path | None,
        typer.Option(help="Also write the locations.csv and products.csv it needs."),
    ] = None,
    rate: Rate = None,
    wait: Wait = False,
    timeout_s: WaitSeconds = 120.0,
    as_json: Json = False,
) -> None:
    """Turn any point-of-sale export into NewStore sales and send them.

    Importing the same file twice is harmless. Lines that cannot be read are listed and
    left out; then the exit code is 1.

    Example: `oneshelf import-sales sales.csv --map
    date=Date,time=Time,transaction=Transaction,item=Item --store EDI01 --wait`
    """
    from streams.mapping.pos_import import (
        Columns,
        ImportOptions,
        ImportReport,
        UnknownColumn,
        UnreadableExport,
        envelopes_of,
        lines_in,
        read_export,
        reference_csv,
    )

    columns = _columns(mapping, Columns)
    _check_timezone(timezone)
    options = ImportOptions(
        columns=columns,
        store=store,
        timezone=timezone,
        date_format=date_format,
        time_format=time_format,
    )
    report = ImportReport()
    try:
        rows = read_export(lines_in(_read(file)), columns)
        events = [each.value for each in envelopes_of(rows, options, report)]
    except (UnknownColumn, UnreadableExport) as error:
        refuse(f"Nothing was sent. {file}: {error}")
    for problem in report.problems:
        tell(f"{file}", "yellow", str(problem))
    if write_reference is not None:
        write_reference.mkdir(parents=True, exist_ok=True)
        locations, products = reference_csv(report, timezone=timezone)
        (write_reference / "locations.csv").write_text(locations)
        (write_reference / "products.csv").write_text(products)
    summary = _import_summary(report)
    if output is not None:
        output.write_bytes(b"".join(event + b"\n" for event in events))
        emit(summary, as_json=as_json, human=lambda: out.print_json(data=summary))
    else:
        _send(events, len(events), rate, wait, timeout_s, as_json, summary)
    raise SystemExit(EXIT_DIFFERENCES if report.refused else 0)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        refuse(f"--timezone {name!r} is not a time zone; write one like Europe/London.")


def _columns(mapping: str, kind: Any) -> Any:
    known = {"date", "time", "transaction", "item", "quantity", "store"}
    pairs: dict[str, str] = {}
    for part in mapping.split(","):
        name, separator, column = part.partition("=")
        name = name.strip()
        if not separator or name not in known:
            refuse(
                f"--map has {part!r}; write name=column, with a name of "
                f"{', '.join(sorted(known))}."
            )
        pairs[name] = column.strip()
    missing = {"date", "transaction", "item"} - pairs.keys()
    if missing:
        refuse(
            f"--map lacks {', '.join(sorted(missing))}; write for example "
            "date=Date,time=Time,transaction=Receipt,item=SKU."
        )
    return kind(**pairs)


def _import_summary(report: Any) -> dict[str, Any]:
    values = asdict(report)
    return {
        name: value for name, value in values.items() if isinstance(value, int | float)
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        refuse(said_of(error))


def _send(
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
        with Progress(*columns, console=err, transient=True) as bar:
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
    summary = {"sent": sent.events, **sent.as_json(), **(extra or {})}
    if not wait:
        for name in ("applied", "duplicate", "parked"):
            summary.pop(name)
    emit(summary, as_json=as_json, human=lambda: out.print_json(json.dumps(summary)))
