"""Commands that check and explain: `verify`, `query`, `explain`."""

import asyncio
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table as Grid
from rich.text import Text

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_UNAVAILABLE,
    app,
    emit,
    err,
    load_broker_settings,
    load_settings,
    out,
    refuse,
)
from streams.cli.asking import HERE, Json, Key, Worker, ask


@app.command()
def verify(
    wait_s: Annotated[
        float,
        typer.Option("--wait", min=0, help="Wait this many seconds for quiet first."),
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Check that journal, table, levels and commercetools agree.

    Exit codes: 0 all agree, 1 differences (listed), 2 a setting or topic is wrong, 3
    still under way, or broker or commercetools do not answer.

    Example: `oneshelf verify --wait 60 --json`
    """
    from streams.engine.admin import check_topics
    from streams.settle import NotSettled, wait_until_settled
    from streams.verify import Verification
    from streams.verify import verify as compare
    from streams.wiring import STAGES

    settings = load_broker_settings()

    async def run() -> Verification:
        await check_topics(settings, STAGES)
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
    if found.cases:
        cases = ", ".join(f"{n:,} {state}" for state, n in sorted(found.cases.items()))
        out.print(f"exceptions list: {cases}")
    for check, faults in found.faults.items():
        mark = "[green]ok[/green]" if not faults else f"[red]{len(faults)} differ[/red]"
        out.print(f"  {mark:24} {check}")
        for fault in faults[:20]:
            out.print(f"      {fault}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def query(
    skus: Annotated[list[str], typer.Argument(help="One SKU or more.")],
    worker: Worker = HERE,
    key: Key = "",
    as_json: Json = False,
) -> None:
    """Ask how many there are, and where.

    Exit codes: 0 all known, 1 some SKU is unknown, 2 the key may not ask, 3 no worker
    answers.

    Example: `oneshelf query TEE-BLK-M OAK-STOOL`
    """
    path, wanted = "/v1/availability/query", {"skus": skus}
    answer = ask(worker, key, path, method="POST", known=(), json=wanted)
    emit(answer, as_json=as_json, human=lambda: _print_levels(answer))
    raise SystemExit(EXIT_DIFFERENCES if answer["unknown"] else 0)


def _print_levels(answer: dict[str, Any]) -> None:
    table = Grid("SKU", "location", "available", "on hand", "reserved", "damaged")
    for item in answer["items"]:
        table.add_row(item["sku"], "all", f"[bold]{item['available']}[/bold]")
        for place in item["locations"]:
            names = ("location_id", "available", "on_hand", "reserved", "damaged")
            table.add_row("", *(str(place[name]) for name in names))
    out.print(table)
    for sku in answer["unknown"]:
        out.print(f"unknown: {sku}")


@app.command()
def explain(
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    location: Annotated[str, typer.Argument(help="The location's id.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries shown.")] = 20,
    as_json: Json = False,
) -> None:
    """Why is it 3? The entries, their documents, what commercetools was told and when.

    Exit codes: 0 found, 1 nothing is known of it.

    Example: `oneshelf explain TEE-BLK-M LDN01 --limit 50`
    """
    from streams.engine.admin import check_topics
    from streams.explain import Explanation
    from streams.explain import explain as collect
    from streams.wiring import STAGES

    settings = load_broker_settings()

    async def run() -> Explanation:
        await check_topics(settings, STAGES)
        return await collect(settings, sku, location, limit=limit)

    found = asyncio.run(run())
    if found.level is None and not found.entries:
        refuse(f"Nothing is known of {sku} at {location}.", EXIT_DIFFERENCES)
    emit(found.as_json(), as_json=as_json, human=lambda: _print_explanation(found))


def _print_explanation(found: Any) -> None:
    level = found.level
    if level is not None:
        out.print(
            f"[bold]{level.sku} at {level.location_id}: {level.available} available"
            f"[/bold] ({level.on_hand} on hand, {level.reserved} reserved, "
            f"{level.safety_stock} safety stock, {level.damaged} damaged)"
        )
    table = Grid("#", "when", "what", "units", "from", "to", "on hand", "document")
    for entry in found.entries:
        what = (
            entry.kind
            if entry.effect == "applied"
            else f"{entry.kind} ({entry.effect})"
        )
        table.add_row(
            str(entry.sequence),
            f"{entry.occurred_at:%Y-%m-%d %H:%M:%S}",
            what,
            str(entry.quantity),
            entry.from_account,
            entry.to_account,
            f"{entry.on_hand_before} > {entry.on_hand_after}",
            f"{entry.document_type} {entry.document_id} {entry.transfer_ref}".rstrip(),
        )
    out.print(table)
    _print_transfers(found.as_json()["transfers"])
    for told in found.told:
        out.print(
            f"commercetools {told.get('action', '')}: now {told.get('quantity')} "
            f"(target {told.get('target')}, sequence {told.get('sequence')}) "
            f"at {told['at']}",
            highlight=False,
            soft_wrap=True,
        )


def _print_transfers(transfers: list[dict[str, Any]]) -> None:
    for transfer in transfers:
        out.print(
            f"transfer {', '.join(transfer['names'])}: {transfer['sent']} sent, "
            f"{transfer['received']} received, {transfer['under_way']} under way"
            f"{' for too long' if transfer['overdue'] else ''}",
            highlight=False,
            soft_wrap=True,
        )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look for what would keep a worker from running, and say the remedy.

    Checks settings, broker, topics, reference data and commercetools. Exit codes: 0 all
    well, 1 something is wrong.

    Example: `oneshelf doctor --json`
    """
    from streams.doctor import examine

    findings = asyncio.run(examine(load_settings()))

    def human() -> None:
        for finding in findings:
            mark = ("ok   ", "green") if finding.ok else ("wrong", "red")
            line = Text.assemble(mark, f" {finding.what}: {finding.said}")
            out.print(line, soft_wrap=True)

    emit(
        {"findings": [finding._asdict() for finding in findings]},
        as_json=as_json,
        human=human,
    )
    raise SystemExit(0 if all(each.ok for each in findings) else EXIT_DIFFERENCES)
