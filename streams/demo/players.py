"""The demo's players towards the outside: NewStore's stream, tills and the web shop.

All of them speak HTTP, as the real ones do, and try again as they do.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

import httpx

from streams.demo.story import Story

RETRY_FIRST_S = 0.15
RETRY_MAX_S = 1.0
GIVE_UP_S = 60.0
TILL_PATIENCE_S = 1.5


class Undeliverable(Exception):
    """No worker accepted an event for a whole minute."""


class NewStore:
    """Delivers events to the workers' webhook, at least once, in no strict order."""

    def __init__(
        self, workers: Sequence[str], key: str, client: httpx.AsyncClient, story: Story
    ) -> None:
        self._workers = list(workers)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._client = client
        self._story = story
        self._turn = count()
        self.accepted_at: dict[tuple[int, int], float] = {}

    async def post(self, event: bytes) -> int:
        """Deliver an event; return how many attempts it took.

        Raises:
            Undeliverable: Nobody took it in time.
        """
        begun, wait_s, first = time.monotonic(), RETRY_FIRST_S, next(self._turn)
        for attempt in count(1):
            worker = self._workers[(first + attempt) % len(self._workers)]
            if await self._offer(worker, event):
                self._story.numbers["events sent"] += 1
                return attempt
            self._story.numbers["retries"] += 1
            if time.monotonic() - begun > GIVE_UP_S:
                break
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MAX_S)
        raise Undeliverable(event[:200].decode(errors="replace"))

    async def _offer(self, worker: str, event: bytes) -> bool:
        try:
            response = await self._client.post(
                f"{worker}/v1/events/newstore", content=event, headers=self._headers
            )
        except httpx.HTTPError:
            return False
        if response.status_code == httpx.codes.OK:
            said = response.json()
            self.accepted_at[said["partition"], said["offset"]] = time.time()
            return True
        return False


class Till:
    """Asks OneShelf before it sells the last piece."""

    def __init__(self, workers: Sequence[str], client: httpx.AsyncClient) -> None:
        self._workers = list(workers)
        self._client = client

    async def is_free(self, sku: str, shop: str) -> bool | None:
        """Say whether a piece may be sold; None if nobody answers soon."""
        begun = time.monotonic()
        while time.monotonic() - begun < TILL_PATIENCE_S:
            for worker in self._workers:
                try:
                    answer = await self._client.get(
                        f"{worker}/v1/availability/{sku}/{shop}", timeout=1.0
                    )
                except httpx.HTTPError:
                    continue
                if answer.status_code == httpx.codes.OK:
                    return bool(answer.json()["available"])
            await asyncio.sleep(0.1)
        return None


class WebShop:
    """Buys in commercetools; whether there is stock, commercetools decides."""

    def __init__(self, sandbox: str, client: httpx.AsyncClient) -> None:
        self._sandbox = sandbox
        self._client = client

    async def buy(self, sku: str, units: int, channel: str, order: str) -> bool:
        """Order units from a channel; say whether commercetools had them."""
        response = await self._client.post(
            f"{self._sandbox}/_sandbox/purchase",
            json={
                "sku": sku,
                "quantity": units,
                "channelKey": channel,
                "inventoryMode": "ReserveOnOrder",
                "orderNumber": order,
            },
        )
        if response.status_code == httpx.codes.CREATED:
            return True
        if response.is_server_error:
            response.raise_for_status()
        errors = response.json().get("errors", [])
        if any(error.get("code") == "OutOfStock" for error in errors):
            return False
        response.raise_for_status()
        return False
