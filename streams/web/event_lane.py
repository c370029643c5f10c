"""The fast lane's view of the webhook: the same for a worker and for its front."""

import time

from streams.web.answering import answer_for
from streams.web.auth import Caller, Guard
from streams.web.express_events import EVENTS_PATH
from streams.web.metrics import WebMetrics
from streams.web.replies import HeaderList, Problem, Reply
from streams.web.webhook import Webhook


class TakesEvents:
    """An application with a webhook whose known callers pass the fast lane."""

    _guard: Guard
    _webhook: Webhook
    _metrics: WebMetrics
    _fast = True

    def lets_events_in(self, headers: HeaderList) -> bool:
        """Say whether who sends these headers may send events."""
        try:
            self._guard.require_webhook(Caller.of(headers))
        except Problem:
            return False
        return self._fast

    async def take_known_event(self, event: bytes) -> Reply:
        """Store an event of a caller that was let in; never raises."""
        started = time.perf_counter()
        reply = await answer_for(self._webhook.take_known(event))
        seconds = time.perf_counter() - started
        self._metrics.observe(EVENTS_PATH.decode(), reply.status, seconds)
        return reply
