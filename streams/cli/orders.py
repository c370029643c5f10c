"""Commands around orders: `order`, `orders`; any worker answers them."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table as Grid
from rich.text import Text

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    app,
    emit,
    out,
    refuse,
)

NAME_A_WORKER = "Start one, or name its URL with --worker, like http://127.0.0.1:8600."
TIMEOUT_S = 15.0
NOT_FOUND = 404

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Worker = Annotated[
    str, typer.Option(help="A worker's URL; any of them answers for all orders.")
]
Key = Annotated[
    str, typer.Option(envvar="ONESHELF_API_KEY", help="Bearer key, if needed.")
]

HERE = "http://127.0.0.1:8600"


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


def ask(worker: str, key: str, path: str, *, method: str = "GET", **more: Any) -> Any:
    """Ask a worker; end with its own words where it refuses."""
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = httpx.request(
            method, f"{worker}{path}", headers=headers, timeout=TIMEOUT_S, **more
        )
        answer = response.json()
    except httpx.InvalidURL as error:
        refuse(f"--worker {worker!r} is not a URL ({error}). {NAME_A_WORKER}")
    except (httpx.HTTPError, ValueError) as error:
        refuse(
            f"No worker answers at {worker} ({error}). {NAME_A_WORKER}",
            EXIT_UNAVAILABLE,
        )
    if response.is_success:
        return answer
    if response.is_server_error:
        refuse(_said(worker, answer), EXIT_UNAVAILABLE)
    is_unknown = response.status_code == NOT_FOUND
    return refuse(
        _said(worker, answer), EXIT_DIFFERENCES if is_unknown else EXIT_REFUSED
    )


def _said(worker: str, answer: Any) -> str:
    """Say a worker's problem document (RFC 9457) in a line."""
    if not isinstance(answer, dict):
        return f"{worker} is no worker. {NAME_A_WORKER}"
    detail, remedy = answer.get("detail", answer), answer.get("remedy", "")
    field = answer.get("field")
    named = f" ({field}: {answer.get('value', '')})" if field else ""
    return f"{detail}{named} {remedy}".strip()


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
