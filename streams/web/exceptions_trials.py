"""What a retry would do: its records tried out on the present state of their SKUs."""

import asyncio
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from streams.web.auth import Caller
from streams.web.exceptions import ExceptionsLookup, decoded
from streams.web.exceptions_pages import Query
from streams.web.forwarding import Forwarder
from streams.web.ports import LedgerPort, Local, Remote, TrialPort, Tried, Unavailable
from streams.web.replies import Reply, json_reply, unavailable

EFFECTS = b"/v1/effects"
CASES_TRIED_MAX = 100
RECORDS_TRIED_MAX = 500


class ExceptionsTrials:
    """Tries out what a retry would do to stock; commits nothing."""

    def __init__(
        self,
        trial: TrialPort,
        ledger: LedgerPort,
        lookup: ExceptionsLookup,
        forwarder: Forwarder,
    ) -> None:
        self._trial = trial
        self._ledger = ledger
        self._lookup = lookup
        self._forwarder = forwarder

    async def of_case(self, caller: Caller, case_id: str) -> Reply:
        """Answer with what retrying a case would do."""
        return await self._effects(caller, [case_id])

    async def of_group(self, caller: Caller, group_id: str) -> Reply:
        """Answer with what retrying a group would do, of its oldest cases."""
        query = Query(group=group_id, limit=CASES_TRIED_MAX)
        page = await self._lookup.page(caller, query)
        return await self._effects(caller, [item["id"] for item in page.items])

    async def of_movements(self, caller: Caller, movements: Sequence[str]) -> Reply:
        """Answer with what movements would do, as another worker asks."""
        raw = [b64decode(movement) for movement in movements]
        return json_reply(await self._stock(caller, raw))

    async def _effects(self, caller: Caller, case_ids: Sequence[str]) -> Reply:
        whole = await asyncio.gather(
            *(self._lookup.show(caller, case_id) for case_id in case_ids)
        )
        cases = [decoded(reply) for reply in whole]
        records = [one for case in cases for one in case["parked_records"]]
        waiting = [one for one in records if one["waiting"]]
        tried = waiting[:RECORDS_TRIED_MAX]
        taken_in = self._taken_in(tried)
        stock = await self._stock(caller, taken_in.movements)
        answer = {
            "dry_run": True,
            "records": len(tried),
            "left_out": sum(case["waiting"] for case in cases) - len(tried),
            **stock,
            "parked": taken_in.parked + stock["parked"],
            "orders": taken_in.orders,
        }
        return json_reply(answer)

    def _taken_in(self, records: Sequence[dict[str, Any]]) -> Tried:
        by_topic: dict[str, list[tuple[bytes | None, bytes]]] = {}
        for one in records:
            body = (one["key"].encode(), _body(one))
            by_topic.setdefault(one["topic"], []).append(body)
        tried = [self._trial.take_in(*each) for each in by_topic.items()]
        return Tried(
            [one for each in tried for one in each.movements],
            [one for each in tried for one in each.parked],
            [one for each in tried for one in each.orders],
        )

    async def _stock(
        self, caller: Caller, movements: Sequence[bytes]
    ) -> dict[str, Any]:
        """Let the owners of the SKUs say what the movements would do."""
        ours: dict[int, tuple[Local, list[bytes]]] = {}
        elsewhere: dict[str, list[bytes]] = {}
        for movement in movements:
            owner = self._owner(self._trial.sku_of(movement))
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, []).append(movement)
            else:
                ours.setdefault(owner.partition, (owner, []))[1].append(movement)
        found = [self._trial.effects(one.view, part) for one, part in ours.values()]
        found += await asyncio.gather(
            *(self._ask(caller, url, part) for url, part in elsewhere.items())
        )
        outcomes: Counter[str] = Counter()
        for each in found:
            outcomes.update(each["outcomes"])
        return {
            "entries": [one for each in found for one in each["entries"]],
            "levels": [one for each in found for one in each["levels"]],
            "outcomes": dict(outcomes),
            "parked": [one for each in found for one in each["parked"]],
        }

    def _owner(self, sku: str) -> Local | Remote:
        owner = self._ledger.owner_of(sku.encode())
        if isinstance(owner, Unavailable):
            raise unavailable(
                f"Nobody can say what becomes of this SKU: {owner.reason}.",
                kind="owner-unavailable",
                field="sku",
                value=sku,
                retry_after_s=owner.retry_after_s,
            )
        return owner

    async def _ask(self, caller: Caller, url: str, movements: Sequence[bytes]) -> Any:
        body = {"movements": [b64encode(one).decode() for one in movements]}
        reply = await self._forwarder.ask(
            url,
            EFFECTS,
            caller,
            method="POST",
            body=msgspec.json.encode(body),
        )
        return decoded(reply)


def _body(record: dict[str, Any]) -> bytes:
    """Return what a retry would send, as another worker has shown it."""
    edited = record["edited_body"] is not None
    name = "edited_body" if edited else "body"
    text, encoding = record[name], record[f"{name}_encoding"]
    return b64decode(text) if encoding == "base64" else str(text).encode()
