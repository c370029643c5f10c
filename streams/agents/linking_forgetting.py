"""The linking stage forgets aliases that nobody has spoken of for long."""

from datetime import timedelta

from streams.agents.expiries import Expiries, expiry_key
from streams.agents.linking_rows import load_links
from streams.domain.linking import Link
from streams.engine.fold import Result, View
from streams.tables import LINK_EXPIRIES, ORDER_LINKS

KEEP = timedelta(days=400)
"""As long as orders by default."""


class Forgetting:
    """Forgets aliases, some at each tick; never one for which something waits."""

    def __init__(self, keep: timedelta) -> None:
        self._expiries = Expiries(LINK_EXPIRIES, keep)

    def go_on(self, view: View, now_ms: int, result: Result) -> None:
        """Forget what is due; note for the others when to look at them again.

        What this tick has changed is left for the next.
        """
        changed = result.writes.get(ORDER_LINKS, {})
        due = [
            each
            for each in self._expiries.due(view, now_ms)
            if each.name not in changed
        ]
        links = load_links(view, [each.name for each in due]) if due else {}
        for each in due:
            result.put(LINK_EXPIRIES, each.key, None)
            if each.name in links:
                self._settle(each.name, links[each.name], now_ms, result)

    def _settle(self, key: bytes, link: Link, now_ms: int, result: Result) -> None:
        is_over = self._expiries.is_over(link.heard_ms, now_ms)
        if is_over and link.is_at_rest:
            result.put(ORDER_LINKS, key, None)
            result.count("forgotten")
            return
        kept_ms = now_ms if is_over else link.heard_ms
        result.put(LINK_EXPIRIES, expiry_key(kept_ms, key), b"")
