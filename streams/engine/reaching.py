"""Why a broker is not reached: nobody there, a wrong password, a strange certificate.

aiokafka 0.14 says the same of all three, and logs the cause where nobody looks.
"""

import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.engine.errors import EngineError, Misconfigured
from streams.engine.security import client_arguments
from streams.settings import Settings

_NOT_LET_IN = (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
_PREFIX = "ONESHELF_BROKER_SECURITY__"


async def refusal(settings: Settings) -> EngineError | None:
    """Try the first broker once more; return what a person must mend, if anything."""
    if settings.broker_security.protocol == "PLAINTEXT":
        return None
    arguments = client_arguments(settings)
    host, _, port = arguments.pop("bootstrap_servers")[0].rpartition(":")
    try:
        connection = await create_conn(host, int(port), **arguments)
    except _NOT_LET_IN:
        return Misconfigured(
            f"The Kafka broker at {settings.broker!r} does not let the user "
            f"{settings.broker_security.sasl_username!r} in",
            remedy=f"Check {_PREFIX}SASL_USERNAME, SASL_PASSWORD and SASL_MECHANISM",
        )
    except ssl.SSLCertVerificationError as error:
        return Misconfigured(
            f"The certificate of the Kafka broker at {settings.broker!r} is not "
            f"trusted: {error.verify_message}",
            remedy=f"Give {_PREFIX}CA_FILE the authority that signed it, and name the "
            "broker in ONESHELF_BROKER as its certificate does",
        )
    except (KafkaError, OSError, ValueError):
        return None
    connection.close()
    return None
