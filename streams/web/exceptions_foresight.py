"""What orders would do, told something: asked of the workers that own them."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from streams.web.auth import Caller
from streams.web.exceptions import decoded
from streams.web.forwarding import Forwarder
from streams.web.ports import (
    CommerceTrialPort,
    Foretold,
    Local,
    OrdersPort,
    OrdersTrialPort,
    Remote,
    Said,
    Unavailable,
)
from streams.web.replies import unavailable

ORDER_EFFECTS = b"/v1/effects/orders"
ORDERS_COMPARED_MAX = 20
"""Orders of one worker compared with commercetools' in one dry run: it costs a read
for each, of those that deliveries need."""

NOT_CONNECTED = "This worker is not connected to commercetools' orders."
NOT_COMPARED = (
    f"Only the first {ORDERS_COMPARED_MAX} orders are compared with commercetools'."
)


@dataclass(frozen=True, slots=True)
class OrdersDesk:
    """Where links and orders are, and what tries them out."""

    trial: OrdersTrialPort
    links: OrdersPort
    orders: OrdersPort
    commerce: CommerceTrialPort | None = None


@dataclass(slots=True)
class Foresight:
    """What is foretold; as plain values it travels between workers."""

    facts: list[Said] = field(default_factory=list)
    foretold: list[dict[str, Any]] = field(default_factory=list)
    movements: list[bytes] = field(default_factory=list)
    parked: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def add(self, other: "Foresight") -> None:
        for name in ("facts", "foretold", "movements", "parked", "said"):
            getattr(self, name).extend(getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        return {
            "facts": plain(self.facts),
            "foretold": self.foretold,
            "movements": [b64encode(each).decode() for each in self.movements],
            "parked": self.parked,
            "said": self.said,
        }


class OrdersForesight:
    """Follows news to their orders, and orders to what they would do."""

    def __init__(self, desk: OrdersDesk, forwarder: Forwarder) -> None:
        self._desk = desk
        self._forwarder = forwarder

    async def of(
        self, caller: Caller, news: Sequence[Said], facts: Sequence[Said]
    ) -> Foresight:
        """Foretell all of it: first where news belong, then what their orders do."""
        found = await self.linked(caller, news)
        found.add(await self.heard(caller, [*facts, *found.facts]))
        return found

    async def linked(self, caller: Caller, news: Sequence[Said]) -> Foresight:
        """Say which orders news would go on to."""
        ours, theirs = self._by_owner(self._desk.links, news)
        found = await self._elsewhere(caller, "news", theirs)
        for owner, part in ours:
            linked = self._desk.trial.link(owner.view, part)
            found.add(
                Foresight(linked.facts, parked=linked.parked, said=linked.said),
            )
        return found

    async def heard(self, caller: Caller, facts: Sequence[Said]) -> Foresight:
        """Say what orders would do, told these."""
        ours, theirs = self._by_owner(self._desk.orders, facts)
        found = await self._elsewhere(caller, "facts", theirs)
        told = [
            each
            for owner, part in ours
            for each in self._desk.trial.hear(owner.view, part)
        ]
        for number, each in enumerate(told):
            compared = await self._compared(
                each, is_left_out=number >= ORDERS_COMPARED_MAX
            )
            shape = {**each.shape, "commercetools": compared}
            found.add(
                Foresight([], [shape], each.movements, each.parked, []),
            )
        return found

    async def _compared(
        self, told: Foretold, *, is_left_out: bool
    ) -> list[dict[str, Any]]:
        compared = []
        for when, wanted in told.owed:
            actions: list[Any] = []
            said = NOT_COMPARED if is_left_out else NOT_CONNECTED
            if self._desk.commerce is not None and not is_left_out:
                actions, said = await self._desk.commerce.first_update(wanted)
            compared.append({"when": when, "actions": actions, "said": said})
        return compared

    def _by_owner(
        self, port: OrdersPort, said: Sequence[Said]
    ) -> tuple[list[tuple[Local, list[Said]]], dict[str, list[Said]]]:
        ours: dict[int, tuple[Local, list[Said]]] = {}
        theirs: dict[str, list[Said]] = {}
        for each in said:
            owner = port.owner_of(port.partition_of(each.key))
            if isinstance(owner, Unavailable):
                raise unavailable(
                    f"Nobody can say what becomes of this order: {owner.reason}.",
                    kind="owner-unavailable",
                    field="order",
                    value=each.key.decode(errors="replace"),
                    retry_after_s=owner.retry_after_s,
                )
            if isinstance(owner, Remote):
                theirs.setdefault(owner.url, []).append(each)
            else:
                ours.setdefault(owner.partition, (owner, []))[1].append(each)
        return list(ours.values()), theirs

    async def _elsewhere(
        self, caller: Caller, what: str, theirs: dict[str, list[Said]]
    ) -> Foresight:
        replies = await asyncio.gather(
            *(
                self._forwarder.ask(
                    url,
                    ORDER_EFFECTS,
                    caller,
                    method="POST",
                    body=msgspec.json.encode(
                        {"news": [], "facts": [], what: plain(part)}
                    ),
                )
                for url, part in theirs.items()
            )
        )
        found = Foresight()
        for answer in map(decoded, replies):
            found.add(
                Foresight(
                    said_of(answer["facts"]),
                    answer["foretold"],
                    [b64decode(each) for each in answer["movements"]],
                    answer["parked"],
                    answer["said"],
                )
            )
        return found


def plain(said: Sequence[Said]) -> list[dict[str, Any]]:
    """Write what is said as plain values."""
    return [
        {
            "topic": each.topic,
            "key": b64encode(each.key).decode(),
            "value": b64encode(each.value).decode(),
            "again": each.again,
        }
        for each in said
    ]


def said_of(values: Sequence[dict[str, Any]]) -> list[Said]:
    """Read what another worker says."""
    return [
        Said(
            each["topic"],
            b64decode(each["key"]),
            b64decode(each["value"]),
            each["again"],
        )
        for each in values
    ]
