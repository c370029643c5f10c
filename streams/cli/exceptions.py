"""Commands around the exceptions list; any worker answers them."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table as Grid
from rich.text import Text

from streams.cli.app import EXIT_DIFFERENCES, app, emit, out, refuse
from streams.cli.asking import CONFLICT, HERE, NOT_FOUND, Json, Key, Worker, ask

exceptions_app = typer.Typer(
    no_args_is_help=True, help="The one list of what needs a person."
)
app.add_typer(exceptions_app, name="exceptions")

Note = Annotated[str, typer.Option("--note", help="Why; kept in the case's history.")]
Case = Annotated[str, typer.Argument(help="The case's id, as `list` shows it.")]


@exceptions_app.command("list")
def list_cases(
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only this state; may be repeated. Else all unfinished."),
    ] = None,
    kind: Annotated[str, typer.Option(help="Only this kind.")] = "",
    reason: Annotated[str, typer.Option(help="Only this reason code.")] = "",
    owner: Annotated[str, typer.Option(help="Only this owner's.")] = "",
    group: Annotated[str, typer.Option(help="Only this group's.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    groups: Annotated[bool, typer.Option(help="Show causes, not cases.")] = False,
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Show what needs a person, oldest first.

    Exit codes: 0 shown, 2 a filter or key is wrong, 3 no worker answers.

    Example: `oneshelf exceptions list --kind unknown_sku --groups`
    """
    if groups:
        answer = _ask(worker, key, "GET", "/groups")
        emit(answer, as_json=as_json, human=lambda: _print_groups(answer["items"]))
        return
    wanted = {
        "state": state or [],
        "kind": kind,
        "reason": reason,
        "owner": owner,
        "group": group,
        "limit": limit,
    }
    params = {name: value for name, value in wanted.items() if value}
    answer = _ask(worker, key, "GET", "", params=params)
    emit(answer, as_json=as_json, human=lambda: _print_list(answer))


@exceptions_app.command()
def show(
    case: Case, worker: Worker = HERE, key: Key = "", as_json: Json = False
) -> None:
    """Show a case with its history and the records as they came.

    Exit codes: 0 shown, 1 no such case, 2 the key may not ask, 3 no worker answers.

    Example: `oneshelf exceptions show 3-3b0f5a9c1d2e4f60`
    """
    answer = _ask(worker, key, "GET", f"/{quote(case)}")
    emit(answer, as_json=as_json, human=lambda: _print_case(answer))


@exceptions_app.command()
def retry(
    case: Annotated[str, typer.Argument(help="The case's id; or a group's.")],
    group: Annotated[
        bool, typer.Option(help="It is a group: retry all of it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Only show what it would do to stock and orders.")
    ] = False,
    note: Note = "",
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Send a case's records again, edited ones as edited; it resolves by itself.

    Where an order found no place, there is no record: the order looks for one again.

    Exit codes: 0 sent (or shown), 1 no such case, or its state does not allow it, or a
    dry run found that something would be parked again, 2 refused, 3 no worker answers.

    Example: `oneshelf exceptions retry 9c1d2e4f603b0f5a --group --dry-run`
    """
    path = f"/{'groups/' if group else ''}{quote(case)}/retry"
    if not dry_run:
        answer = _ask(worker, key, "POST", path, json=_request(note))
        emit(answer, as_json=as_json, human=lambda: _print_done(answer))
        return
    answer = _ask(worker, key, "POST", path, params={"dry_run": "true"}, json={})
    emit(answer, as_json=as_json, human=lambda: _print_effects(answer))
    raise SystemExit(EXIT_DIFFERENCES if answer["parked"] else 0)


@exceptions_app.command()
def edit(
    case: Case,
    file: Annotated[
        Path | None,
        typer.Option(help="The record's new bytes; else from standard input."),
    ] = None,
    record: Annotated[
        str, typer.Option(help="Which record, where several wait (its origin).")
    ] = "",
    note: Note = "",
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Mend a record's bytes for the next retry; the original is kept.

    Exit codes: 0 done, 1 no such case, or its state does not allow it, 2 refused, 3 no
    worker answers.

    Example: `oneshelf exceptions edit 3-3b0f5a9c1d2e4f60 --file mended.json`
    """
    from base64 import b64encode

    try:
        content = sys.stdin.buffer.read() if file is None else file.read_bytes()
    except OSError as error:
        refuse(f"{file}: {error.strerror}. Name a readable file with --file.")
    wanted = {
        **_request(note),
        "record": record,
        "body_base64": b64encode(content).decode(),
    }
    answer = _ask(worker, key, "POST", f"/{quote(case)}/edit", json=wanted)
    emit(answer, as_json=as_json, human=lambda: _print_done(answer))


@exceptions_app.command()
def assign(
    case: Case,
    owner: Annotated[str, typer.Argument(help='Who looks after it; "" for nobody.')],
    note: Note = "",
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Say who looks after a case.

    Exit codes: 0 done, 1 no such case, or its state does not allow it, 2 refused, 3 no
    worker answers.

    Example: `oneshelf exceptions assign 3-3b0f5a9c1d2e4f60 ann`
    """
    wanted = {**_request(note), "owner": owner}
    answer = _ask(worker, key, "POST", f"/{quote(case)}/assign", json=wanted)
    emit(answer, as_json=as_json, human=lambda: _print_done(answer))


@exceptions_app.command()
def dismiss(
    case: Case,
    note: Note = "",
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Close a case as it is; a new failure of the same kind opens it again.

    Exit codes: 0 done, 1 no such case, or its state does not allow it, 2 refused, 3 no
    worker answers.

    Example: `oneshelf exceptions dismiss 3-3b0f5a9c1d2e4f60 --note "a test order"`
    """
    answer = _ask(worker, key, "POST", f"/{quote(case)}/dismiss", json=_request(note))
    emit(answer, as_json=as_json, human=lambda: _print_done(answer))


def _request(note: str) -> dict[str, Any]:
    return {"by": os.environ.get("USER", ""), "note": note}


def _ask(worker: str, key: str, method: str, path: str, **more: Any) -> Any:
    known = (NOT_FOUND, CONFLICT)
    path = f"/v1/exceptions{path}"
    return ask(worker, key, path, method=method, known=known, **more)


def _print_list(answer: dict[str, Any]) -> None:
    # Lines rather than a grid: a terminal of 80 columns would break ids in pieces.
    for one in answer["items"]:
        owner = f", {one['owner']}'s" if one["owner"] else ""
        _head(
            one["id"],
            f"{one['state']}{owner}: {one['kind']}, {one['entity_type']} "
            f"{one['entity_id']}, since {_minute(one['first_seen'])}, "
            f"seen {one['seen']}x",
        )
        _plain(f"    {one['sentence']}")
    if not answer["items"]:
        out.print("Nothing needs a person.")
    if answer["next"]:
        out.print("There are more; narrow the list, or ask with a higher --limit.")


def _print_groups(items: list[dict[str, Any]]) -> None:
    for one in items:
        _head(
            one["id"],
            f"{one['unfinished']:,} unfinished: {one['kind']}, {one['reason']} "
            f"{one['value']}, since {_minute(one['first_seen'])}",
        )
        _plain(f"    {one['sentence']}")
    if not items:
        out.print("Nothing needs a person.")


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _head(name: str, text: str) -> None:
    out.print(Text.assemble((name, "bold"), "  ", text), soft_wrap=True)


def _print_case(case: dict[str, Any]) -> None:
    out.print(
        f"[bold]{case['id']}[/bold]: {case['kind']}, {case['state']}, "
        f"{case['waiting']} of {case['records']} records wait, seen {case['seen']} "
        f"times, sent again {case['attempts']} times, group {case['group_id']}"
    )
    _plain(f"{case['entity_type']} {case['entity_id']}: {case['sentence']}")
    for note in case["history"]:
        _plain(f"  {note['at'][:19]} {note['who']}: {note['what']} {note['said']}")
    for record in case["parked_records"]:
        mark = "waits" if record["waiting"] else "is through"
        _plain(f"{record['origin']} {mark}:\n{record['body']}")
        if record["edited_body"] is not None:
            _plain(f"edited:\n{record['edited_body']}")


def _print_done(answer: dict[str, Any]) -> None:
    if "state" in answer:
        out.print(f"{answer['id']} is now {answer['state']}.")
    else:
        out.print("Accepted; look again in a moment.")


def _print_effects(told: dict[str, Any]) -> None:
    outcomes = ", ".join(f"{n} {name}" for name, n in told["outcomes"].items())
    out.print(f"{told['records']} records: {outcomes or 'nothing would move'}")
    table = Grid("SKU", "location", "on hand", "reserved", "available")
    for level in told["levels"]:
        before, after = level["before"], level["after"]
        _row(
            table,
            level["sku"],
            level["location_id"],
            *(
                f"{before[name]} > {after[name]}"
                for name in ("on_hand", "reserved", "available")
            ),
        )
    if told["levels"]:
        out.print(table)
    for heard in told["orders"]:
        _plain(f"order {heard['order']} would hear: {heard['news']}")
    for order in told["foretold"]:
        _print_foretold(order)
    for said in told["said"]:
        _plain(said)
    for answer in told["answers"]:
        _plain(f"the ledger would answer: {_said_of(answer)}")
    for parked in told["parked"]:
        _plain(f"would be parked again: {parked['sentence']}")
    if told["left_out"]:
        out.print(f"{told['left_out']} more records were not tried out.")


def _said_of(answer: dict[str, Any]) -> str:
    place = answer.get("location_id", "")
    said = f"{answer['outcome']} {answer['sku']} to order {answer['order_number']}"
    return f"{said}, at {place}" if place else said


def _print_foretold(order: dict[str, Any]) -> None:
    _plain(f"order {order['order']}:")
    for unit in order["units"]:
        _plain(
            f"    {unit['unit']} ({unit['sku']}): {unit['before'] or 'not known'} > "
            f"{unit['after']} {unit['location_id']}".rstrip()
        )
    for request in order["requests"]:
        place = f" at {request['location_id']}" if request["location_id"] else ""
        _plain(
            f"    asks the ledger: {request['kind']} {len(request['unit_ids'])} "
            f"{request['sku']}{place}"
        )
    for sentence in order["raised"]:
        _plain(f"    needs a person: {sentence}")
    for reason in order["withdrawn"]:
        _plain(f"    no longer needs a person: {reason}")
    for update in order["commercetools"]:
        _plain(f"    tells commercetools ({update['when']}): {update['said']}")
        for action in update["actions"]:
            _plain(f"        {json.dumps(action)}")
    for said in order["said"]:
        _plain(f"    {said}")


def _row(table: Grid, *cells: str) -> None:
    """Add a row of other people's text: brackets in it are not markup."""
    table.add_row(*map(Text, cells))


def _plain(text: str) -> None:
    """Print other people's text: no markup, no highlighting."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
