"""What an order's sourcing owes NewStore: the final check, then the fulfilment order.

Killed at any moment it does no harm: a check is only a question, and a fulfilment order
has its number, under which NewStore takes it once.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from streams.connectors.errors import (
    ConnectorError,
    Duplicate,
    Refused,
    Unavailable,
)
from streams.connectors.pacing import Lane, Turn, slow_down
from streams.delivery.courier import Carried, Later, Settled
from streams.delivery.due import Job
from streams.delivery.stock_checks import CheckDesk, Claims, NoAnswer, NotNow
from streams.domain.order_answers import (
    InjectionRefused,
    OrderAnswer,
    OrderInjected,
    StockChecked,
)
from streams.domain.reference import Reference
from streams.domain.sourcing_run import CheckStock, Injection
from streams.engine.fold import Clock
from streams.mapping.commerce_order_wire import SourceOrderWire
from streams.mapping.newstore import ExternalOrderWire, InjectedWire, ties_of
from streams.mapping.order_messages import ANSWERS
from streams.mapping.orders_state import decode_order
from streams.mapping.stores import (
    StoreOptions,
    Unsourceable,
    injection_body,
    products_of,
)

log = structlog.get_logger(__name__)

CANCELLED = "Cancelled"
"""An OrderState of commercetools' API reference."""


class Injector(Protocol):
    """Brings orders to NewStore (connectors.newstore.NewStoreClient fits)."""

    async def fulfil_order(self, body: bytes) -> InjectedWire: ...
    async def external_order(self, external_id: str) -> ExternalOrderWire | None: ...


ReadOrder = Callable[[str], Awaitable[SourceOrderWire | None]]
"""Reads an order in commercetools by its id; None if it is not there."""


def sourcing_due(row: bytes) -> object:
    """Say what an order owes NewStore; None if nothing."""
    run = decode_order(row).sourcing
    if run is None:
        return None
    check = run.owed_check()
    if check is not None:
        return ("check", check.run, check.round, check.check)
    injection = run.owed_injection()
    return None if injection is None else ("inject", injection.external_id)


class SourcingCarrier:
    """Carries one order's task at a time (a courier's `Carry`)."""

    def __init__(
        self,
        desk: CheckDesk,
        claims: Claims,
        injector: Injector,
        lane: Lane,
        read_order: ReadOrder,
        reference: Reference,
        *,
        options: StoreOptions,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._claims = claims
        self._injector = injector
        self._lane = lane
        self._read_order = read_order
        self._reference = reference
        self._options = options
        self._clock = clock

    async def __call__(self, job: Job, turn: Turn) -> Carried:
        order = decode_order(job.value)
        run = order.sourcing
        if run is None:
            return Settled(())
        # Checks go together, the desk pays for the call; an order is read first, and
        # its reading may take long. Neither is to keep others from NewStore meanwhile.
        turn.release()
        check, injection = run.owed_check(), run.owed_injection()
        if check is not None:
            return await self._check(check)
        if injection is None:
            return Settled(())
        commerce_id = "" if order.commerce is None else order.commerce.commerce_id
        return await self._inject(injection, commerce_id)

    async def _check(self, owed: CheckStock) -> Carried:
        wait_s = (owed.not_before - self._clock()).total_seconds()
        if wait_s > 0:
            return Later(Unavailable("not yet", reason="wait", retry_after_s=wait_s))
        checked = await self._desk.check(owed)
        if isinstance(checked, NotNow):
            return Later(checked.error)
        return _told(
            StockChecked(
                order_number=owed.order_number,
                run=owed.run,
                round=owed.round,
                check=owed.check,
                found=() if isinstance(checked, NoAnswer) else checked,
                answered_at=self._clock(),
                trouble=_trouble(checked) if isinstance(checked, NoAnswer) else "",
            )
        )

    async def _inject(self, owed: Injection, commerce_id: str) -> Carried:
        try:
            order = await self._read_order(commerce_id)
        except ConnectorError as error:
            return Later(error)  # commercetools' trouble, not NewStore's.
        turn = await self._lane.turn()
        try:
            answer = await self._injected(owed, order, turn)
        except ConnectorError as error:
            slow_down(turn, error)
            return Later(error)
        finally:
            turn.release()
        turn.succeeded()
        self._claims.end(owed.order_number)
        return _told(answer)

    async def _injected(
        self, owed: Injection, order: SourceOrderWire | None, turn: Turn
    ) -> OrderInjected | InjectionRefused:
        if order is None or order.order_state == CANCELLED:
            gone = "is gone from" if order is None else "is cancelled in"
            return await self._unless_taken(
                owed,
                turn,
                "order_cancelled",
                f"Order {owed.order_number} {gone} commercetools; NewStore got nothing",
            )
        try:
            body = injection_body(order, owed, self._reference, self._options)
        except Unsourceable as error:
            return await self._unless_taken(owed, turn, error.reason, error.sentence)
        await turn.next()
        try:
            wire = await self._injector.fulfil_order(body)
        except Duplicate as error:
            # Taken before, from an order that has changed since: that one counts.
            return await self._unless_taken(owed, turn, error.reason, error.message)
        except Refused as error:
            return _refused(owed, error.reason, error.message)
        ties = ties_of(wire.items, products_of(owed, self._reference))
        return _taken(owed, wire.id, ties)

    async def _unless_taken(
        self, owed: Injection, turn: Turn, reason: str, sentence: str
    ) -> OrderInjected | InjectionRefused:
        """Look whether NewStore has it from an answer that was lost; else refuse."""
        await turn.next()
        found = await self._injector.external_order(owed.external_id)
        if found is None:
            return _refused(owed, reason, sentence)
        ties = ties_of(found.items, products_of(owed, self._reference))
        if found.items and not ties:
            return _refused(
                owed,
                "number_taken",
                f"NewStore has another order under {owed.external_id}, with none of "
                f"the units of order {owed.order_number}. Give the order another "
                "number, or remove the other one.",
            )
        return _taken(owed, found.uuid, ties)


def _taken(
    owed: Injection, newstore_id: str, ties: tuple[tuple[str, str], ...]
) -> OrderInjected:
    log.info(
        "order_injected",
        order_number=owed.order_number,
        external_id=owed.external_id,
        newstore_id=newstore_id,
        units=len(owed.placements),
    )
    return OrderInjected(
        order_number=owed.order_number,
        run=owed.run,
        external_id=owed.external_id,
        newstore_id=newstore_id,
        items=ties,
    )


def _refused(owed: Injection, reason: str, sentence: str) -> InjectionRefused:
    log.warning(
        "injection_refused",
        order_number=owed.order_number,
        external_id=owed.external_id,
        reason=reason,
        sentence=sentence,
    )
    return InjectionRefused(
        order_number=owed.order_number,
        run=owed.run,
        external_id=owed.external_id,
        reason=reason or "refused",
        sentence=sentence or "NewStore refuses the order.",
    )


def _trouble(answer: NoAnswer) -> str:
    return answer.error.reason or "no_answer"


def _told(answer: OrderAnswer) -> Settled:
    return Settled(((answer.order_number.encode(), ANSWERS.encode(answer)),))
