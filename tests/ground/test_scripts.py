"""The scripts say how they are used, and Kafka comes and goes as asked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(
    name: str, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, str(SCRIPTS / name), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def can_run_kafka() -> bool:
    return shutil.which("java") is not None and shutil.which("mvn") is not None


@pytest.mark.parametrize("name", ["bench", "check", "kafka", "lock", "setup", "test"])
def test_asked_for_help_a_script_shows_an_example_and_does_nothing(name: str) -> None:
    done = run(name, "--help")

    assert done.returncode == 0
    assert f"xample: scripts/{name}" in done.stdout


@pytest.mark.parametrize("name", ["check", "setup"])
def test_an_unknown_option_is_refused(name: str) -> None:
    assert run(name, "--unknown").returncode == 2


def test_an_unknown_benchmark_is_refused_with_the_names_of_the_others() -> None:
    done = run("bench", "guess")

    assert done.returncode == 2
    assert "scripts/bench ledger" in done.stdout


def test_the_status_of_a_kafka_that_never_ran_says_how_to_start_it(
    tmp_path: Path,
) -> None:
    done = run("kafka", "status", "--data", str(tmp_path))

    assert done.returncode == 3
    assert done.stdout == "not running; start it with: scripts/kafka start\n"


def test_the_same_status_for_machines_is_json(tmp_path: Path) -> None:
    done = run("kafka", "status", "--json", "--data", str(tmp_path))

    assert done.returncode == 3
    assert json.loads(done.stdout) == {"running": False, "ready": False, "pids": {}}


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    assert run("kafka", "stop", "--data", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("variable", ["PATH", "JAVA_HOME"])
def test_without_java_the_remedy_is_named(tmp_path: Path, variable: str) -> None:
    # A cache with the jars in it, so that Java is what is missing.
    environment = {"XDG_CACHE_HOME": str(cache_with_jars(tmp_path)), "PATH": ""}
    environment[variable] = str(tmp_path / "nothing")
    done = run(
        "kafka",
        "start",
        "--port",
        "0",
        "--data",
        str(tmp_path / "data"),
        environment=environment,
    )

    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == (
        "kafka: Java is missing; install Java 17 or newer, for example: "
        "apt-get install openjdk-17-jre-headless"
    )


def test_without_maven_and_jars_the_remedy_is_named(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    done = run(
        "kafka",
        "start",
        "--port",
        "0",
        "--data",
        str(tmp_path / "data"),
        environment=environment,
    )

    assert done.returncode == 4
    assert done.stderr == (
        "kafka: Maven is missing; install it, for example: apt-get install maven\n"
    )


def cache_with_jars(folder: Path) -> Path:
    """Return a cache folder that looks as if Maven had been here."""
    import hashlib

    pom = (SCRIPTS / "kafka-jars" / "pom.xml").read_bytes()
    version = pom.split(b"<kafka.version>")[1].split(b"<")[0].decode()
    jars = folder / "oneshelf" / f"kafka-{version}"
    jars.mkdir(parents=True)
    (jars / "pom.sha256").write_text(hashlib.sha256(pom).hexdigest())
    return folder


@pytest.mark.kafka
def test_kafka_starts_once_keeps_its_data_and_stops(tmp_path: Path) -> None:
    place = ("--port", "0", "--data", str(tmp_path / "kafka"))
    started = run("kafka", "start", "--json", *place)
    try:
        if not can_run_kafka():
            assert started.returncode == 4
            return
        facts = json.loads(started.stdout)
        assert facts["ready"] is True

        again = run("kafka", "start", "--json", *place)
        assert json.loads(again.stdout)["pids"] == facts["pids"]
        assert again.stderr == "kafka: already running\n"

        stopped = run("kafka", "stop", *place)
        assert stopped.returncode == 0
        assert run("kafka", "status", *place).returncode == 3
        assert (tmp_path / "kafka" / "broker-1" / "log" / "meta.properties").exists()
    finally:
        run("kafka", "stop", "--wipe", *place)

    assert not (tmp_path / "kafka").exists()
