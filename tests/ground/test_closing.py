"""The benchmark of fulfilment windows: what counts as closing at the time set."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "scripts" / "benchmarks"


@pytest.fixture
def closing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module("_closing")


@pytest.mark.parametrize(
    ("late_s", "said"),
    [(0.24, "met"), (0.26, "NOT MET"), (-0.24, "met"), (-0.26, "NOT MET")],
)
def test_a_window_closes_as_set_neither_too_late_nor_too_early(
    closing: ModuleType, late_s: float, said: str
) -> None:
    on_time, other = (
        closing.Timed(
            stored_at=100.0,
            heard_at=100.1,
            limit_s=2.0,
            closed_at=102.0 + each,
            told_at=102.5,
        )
        for each in (0.0, late_s)
    )

    found = closing.lateness([on_time, other])

    assert found["closes_as_set"] == said
    assert found["committed"]["max_ms"] == pytest.approx(max(0.0, late_s) * 1000)
    assert found["heard"]["p50_ms"] == 100.0
    assert found["told"]["p50_ms"] == 500.0


def test_without_windows_nothing_was_measured(closing: ModuleType) -> None:
    assert closing.lateness([])["closes_as_set"] == "not measured"
