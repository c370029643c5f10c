"""Orders that commercetools has yet to hear of: from an order's row to its answer."""

from streams.connectors.errors import ConnectorError, Misconfigured, Refused
from streams.connectors.order_updates import OrderUpdater
from streams.connectors.pacing import Turn
from streams.delivery.courier import Carried, Later, Refusal, Settled
from streams.delivery.due import Job
from streams.domain.order_answers import CommerceDeclined, CommerceTold
from streams.domain.order_debts import owed_sequence
from streams.domain.order_record import Order
from streams.domain.wanted import wanted_of
from streams.engine.fold import Clock
from streams.mapping.order_messages import ANSWERS
from streams.mapping.orders_state import decode_order


def commerce_due(row: bytes) -> int | None:
    """Say what commercetools has yet to hear of an order: up to which sequence."""
    return owed_sequence(decode_order(row))


class CommerceOrders:
    """Carries one order at a time to commercetools (a courier's `Carry`)."""

    def __init__(self, updater: OrderUpdater, clock: Clock) -> None:
        self._updater = updater
        self._clock = clock

    async def __call__(self, job: Job, turn: Turn) -> Carried:
        order = decode_order(job.value)
        try:
            told = await self._updater.bring(wanted_of(order), turn)
        except (Refused, Misconfigured) as error:
            return Refusal(self._refusal(order, error))
        except ConnectorError as error:
            return Later(error)
        answer = CommerceTold(
            order_number=order.number,
            wanted_sequence=order.wanted_sequence,
            version=told.version,
            told_at=self._clock(),
            calls=told.updates,
        )
        return Settled(((order.number.encode(), ANSWERS.encode(answer)),))

    def _refusal(
        self, order: Order, error: ConnectorError
    ) -> tuple[tuple[bytes, bytes], ...]:
        said = order.declined
        if (
            said is not None
            and said.sequence == order.wanted_sequence
            and said.reason == error.reason
        ):
            return ()
        answer = CommerceDeclined(
            order_number=order.number,
            wanted_sequence=order.wanted_sequence,
            reason=error.reason,
            sentence=error.message,
        )
        return ((order.number.encode(), ANSWERS.encode(answer)),)
