"""Reading a person's CSV file: rows of cells, and what is wrong by line and column."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple


class FileProblem(NamedTuple):
    """One thing wrong with a file, where, and what to write instead."""

    file: str
    line: int
    column: str
    value: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.file} line {self.line}"
        if self.column:
            place += f", column {self.column}"
        return f"{place}: {self.sentence}"


@dataclass(slots=True)
class Notes:
    """What was found while reading files."""

    problems: list[FileProblem] = field(default_factory=list)
    warnings: list[FileProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: cells by column, stripped; notes what is wrong with them."""

    file: str
    line: int
    cells: dict[str, str]
    notes: Notes

    def text(self, column: str) -> str:
        """Return a cell; empty where the file has no such column."""
        return self.cells.get(column, "")

    def refuse(self, column: str, sentence: str) -> None:
        """Note that a cell cannot be used."""
        self.notes.problems.append(
            FileProblem(self.file, self.line, column, self.text(column), sentence)
        )


def read_rows(
    body: bytes, file: str, columns: tuple[str, ...], required: str, notes: Notes
) -> list[Row]:
    """Read a CSV file with a header; notes what keeps it from being read."""

    def refuse(line: int, column: str, value: str, sentence: str) -> list[Row]:
        notes.problems.append(FileProblem(file, line, column, value, sentence))
        return []

    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        return refuse(line, "", "", "not UTF-8; save the file as CSV UTF-8.")
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        return refuse(line, "", "", "has a NUL character; save the file as CSV UTF-8.")
    records = _records(text)
    try:
        header_line, header = next(records, (1, []))
        names = [name.strip() for name in header]
        if not any(names):
            begin = ",".join(columns)
            return refuse(1, "", "", f"the file is empty; begin with {begin}.")
        if required not in names:
            sentence = f"the column is missing; add it.{_separator_hint(names)}"
            return refuse(header_line, required, "", sentence)
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            refuse(header_line, name, name, "the column is there twice; remove one.")
        notes.warnings += _unknown(file, header_line, names, columns)
        return list(_rows(records, file, names, notes))
    except csv.Error as error:
        line = text.count("\n") + 1
        return refuse(line, "", "", f"not CSV ({error}); check the quotes.")


def _separator_hint(names: list[str]) -> str:
    if len(names) == 1 and ";" in names[0]:
        return " Columns are separated by semicolons; save with commas."
    return ""


def _rows(
    records: Iterator[tuple[int, list[str]]], file: str, names: list[str], notes: Notes
) -> Iterator[Row]:
    for line, cells in records:
        if any(cell.strip() for cell in cells):
            yield from _row(file, line, names, cells, notes)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Walk a file's records with the line that each begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begin = 1
    for cells in reader:
        yield begin, cells
        begin = reader.line_num + 1


def _row(
    file: str, line: int, names: list[str], cells: list[str], notes: Notes
) -> Iterator[Row]:
    if len(cells) != len(names):
        notes.problems.append(
            FileProblem(
                file,
                line,
                "",
                ",".join(cells),
                f"has {len(cells)} cells, the header has {len(names)}; put text with "
                "commas in double quotes.",
            )
        )
        return
    values = {
        name: cell.strip() for name, cell in zip(names, cells, strict=True) if name
    }
    yield Row(file, line, values, notes)


def _unknown(
    file: str, line: int, names: Iterable[str], columns: tuple[str, ...]
) -> list[FileProblem]:
    warnings = []
    for name in names:
        if name in columns:
            continue
        near = get_close_matches(name, columns, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        warnings.append(
            FileProblem(
                file, line, name, name, f"the column is not known and ignored{hint}"
            )
        )
    return warnings
