"""The production stages, as the simulator sets them up."""

from collections.abc import Sequence

from streams.agents.exceptions import ExceptionsStage
from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.agents.publishing import PublishingStage
from streams.domain.availability import Counting
from streams.engine.fold import Stage
from streams.mapping.pos_rules import IntakeRules
from streams.simulation.workload import TENANT
from streams.simulation.world import Shape

DEDUPE_DAYS = 8
TRANSIT_OVERDUE_DAYS = 0
"""Within the hour, so that many are overdue and then arrive after all."""


def production_stages(shape: Shape) -> Sequence[Stage]:
    """Make the stages of one worker, as wiring does."""
    rules = IntakeRules(
        tenant=TENANT, commerce_counts=shape.counting is Counting.COMMERCE
    )
    return (
        IntakeStage(rules),
        LedgerStage(dedupe_days=DEDUPE_DAYS, transit_overdue_days=TRANSIT_OVERDUE_DAYS),
        PublishingStage(entries=shape.entries, counting=shape.counting),
        ExceptionsStage(),
    )
