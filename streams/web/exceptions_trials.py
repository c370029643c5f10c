"""What a retry would do: its records tried out on the present state of their SKUs."""

import asyncio
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from streams.domain.order_answers import LookAgainAsked
from streams.mapping.order_messages import ANSWERS
from streams.topics import ORDER_ANSWERS, RESERVATION_ANSWERS
from streams.web.auth import Caller
from streams.web.exceptions import ExceptionsLookup, decoded
from streams.web.exceptions_foresight import Foresight, OrdersForesight
from streams.web.exceptions_pages import Query
from streams.web.forwarding import Forwarder
from streams.web.ports import (
    LedgerPort,
    Local,
    Remote,
    Said,
    TrialPort,
    Tried,
    Unavailable,
)
from streams.web.replies import Reply, json_reply, unavailable

EFFECTS = b"/v1/effects"
STOCK = ("entries", "levels", "parked", "answers")
CASES_TRIED_MAX = 100
RECORDS_TRIED_MAX = 500


_Work = tuple[list[bytes], list[bytes]]


class ExceptionsTrials:
    """Tries out what a retry would do to stock and orders; commits nothing."""

    def __init__(
        self,
        trial: TrialPort,
        ledger: LedgerPort,
        lookup: ExceptionsLookup,
        forwarder: Forwarder,
        orders: OrdersForesight | None = None,
    ) -> None:
        self._orders = orders
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

    async def of_movements(
        self, caller: Caller, movements: Sequence[str], requests: Sequence[str] = ()
    ) -> Reply:
        """Answer with what movements would do, as another worker asks."""
        moved = [b64decode(movement) for movement in movements]
        asked = [b64decode(request) for request in requests]
        return json_reply(await self._stock(caller, moved, asked))

    async def of_orders(
        self, caller: Caller, news: Sequence[Said], facts: Sequence[Said]
    ) -> Reply:
        """Answer with what orders would do, as another worker asks."""
        if self._orders is None:
            return json_reply(Foresight().as_json())
        found = await self._orders.linked(caller, news)
        found.add(await self._orders.heard(caller, facts))
        return json_reply(found.as_json())

    async def _effects(self, caller: Caller, case_ids: Sequence[str]) -> Reply:
        whole = await asyncio.gather(
            *(self._lookup.show(caller, case_id) for case_id in case_ids)
        )
        cases = [decoded(reply) for reply in whole]
        records = [one for case in cases for one in case["parked_records"]]
        waiting = [one for one in records if one["waiting"]]
        tried = waiting[:RECORDS_TRIED_MAX]
        taken_in = self._taken_in([one for one in tried if one["topic"]])
        asked = [_look_again(case) for case in cases if can_look_again(case)]
        # First what the ledger answers now, then orders, then what they have it do.
        granted = await self._stock(caller, (), taken_in.requests)
        found = Foresight()
        if self._orders is not None:
            answers = [_answer(each) for each in granted["answers"]]
            facts = [*taken_in.facts, *asked, *answers]
            found = await self._orders.of(caller, taken_in.news, facts)
        moved = await self._stock(caller, [*taken_in.movements, *found.movements])
        stock = {name: granted[name] + moved[name] for name in STOCK}
        parked = taken_in.parked + stock["parked"] + found.parked
        answer = {
            "dry_run": True,
            "records": len(tried),
            "left_out": sum(case["waiting"] for case in cases) - len(tried),
            **stock,
            "outcomes": granted["outcomes"] | moved["outcomes"],
            "parked": parked,
            "orders": taken_in.orders,
            "foretold": found.foretold,
            "said": found.said,
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
            [one for each in tried for one in each.news],
            [one for each in tried for one in each.facts],
            [one for each in tried for one in each.requests],
        )

    async def _stock(
        self, caller: Caller, movements: Sequence[bytes], requests: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        """Let the owners of the SKUs say what requests and movements would do."""
        ours: dict[int, tuple[Local, _Work]] = {}
        elsewhere: dict[str, _Work] = {}
        named = [(self._trial.sku_of(each), each, 0) for each in movements]
        named += [(self._trial.sku_asked(each), each, 1) for each in requests]
        for sku, raw, kind in named:
            owner = self._owner(sku)
            if isinstance(owner, Remote):
                elsewhere.setdefault(owner.url, ([], []))[kind].append(raw)
            else:
                ours.setdefault(owner.partition, (owner, ([], [])))[1][kind].append(raw)
        found = [self._trial.effects(one.view, *work) for one, work in ours.values()]
        found += await asyncio.gather(
            *(self._ask(caller, url, *work) for url, work in elsewhere.items())
        )
        outcomes: Counter[str] = Counter()
        for each in found:
            outcomes.update(each["outcomes"])
        return {
            "entries": [one for each in found for one in each["entries"]],
            "levels": [one for each in found for one in each["levels"]],
            "outcomes": dict(outcomes),
            "parked": [one for each in found for one in each["parked"]],
            "answers": [one for each in found for one in each["answers"]],
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

    async def _ask(
        self, caller: Caller, url: str, movements: list[bytes], requests: list[bytes]
    ) -> Any:
        body = {
            "movements": [b64encode(one).decode() for one in movements],
            "requests": [b64encode(one).decode() for one in requests],
        }
        reply = await self._forwarder.ask(
            url,
            EFFECTS,
            caller,
            method="POST",
            body=msgspec.json.encode(body),
        )
        return decoded(reply)


def can_look_again(case: dict[str, Any]) -> bool:
    """Say whether a retry has the case's order look again: there is no record."""
    return bool(case["can_retry"] and not case["topic"] and case["waiting"])


def _look_again(case: dict[str, Any]) -> Said:
    number = case["entity_id"]
    wish = LookAgainAsked(order_number=number, asked_at=datetime.now(UTC))
    return Said(ORDER_ANSWERS.name, number.encode(), ANSWERS.encode(wish))


def _answer(answer: Any) -> Said:
    """Return what the ledger would answer as an order would hear it."""
    key, value = answer["order_number"].encode(), msgspec.json.encode(answer)
    return Said(RESERVATION_ANSWERS.name, key, value)


def _body(record: dict[str, Any]) -> bytes:
    """Return what a retry would send, as another worker has shown it."""
    edited = record["edited_body"] is not None
    name = "edited_body" if edited else "body"
    text, encoding = record[name], record[f"{name}_encoding"]
    return b64decode(text) if encoding == "base64" else str(text).encode()
