"""The spine through a secured Apache Kafka, and what is said of a wrong secret."""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from streams.readiness import free_port
from streams.settings import CommercetoolsSettings, KafkaSecuritySettings
from streams.up import environment_of
from tests.integration.checks import assert_exact, open_shop
from tests.integration.harness import (
    ROOT,
    Shelf,
    WorkerProcess,
    settings_for,
    shelf,
)
from tests.integration.test_refusals import sentence
from tests.integration.trade import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

USER, PASSWORD = "oneshelf", "correct-horse"
PROPERTIES = """\
listeners=PLAINTEXT://127.0.0.1:{plain},\\
  CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:{port}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_{user}="{password}";
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={keystore}
"""


@dataclass
class Secured:
    """A broker that lets nobody in without TLS and a password."""

    address: str
    security: KafkaSecuritySettings
    other_ca: Path


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate for this machine, which is its own authority."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own arguments
    return folder / f"{name}.pem"


def listener(folder: Path, plain: int, port: int) -> Path:
    """Write the properties of a second listener; return their file."""
    keystore, more = folder / "keystore.pem", folder / "listener.properties"
    parts = [(folder / name).read_text() for name in ("broker.key", "broker.pem")]
    keystore.write_text("".join(parts))
    more.write_text(
        PROPERTIES.format(
            plain=plain,
            controller=plain + 100,
            port=port,
            user=USER,
            password=PASSWORD,
            keystore=keystore,
        )
    )
    return more


@pytest.fixture(scope="module")
def secured(
    broker_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    """Start a second Apache Kafka, with another listener; stop it afterwards."""
    if broker_kind != "apache":
        pytest.skip("the embedded broker knows neither TLS nor passwords")
    if shutil.which("openssl") is None:
        assert not os.environ.get("CI"), "CI must have the openssl command"
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("secured")
    ca, other = certificate(folder, "broker"), certificate(folder, "stranger")
    plain, port = free_port(), free_port()
    more = listener(folder, plain, port)
    script = [str(ROOT / "scripts" / "kafka")]
    place = ["--port", str(plain), "--data", str(folder / "data")]
    start = [*script, "start", "--more", str(more), "--json", *place]
    try:
        done = subprocess.run(start, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["ready"]
        yield Secured(
            f"127.0.0.1:{port}",
            KafkaSecuritySettings(
                protocol="SASL_SSL",
                ca_file=ca,
                sasl_mechanism="PLAIN",
                sasl_username=USER,
                sasl_password=SecretStr(PASSWORD),
            ),
            other,
        )
    finally:
        subprocess.run([*script, "stop", "--wipe", *place], check=False)  # noqa: S603 - our own arguments


@pytest.fixture
async def house(
    secured: Secured, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Shelf]:
    """Yield a shelf on the secured listener."""
    async with shelf(
        secured.address, topic_prefix, tmp_path, broker_security=secured.security
    ) as made:
        yield made


async def test_everything_goes_through_tls_and_a_password(house: Shelf) -> None:
    trade = Trade(seed=9, sku_count=5)
    await open_shop(house, trade)
    (worker,) = await house.start("w0")
    await house.send(trade.events(40))
    await assert_exact(house, trade)

    assert await worker.stop() == 0
    house.wipe("w0")
    await house.send(trade.events(20))
    worker.start()
    await house.all_ready()

    await assert_exact(house, trade)


async def refused(
    secured: Secured, folder: Path, **security: object
) -> tuple[int, str]:
    """Start a worker with other security; return its exit code and its sentence."""
    changed = secured.security.model_copy(update=security)
    settings = settings_for(
        secured.address,
        "",
        folder,
        "",
        broker_security=changed,
        commercetools=CommercetoolsSettings(),
    )
    worker = WorkerProcess("w0", "", environment_of(settings), folder / "w0.log")
    worker.start()
    return await worker.wait(60.0), sentence(worker)


async def test_a_wrong_password_is_named(secured: Secured, tmp_path: Path) -> None:
    said = await refused(secured, tmp_path, sasl_password=SecretStr("wrong"))

    expected = (
        f"The Kafka broker at '{secured.address}' does not let the user 'oneshelf' in. "
        "Check ONESHELF_BROKER_SECURITY__SASL_USERNAME, SASL_PASSWORD and "
        "SASL_MECHANISM"
    )
    assert said == (2, expected)


async def test_a_broker_of_another_authority_is_not_trusted(
    secured: Secured, tmp_path: Path
) -> None:
    code, said = await refused(secured, tmp_path, ca_file=secured.other_ca)

    assert code == 2
    assert said.startswith(
        f"The certificate of the Kafka broker at '{secured.address}' is not trusted: "
    )
    assert said.endswith(
        ". Give ONESHELF_BROKER_SECURITY__CA_FILE the authority that signed it, and "
        "name the broker in ONESHELF_BROKER as its certificate does"
    )


async def test_without_tls_a_broker_that_wants_it_does_not_answer(
    secured: Secured, tmp_path: Path
) -> None:
    code, said = await refused(secured, tmp_path, protocol="PLAINTEXT", ca_file=None)

    assert code == 3
    assert said.startswith(f"The Kafka broker at '{secured.address}' does not answer")
