"""The rules of the house that no compiler knows: budgets, catalogues, clean files."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer

from streams import tables, topics

ROOT = Path(__file__).resolve().parent.parent

FILE_LINES_MAX = 450
ROOM_LINES_MAX = {"streams/domain/": 250, "streams/agents/": 100}
FUNCTION_LINES_MAX = 40
FUNCTION_LINES_NEVER_OVER = 70

# An exception: what it may have, and why. One that is no longer needed fails, too.
FILE_EXCEPTIONS: dict[str, tuple[int, str]] = {
    "streams/agents/publishing_levels.py": (
        240,
        "the fold of levels and its sweep share the bookkeeping of entries",
    ),
    "tests/mapping/test_pos_orders.py": (
        600,
        "a table of cases per event reads best in one place",
    ),
    "tests/mapping/test_pos_problems.py": (
        620,
        "a table of malformed inputs reads best in one place",
    ),
    "tests/mapping/test_reference_files.py": (
        500,
        "a table of malformed files reads best in one place",
    ),
}
FUNCTION_EXCEPTIONS: dict[str, tuple[int, str]] = {
    "scripts/benchmarks/latency.py:evaluate": (
        54,
        "one report, put together in the order in which it is read",
    ),
    "scripts/benchmarks/latency.py:measure": (
        43,
        "the phases of one measurement, one after the other",
    ),
    "streams/cli/importing.py:import_sales": (
        41,
        "its options are its lines; typer reads them from the signature",
    ),
    "tests/agents/test_delivery_sandbox.py:worker": (
        45,
        "puts a whole delivery together for the tests of this file",
    ),
}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

HOSTS_OF_REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|repo1?\.maven|registry\.npmjs|crates\.io"
    r"|proxy\.golang|deb\.debian|ghcr\.io|docker\.io|quay\.io",
    re.IGNORECASE,
)
PATHS_OF_MACHINES = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/[\w.]")
# Brackets, so that this line does not find itself.
LEFT_FOR_LATER = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")


@cache
def tracked() -> dict[str, str]:
    """Return every tracked file's mode by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "-z"],  # noqa: S607 - git by name
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    entries = (line.partition("\t") for line in listed.stdout.split("\0") if line)
    return {
        path: facts.split()[0] for facts, _, path in entries if (ROOT / path).is_file()
    }


@cache
def texts() -> dict[str, str]:
    """Return the tracked text files."""
    found = {}
    for path in tracked():
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw:
            found[path] = raw.decode()
    return found


@cache
def python_trees() -> dict[str, ast.Module]:
    """Return our Python files, scripts without a suffix included, as syntax trees."""
    return {
        path: ast.parse(text)
        for path, text in texts().items()
        if path.endswith(".py") or text.startswith("#!/usr/bin/env python")
    }


def functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each function's dotted name and lines, those of inner functions aside."""
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        parent, prefix = pending.pop()
        for node in ast.iter_child_nodes(parent):
            name = prefix
            if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
                name = f"{prefix}.{node.name}".lstrip(".")
            if isinstance(node, FUNCTIONS):
                yield name, length(node) - sum(length(inner) for inner in within(node))
            pending.append((node, name))


def length(node: FunctionNode) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def within(function: FunctionNode) -> Iterator[FunctionNode]:
    """Yield the outermost functions inside one."""
    pending = list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        if isinstance(node, FUNCTIONS):
            yield node
        else:
            pending += ast.iter_child_nodes(node)


def over_budget(
    found: dict[str, tuple[int, int]], exceptions: dict[str, tuple[int, str]]
) -> list[str]:
    """Say what is longer than it may be, and which exception is of no use."""
    complaints = []
    for name, (lines, allowed) in found.items():
        limit = exceptions.get(name, (allowed, ""))[0]
        if lines > limit:
            complaints.append(f"{name}: {lines} lines, {limit} allowed")
        elif name in exceptions and lines <= allowed:
            complaints.append(f"{name}: fits its budget, needs no exception")
    gone = [f"{name}: excepted, but gone" for name in exceptions if name not in found]
    return complaints + gone


def lines_allowed(path: str) -> int:
    rooms = [limit for room, limit in ROOM_LINES_MAX.items() if path.startswith(room)]
    return rooms[0] if rooms else FILE_LINES_MAX


def test_no_module_is_longer_than_its_room_allows() -> None:
    found = {
        path: (texts()[path].count("\n"), lines_allowed(path))
        for path in python_trees()
    }

    assert "\n".join(over_budget(found, FILE_EXCEPTIONS)) == ""


def test_no_function_is_longer_than_a_page() -> None:
    found = {
        f"{path}:{name}": (lines, FUNCTION_LINES_MAX)
        for path, tree in python_trees().items()
        for name, lines in functions(tree)
    }

    assert "\n".join(over_budget(found, FUNCTION_EXCEPTIONS)) == ""


def test_every_exception_gives_its_reason_and_keeps_the_last_border() -> None:
    for _, reason in (FILE_EXCEPTIONS | FUNCTION_EXCEPTIONS).values():
        assert len(reason.split()) >= 4
    for limit, _ in FUNCTION_EXCEPTIONS.values():
        assert limit <= FUNCTION_LINES_NEVER_OVER


def test_a_budget_complains_one_line_over_and_not_before() -> None:
    assert over_budget({"a": (100, 100)}, {}) == []
    assert over_budget({"a": (101, 100)}, {}) == ["a: 101 lines, 100 allowed"]
    assert over_budget({"a": (101, 100)}, {"a": (101, "why")}) == []
    assert over_budget({"a": (102, 100)}, {"a": (101, "why")}) == [
        "a: 102 lines, 101 allowed"
    ]
    assert over_budget({"a": (100, 100)}, {"a": (101, "why")}) == [
        "a: fits its budget, needs no exception"
    ]
    assert over_budget({}, {"a": (101, "why")}) == ["a: excepted, but gone"]


def test_the_lines_of_an_inner_function_are_not_counted_twice() -> None:
    tree = ast.parse("def a():\n    x = 1\n    def b():\n        y = 2\n    return x\n")

    assert dict(functions(tree)) == {"a": 3, "a.b": 2}


def test_imports_point_towards_the_domain() -> None:
    done = subprocess.run(  # noqa: S603 - our own tool
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_domain_does_not_import_faust() -> None:
    code = (
        "import sys, pkgutil, importlib, streams.domain as d\n"
        "for m in pkgutil.iter_modules(d.__path__, 'streams.domain.'):\n"
        "    importlib.import_module(m.name)\n"
        "print(sorted({'faust', 'aiokafka', 'pydantic', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def test_nothing_is_left_for_later() -> None:
    left = [path for path, text in texts().items() if LEFT_FOR_LATER.search(text)]

    assert "\n".join(left) == ""


def test_no_two_topics_share_a_name() -> None:
    names = [topic.name for topic in topics.ALL]

    assert len(names) == len(set(names))
    assert set(topics.ALL) == catalogued(topics, topics.Topic)


def test_no_two_tables_share_a_name_nor_a_prefix_within_their_store() -> None:
    names = [table.name for table in tables.ALL]
    places = [(table.stage, table.prefix) for table in tables.ALL]

    assert len(names) == len(set(names))
    assert len(places) == len(set(places))
    assert {len(table.prefix) for table in tables.ALL} == {1}
    assert set(tables.ALL) == catalogued(tables, tables.Table)


def catalogued(module: object, kind: type) -> set[object]:
    """Return the entries a catalogue defines, in ALL or not."""
    return {value for value in vars(module).values() if isinstance(value, kind)}


def test_a_topic_name_is_spelled_in_the_catalogue_only() -> None:
    # Names of one word are ordinary words, too; the next test holds them.
    names = {topic.name for topic in topics.ALL if "-" in topic.name}
    spelled = [
        f"{path}:{node.lineno} {node.value}"
        for path, tree in python_trees().items()
        if path.startswith("streams/") and path != "streams/topics.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in names
    ]

    assert "\n".join(spelled) == ""


def test_topics_and_tables_are_made_in_their_catalogues_only() -> None:
    made = [
        f"{path}:{node.lineno}"
        for path, tree in python_trees().items()
        if path.startswith("streams/")
        and path not in ("streams/topics.py", "streams/tables.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Topic", "Table")
    ]

    assert "\n".join(made) == ""


@pytest.mark.parametrize("pattern", [HOSTS_OF_REGISTRIES, PATHS_OF_MACHINES])
def test_no_file_names_a_registry_host_or_a_machine(pattern: re.Pattern[str]) -> None:
    named = [
        f"{path}: {match[0]}"
        for path, text in texts().items()
        for match in pattern.finditer(text)
    ]

    assert "\n".join(named) == ""


def test_every_script_can_be_run() -> None:
    modes = {
        path: mode
        for path, mode in tracked().items()
        if path == ".ci/run" or re.fullmatch(r"scripts/[a-z]+", path)
    }

    assert {"scripts/test", "scripts/demo", ".ci/run"} <= set(modes)
    assert {path for path, mode in modes.items() if mode != "100755"} == set()
    assert {path for path in modes if not texts()[path].startswith("#!/")} == set()


@cache
def cli_helps() -> dict[str, str]:
    """Return every `oneshelf` command's help by the command's full name."""
    from streams.cli import commands  # noqa: F401 - adds its commands to `app`
    from streams.cli.app import app

    found: dict[str, str] = {}
    pending = [("oneshelf", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        children = getattr(command, "commands", None)
        if children is None:
            found[name] = command.help or ""
        else:
            pending += [(f"{name} {child}", children[child]) for child in children]
    return found


def test_the_help_of_every_command_shows_an_example() -> None:
    silent = [
        name
        for name, text in cli_helps().items()
        if "Example" not in text or name not in text
    ]

    assert cli_helps() != {}
    assert "\n".join(silent) == ""
