"""The lock files pin everything with hashes and agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
LOCKS = ("requirements.lock", "deploy/requirements.lock", "requirements-rivals.lock")


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / name).read_text()))


def wanted(*extras: str) -> set[str]:
    """Return the names that pyproject asks for, as lock files spell them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    text = re.sub(r"\\\n", "", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    requirements = [line for line in lines if not line.startswith(" ")]

    assert len(requirements) > 5
    assert [line for line in requirements if "--hash=sha256:" not in line] == []
    assert [line for line in requirements if not PIN.match(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_it_names_no_host_and_no_path(name: str) -> None:
    text = (ROOT / name).read_text()

    for trace in ("://", "--index-url", "--find-links", "--trusted-host", " @ ", "/"):
        comments_aside = re.sub(r"#.*", "", text)
        assert trace not in comments_aside, trace


def test_what_pyproject_asks_for_is_locked() -> None:
    assert wanted("dev", "embedded") - set(pins("requirements.lock")) == set()
    assert wanted() - set(pins("deploy/requirements.lock")) == set()


def test_the_image_gets_what_was_tested_and_no_tools() -> None:
    tested, shipped = pins("requirements.lock"), pins("deploy/requirements.lock")

    assert {n: v for n, v in shipped.items() if tested.get(n) != v} == {}
    assert {"pytest", "mypy", "noida-db"} & set(shipped) == set()
