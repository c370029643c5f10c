"""The command `source`: where an order would be fulfilled, and why."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table as Grid
from rich.text import Text

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_UNAVAILABLE,
    app,
    emit,
    load_broker_settings,
    out,
    refuse,
)
from streams.cli.asking import HERE, Json, Key, Worker, ask


@app.command()
def source(
    number: Annotated[str, typer.Argument(help="The order's number.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only explain; needed, nothing else is.")
    ] = False,
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Explain where an order would be fulfilled as things are now, with the numbers.

    Orders are sourced by the workers, by themselves; this changes nothing.

    Exit codes: 0 it has a place, 1 it has none or is unknown, 2 refused, 3 no answer.

    Example: `oneshelf source W-1001 --dry-run`
    """
    if not dry_run:
        refuse(
            "Workers source orders by themselves. Add --dry-run to see how they would "
            f"source {number} now."
        )
    from streams.engine.errors import EngineError
    from streams.reference import known_reference
    from streams.rules import choice_rules
    from streams.trials.sourcing import question_of, trial_of, units_to_place

    settings = load_broker_settings()
    order = ask(worker, key, f"/v1/orders/{quote(number, safe='')}")
    skus = sorted({unit.sku for unit in units_to_place(order)})
    stock = [answer for sku in skus for answer in _stock(worker, key, sku)]
    try:
        reference = asyncio.run(known_reference(settings))
    except EngineError as error:
        refuse(f"The locations cannot be read: {error}", EXIT_UNAVAILABLE)
    rules = choice_rules(settings, reference)
    trial = trial_of(question_of(order, stock, rules), order)
    emit(trial, as_json=as_json, human=lambda: _print(trial))
    if trial["missing"]:
        raise SystemExit(EXIT_DIFFERENCES)


def _stock(worker: str, key: str, sku: str) -> list[Any]:
    """Ask for a SKU's stock; nothing where none was ever recorded."""
    body = {"skus": [sku]}
    answer = ask(worker, key, "/v1/availability/query", method="POST", json=body)
    items: list[Any] = answer["items"]
    return items


def _print(trial: dict[str, Any]) -> None:
    out.print(f"Order {trial['order_number']}", markup=False, highlight=False)
    table = Grid("location", "SKU", "needed", "available", "")
    for look in trial["looks"]:
        words = str(look["verdict"]).replace("_", " ")
        style = "green" if look["verdict"] == "chosen" else ""
        names = ("location_id", "sku", "needed", "available")
        cells = [Text(str(look[name]), style) for name in names]
        table.add_row(*cells, Text(words, style))
    if trial["looks"]:
        out.print(table)
    for unit, place in trial["places"].items():
        out.print(f"  {unit} from {place}", markup=False, highlight=False)
    out.print(trial["said"], markup=False, highlight=False, soft_wrap=True)
    run = trial["sourcing"]
    if run is not None:
        now = f"As it is: run {run['run']} is {run['phase']}. {run['said']}".rstrip()
        out.print(now, markup=False, highlight=False, soft_wrap=True)
