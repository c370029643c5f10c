"""respx in front of our own transport: what goes to the vendor is answered here."""

from typing import Any

import httpx
import respx
from respx.mocks import AbstractRequestMocker


class WireMocker(AbstractRequestMocker):
    """Stands where requests leave; they and their answers are httpx's already."""

    name = "wire"
    targets = ["streams.connectors.wire.Wire"]  # noqa: RUF012 - respx declares it so
    target_methods = ["handle_async_request"]  # noqa: RUF012 - respx declares it so

    @classmethod
    def to_httpx_request(cls, **kwargs: Any) -> httpx.Request:
        request: httpx.Request = kwargs["request"]
        return request

    @classmethod
    async def from_async_httpx_response(
        cls, httpx_response: httpx.Response, target: Any, **kwargs: Any
    ) -> httpx.Response:
        return httpx_response


def mocked() -> respx.MockRouter:
    """Make a router for the vendor's addresses; a context manager and a decorator."""
    return respx.mock(using=WireMocker.name)
