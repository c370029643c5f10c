"""Answering for SKUs: here where this worker owns them, else through their owner."""

import asyncio
from collections.abc import Sequence

import msgspec

from streams.engine.errors import EngineError
from streams.web.auth import Caller
from streams.web.forwarding import Forwarder
from streams.web.levels import (
    QueryAnswer,
    SkuLevels,
    location_answer,
    sku_levels,
)
from streams.web.paths import AVAILABILITY, LEDGER, path_to
from streams.web.ports import JournalPort, LedgerPort, Local, Remote, Unavailable
from streams.web.replies import Problem, Reply, json_reply, unavailable

QUERY_PATH = b"/v1/availability/query"
# Looking up this many SKUs takes well under a millisecond or two; then others may run.
SKUS_PER_TURN = 25
JOURNAL_TIMEOUT_S = 5.0
RETRY_AFTER_S = 2.0


class Lookup:
    """Finds the owner of each SKU and has it answer."""

    def __init__(
        self, *, ledger: LedgerPort, journal: JournalPort, forwarder: Forwarder
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._forwarder = forwarder

    def at_once(self, names: Sequence[str]) -> Reply | None:
        """Answer for a SKU, or a SKU and location, if it is known here; never waits."""
        owner = self._ledger.owner_of(names[0].encode())
        if type(owner) is not Local:
            return None
        answer = (
            sku_levels(owner, names[0])
            if len(names) == 1
            else location_answer(owner, names[0], names[1])
        )
        return None if answer is None else json_reply(answer)

    async def availability(
        self, caller: Caller, sku: str, location_id: str | None = None
    ) -> Reply:
        """Answer for a SKU everywhere, or at one location."""
        names = (sku,) if location_id is None else (sku, location_id)
        owner = self._owner(sku)
        if isinstance(owner, Remote):
            target = path_to(AVAILABILITY, *names)
            return await self._forwarder.ask(owner.url, target, caller)
        if location_id is not None:
            answer = location_answer(owner, sku, location_id)
            if answer is not None:
                return json_reply(answer)
        levels = sku_levels(owner, sku)
        if levels is None:
            raise _sku_unknown(sku)
        if location_id is not None:
            raise _location_unknown(sku, location_id)
        return json_reply(levels)

    async def query(self, caller: Caller, skus: Sequence[str]) -> Reply:
        """Answer for many SKUs, each once, in the order asked; whole or not at all."""
        wanted = list(dict.fromkeys(skus))
        known: dict[str, SkuLevels] = {}
        elsewhere: dict[str, list[str]] = {}
        for number, sku in enumerate(wanted, start=1):
            owner = self._owner(sku)
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, []).append(sku)
            elif levels := sku_levels(owner, sku):
                known[sku] = levels
            if number % SKUS_PER_TURN == 0:
                await asyncio.sleep(0)
        answers = await asyncio.gather(
            *(self._ask_many(caller, url, part) for url, part in elsewhere.items())
        )
        for answer in answers:
            if isinstance(answer, Reply):
                return answer
            known.update((item.sku, item) for item in answer.items)
        return json_reply(
            QueryAnswer(
                items=[known[sku] for sku in wanted if sku in known],
                unknown=[sku for sku in wanted if sku not in known],
            )
        )

    async def entries(
        self, caller: Caller, sku: str, location_id: str, limit: int
    ) -> Reply:
        """Answer with a row's newest journal entries."""
        owner = self._owner(sku)
        if isinstance(owner, Remote):
            target = path_to(LEDGER, sku, location_id) + b"?limit=%d" % limit
            return await self._forwarder.ask(owner.url, target, caller)
        try:
            async with asyncio.timeout(JOURNAL_TIMEOUT_S):
                entries = await self._journal.entries(sku, location_id, limit)
        except (EngineError, TimeoutError) as error:
            raise unavailable(
                "The journal cannot be read at the moment.",
                kind="journal-unavailable",
                retry_after_s=getattr(error, "retry_after_s", RETRY_AFTER_S),
            ) from error
        if not entries:
            raise _location_unknown(sku, location_id)
        return json_reply({"sku": sku, "location_id": location_id, "entries": entries})

    def _owner(self, sku: str) -> Local | Remote:
        owner = self._ledger.owner_of(sku.encode())
        if isinstance(owner, Unavailable):
            raise unavailable(
                f"Nobody can answer for this SKU now: {owner.reason}.",
                kind="owner-unavailable",
                field="sku",
                value=sku,
                retry_after_s=owner.retry_after_s,
            )
        return owner

    async def _ask_many(
        self, caller: Caller, url: str, skus: list[str]
    ) -> QueryAnswer | Reply:
        """Ask an owner for its part; a reply that is no answer is handed back as is."""
        body = msgspec.json.encode({"skus": skus})
        reply = await self._forwarder.ask(
            url, QUERY_PATH, caller, method="POST", body=body
        )
        if reply.status != 200:
            return reply
        return msgspec.json.decode(reply.body, type=QueryAnswer)


def _sku_unknown(sku: str) -> Problem:
    return Problem(
        404,
        "sku-unknown",
        title="The SKU is not known",
        detail="No stock of this SKU has been recorded at any location.",
        field="sku",
        value=sku,
        remedy="check the spelling, upper and lower case included; stock appears with "
        "the SKU's first movement",
    )


def _location_unknown(sku: str, location_id: str) -> Problem:
    return Problem(
        404,
        "location-unknown",
        title="The SKU has no stock record at this location",
        detail=f"Nothing has been recorded for SKU '{sku[:80]}' at this location.",
        field="location_id",
        value=location_id,
        remedy="check the location's id, or ask for the SKU to see all its locations",
    )
