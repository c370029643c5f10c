"""How every client reaches the broker: address, TLS and SASL, from the settings."""

import ssl
from pathlib import Path
from typing import Any

from streams.engine.errors import Misconfigured
from streams.settings import KafkaSecuritySettings, Settings

_PREFIX = "ONESHELF_BROKER_SECURITY__"


def client_arguments(settings: Settings) -> dict[str, Any]:
    """Build the arguments that aiokafka's producer, consumer and admin client share.

    Raises:
        Misconfigured: No broker is named, or TLS or SASL is only half configured.
    """
    if not settings.broker.strip():
        raise Misconfigured(
            "No broker is configured",
            remedy="Set ONESHELF_BROKER to host:port (several: separated by commas)",
        )
    servers = [part.strip() for part in settings.broker.split(",") if part.strip()]
    return {
        "bootstrap_servers": servers,
        **security_arguments(settings.broker_security),
    }


def security_arguments(security: KafkaSecuritySettings) -> dict[str, Any]:
    """Build the TLS and SASL arguments alone.

    Raises:
        Misconfigured: TLS or SASL is only half configured, or a file cannot be used.
    """
    arguments: dict[str, Any] = {"security_protocol": security.protocol}
    if security.protocol in ("SSL", "SASL_SSL"):
        arguments["ssl_context"] = _tls_context(security)
    if security.protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        arguments.update(_sasl_arguments(security))
    return arguments


def _sasl_arguments(security: KafkaSecuritySettings) -> dict[str, str]:
    password = security.sasl_password.get_secret_value()
    for name, value in (("USERNAME", security.sasl_username), ("PASSWORD", password)):
        if not value:
            raise Misconfigured(
                f"The broker's protocol is {security.protocol}, but there is no "
                f"{name.lower()}",
                remedy=f"Set {_PREFIX}SASL_{name}",
            )
    return {
        "sasl_mechanism": security.sasl_mechanism,
        "sasl_plain_username": security.sasl_username,
        "sasl_plain_password": password,
    }


def _tls_context(security: KafkaSecuritySettings) -> ssl.SSLContext:
    """Trust the named authority, or the system's; always check the host name."""
    try:
        context = ssl.create_default_context(cafile=security.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(security.ca_file, "CA_FILE", error) from error
    if security.cert_file is None:
        if security.key_file is not None:
            raise Misconfigured(
                "The broker's client key is set without its certificate",
                remedy=f"Set {_PREFIX}CERT_FILE as well, or neither",
            )
        return context
    try:
        context.load_cert_chain(
            security.cert_file, security.key_file, password=_no_password
        )
    except (OSError, ssl.SSLError) as error:
        raise _unusable(security.cert_file, "CERT_FILE", error) from error
    return context


def _no_password() -> str:
    # Without this, OpenSSL would ask for the key's password on the terminal and hang.
    return ""


def _unusable(path: Path | None, name: str, error: Exception) -> Misconfigured:
    reason = getattr(error, "strerror", None) or str(error)
    return Misconfigured(
        f"The broker's {name} {path} cannot be used: {reason}",
        remedy=f"Give {_PREFIX}{name} a readable PEM file, its key without a password",
    )
