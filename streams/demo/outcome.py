"""What a demo came to: numbers, checks, and whether all of it is exact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FAULTS_SHOWN_MAX = 10


@dataclass(slots=True)
class Outcome:
    """The end of a demo.

    Attributes:
        numbers: What happened, by its name, in the order it is shown.
        checks: Every comparison with the differences it found.
    """

    seed: int
    workers: int
    seconds: float
    took_s: float = 0.0
    numbers: dict[str, int | float | None] = field(default_factory=dict)
    checks: dict[str, list[str]] = field(default_factory=dict)
    folder: str = ""

    @property
    def is_exact(self) -> bool:
        return bool(self.checks) and not any(self.checks.values())

    def note(self, checks: Mapping[str, list[str]]) -> None:
        """Add checks."""
        self.checks.update(checks)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "exact": self.is_exact,
            "seed": self.seed,
            "workers": self.workers,
            "seconds": self.seconds,
            "took_s": round(self.took_s, 1),
            "folder": self.folder,
            **{name.replace(" ", "_"): value for name, value in self.numbers.items()},
            "checks": {
                name: {"differences": len(faults), "first": faults[:FAULTS_SHOWN_MAX]}
                for name, faults in self.checks.items()
            },
        }
