"""Passing a question on to the worker that owns its key: one hop, short waits."""

import ssl

import httpx
import structlog

from streams.web.auth import Caller
from streams.web.replies import Reply, unavailable

HOP = b"x-oneshelf-hop"
# A worker answers from memory; one that needs longer is restoring or gone, and the
# caller is better told to come again than kept waiting.
CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 2.0
CONNECTIONS_MAX = 100
RETRY_AFTER_S = 1.0

_PASSED_BACK = (
    "content-type",
    "retry-after",
    "cache-control",
    "x-content-type-options",
)

_log = structlog.get_logger(__name__)


class Forwarder:
    """Asks other workers, over one pool of connections."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                # Below the workers' own 5 s, so that none is reused dead.
                keepalive_expiry=4.0,
            ),
            # Workers speak plain HTTP to each other; loading the trusted roots would
            # take 50 ms and some megabytes for nothing.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
            follow_redirects=False,
        )

    async def ask(
        self,
        url: str,
        target: bytes,
        caller: Caller,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Reply:
        """Return the owner's answer, whatever it says.

        Raises a 503 problem where the request was passed on before (ownership is
        moving, and two workers disagree) or the owner does not answer.
        """
        if caller.hop:
            raise _disagreement(caller.hop)
        owner = httpx.URL(url).copy_with(raw_path=target)
        try:
            answer = await self._client.request(
                method, owner, headers=_passed_on(caller), content=body
            )
        except httpx.HTTPError as error:
            _log.warning("owner_silent", owner=url, reason=type(error).__name__)
            raise _silence(url) from error
        return Reply(answer.status_code, _passed_back(answer), answer.content)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _passed_on(caller: Caller) -> list[tuple[bytes, bytes]]:
    headers = [
        (HOP, b"1"),
        (b"content-type", b"application/json"),
        (b"authorization", caller.authorization),
        (b"traceparent", caller.traceparent),
        (b"tracestate", caller.tracestate),
    ]
    return [(name, value) for name, value in headers if value]


def _passed_back(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode(), answer.headers[name].encode("latin-1"))
        for name in _PASSED_BACK
        if name in answer.headers
    ]


def _disagreement(hop: bytes) -> Exception:
    return unavailable(
        "Two workers do not agree yet on who owns this SKU.",
        kind="owner-moving",
        field="X-OneShelf-Hop",
        value=hop.decode("latin-1"),
        retry_after_s=RETRY_AFTER_S,
    )


def _silence(url: str) -> Exception:
    return unavailable(
        "The worker that owns this SKU does not answer.",
        kind="owner-silent",
        field="owner",
        value=url,
        retry_after_s=RETRY_AFTER_S,
    )
