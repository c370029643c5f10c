"""Order notes, vendors' answers, and the ledger's requests and answers as JSON."""

from streams.domain import order_answers as answers
from streams.domain import order_notes as notes
from streams.domain.order_answers import OrderAnswer
from streams.domain.order_news import OrderMentioned, OrderMissing, OrderNews
from streams.domain.order_notes import OrderNote
from streams.domain.reservations import ReservationAnswer, ReservationRequest
from streams.mapping.tagged import Tagged

NOTES: Tagged[OrderNote] = Tagged(
    {
        "order_placed": notes.OrderPlaced,
        "order_state_seen": notes.OrderStateSeen,
        "order_opened": notes.OrderOpened,
        "fulfilment_seen": notes.FulfilmentSeen,
        "units_cancelled": notes.UnitsCancelled,
        "order_completed": notes.OrderCompleted,
        "goods_returned": notes.GoodsReturned,
        "refund_settled": notes.RefundSettled,
        "appeasement_given": notes.AppeasementGiven,
    }
)
NEWS: Tagged[OrderNews] = Tagged(
    {
        **NOTES.kinds,
        "order_mentioned": OrderMentioned,
        "order_missing": OrderMissing,
    }
)
"""Notes are written as in `NOTES`, byte for byte."""
ANSWERS: Tagged[OrderAnswer] = Tagged(
    {
        "stock_checked": answers.StockChecked,
        "order_injected": answers.OrderInjected,
        "injection_refused": answers.InjectionRefused,
        "commerce_told": answers.CommerceTold,
        "commerce_declined": answers.CommerceDeclined,
        "look_again_asked": answers.LookAgainAsked,
    }
)
REQUESTS: Tagged[ReservationRequest] = Tagged(
    {"reservation_request": ReservationRequest}
)
REPLIES: Tagged[ReservationAnswer] = Tagged({"reservation_answer": ReservationAnswer})
