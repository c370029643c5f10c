"""A Kafka of our own for one run: free port, own data folder, gone afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from _ground import EXIT_MISSING, ROOT, Trouble, say

SYSTEM_PACKAGES = {"java": "default-jre-headless", "mvn": "maven"}


def in_ci() -> bool:
    """Tell whether this run judges a change, so that nothing may be left out."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def install_system_packages() -> None:
    """Install what is missing, where this machine lets us."""
    missing = [
        package
        for program, package in SYSTEM_PACKAGES.items()
        if shutil.which(program) is None
    ]
    if not missing or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    say(f"installing {' '.join(missing)} ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", *missing]):
        subprocess.run(
            ["apt-get", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def temporary_kafka() -> Iterator[str | None]:
    """Yield the address of an Apache Kafka, None where Java or Maven is missing."""
    # SIGTERM must unwind the stack, or the broker would outlive us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    data = tempfile.mkdtemp(prefix="oneshelf-kafka-")
    script = str(ROOT / "scripts" / "kafka")
    place = ["--port", "0", "--data", data]
    try:
        started = subprocess.run(
            [script, "start", "--json", *place],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if started.returncode == EXIT_MISSING:
            yield None
        elif started.returncode != 0:
            raise Trouble("Apache Kafka did not start")
        else:
            yield str(json.loads(started.stdout)["bootstrap"])
    finally:
        subprocess.run([script, "stop", "--wipe", *place], check=False)
        shutil.rmtree(data, ignore_errors=True)
