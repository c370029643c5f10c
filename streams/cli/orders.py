"""Commands around orders: `order`, `orders`; any worker answers them."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table as Grid
from rich.text import Text

from streams.cli.app import app, emit, out
from streams.cli.asking import HERE, Json, Key, Worker, ask


@app.command()
def order(
    number: Annotated[str, typer.Argument(help="The order's number.")],
    look_again: Annotated[
        bool,
        typer.Option("--look-again", help="If it found no place, look for one again."),
    ] = False,
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Show an order whole: units, deliveries, returns, what is owed, what is wrong.

    Exit codes: 0 found, 1 no such order, 2 the key may not ask, 3 no worker answers.

    Example: `oneshelf order W-1001`
    """
    path = f"/v1/orders/{quote(number, safe='')}"
    if look_again:
        ask(worker, key, f"{path}/look-again", method="POST")
    answer = ask(worker, key, path)
    emit(answer, as_json=as_json, human=lambda: _print_order(answer))


@app.command()
def orders(
    state: Annotated[
        str, typer.Option(help="Only `open`, `done`, `cancelled` or `trouble`.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    after: Annotated[str, typer.Option(help="Go on after this number.")] = "",
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """List orders by number.

    Exit codes: 0 shown, 2 a filter or key is wrong, 3 no worker answers.

    Example: `oneshelf orders --state trouble`
    """
    asked = {"state": state, "limit": limit, "after": after}
    params = {name: value for name, value in asked.items() if value}
    answer = ask(worker, key, "/v1/orders", params=params)
    emit(answer, as_json=as_json, human=lambda: _print_orders(answer))


def _print_order(answer: dict[str, Any]) -> None:
    _plain(f"Order {answer['order_number']}: {answer['state']}")
    commerce = answer["commerce"]
    if commerce is not None:
        _plain(
            f"  commercetools {commerce['commerce_id']}, {commerce['state']} at "
            f"version {commerce['version']}"
        )
    for whole in answer["newstore"]:
        ended = "completed" if whole["completed"] else "open"
        said = "cancelled" if whole["cancelled"] else ended
        _plain(f"  NewStore {whole['newstore_id']} ({whole['external_id']}): {said}")
    _print_units(answer["units"])
    for made in answer["deliveries"]:
        units = ", ".join(each["unit"] for each in made["units"])
        _plain(f"  delivery {made['key']}: {units}")
    for back in answer["returns"]:
        found = [unit or "?" for item in back["items"] for unit in item["units"]]
        _plain(
            f"  return {back['return_id']} at {back['location_id']}: "
            f"{', '.join(found)}; {back['settled']} of {back['due']} paid back"
        )
    _print_sourcing(answer)
    _print_owed(answer)
    for trouble in answer["troubles"]:
        _line("  wrong: ", "red", trouble["sentence"])


def _print_units(units: list[dict[str, Any]]) -> None:
    table = Grid("unit", "SKU", "state", "location", "request", "shown")
    for unit in units:
        names = ("unit", "sku", "state", "location_id", "request_id", "shown")
        table.add_row(*(Text(str(unit[name])) for name in names))
    out.print(table)


def _print_sourcing(answer: dict[str, Any]) -> None:
    runs = [*answer["past_runs"], *filter(None, [answer["sourcing"]])]
    for run in runs:
        places = ", ".join(f"{unit} at {at}" for unit, at in run["places"].items())
        _plain(f"  sourcing {run['run']}: {run['phase']} {places}".rstrip())


def _print_owed(answer: dict[str, Any]) -> None:
    told, window = answer["told"], answer["window"]
    if answer["commerce"] is None:
        return
    if window is not None:
        _plain(f"  gathering news since {window['opened_at'][:19]}")
    owed = told["wanted_sequence"] - told["told_sequence"]
    said = "is up to date" if owed <= 0 else "has yet to be told"
    _plain(f"  commercetools {said}, {told['calls']} calls so far")


def _print_orders(answer: dict[str, Any]) -> None:
    for one in answer["items"]:
        units = ", ".join(f"{number} {state}" for state, number in one["units"].items())
        wrong = f"; {one['troubles']} wrong" if one["troubles"] else ""
        _line(one["order_number"], "bold", f"  {one['state']}: {units}{wrong}")
    if not answer["items"]:
        out.print("No orders.")
    if answer["next"]:
        _plain(f"There are more; go on with --after {answer['next']}")


def _line(name: str, style: str, text: str) -> None:
    out.print(Text.assemble((name, style), text), soft_wrap=True)


def _plain(text: str) -> None:
    """Print other people's text: no markup, no highlighting."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
