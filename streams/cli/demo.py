"""`oneshelf demo`: a whole trading day, watched live and proved exact at its end."""

import logging
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.app import (
    EXIT_DIFFERENCES,
    EXIT_INTERRUPTED,
    EXIT_UNAVAILABLE,
    app,
    emit,
    err,
    load_settings,
    out,
    refuse,
)
from streams.cli.interrupts import ended_at_once
from streams.cli.stopping import Stopped, run_until_stopped

if TYPE_CHECKING:
    from streams.demo.outcome import Outcome
    from streams.demo.story import Story

Orders = Annotated[
    int,
    typer.Option(min=0, max=200, help="Web orders of the evening; 0 leaves it out."),
]
Keep = Annotated[
    Path | None,
    typer.Option(help="Keep data, logs and files in this new or empty folder."),
]


@app.command()
def demo(
    workers: Annotated[int, typer.Option(min=1, max=8, help="Worker processes.")] = 2,
    seconds: Annotated[
        float, typer.Option(min=5.0, max=600.0, help="How long the trading day takes.")
    ] = 25.0,
    orders: Orders = 12,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed, the same day.")
    ] = None,
    keep: Keep = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object instead of text.")
    ] = False,
) -> None:
    """Live through a trading day in shops and on the web, then prove the stock exact.

    An evening of web orders follows: reserved, checked, sent to stores, sent on where a
    shelf is empty, shipped in parts, returned elsewhere, paid back; it is proved, too.

    Starts everything it needs in a temporary folder (the broker of ONESHELF_BROKER, or
    an embedded one), kills a worker midway, and ends by itself. Exit codes: 0 exact,
    1 something differs, 3 something did not start or settle, 130 stopped by Ctrl-C.

    Example: `oneshelf demo --seed 7 --seconds 20`
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        refuse(f"{keep} is not empty. Choose a new folder.")
    outcome = _live(seed, keep, workers, seconds, orders, quiet=as_json)
    from streams.demo.screen import print_outcome

    emit(
        outcome.as_json(),
        as_json=as_json,
        human=lambda: print_outcome(out, outcome),
    )
    raise SystemExit(0 if outcome.is_exact else EXIT_DIFFERENCES)


def _live(
    seed: int | None,
    keep: Path | None,
    workers: int,
    seconds: float,
    orders: int,
    *,
    quiet: bool,
) -> "Outcome":
    """Run the demo and show it; end with a sentence where it cannot go on."""
    with ended_at_once():
        from streams.demo.story import Story
        from streams.demo.trading import TradingStopped
        from streams.logs import configure_logs
        from streams.readiness import WorkersNotReady
        from streams.settle import NotSettled

    configure_logs("demo", level=logging.ERROR)
    story = Story(random.randrange(10_000) if seed is None else seed)
    try:
        with _folder(keep) as folder:
            work = _run(story, folder, workers, seconds, orders, quiet=quiet)
            return run_until_stopped(work, story.enter)
    except (NotSettled, TradingStopped, WorkersNotReady) as error:
        refuse(str(error), EXIT_UNAVAILABLE)
    except (Stopped, KeyboardInterrupt) as ended:
        err.print("Stopped.")
        code = ended.exit_code if isinstance(ended, Stopped) else EXIT_INTERRUPTED
        raise SystemExit(code) from None


async def _run(
    story: "Story",
    folder: Path,
    workers: int,
    seconds: float,
    orders: int,
    *,
    quiet: bool,
) -> "Outcome":
    from streams.demo.run import run_demo

    settings = load_settings()
    with _shown(story, quiet=quiet):
        return await run_demo(
            settings,
            story,
            folder=folder,
            workers=workers,
            seconds=seconds,
            orders=orders,
        )


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(
        prefix="oneshelf-demo-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@contextmanager
def _shown(story: "Story", *, quiet: bool) -> Iterator[None]:
    """Show the story: a live page in a terminal, plain lines elsewhere."""
    from rich.live import Live

    from streams.demo.screen import Screen

    console = err if quiet else out
    if console.is_terminal and os.environ.get("TERM") != "dumb":
        with Live(Screen(story), console=console, refresh_per_second=5, transient=True):
            yield
        return
    if not quiet:
        story.listener = lambda at, sentence: out.print(
            f"{at:5}  {sentence}", highlight=False, markup=False
        )
    yield
