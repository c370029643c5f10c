"""What every application of ours does with a request: guards it, and always answers."""

from collections.abc import Awaitable

import structlog

from streams.settings import Settings
from streams.web import problems
from streams.web.auth import Guard, parse_api_keys
from streams.web.bodies import Disconnected
from streams.web.replies import Problem, Reply

_log = structlog.get_logger(__name__)


async def answer_for(taking: Awaitable[Reply]) -> Reply:
    """Await a reply, and make one of whatever is raised instead."""
    try:
        return await taking
    except Problem as problem:
        return problem.reply()
    except Disconnected:
        return NOBODY
    except Exception as error:  # noqa: BLE001 - the last line of defence: the source gets a 500 and sends again.
        _log.error("event_failed", exc_info=error)
        return problems.internal().reply()


def guard_of(settings: Settings) -> Guard:
    """Make the guard that the settings describe."""
    return Guard(
        host=settings.http_host,
        keys=parse_api_keys(settings.api_keys),
        webhook_key=settings.newstore.webhook_key.get_secret_value(),
        commerce_key=settings.commercetools.webhook_key.get_secret_value(),
    )


NOBODY = Reply(400, [], b"")
"""Sent to a caller that has gone."""
