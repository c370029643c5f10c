"""Commands around a project: config, schemas, simulate, edge, bootstrap."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_REFUSED,
    app,
    emit,
    err,
    load_broker_settings,
    out,
    refuse,
    tell,
    tell_problems,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]

config_app = typer.Typer(no_args_is_help=True, help="The settings.")
schemas_app = typer.Typer(no_args_is_help=True, help="The message contracts.")
edge_app = typer.Typer(no_args_is_help=True, help="A store's durable way in.")
commerce_app = typer.Typer(no_args_is_help=True, help="The commercetools project.")
app.add_typer(config_app, name="config")
app.add_typer(schemas_app, name="schemas")
app.add_typer(edge_app, name="edge")
app.add_typer(commerce_app, name="commercetools")


@config_app.command("check")
def config_check(as_json: Json = False) -> None:
    """Read every setting and say what is wrong, or what is in force.

    Variables that begin with ONESHELF_ but are no setting are warned of. Exit codes:
    0 usable, 2 something is wrong.

    Example: `ONESHELF_PARTITIONS=0 oneshelf config check`
    """
    from streams.config_check import problems_of_environment, unknown_names

    settings, problems = problems_of_environment()
    warnings = unknown_names(os.environ)
    shown = None if settings is None else settings.model_dump(mode="json")
    tell_problems(problems)
    for name, sentence in warnings:
        tell("warning:", "yellow", f"{name} {sentence}")

    def human() -> None:
        if not problems:
            out.print_json(data=shown)

    emit(
        {
            "problems": [problem._asdict() for problem in problems],
            "warnings": [warning._asdict() for warning in warnings],
            "settings": shown,
        },
        as_json=as_json,
        human=human,
    )
    raise SystemExit(EXIT_REFUSED if problems else 0)


@schemas_app.command("export")
def schemas_export(
    directory: Annotated[Path, typer.Argument(help="Where the files go.")],
    as_json: Json = False,
) -> None:
    """Write JSON Schema for every message and an AsyncAPI 3 document.

    Example: `oneshelf schemas export ./contracts`
    """
    from schemas.export import export

    written = [str(path) for path in export(directory)]
    emit(
        {"written": written},
        as_json=as_json,
        human=lambda: out.print(f"Wrote {len(written)} files to {directory}."),
    )


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="The seed, or the first one.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds from it on.")] = 1,
    plant: Annotated[
        str | None, typer.Option(help="Plant this bug; the checkers must see it.")
    ] = None,
    orders: Annotated[
        bool, typer.Option(help="Simulate orders across channels, both vendors too.")
    ] = False,
    race: Annotated[
        bool, typer.Option(help="Let web orders and store sales race for 100 units.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Tell the whole story.")] = False,
    as_json: Json = False,
) -> None:
    """Run the stages on a simulated log: crashes, repeats, rebalances, vendor faults.

    The same seed always does the same. Exit code 1 if something did not hold.

    Example: `oneshelf simulate --seed 42 --verbose`
    """
    from streams.simulation import command

    try:
        if race:
            code = command.race(seed, plant=plant, as_json=as_json, write=_line)
        else:
            code = command.simulate(
                seed,
                seeds=seeds,
                plant=plant,
                orders=orders,
                verbose=verbose,
                as_json=as_json,
                write=_line,
            )
    except ValueError as error:
        refuse(str(error))
    raise SystemExit(EXIT_DIFFERENCES if code else 0)


def _line(text: str) -> None:
    """Write a line as it is: a terminal's width must not break JSON."""
    sys.stdout.write(f"{text}\n")


@edge_app.command("run")
def edge_run(
    spool: Annotated[Path, typer.Option(help="The outbox folder, on a local disk.")],
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Also take events on this loopback port."),
    ] = None,
    stdin: Annotated[
        bool, typer.Option(help="Take events from standard input, one per line.")
    ] = True,
) -> None:
    """Keep a store's events in a durable outbox and forward them in order.

    Survives kill -9 and hours without a network; reports its backlog on standard error.

    Example: `tail -F pos.jsonl | oneshelf edge run --spool /var/spool/oneshelf`
    """
    from streams.edge.errors import EdgeError
    from streams.edge.run import run_edge

    def report(status: Any) -> None:
        err.print(f"[dim]{status}[/dim]", highlight=False)

    try:
        asyncio.run(
            run_edge(
                load_broker_settings(),
                spool,
                stdin=sys.stdin.fileno() if stdin else None,
                http_port=port,
                report=report,
            )
        )
    except EdgeError as error:
        refuse(str(error))


@commerce_app.command("bootstrap")
def commercetools_bootstrap(as_json: Json = False) -> None:
    """Create our custom type, and a supply channel for each location.

    With ONESHELF_COMMERCETOOLS__ORDERS=true also the line item states, the line's
    custom type and the sync channel that orders need. Reads the locations from the
    reference topics; a second run does nothing.

    Example: `oneshelf commercetools bootstrap`
    """
    from streams.connectors.bootstrap import bootstrap
    from streams.connectors.bootstrap_orders import bootstrap_orders
    from streams.connectors.commerce_orders import OrderClient
    from streams.connectors.commercetools import CommercetoolsClient
    from streams.reference import known_reference

    settings = load_broker_settings()
    if not settings.commercetools.api_url:
        refuse("commercetools is not configured. Set ONESHELF_COMMERCETOOLS__API_URL.")

    async def run() -> list[str]:
        reference = await known_reference(settings)
        async with CommercetoolsClient(settings.commercetools) as client:
            done = await bootstrap(client, reference.locations.values())
        if settings.commercetools.orders:
            async with OrderClient(settings.commercetools) as orders:
                done += await bootstrap_orders(orders)
        return done

    done = asyncio.run(run())
    said = "\n".join(done) or "Everything is there already."
    emit({"done": done}, as_json=as_json, human=lambda: out.print(said))
