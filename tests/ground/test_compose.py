"""The compose file describes what it promises, and its parts fit each other."""

import hashlib
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # ships no types

from streams.sandbox.commercetools import SandboxConfig
from streams.settings import Settings
from streams.web.auth import Scope, parse_api_keys

ROOT = Path(__file__).resolve().parents[2]
KEY_DEFAULT = re.compile(r"^\$\{ONESHELF_API_KEYS:-(.+)\}$")


@cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


def worker_environment() -> dict[str, str]:
    environment: dict[str, str] = service("worker")["environment"]
    return environment


def test_it_has_kafka_workers_the_sandbox_and_prometheus() -> None:
    assert set(compose()["services"]) == {
        "kafka",
        "topics",
        "worker",
        "sandbox",
        "prometheus",
        "tools",
    }


def test_kafka_is_the_version_that_the_tests_run_on() -> None:
    pom = (ROOT / "scripts/kafka-jars/pom.xml").read_text()
    found = re.search(r"<kafka\.version>([^<]+)<", pom)

    assert found is not None
    assert service("kafka")["image"] == f"apache/kafka:{found[1]}"


def test_kafka_creates_no_topic_by_itself() -> None:
    assert service("kafka")["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def test_several_workers_start_once_the_topics_exist() -> None:
    worker = service("worker")

    assert worker["deploy"]["replicas"] >= 2
    assert worker["depends_on"]["topics"]["condition"] == (
        "service_completed_successfully"
    )
    # A fixed name or host port would stop `--scale` at one.
    assert "container_name" not in worker
    assert worker["ports"] == ["127.0.0.1::8600"]


def test_every_worker_has_an_identity_and_an_address_of_its_own() -> None:
    # `$$` is compose's way of writing one dollar.
    words = shlex.split(service("worker")["command"][0].replace("$$", "$"))

    assert words == [
        "export",
        "ONESHELF_HTTP_HOST=$(hostname -i)",
        "ONESHELF_WORKER_ID=$(hostname);",
        "exec",
        "oneshelf",
        "worker",
    ]


def test_every_setting_of_the_workers_is_one_that_oneshelf_knows() -> None:
    known = {f"ONESHELF_{name.upper()}" for name in Settings.model_fields}
    nested = {
        f"ONESHELF_{name.upper()}__{part.upper()}"
        for name, field in Settings.model_fields.items()
        for part in getattr(field.annotation, "model_fields", {})
    }

    assert set(worker_environment()) <= known | nested


def test_the_workers_present_credentials_that_the_sandbox_accepts() -> None:
    environment = worker_environment()
    config = SandboxConfig()
    client = config.clients[0]

    prefix = "ONESHELF_COMMERCETOOLS__"
    assert environment[f"{prefix}PROJECT_KEY"] == config.project_key
    assert environment[f"{prefix}CLIENT_ID"] == client.client_id
    assert environment[f"{prefix}CLIENT_SECRET"] == client.secret
    assert environment[f"{prefix}API_URL"] == "http://sandbox:8790"
    assert service("sandbox")["command"][-1] == "8790"


def test_the_key_that_prometheus_presents_is_the_one_the_workers_know() -> None:
    found = KEY_DEFAULT.match(worker_environment()["ONESHELF_API_KEYS"])
    secret = ROOT / compose()["secrets"]["oneshelf_key"]["file"]
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    job = prometheus["scrape_configs"][0]

    assert found is not None
    (key,) = parse_api_keys(found[1])
    assert key.digest == hashlib.sha256(secret.read_bytes()).digest()
    assert Scope.READ in key.scopes
    assert job["authorization"]["credentials_file"] == "/run/secrets/oneshelf_key"
    assert job["dns_sd_configs"][0]["names"] == ["worker"]
    assert job["dns_sd_configs"][0]["port"] == 8600
    assert "oneshelf_key" in service("prometheus")["secrets"]


def test_published_ports_are_for_this_machine_only() -> None:
    published = [
        port
        for entry in compose()["services"].values()
        for port in entry.get("ports", [])
    ]

    assert published != []
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_every_file_it_names_is_there() -> None:
    build = service("worker")["build"]
    dockerfile = ROOT / build["context"] / build["dockerfile"]
    mounted = [volume.split(":")[0] for volume in service("prometheus")["volumes"]]
    lines = dockerfile.read_text().splitlines()
    copied = [words[1:-1] for line in lines if (words := line.split())[:1] == ["COPY"]]

    sources = [name for names in copied for name in names if "--from" not in names[0]]
    assert "deploy/requirements.lock" in sources
    assert [name for name in [*sources, *mounted] if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert [name for name in sources if f"!{name}" not in ignored] == []


def test_the_compose_client_accepts_it_where_there_is_one() -> None:
    command = ["docker", "compose"]
    try:
        version = subprocess.run(  # noqa: S603 - a fixed command
            [*command, "version"], capture_output=True, check=False
        )
        has_client = version.returncode == 0
    except FileNotFoundError:
        has_client = False
    if not has_client:
        print("no docker compose client here: only the YAML was checked")
        assert service("worker")["image"] == "oneshelf"
        return

    done = subprocess.run(  # noqa: S603 - a fixed command
        [*command, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
