"""The final check: what NewStore says of several orders' units, asked in one call.

A number counts once: what one order was told is there is kept from the next order until
NewStore's own number has taken it in.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from streams.connectors.errors import ConnectorError, Misconfigured, Refused, Throttled
from streams.connectors.pacing import Lane, slow_down
from streams.domain.order_answers import StockFound
from streams.domain.sourcing_run import CheckStock, Need
from streams.mapping.newstore import ATP_KEYS_MAX, AtpKey

GATHER_S = 0.005
"""So long a check waits for others to go with it: little against the answer's time."""

CLAIM_S = 30.0
"""A claim that nobody ends is forgotten: its order was given up meanwhile."""


class Availability(Protocol):
    """Asks NewStore (connectors.newstore.NewStoreClient fits)."""

    async def availability(
        self, keys: Sequence[AtpKey], *, deadline_s: float
    ) -> dict[AtpKey, int]: ...


KeyOf = Callable[[Need], AtpKey]
"""Names a SKU and a location as NewStore does."""


class NoAnswer(NamedTuple):
    """NewStore was asked and gave no answer that can be used."""

    error: ConnectorError


class NotNow(NamedTuple):
    """NewStore could not be asked: we were too fast, or are not let in."""

    error: ConnectorError


Checked = tuple[StockFound, ...] | NoAnswer | NotNow


class _Claim(NamedTuple):
    units: dict[AtpKey, int]
    until: float
    ended_at: float | None = None


class Claims:
    """Units that orders were told are there, and that NewStore may not count yet."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._claims: dict[str, _Claim] = {}

    def put(self, order_number: str, units: dict[AtpKey, int]) -> None:
        now = self._monotonic()
        over = [n for n, claim in self._claims.items() if claim.until < now]
        for number in over:
            del self._claims[number]
        self._claims[order_number] = _Claim(units, now + CLAIM_S)

    def end(self, order_number: str) -> None:
        """Note that NewStore counts them itself, or that they are given up.

        A check that is under way may have been answered just before; it still counts.
        """
        claim = self._claims.get(order_number)
        if claim is not None:
            ended = claim._replace(ended_at=self._monotonic())
            self._claims[order_number] = ended

    def by_others(self, order_number: str, key: AtpKey, asked_at: float) -> int:
        """Count the units claimed by other orders when NewStore was asked, or since."""
        now = self._monotonic()
        return sum(
            claim.units.get(key, 0)
            for number, claim in self._claims.items()
            if number != order_number
            and claim.until >= now
            and (claim.ended_at is None or claim.ended_at >= asked_at)
        )


@dataclass(eq=False)
class _Question:
    check: CheckStock
    keys: dict[Need, AtpKey]
    answer: "asyncio.Future[Checked]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class CheckDesk:
    """Gathers checks for a moment and asks for them together."""

    def __init__(
        self,
        client: Availability,
        lane: Lane,
        key_of: KeyOf,
        claims: Claims,
        *,
        deadline_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._client = client
        self._lane = lane
        self._key_of = key_of
        self._claims = claims
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._waiting: list[_Question] = []
        self._calls: set[asyncio.Task[None]] = set()
        self.calls = 0

    async def check(self, owed: CheckStock) -> Checked:
        """Return NewStore's numbers for an order, less what others were told."""
        keys = {need: self._key_of(need) for need in owed.needs}
        question = _Question(owed, keys)
        self._waiting.append(question)
        if len(self._waiting) == 1:
            call = asyncio.create_task(self._gather())
            self._calls.add(call)
            call.add_done_callback(self._forget)
        try:
            return await question.answer
        finally:
            if question in self._waiting:
                self._waiting.remove(question)

    async def aclose(self) -> None:
        """Give up what is under way; whoever waits for it is cancelled."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _forget(self, call: "asyncio.Task[None]") -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # Those who asked have it already.

    async def _gather(self) -> None:
        await asyncio.sleep(GATHER_S)
        async with asyncio.TaskGroup() as calls:
            while self._waiting:
                calls.create_task(self._ask(self._take()))

    def _take(self) -> list[_Question]:
        """Take questions for one call; one order never has too many keys."""
        taken: list[_Question] = []
        keys: set[AtpKey] = set()
        while self._waiting:
            keys.update(self._waiting[0].keys.values())
            if taken and len(keys) > ATP_KEYS_MAX:
                break
            taken.append(self._waiting.pop(0))
        return taken

    async def _ask(self, questions: list[_Question]) -> None:
        keys = dict.fromkeys(key for q in questions for key in q.keys.values())
        turn = await self._lane.turn()
        try:
            await turn.next()
            asked_at = self._monotonic()
            self.calls += 1
            numbers = await self._client.availability(
                list(keys), deadline_s=self._deadline_s
            )
        except ConnectorError as error:
            slow_down(turn, error)
            turn.release()
            await self._fail(questions, error)
            return
        except BaseException as error:
            for question in questions:
                _break(question.answer, error)
            raise
        finally:
            turn.release()
        turn.succeeded()
        for question in questions:
            if not question.answer.done():
                question.answer.set_result(self._found(question, numbers, asked_at))

    async def _fail(self, questions: list[_Question], error: ConnectorError) -> None:
        if isinstance(error, Refused) and len(questions) > 1:
            # One order's key may be at fault; the others must not pay for it.
            for question in questions:
                await self._ask([question])
            return
        for question in questions:
            if not question.answer.done():
                question.answer.set_result(_without_answer(question.check, error))

    def _found(
        self, question: _Question, numbers: dict[AtpKey, int], asked_at: float
    ) -> tuple[StockFound, ...]:
        owed = question.check
        found = []
        for need, key in question.keys.items():
            number = numbers.get(key)
            if number is not None:
                number -= self._claims.by_others(owed.order_number, key, asked_at)
            found.append(
                StockFound(sku=need.sku, location_id=need.location_id, available=number)
            )
        pairs = zip(found, question.keys, strict=True)
        if all((seen.available or 0) >= need.quantity for seen, need in pairs):
            units = {key: need.quantity for need, key in question.keys.items()}
            self._claims.put(owed.order_number, units)
        return tuple(found)


def _break(answer: "asyncio.Future[Checked]", error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        answer.cancel()
    elif not answer.done():
        answer.set_exception(error)


def _without_answer(owed: CheckStock, error: ConnectorError) -> Checked:
    if isinstance(error, Refused):
        # NewStore does not know something here: no number for it, then.
        return tuple(
            StockFound(sku=need.sku, location_id=need.location_id, available=None)
            for need in owed.needs
        )
    if isinstance(error, Throttled | Misconfigured):
        return NotNow(error)
    return NoAnswer(error)
