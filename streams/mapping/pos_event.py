"""One of NewStore's events read once, for stock and for orders."""

from streams.domain.reference import Reference
from streams.mapping.order_news_pos import HANDLERS, NO_NEWS, News, news_of
from streams.mapping.pos import IntakeRules, Mapped, map_event, movements_of
from streams.mapping.pos_wire import decode_envelope, decode_fitting
from streams.mapping.problems import Problem


def read_event(
    body: bytes | None, reference: Reference, rules: IntakeRules, *, origin: str
) -> tuple[Mapped, News]:
    """Say what an event means for stock, and what it makes known of an order.

    Names that are not known yet hold up no news. An event with anything else wrong
    tells none, because it will come again.
    """
    envelope = None if body is None else decode_envelope(body)
    if envelope is None or isinstance(envelope, Problem):
        return map_event(body, reference, rules, origin=origin), NO_NEWS
    handler = HANDLERS.get(rules.aliases.get(envelope.name, envelope.name))
    # What tells of an order mostly holds all that stock needs. An event that does not
    # fit as a whole is read once more for each, to say what of it does.
    whole = handler and decode_fitting(envelope.payload, handler.payload)
    mapped = movements_of(envelope, reference, rules, origin=origin, whole=whole)
    if mapped.problems:
        return mapped, NO_NEWS
    return mapped, news_of(envelope, reference, rules, whole=whole)
