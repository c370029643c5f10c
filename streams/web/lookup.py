"""Answering for SKUs: here where this worker owns them, else through their owner."""

import asyncio
from collections.abc import Sequence

import msgspec

from streams.engine.errors import EngineError
from streams.web.answers import Answers, complete
from streams.web.auth import Caller
from streams.web.forwarding import Forwarder
from streams.web.levels import QueryAnswer, location_answer
from streams.web.paths import AVAILABILITY, LEDGER, path_to
from streams.web.ports import JournalPort, LedgerPort, Local, Remote, Unavailable
from streams.web.replies import Problem, Reply, json_body, json_reply, unavailable

QUERY_PATH = b"/v1/availability/query"
# Looking up this many SKUs takes well under a millisecond or two; then others may run.
SKUS_PER_TURN = 25
JOURNAL_TIMEOUT_S = 5.0
RETRY_AFTER_S = 2.0

_encode = msgspec.json.encode


class Lookup:
    """Finds the owner of each SKU and has it answer."""

    def __init__(
        self,
        *,
        ledger: LedgerPort,
        answers: Answers,
        journal: JournalPort,
        forwarder: Forwarder,
    ) -> None:
        self._ledger = ledger
        self._answers = answers
        self._journal = journal
        self._forwarder = forwarder

    def body_at_once(self, sku: bytes) -> bytes | None:
        """Answer for a SKU if it is known here; never waits."""
        owner = self._ledger.owner_of(sku)
        return self._body(owner, sku) if type(owner) is Local else None

    def at_once(self, names: Sequence[str]) -> Reply | None:
        """Answer for a SKU, or a SKU and location, if it is known here; never waits."""
        sku = names[0].encode()
        if len(names) == 1:
            body = self.body_at_once(sku)
            return None if body is None else json_body(body)
        owner = self._ledger.owner_of(sku)
        if type(owner) is not Local:
            return None
        answer = location_answer(owner, names[0], names[1])
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
        body = self._body(owner, sku.encode())
        if body is None:
            raise _sku_unknown(sku)
        if location_id is not None:
            raise _location_unknown(sku, location_id)
        return json_body(body)

    async def query(self, caller: Caller, skus: Sequence[str]) -> Reply:
        """Answer for many SKUs, each once, in the order asked; whole or not at all."""
        wanted = list(dict.fromkeys(skus))
        known: dict[str, bytes] = {}
        elsewhere: dict[str, list[str]] = {}
        for number, sku in enumerate(wanted, start=1):
            owner = self._owner(sku)
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, []).append(sku)
            elif body := self._body(owner, sku.encode()):
                known[sku] = body
            if number % SKUS_PER_TURN == 0:
                await asyncio.sleep(0)
        answers = await asyncio.gather(
            *(self._ask_many(caller, url, part) for url, part in elsewhere.items())
        )
        for answer in answers:
            if isinstance(answer, Reply):
                return answer
            known.update((item.sku, _encode(item)) for item in answer.items)
        items = b",".join([known[sku] for sku in wanted if sku in known])
        unknown = _encode([sku for sku in wanted if sku not in known])
        return json_body(b'{"items":[%b],"unknown":%b}' % (items, unknown))

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

    def _body(self, owner: Local, sku: bytes) -> bytes | None:
        answer = self._answers.of(owner.view, sku)
        return None if answer is None else complete(answer, owner.staleness_s)

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
        body = _encode({"skus": skus})
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
