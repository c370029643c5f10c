"""How this retailer wants orders handled; values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from streams.domain.sourcing_choice import SourcingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRules:
    """Waits and names that decisions about orders need.

    Attributes:
        window_quiet: A window closes after this long without news.
        window_longest: It closes this long after it opened, whatever comes.
        window_closes_complete: It closes at once when nothing more is to come.
        return_wait: A return waits this long for its sale before people are told.
        commerce_counts: commercetools lowers its own quantities (`stock_counting`).
        has_pooled_entries: Its entries are the pooled ones, without channel, not those
            of the locations' channels.
        places: Our location by the key of the supply channel that stands for it.
        sourcing: How web orders find their place; None where NewStore finds it.
        reroutes: What a place could not fulfil is sent on by us, not by NewStore.
        return_lateness: So much later than it happened a return may be told: of two
            that name one unit the earlier stands, whichever was told first.
        keep: A finished order is forgotten when it has not changed for so long.
    """

    window_quiet: timedelta = timedelta(seconds=30)
    window_longest: timedelta = timedelta(seconds=300)
    window_closes_complete: bool = True
    return_wait: timedelta = timedelta(seconds=900)
    commerce_counts: bool = True
    has_pooled_entries: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    sourcing: SourcingRules | None = None
    reroutes: bool = True
    return_lateness: timedelta = timedelta(0)
    keep: timedelta = timedelta(days=400)

    @property
    def home(self) -> str:
        """Return the place whose row answers for pooled entries; empty if none does.

        Any will do, as the pooled entry follows their sum.
        """
        return min(self.places.values(), default="") if self.has_pooled_entries else ""

    def counts_line(self, channel_key: str) -> bool:
        """Say whether an order lowers an entry of ours for a line.

        commercetools lowers the entry of the line's supply channel; without one, the
        entry that has no channel (API reference: InventoryMode).
        """
        if not self.commerce_counts:
            return False
        if self.has_pooled_entries:
            return not channel_key
        return channel_key in self.places
