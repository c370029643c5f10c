"""The NewStore client: availability, injection, look-ups, rejections.

Endpoints and rules: NewStore developer documentation, "Availabilities", "Order
Injection API", "External Orders API", "Fulfillment Provider API", "Rate limits".
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import httpx
import msgspec

from streams.connectors.errors import (
    Ambiguous,
    ConnectorError,
    Duplicate,
    NotFound,
    Refused,
    Throttled,
    Unauthorised,
    Unavailable,
)
from streams.connectors.session import (
    ANSWER_TIMEOUT_S,
    Credentials,
    VendorSession,
    retry_after_s,
)
from streams.mapping.newstore import (
    ATP_KEYS_MAX,
    INJECTED_OTHERWISE,
    AtpKey,
    AtpWire,
    ExternalOrderWire,
    InjectedWire,
    NoContent,
    RequestsWire,
    RequestWire,
    atp_query,
    rejection,
)
from streams.settings import NewStoreSettings

BLOCKED_FOR_S: Final = 300.0
"""An address that asked too much is blocked for five minutes ("Rate limits")."""


class _ErrorBody(msgspec.Struct, frozen=True):
    error_code: str = ""
    error: str = ""
    message: str = ""
    error_description: str = ""

    @property
    def code(self) -> str:
        return self.error_code or self.error

    @property
    def text(self) -> str:
        return self.message or self.error_description


class NewStoreClient(VendorSession):
    """Everything we ask of NewStore, one method for each request."""

    vendor = "NewStore"

    def __init__(
        self,
        settings: NewStoreSettings,
        *,
        new_correlation_id: Callable[[], str] | None = None,
        monotonic: Callable[[], float] | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        credentials = Credentials(
            token_url(settings),
            settings.client_id,
            settings.client_secret,
            "ONESHELF_NEWSTORE__",
        )
        super().__init__(
            settings.api_url.rstrip("/"),
            credentials,
            connections=settings.max_concurrency + 2,
            new_correlation_id=new_correlation_id,
            monotonic=monotonic,
            answer_timeout_s=answer_timeout_s,
        )
        self._availability_path = settings.availability_path

    async def availability(
        self, keys: Sequence[AtpKey], *, deadline_s: float
    ) -> dict[AtpKey, int]:
        """Ask what can be promised, once; an unknown key is left out of the answer.

        Raises:
            Unavailable: There was no answer within the deadline, token apart.
        """
        if not 1 <= len(keys) <= ATP_KEYS_MAX:
            raise ValueError(f"{len(keys)} keys; 1 to {ATP_KEYS_MAX} can be asked for")
        await self.tokens.token()
        path = self._availability_path
        try:
            async with asyncio.timeout(deadline_s):
                wire = await self.post_bytes(path, atp_query(keys), AtpWire)
        except TimeoutError as error:
            raise Unavailable(
                f"NewStore did not say within {deadline_s:g} s what is available",
                reason="late",
            ) from error
        return wire.numbers()

    async def fulfil_order(self, body: bytes) -> InjectedWire:
        """Inject an order, once; the same body again gets the same answer.

        Raises:
            Duplicate: Another body was injected under its number.
        """
        return await self.post_bytes("/v0/d/fulfill_order", body, InjectedWire)

    async def external_order(self, external_id: str) -> ExternalOrderWire | None:
        """Look an order up by its public number, once; None if there is none."""
        name = quote(external_id, safe="")
        path = f"/v0/d/external_orders/external_id={name}"
        try:
            return await self.get(path, ExternalOrderWire, attempts=1)
        except NotFound:
            return None

    async def fulfilment_requests(self, order_uuid: str) -> list[RequestWire]:
        path = f"/v0/d/order/{quote(order_uuid, safe='')}/fulfillment_requests"
        return (await self.get(path, RequestsWire, attempts=1)).fulfillment_requests

    async def reject(
        self, request_id: str, item_ids: Sequence[str], reason: str = "no_inventory"
    ) -> None:
        """Send units of a request back; rejected ones are re-routed, cancelled not."""
        path = f"/v0/d/fulfillment_requests/{quote(request_id, safe='')}/reject_items"
        await self.post(path, rejection(item_ids, reason), NoContent)

    def refuses_token(self, response: httpx.Response) -> bool:
        """Say whether another token may do: 401, or 403 in JSON.

        A page with 403 is the block of an address that asked too much.
        """
        status = response.status_code
        return status == httpx.codes.UNAUTHORIZED or (
            status == httpx.codes.FORBIDDEN and _error_body(response) is not None
        )

    def error_of(self, response: httpx.Response, correlation_id: str) -> ConnectorError:
        """Translate a failing answer, which need not be JSON, into our error tree."""
        status = response.status_code
        body = _error_body(response)
        wait_s = retry_after_s(response.headers.get("Retry-After"))
        if status == httpx.codes.FORBIDDEN and body is None:
            return Throttled(
                "NewStore blocks our address for asking too much",
                reason="blocked",
                status=status,
                retry_after_s=wait_s or BLOCKED_FOR_S,
                correlation_id=correlation_id,
            )
        body = body or _ErrorBody()
        return _classify(status, body.code)(
            f"NewStore answers {status} {body.code or 'without a code'}: "
            f"{body.text or response.reason_phrase}",
            reason=body.code or f"http_{status}",
            status=status,
            retry_after_s=wait_s,
            correlation_id=correlation_id,
        )


def token_url(settings: NewStoreSettings) -> str:
    """Return where tokens are given: the tenant's realm, unless named in full."""
    url = settings.auth_url.rstrip("/")
    if url.endswith("/token"):
        return url
    return f"{url}/auth/realms/{settings.tenant}/protocol/openid-connect/token"


def _classify(status: int, code: str) -> type[ConnectorError]:
    match status:
        case _ if code == INJECTED_OTHERWISE:
            return Duplicate
        case 401 | 403:
            return Unauthorised
        case 404:
            return NotFound
        case 429:
            return Throttled
        case 503:
            return Unavailable
        case 400 | 405 | 409 | 413 | 422:
            return Refused
        case _:
            # 500, 502 and 504 may come after the write; so may what we do not know.
            return Ambiguous


def _error_body(response: httpx.Response) -> _ErrorBody | None:
    try:
        return msgspec.json.decode(response.content, type=_ErrorBody)
    except msgspec.DecodeError:
        return None  # A page from a proxy or load balancer in front.
