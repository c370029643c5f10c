"""`oneshelf import-sales`: any point-of-sale export as NewStore sales."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from streams.cli.app import EXIT_DIFFERENCES, app, emit, out, refuse, tell
from streams.cli.loading import Json, Rate, Wait, WaitSeconds, read_file, send_events

Export = Annotated[Path, typer.Argument(help="A point-of-sale export (CSV).")]
Mapping = Annotated[
    str,
    typer.Option(
        "--map",
        help="Which column holds what: date=…,time=…,transaction=…,item=…,"
        "quantity=…,store=…",
    ),
]
Store = Annotated[str, typer.Option(help="The location, where the file names none.")]
Timezone = Annotated[str, typer.Option(help="The shop's time zone.")]
Format = Annotated[str, typer.Option(help="As strptime reads it.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Write envelopes to this file instead of sending."),
]
Reference = Annotated[
    Path | None,
    typer.Option(help="Also write the locations.csv and products.csv it needs."),
]


@app.command("import-sales")
def import_sales(
    file: Export,
    mapping: Mapping,
    store: Store = "",
    timezone: Timezone = "UTC",
    date_format: Format = "%Y-%m-%d",
    time_format: Format = "%H:%M:%S",
    output: Out = None,
    write_reference: Reference = None,
    rate: Rate = None,
    wait: Wait = False,
    timeout_s: WaitSeconds = 120.0,
    as_json: Json = False,
) -> None:
    """Turn any point-of-sale export into NewStore sales and send them.

    A second import is harmless. Exit code 1 if unreadable lines were left out.

    Example: `oneshelf import-sales sales.csv --map
    date=Date,time=Time,transaction=Transaction,item=Item --store EDI01 --wait`
    """
    from streams.mapping.pos_import import Columns, ImportOptions

    _check_timezone(timezone)
    options = ImportOptions(
        columns=_columns(mapping, Columns),
        store=store,
        timezone=timezone,
        date_format=date_format,
        time_format=time_format,
    )
    events, report = _events(file, options)
    if write_reference is not None:
        _write_reference(write_reference, report, timezone)
    summary = _import_summary(report)
    if output is not None:
        output.write_bytes(b"".join(event + b"\n" for event in events))
        emit(summary, as_json=as_json, human=lambda: out.print_json(data=summary))
    else:
        send_events(events, len(events), rate, wait, timeout_s, as_json, summary)
    raise SystemExit(EXIT_DIFFERENCES if report.refused else 0)


def _events(file: Path, options: Any) -> tuple[list[bytes], Any]:
    """Read the export; say which lines were left out, and why."""
    from streams.mapping.pos_import import (
        ImportReport,
        UnknownColumn,
        UnreadableExport,
        envelopes_of,
        lines_in,
        read_export,
    )

    report = ImportReport()
    try:
        rows = read_export(lines_in(read_file(file)), options.columns)
        events = [each.value for each in envelopes_of(rows, options, report)]
    except (UnknownColumn, UnreadableExport) as error:
        refuse(f"Nothing was sent. {file}: {error}")
    for problem in report.problems:
        tell(f"{file}", "yellow", str(problem))
    return events, report


def _write_reference(directory: Path, report: Any, timezone: str) -> None:
    from streams.mapping.pos_import import reference_csv

    directory.mkdir(parents=True, exist_ok=True)
    locations, products = reference_csv(report, timezone=timezone)
    (directory / "locations.csv").write_text(locations)
    (directory / "products.csv").write_text(products)


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
