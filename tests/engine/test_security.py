"""Client arguments for TLS and SASL, and what is said of half a configuration."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from streams.engine.errors import Misconfigured
from streams.engine.security import client_arguments
from streams.settings import KafkaSecuritySettings, Settings


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate with its key, and one whose key has a password."""
    if shutil.which("openssl") is None:
        assert not os.environ.get("CI"), "CI must have the openssl command"
        pytest.skip("needs the openssl command")
    directory = tmp_path_factory.mktemp("tls")
    common = ["openssl", "req", "-x509", "-newkey", "ec", "-subj", "/CN=localhost"]
    common += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    for name, secret in (("plain", ["-nodes"]), ("locked", ["-passout", "pass:x1234"])):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(  # noqa: S603 # our own arguments
            [*common, *secret, *files], cwd=directory, check=True, capture_output=True
        )
    return directory


def settings(**security: object) -> Settings:
    return Settings(
        broker="a:9092, b:9092",
        broker_security=KafkaSecuritySettings.model_validate(security),
    )


def test_plain_is_the_default_and_several_brokers_are_named() -> None:
    assert client_arguments(settings()) == {
        "bootstrap_servers": ["a:9092", "b:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_tls_checks_the_broker_against_the_named_authority(certificates: Path) -> None:
    context = client_arguments(
        settings(protocol="SSL", ca_file=certificates / "plain.pem")
    )["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


def test_tls_shows_a_client_certificate_where_one_is_named(certificates: Path) -> None:
    arguments = client_arguments(
        settings(
            protocol="SSL",
            ca_file=certificates / "plain.pem",
            cert_file=certificates / "plain.pem",
            key_file=certificates / "plain.key",
        )
    )
    assert arguments["security_protocol"] == "SSL"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_sasl_carries_mechanism_and_user(mechanism: str) -> None:
    arguments = client_arguments(
        settings(
            protocol="SASL_SSL",
            sasl_mechanism=mechanism,
            sasl_username="edge",
            sasl_password=SecretStr("fake"),
        )
    )
    assert arguments["sasl_mechanism"] == mechanism
    assert arguments["sasl_plain_username"] == "edge"
    assert arguments["sasl_plain_password"] == "fake"
    assert arguments["ssl_context"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("security", "sentence"),
    [
        (
            {"protocol": "SASL_SSL", "sasl_password": "fake"},
            "SASL_SSL, but there is no username. Set ONESHELF_BROKER_SECURITY__SAS",
        ),
        (
            {"protocol": "SASL_PLAINTEXT", "sasl_username": "edge"},
            "but there is no password. Set ONESHELF_BROKER_SECURITY__SASL_PASSWORD",
        ),
        (
            {"protocol": "SSL", "ca_file": "absent.pem"},
            "absent.pem cannot be used: No such file or directory. Give ONESHELF",
        ),
        (
            {"protocol": "SSL", "key_file": "absent.key"},
            "client key is set without its certificate. Set ONESHELF_BROKER_SECUR",
        ),
        (
            {"protocol": "SSL", "cert_file": "absent.pem"},
            "CERT_FILE absent.pem cannot be used: No such file or directory",
        ),
    ],
)
def test_half_a_configuration_is_told_with_the_remedy(
    security: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Misconfigured) as refused:
        client_arguments(settings(**security))
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["junk.pem", "locked.pem"])
def test_a_key_that_cannot_be_used_never_asks_on_the_terminal(
    certificates: Path, name: str
) -> None:
    (certificates / "junk.pem").write_text("no certificate")
    key = certificates / name.replace(".pem", ".key")
    with pytest.raises(Misconfigured, match="cannot be used"):
        client_arguments(
            settings(protocol="SSL", cert_file=certificates / name, key_file=key)
        )


def test_the_password_is_never_in_an_error() -> None:
    with pytest.raises(Misconfigured) as refused:
        client_arguments(settings(protocol="SASL_SSL", sasl_password="hunter2"))
    assert "hunter2" not in str(refused.value)
