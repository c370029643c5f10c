"""The exceptions list's stage in memory, behind the web's port."""

from dataclasses import dataclass, field

from streams.agents.intake import IntakeStage
from streams.agents.ledger import LedgerStage
from streams.mapping.pos import IntakeRules
from streams.topics import EXCEPTION_COMMANDS, NEWSTORE_EVENTS
from streams.trials.stock import Trial
from streams.web.exceptions_routes import ExceptionsDesk
from streams.web.ports import Local, Owner
from tests.agents.desk import NOON, Stand
from tests.support.newstore import shop_floor
from tests.web.fakes import PARTITIONS


@dataclass
class FakeCases:
    """The list's partitions in memory; a command is taken at once."""

    partitions: int = PARTITIONS
    stands: list[Stand] = field(
        default_factory=lambda: [Stand(partition=p) for p in range(PARTITIONS)]
    )
    elsewhere: dict[int, Owner] = field(default_factory=dict)
    failure: Exception | None = None
    is_asleep: bool = False

    def owner_of(self, partition: int) -> Owner:
        if partition in self.elsewhere:
            return self.elsewhere[partition]
        return Local(self.stands[partition].view, partition, 0.0)

    async def command(self, partition: int, key: bytes, value: bytes) -> int:
        if self.failure is not None:
            raise self.failure
        stand = self.stands[partition]
        record = stand.append(EXCEPTION_COMMANDS, key, value)
        if not self.is_asleep:
            stand.take()
            stand.tick(times=3)
        return record.offset

    def park(self, partition: int, key: str, content: bytes, **more: str) -> None:
        stand = self.stands[partition]
        record = stand.append(NEWSTORE_EVENTS, key.encode(), content)
        stand.park(record, **more)
        stand.take()
        stand.later(seconds=1)


def desk_of(cases: FakeCases) -> ExceptionsDesk:
    trial = Trial(
        IntakeStage(IntakeRules()),
        LedgerStage(dedupe_days=8),
        shop_floor(),
        lambda: NOON,
    )
    return ExceptionsDesk(cases, trial, lambda: NOON)
