"""`oneshelf simulate`: seeds in, one line each out, and an exit code."""

from collections.abc import Callable, Collection
from dataclasses import asdict

import msgspec

from streams.simulation.order_plants import PLANTS as ORDER_PLANTS
from streams.simulation.order_race import run_race
from streams.simulation.order_run import run_orders
from streams.simulation.plants import PLANTS
from streams.simulation.run import Report, run


def simulate(
    seed: int,
    *,
    seeds: int = 1,
    plant: str | None = None,
    orders: bool = False,
    verbose: bool = False,
    as_json: bool = False,
    write: Callable[[str], None] = print,
) -> int:
    """Simulate so many seeds from `seed` on; return 0 if all of them hold, else 1.

    Args:
        orders: Simulate orders across channels instead of the stock of stores.

    Raises:
        ValueError: There is no planted bug of that name.
    """
    _check_plant(plant, ORDER_PLANTS if orders else PLANTS)
    failed = 0
    live = run_orders if orders else run
    for number in range(seed, seed + seeds):
        report = live(number, plant=plant, verbose=verbose)
        failed += not report.ok
        write(as_line(report) if as_json else describe(report))
    if not as_json and seeds > 1:
        write(f"{seeds - failed} of {seeds} seeds hold")
    return 1 if failed else 0


def as_line(report: Report) -> str:
    """Write a report as one line of JSON."""
    return msgspec.json.encode({**asdict(report), "ok": report.ok}).decode()


def replay_command(report: Report) -> str:
    """Say how to see a seed again."""
    planted = f" --plant {report.plant}" if report.plant else ""
    orders = " --orders" if report.orders else ""
    return f"oneshelf simulate{orders} --seed {report.seed}{planted} --verbose"


def _check_plant(plant: str | None, plants: Collection[str]) -> None:
    if plant is not None and plant not in plants:
        known = ", ".join(sorted(plants))
        raise ValueError(f"There is no planted bug {plant!r}; there are: {known}.")


def race(
    seed: int,
    *,
    plant: str | None = None,
    as_json: bool = False,
    write: Callable[[str], None] = print,
) -> int:
    """Let web orders and stores race for the last units; return 1 if it went wrong.

    Raises:
        ValueError: There is no planted bug of orders of that name.
    """
    _check_plant(plant, ORDER_PLANTS)
    outcome = run_race(seed, plant=None if plant is None else ORDER_PLANTS[plant])
    if as_json:
        write(msgspec.json.encode(asdict(outcome)).decode())
    else:
        for name, value in asdict(outcome).items():
            write(f"{name.replace('_', ' ')}: {value}")
    return 1 if outcome.faults else 0


def describe(report: Report) -> str:
    """Write a report for a person: one line if all holds, else what does not."""
    happened = ", ".join(f"{name} {n}" for name, n in report.incidents.items())
    lines = list(report.story)
    if report.ok:
        lines.append(
            f"seed {report.seed}: holds; {report.events} arrivals, {report.entries} "
            f"journal entries; {happened or 'a calm day'}"
        )
        return "\n".join(lines)
    lines.append(f"seed {report.seed}: FAILS")
    lines += [f"  {one.checker}, {one.when}: {one.sentence}" for one in report.faults]
    lines.append(f"  again: {replay_command(report)}")
    return "\n".join(lines)
