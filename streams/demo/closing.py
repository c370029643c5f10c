"""After the last customer: waits for quiet, then compares all with the oracle."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from streams.demo.catalogue import DC, NEWCOMER, SHOPS, Catalogue, channel_key
from streams.demo.latency import changes_of
from streams.demo.oracle import (
    Book,
    Expected,
    Place,
    commerce_differences,
    differences,
    percentile,
)
from streams.demo.outcome import Outcome
from streams.demo.story import Story
from streams.engine.names import physical
from streams.engine.reading import LogReader
from streams.mapping.stock import decode_entry
from streams.settings import Settings
from streams.settle import wait_until_settled
from streams.topics import LEDGER_ENTRIES, NEWSTORE_EVENTS
from streams.verify import verify

SETTLE_TIMEOUT_S = 90.0
POLL_S = 0.3
LOCATIONS = {channel_key(place): place for place in (DC, *SHOPS)}
READY_TIMEOUT_S = 30.0


class Closing:
    """Everything that is compared once the day is over."""

    def __init__(
        self,
        settings: Settings,
        *,
        goods: Catalogue,
        workers: Mapping[str, str],
        sandbox: str,
        client: httpx.AsyncClient,
        story: Story,
    ) -> None:
        self._settings = settings
        self._goods = goods
        self._workers = list(workers.values())
        self._sandbox = sandbox
        self._client = client
        self._story = story

    async def settle(self, newcomer_on_hand: int | None = None) -> None:
        """Return once all is applied, re-driven, told, and landed in commercetools.

        Raises:
            NotSettled: Something was still under way after the time allowed.
        """
        if newcomer_on_hand is not None:
            await self._wait_for_newcomer(newcomer_on_hand)
        while (await self.commerce_state())["pendingLandings"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL_S)

        def show(pending: object) -> None:
            self._story.phase = f"Waiting: {pending}"

        await wait_until_settled(
            self._settings, timeout_s=SETTLE_TIMEOUT_S, progress=show
        )

    async def _wait_for_newcomer(self, on_hand: int) -> None:
        """Wait for the re-drive, which a tick begins: quiet before it means nothing."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while await self._on_hand(NEWCOMER) != on_hand:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            return  # The comparison will show what is missing.

    async def _on_hand(self, sku: str) -> int | None:
        for worker in self._workers:
            try:
                answer = await self._client.get(f"{worker}/v1/availability/{sku}")
            except httpx.HTTPError:
                continue
            if answer.status_code == httpx.codes.OK:
                rows: list[dict[str, int]] = answer.json()["locations"]
                return sum(row["on_hand"] for row in rows)
        return None

    async def compare(self, book: Book, outcome: Outcome) -> None:
        """Compare journal, tables, answers and commercetools; note every difference."""
        found = await verify(self._settings)
        outcome.note(found.faults)
        expected = book.expected(self._goods.safety_stock)
        told = await self._availability([*self._goods.names, NEWCOMER])
        outcome.note({"GET /v1/availability = oracle": differences(expected, told)})
        state = await self.commerce_state()
        entries = {
            (entry["sku"], LOCATIONS[entry["channelKey"]]): entry["quantityOnStock"]
            for entry in state["entries"]
        }
        outcome.note(
            {"commercetools = oracle": commerce_differences(expected, entries)}
        )
        intake, ledger = found.counts["intake"], found.counts["ledger"]
        outcome.note({"parked = what nobody can read": self._parked(intake)})
        numbers = self._story.numbers
        outcome.numbers |= {
            "events sent": numbers["events sent"],
            "events sent again": numbers["sent again"],
            "retries": numbers["retries"],
            "movements applied": ledger.get("applied", 0),
            "duplicates recognised": ledger.get("duplicate", 0),
            "absorbed by counts": ledger.get("absorbed", 0),
            "parked": intake.get("parked", 0),
            "re-driven": intake.get("redriven", 0),
        }

    def _parked(self, intake: Mapping[str, int]) -> list[str]:
        """Say what is wrong with what is still parked."""
        left = intake.get("parked", 0) - intake.get("redriven", 0)
        # An attempt whose answer was lost may have been stored all the same.
        sent = self._story.numbers["broken events"]
        if 1 <= left <= sent and intake.get("redriven", 0) > 0:
            return []
        return [
            f"{left} events are still parked, 1 to {sent} should be: {dict(intake)}"
        ]

    async def _availability(self, skus: list[str]) -> dict[Place, Expected]:
        """Ask for every SKU, one by one, whichever worker answers."""
        told: dict[Place, Expected] = {}
        for number, sku in enumerate(skus):
            worker = self._workers[number % len(self._workers)]
            answer = await self._client.get(f"{worker}/v1/availability/{sku}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                continue
            answer.raise_for_status()
            for row in answer.json()["locations"]:
                names = ("on_hand", "reserved", "damaged", "in_transit", "available")
                level = Expected(*(row[name] for name in names))
                told[sku, row["location_id"]] = level
        return told

    async def commerce_state(self) -> dict[str, Any]:
        """Return what the sandbox holds."""
        answer = await self._client.get(f"{self._sandbox}/_sandbox/state")
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    async def measure(
        self, accepted_at: Mapping[tuple[int, int], float], calls: int, outcome: Outcome
    ) -> None:
        """Note how soon commercetools knew, and with how many calls."""
        topic = physical(self._settings, NEWSTORE_EVENTS)
        entries = []
        async with LogReader(self._settings) as reader:
            async for records in reader.read(LEDGER_ENTRIES):
                entries += [decode_entry(r.value) for r in records if r.value]
        changes = changes_of(
            entries,
            await self._writes(),
            {f"{topic}/{part}/{at}": when for (part, at), when in accepted_at.items()},
            {place: channel for channel, place in LOCATIONS.items()},
        )
        outcome.numbers |= {
            "level changes for commercetools": changes.levels,
            "commercetools calls": calls,
            "latency p50 s": _rounded(percentile(changes.latencies_s, 0.5)),
            "latency p99 s": _rounded(percentile(changes.latencies_s, 0.99)),
        }

    async def _writes(self) -> list[dict[str, Any]]:
        writes: list[dict[str, Any]] = []
        while True:
            answer = await self._client.get(
                f"{self._sandbox}/_sandbox/log",
                params={"after": writes[-1]["number"] if writes else 0},
            )
            page = answer.raise_for_status().json()["writes"]
            if not page:
                return writes
            writes += page


def calls_of(state: Mapping[str, Any]) -> int:
    """Return how many requests the sandbox has answered, whatever the answer."""
    return sum(state["responses"].values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
