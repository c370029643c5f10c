"""Answers kept ready say what the table says, after whatever was committed."""

from hypothesis import given
from hypothesis import strategies as st

from streams.tables import LEVELS
from streams.web.answers import Answers, complete
from tests.web.fakes import MemoryView
from tests.web.rows import level_row

SKUS = ("A", "A-1", "B")
LOCATIONS = ("LDN01", "LDN02")


class Table:
    """A partition whose commits are told to whoever listens."""

    def __init__(self, answers: Answers) -> None:
        self.view = MemoryView(0)
        self.answers = answers
        answers.opened(self.view)

    def commit(self, sku: str, location_id: str, on_hand: int) -> None:
        table, key, value = level_row(sku, location_id, on_hand=on_hand)
        self.view.put(table, key, value)
        self.answers.committed(self.view, {LEVELS: {key: value}})

    def is_answered_as_read(self, sku: str) -> bool:
        unremembered = Answers().of(self.view, sku.encode())
        return self.answers.of(self.view, sku.encode()) == unremembered


commits = st.tuples(
    st.sampled_from(SKUS), st.sampled_from(LOCATIONS), st.integers(0, 3)
)
asked = st.sampled_from(SKUS)


@given(st.lists(st.one_of(commits, asked)), st.integers(1, 3))
def test_a_remembered_answer_is_always_the_tables(
    steps: list[tuple[str, str, int] | str], capacity: int
) -> None:
    table = Table(Answers(capacity=capacity))
    for step in steps:
        if isinstance(step, str):
            assert table.is_answered_as_read(step)
        else:
            table.commit(*step)
    assert all(table.is_answered_as_read(sku) for sku in SKUS)


def test_nothing_is_remembered_of_a_partition_nobody_speaks_for() -> None:
    """Without the engine's word of commits an answer could never be renewed."""
    answers, view = Answers(), MemoryView(0)
    for on_hand in (1, 2):
        view.put(*level_row("A", "LDN01", on_hand=on_hand))
        answer = answers.of(view, b"A")
        assert answer is not None
        assert b'"available":%d,"loc' % on_hand in answer


def test_a_partition_that_comes_back_is_read_anew() -> None:
    answers = Answers()
    table = Table(answers)
    table.commit("A", "LDN01", 1)
    first = answers.of(table.view, b"A")
    # Another worker had it meanwhile: its commits were not told here.
    answers.closed(0)
    table.view.put(*level_row("A", "LDN01", on_hand=5))
    answers.opened(table.view)
    second = answers.of(table.view, b"A")
    assert first is not None
    assert second is not None
    assert b'"available":1,' in first
    assert b'"available":5,' in second


def test_a_deleted_row_leaves_the_answer() -> None:
    table = Table(Answers())
    table.commit("A", "LDN01", 1)
    assert table.answers.of(table.view, b"A") is not None
    _, key, _ = level_row("A", "LDN01")
    table.answers.committed(table.view, {LEVELS: {key: None}})
    assert table.answers.of(table.view, b"A") is None


def test_staleness_is_said_to_the_millisecond() -> None:
    assert complete(b'{"staleness_s":', 0.0) == b'{"staleness_s":0.0}'
    assert complete(b'{"staleness_s":', 1.23456) == b'{"staleness_s":1.235}'
