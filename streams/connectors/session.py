"""One HTTP request to a vendor: token, correlation id, and no error but ours.

What an answer means is the vendor's matter: its session says so (`http`, `newstore`).
"""

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import httpx
import msgspec
import stamina
from pydantic import SecretStr

from streams.connectors.errors import Ambiguous, ConnectorError, Unavailable
from streams.connectors.tokens import TokenSource
from streams.connectors.wire import transport_for

T = TypeVar("T")

USER_AGENT = f"oneshelf/{version('oneshelf')}"
CONNECT_TIMEOUT_S = 5.0
# commercetools itself cuts a request at 60 s; one entry is answered in milliseconds,
# and an answer that is late is settled by reading the entry.
ANSWER_TIMEOUT_S = 10.0
RETRY_AFTER_MAX_S = 600.0
READ_ATTEMPTS_MAX = 5
READ_PATIENCE_S = 30.0


Exchange = Callable[[httpx.Request], Coroutine[Any, Any, httpx.Response]]
"""Takes a request to its vendor and the answer back."""

Token = Callable[..., Coroutine[Any, Any, str]]
"""Returns a token, another than the `rejected` one."""


class Credentials(NamedTuple):
    """Where tokens come from, and whose settings are at fault if they do not."""

    url: str
    client_id: str
    client_secret: SecretStr
    settings: str


class VendorSession(ABC):
    """Sends requests to one vendor; every failure comes out as a ConnectorError."""

    vendor: ClassVar[str]

    def __init__(
        self,
        base: str,
        credentials: Credentials,
        *,
        connections: int,
        new_correlation_id: Callable[[], str] | None = None,
        monotonic: Callable[[], float] | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._base = base
        wire = transport_for(
            self._base,
            connections=connections,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            answer_timeout_s=answer_timeout_s,
        )
        self._http = httpx.AsyncClient(
            transport=wire,
            timeout=httpx.Timeout(answer_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections
            ),
            headers={"User-Agent": USER_AGENT},
        )
        # httpx's client adds redirects, cookies and hooks, which here only cost time.
        self._dispatch: Exchange = (
            self._http.send if wire is None else wire.handle_async_request
        )
        self.tokens = TokenSource(
            self._http,
            credentials.url,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
            monotonic=monotonic or (lambda: asyncio.get_running_loop().time()),
            vendor=self.vendor,
            settings=credentials.settings,
        )
        self._new_correlation_id = new_correlation_id or _correlation_id

    def divert(self, exchange: Exchange, token: Token) -> Self:
        """Send requests another way than over the network, as a simulation does."""
        self._dispatch = exchange
        self.tokens.token = token  # type: ignore[method-assign]  # the whole use of it
        return self

    def refuses_token(self, response: httpx.Response) -> bool:
        """Say whether an answer means that another token may do."""
        return response.status_code == httpx.codes.UNAUTHORIZED

    @abstractmethod
    def error_of(self, response: httpx.Response, correlation_id: str) -> ConnectorError:
        """Translate a failing answer, which need not be JSON, into our error tree."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._base})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(
        self,
        path: str,
        answer: type[T],
        params: Mapping[str, str] | None = None,
        *,
        attempts: int = READ_ATTEMPTS_MAX,
    ) -> T:
        """Read; tries again, within bounds, whatever may pass by itself."""
        async for attempt in stamina.retry_context(
            on=retry_delay, attempts=attempts, timeout=READ_PATIENCE_S
        ):
            with attempt:
                return await self._send("GET", path, answer, params=params)
        raise AssertionError("stamina raises when its attempts are used up")

    async def post(self, path: str, body: Mapping[str, Any], answer: type[T]) -> T:
        """Write, once: only who decides may decide again."""
        return await self.post_bytes(path, msgspec.json.encode(body), answer)

    async def post_bytes(self, path: str, body: bytes, answer: type[T]) -> T:
        """Write a body as it is, once."""
        return await self._send("POST", path, answer, content=body)

    async def _send(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> T:
        correlation_id = self._new_correlation_id()
        headers = {"X-Correlation-ID": correlation_id}
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = self._http.build_request(
            method, f"{self._base}{path}", params=params, content=content
        )
        request.headers.update(headers)
        token = await self.tokens.token()
        response = await self._exchange(request, token, correlation_id)
        if self.refuses_token(response):
            # Refused before it was applied; a token can be revoked before its end.
            token = await self.tokens.token(rejected=token)
            response = await self._exchange(request, token, correlation_id)
        if response.is_success:
            return self._decode(response, answer, correlation_id)
        raise self.error_of(response, correlation_id)

    async def _exchange(
        self, request: httpx.Request, token: str, correlation_id: str
    ) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            return await self._dispatch(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(
                f"{self.vendor} cannot be reached at {self._base}: {error!r}",
                reason="unreachable",
                correlation_id=correlation_id,
            ) from error
        except httpx.TransportError as error:
            raise Ambiguous(
                f"No answer from {self.vendor}: {error!r}",
                reason="no_answer",
                correlation_id=correlation_id,
            ) from error

    def _decode(
        self, response: httpx.Response, answer: type[T], correlation_id: str
    ) -> T:
        try:
            return msgspec.json.decode(response.content, type=answer)
        except msgspec.DecodeError as error:
            raise Ambiguous(
                f"{self.vendor} answers {response.status_code} with something else: "
                f"{error}",
                reason="unreadable_answer",
                status=response.status_code,
                correlation_id=correlation_id,
            ) from error


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header: seconds, or a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return min(float(value), RETRY_AFTER_MAX_S)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    wait_s = (at - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)


def retry_delay(error: Exception) -> bool | float:
    """Tell stamina whether to try again, and when, if the vendor said so."""
    if not isinstance(error, ConnectorError) or not error.retriable:
        return False
    return True if error.retry_after_s is None else error.retry_after_s


def _correlation_id() -> str:
    return f"oneshelf/{uuid.uuid4()}"
