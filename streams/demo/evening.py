"""The demo's second part: web orders on all their way, through both stand-ins.

Customers order; OneShelf reserves, checks and sends to stores; staff ship in parts or
find the shelf empty; goods come back in another store and are paid back. The stand-ins'
own books say in the end what is right.
"""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from streams.demo.story import Story
from streams.stand_ins import act

SHOPS = ("LDN01", "BTH01", "EDI01")
SKUS = tuple(f"WEB-{number:02}" for number in range(8))
HOLLOW = "WEB-00"
"""The books say that Bath has it; the shelf there is empty."""

HOLLOW_SHOP = "BTH01"
UNITS_EACH = 6
POLL_S = 0.3
ROUNDS_MAX = 600
QUIET_ROUNDS = 5
PATIENT_ROUNDS = 150
"""Some units may be on their way through workers that come back from a power cut; those
of orders without a place never come."""

PRICE = {"currencyCode": "GBP", "centAmount": 1500}


@dataclass(slots=True)
class Basket:
    """One web order, and what became of it as far as its customer knows."""

    number: str
    lines: list[dict[str, Any]]
    order_id: str = ""
    shipped: list[str] = field(default_factory=list)


class Evening:
    """Plays customers and store staff."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        story: Story,
        *,
        commercetools: str,
        newstore: str,
        orders: int,
        pace_s: float,
    ) -> None:
        self._client = client
        self._story = story
        self._commercetools = commercetools
        self._newstore = newstore
        self._count = orders
        self._pace_s = pace_s
        self._random = Random(f"{story.seed}/evening")
        self.baskets: dict[str, Basket] = {}
        self.numbers: Counter[str] = Counter()

    async def stock_up(self) -> dict[tuple[str, str], int]:
        """Fill NewStore's shelves; return what lies there by its books."""
        stock = {(sku, shop): UNITS_EACH for sku in SKUS for shop in SHOPS}
        stock[HOLLOW, "EDI01"] = 1
        for (sku, shop), units in stock.items():
            await self._act("set_stock", node_id=shop, product_id=sku, on_hand=units)
        await self._act(
            "lose", node_id=HOLLOW_SHOP, product_id=HOLLOW, quantity=UNITS_EACH
        )
        return stock

    async def play(self) -> None:
        """Order, ship, give back; return when nobody in a store has work left."""
        staff = asyncio.create_task(self._staff())
        try:
            for number in range(self._count):
                await self._order(number)
                await asyncio.sleep(self._pace_s)
            await self._till_sales()
        finally:
            await self._until_quiet()
            staff.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await staff
        await self._give_back()

    async def shelves(self) -> dict[tuple[str, str], int]:
        """Return NewStore's books: what each store has of each product."""
        answer = await self._client.get(f"{self._newstore}/_sandbox/stock")
        rows = answer.raise_for_status().json()["stock"]
        return {
            (row["product_id"], row["node_id"]): row["on_hand"]
            for row in rows
            if row["product_id"] in SKUS
        }

    async def _order(self, number: int) -> None:
        name = f"WEB-{self._story.seed}-{number:03}"
        with_channel = number % 2 == 0
        lines = []
        for sku in self._random.sample(SKUS, self._random.choice((1, 1, 2, 3))):
            line: dict[str, Any] = {
                "sku": sku,
                "quantity": self._random.choice((1, 1, 2)),
                "price": PRICE,
            }
            if with_channel:
                line["channelKey"] = f"channel-{self._random.choice(SHOPS).lower()}"
            lines.append(line)
        if number == 1:
            lines = [{"sku": HOLLOW, "quantity": 1, "price": PRICE}]
        body = {
            "orderNumber": name,
            "inventoryMode": "ReserveOnOrder" if with_channel else "None",
            "lineItems": lines,
            "cart": {"paymentInfo": await self._payment(lines)},
        }
        answer = await self._client.post(
            f"{self._commercetools}/_sandbox/orders", json=body
        )
        if answer.status_code == httpx.codes.BAD_REQUEST:
            self.numbers["web orders lost"] += 1
            return
        answer.raise_for_status()
        self.baskets[name] = Basket(name, lines, answer.json()["id"])
        self.numbers["web orders"] += 1
        self.numbers["units ordered"] += sum(line["quantity"] for line in lines)

    async def _payment(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        cents = sum(PRICE["centAmount"] * line["quantity"] for line in lines)
        token = await self._client.post(
            f"{self._commercetools}/oauth/token",
            auth=("sandbox-client", "sandbox-secret"),
            data={"grant_type": "client_credentials"},
        )
        payment = await self._client.post(
            f"{self._commercetools}/oneshelf/payments",
            headers={"Authorization": f"Bearer {token.json()['access_token']}"},
            json={"amountPlanned": {**PRICE, "centAmount": cents}},
        )
        paid = payment.raise_for_status().json()
        return {"payments": [{"typeId": "payment", "id": paid["id"]}]}

    async def _staff(self) -> None:
        """Work through the requests of all stores, in parts, as stores do."""
        while True:
            for request in await self._requests():
                await self._work_on(request)
            await asyncio.sleep(POLL_S)

    async def _work_on(self, request: dict[str, Any]) -> None:
        undone = list(request["undone"])
        if not undone:
            return
        part = undone[: max(1, len(undone) // 2)]
        tracking = f"T{request['id'][:8]}{len(undone)}"
        try:
            await self._act(
                "ship",
                request_id=request["id"],
                unit_ids=part,
                carrier="DHL",
                tracking_code=tracking,
            )
        except httpx.HTTPStatusError:
            # The shelf is empty, whatever the book says.
            await self._act("reject", request_id=request["id"], unit_ids=undone)
            self.numbers["rejected by a store"] += len(undone)
            self._story.say(f"{request['node_id']} finds its shelf empty")
            return
        self.numbers["units shipped"] += len(part)

    async def _till_sales(self) -> None:
        """Let customers in the stores buy from the same shelves."""
        for _ in range(self._count // 3):
            shop, sku = self._random.choice(SHOPS), self._random.choice(SKUS[1:])
            with contextlib.suppress(httpx.HTTPStatusError):
                await self._act("sell", node_id=shop, lines=[{"product_id": sku}])
                self.numbers["store sales"] += 1

    async def _give_back(self) -> None:
        """Bring some of what was shipped back, in whichever store."""
        names = sorted(self.baskets)
        for name in self._random.sample(names, min(len(names), 6)):
            order = await self._newstore_order(name)
            units = [] if order is None else order["units"]
            sent = [unit for unit in units if unit["state"] == "completed"]
            if not sent:
                continue
            condition = self._random.choice((1, 1, 2))
            back = {"product_id": sent[0]["product_id"], "condition_code": condition}
            shop = self._random.choice(SHOPS)
            await self._act("give_back", order=order["id"], node_id=shop, items=[back])  # type: ignore[index]  # there, as it has units
            self.numbers["units returned"] += 1
        self._story.say(f"{self.numbers['units returned']} units come back")

    async def _until_quiet(self) -> None:
        """Wait until every order is with the stores and the stores have no work."""
        quiet = 0
        for _ in range(ROUNDS_MAX):
            state = (await self._client.get(f"{self._newstore}/_sandbox/state")).json()
            busy = await self._requests() or state["pending_deliveries"]
            quiet = 0 if busy else quiet + 1
            done = self.numbers["units shipped"] >= self.numbers["units ordered"]
            if quiet > (QUIET_ROUNDS if done else PATIENT_ROUNDS):
                return
            await asyncio.sleep(POLL_S)

    async def _requests(self) -> list[dict[str, Any]]:
        answer = await self._client.get(f"{self._newstore}/_sandbox/requests")
        found: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
        return found

    async def _newstore_order(self, number: str) -> dict[str, Any] | None:
        answer = await self._client.get(f"{self._newstore}/_sandbox/orders/{number}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def _act(self, name: str, **arguments: Any) -> dict[str, Any]:
        return await act(self._client, self._newstore, name, arguments)
