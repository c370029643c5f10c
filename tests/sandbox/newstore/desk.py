"""A tenant asked in process: its clock, and a client that is signed in."""

from typing import Any

import httpx

from streams.sandbox.newstore import Sandbox, create_app
from tests.sandbox.newstore.support import HandClock, tenant, web_order

TOKENS = "/auth/realms/oneshelf/protocol/openid-connect/token"
STREAMS = "/api/v1/org/integrations/eventstream"
CREDENTIALS = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}


class Desk:
    """A tenant, its clock, and a client that is signed in."""

    def __init__(self, **settings: Any) -> None:
        self.sandbox: Sandbox
        self.clock: HandClock
        self.sandbox, self.clock = tenant({"LDN01": 5, "LDN02": 5}, **settings)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=create_app(self.sandbox)),
            base_url="http://newstore.test",
        )

    async def sign_in(self) -> None:
        answer = await self.http.post(TOKENS, data=CREDENTIALS)
        token = answer.json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.http.post(path, json={} if body is None else body)

    async def inject(self, **order: Any) -> Any:
        answer = await self.post("/v0/d/fulfill_order", web_order(**order))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def requests(self, order_id: str) -> list[Any]:
        answer = await self.http.get(f"/v0/d/order/{order_id}/fulfillment_requests")
        return list(answer.json()["fulfillment_requests"])
