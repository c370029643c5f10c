"""How the demo looks in a terminal: a calm page while it runs, a table at its end."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from streams.demo.outcome import FAULTS_SHOWN_MAX, Outcome
from streams.demo.story import Story

WIDTH_MAX = 96
STATES = {
    "serving": "green",
    "starting": "cyan",
    "restoring": "yellow",
    "killed": "bold red",
}
NUMBERS = (
    ("store sales", "web orders won", "events sent"),
    ("returns", "web orders lost", "sent again"),
    ("receipts", "races", "duplicates"),
    ("transfers", "oversold", "parked"),
    ("late", "movements", "re-driven"),
)
"""The counters, in rows: the shops, the web, the ledger."""


class Screen:
    """Draws the story as it is at the moment (a rich renderable)."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __rich_console__(
        self, console: Console, _options: object
    ) -> Iterator[RenderableType]:
        width = min(console.width, WIDTH_MAX) - 1
        rows = max(3, min(10, console.height - 16 - len(self._story.workers)))
        page = Group(
            self._head(width),
            self._bar(width),
            Text(),
            self._numbers(),
            Text(),
            self._workers(),
            Text(),
            self._recent(rows),
        )
        yield Padding(page, (0, 0, 0, 1))

    def _head(self, width: int) -> RenderableType:
        story = self._story
        clock = f"{story.clock:%H:%M}" if story.clock is not None else "--:--"
        head = Table.grid(expand=False, padding=0)
        head.add_column(width=width - 20, no_wrap=True, overflow="ellipsis")
        head.add_column(width=19, justify="right", no_wrap=True)
        head.add_row(
            Text.assemble(
                ("OneShelf", "bold"), "  ", (clock, "bold cyan"), f"  {story.phase}"
            ),
            Text(f"seed {story.seed}  {story.elapsed_s:3.0f} s", style="dim"),
        )
        return head

    def _bar(self, width: int) -> RenderableType:
        return ProgressBar(
            total=1.0,
            completed=self._story.progress,
            width=width - 1,
            complete_style="cyan",
            finished_style="green",
        )

    def _numbers(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for row in NUMBERS:
            cells: list[str | Text] = []
            for name in row:
                cells += [f"{self._story.numbers[name]:,}", Text(name, style="dim")]
            table.add_row(*cells)
        for column in table.columns[::2]:
            column.justify, column.width = "right", 6
        for column in table.columns[1::2]:
            column.width = 16
        return table

    def _workers(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for name, view in self._story.workers.items():
            notes = [f"{view.lag:,} records behind"] if view.state == "serving" else []
            if view.restarts:
                notes.append(f"restarted {view.restarts}x")
            state = Text(view.state, style=STATES[view.state])
            table.add_row(f" {name}", state, Text(", ".join(notes), style="dim"))
        return table

    def _recent(self, rows: int) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", width=6)
        table.add_column(no_wrap=True, overflow="ellipsis")
        recent = list(self._story.recent)[-rows:]
        for at, sentence in recent:
            table.add_row(f" {at}", sentence)
        return table


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print the day's numbers, the checks, and the verdict."""
    console.print(Rule(style="dim"))
    table = Table.grid(padding=(0, 2))
    items = [(name, _shown(value)) for name, value in outcome.numbers.items()]
    half = (len(items) + 1) // 2
    for left, right in zip(items[:half], [*items[half:], ("", "")], strict=False):
        table.add_row(
            Text(left[1], justify="right"),
            Text(left[0], style="dim"),
            Text(right[1], justify="right"),
            Text(right[0], style="dim"),
        )
    for column in table.columns[::2]:
        column.width = 8
    console.print(table)
    console.print()
    for check, faults in outcome.checks.items():
        mark = "[red]differs[/red]" if faults else "[green]exact[/green]  "
        console.print(f"  {mark}  {check}", highlight=False)
        for fault in faults[:FAULTS_SHOWN_MAX]:
            console.print(f"           {fault}", highlight=False, markup=False)
    console.print()
    verdict = "[bold green]Exact.[/bold green]"
    if not outcome.is_exact:
        verdict = "[bold red]Not exact.[/bold red]"
    console.print(
        f"{verdict} Every unit was compared; the demo took {outcome.took_s:.0f} s. "
        f"The same day again: oneshelf demo --seed {outcome.seed}",
        highlight=False,
    )


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"
