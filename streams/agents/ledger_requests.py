"""The ledger's second inbox: questions whether units may be reserved, and answers.

A fact is applied, a request may be declined; each is answered once, and a repeat of it
with the same answer.
"""

from streams.agents.ledger_posting import apply_movement
from streams.agents.ledger_requests_inbox import Asked, read_request
from streams.agents.ledger_state import LedgerState
from streams.agents.ledger_write import write_state
from streams.domain.granting import Places, is_grantable, offers_of
from streams.domain.reservations import (
    RequestKind,
    ReservationAnswer,
    ReservationOutcome,
)
from streams.domain.transfer_delays import LedgerRules
from streams.domain.units import Unit
from streams.engine.fold import Batch, Context, Output, Result, View
from streams.mapping import stock_state as codec
from streams.mapping.order_messages import REPLIES
from streams.mapping.stock import row_key
from streams.tables import LEVELS, REQUESTS
from streams.topics import RESERVATION_ANSWERS

REQUEST_OFFSETS = 1 << 62
"""Sets the expiries of requests apart from those of movements at the same offset."""


def fold_requests(
    view: View, batch: Batch, context: Context, rules: LedgerRules
) -> Result:
    """Answer one partition's requests in offset order."""
    result = Result()
    if batch.records:
        result.count("requests_in", len(batch.records))
    asked = [
        found for record in batch.records if (found := read_request(record, result))
    ]
    answers = dict(view.get(REQUESTS, {one.key for one in asked}))
    state = LedgerState(view, context, [item for one in asked for item in one.items])
    fresh: list[bytes] = []
    for one in asked:
        if one.key in answers:
            result.count("requests_repeated")
        else:
            answer = _answer(one, state, view)
            result.count(f"requests_{answer.outcome}")
            answers[one.key] = REPLIES.encode(answer)
            result.put(REQUESTS, one.key, answers[one.key])
            fresh.append(one.key)
        number = one.request.order_number.encode()
        result.send(RESERVATION_ANSWERS, Output(number, answers[one.key], one.record))
    if batch.records:
        offset = REQUEST_OFFSETS + batch.records[0].offset
        write_state(state, result, offset, rules, requests=fresh)
    return result


def _answer(asked: Asked, state: LedgerState, view: View) -> ReservationAnswer:
    request = asked.request
    places = _places(asked, state, view)
    outcome = ReservationOutcome.QUOTED
    if request.kind is RequestKind.RESERVE:
        outcome = ReservationOutcome.DECLINED
        if is_grantable(request, places):
            outcome = ReservationOutcome.GRANTED
            for item in asked.items:
                apply_movement(item, state)
            places = _places(asked, state, view)
    return ReservationAnswer(
        request_id=request.request_id,
        order_number=request.order_number,
        sku=request.sku,
        outcome=outcome,
        location_id=request.location_id,
        offers=offers_of(places),
    )


def _places(asked: Asked, state: LedgerState, view: View) -> Places:
    """Gather the SKU's rows, as changed so far, and the request's units."""
    sku = asked.request.sku
    prefix = row_key(sku, "")
    rows = {key: codec.decode_row(row) for key, row in view.scan(LEVELS, prefix)}
    rows |= {key: row for key, row in state.rows.items() if key.startswith(prefix)}
    units = [
        state.units.get(codec.unit_key(sku, unit_id)) or Unit()
        for unit_id in asked.request.unit_ids
    ]
    return Places({key[len(prefix) :].decode(): rows[key] for key in rows}, units)
