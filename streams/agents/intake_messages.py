"""commercetools' messages, the intake's second source: to news of orders."""

from streams.agents.intake_sending import park, send_news
from streams.engine.fold import Batch, Result
from streams.mapping.commerce_messages import told_by
from streams.mapping.pos_rules import IntakeRules


def fold_messages(batch: Batch, rules: IntakeRules) -> Result:
    """Map a batch of messages; without `commerce_orders` they are only counted.

    Otherwise an order would be reserved twice: as commercetools tells it and as
    NewStore does.
    """
    result = Result()
    for record in batch.records:
        result.count("messages")
        if not rules.commerce_orders:
            result.count("ignored")
            continue
        told = told_by(record.value)
        if told.problem is not None:
            park(result, record, [told.problem])
            continue
        for alias, news in told.news:
            send_news(result, record, alias, [news])
        result.count("applied" if told.news else "ignored")
        if not told.known:
            result.count("unknown_message")
    return result
