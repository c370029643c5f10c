"""A partition's log in the simulator: at every step of a commit it can be stopped."""

from collections.abc import Generator
from enum import StrEnum
from typing import NamedTuple

from streams.engine.commit import Commit, CommitUnknown
from streams.engine.recovery import changelog_headers
from streams.simulation.log import Broker, Item, Place, Transaction


class Answer(StrEnum):
    """What the scheduler lets happen at a step."""

    GO = "go"
    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"


class Step:
    """An awaitable that hands control to the scheduler, which answers."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __await__(self) -> Generator[str, Answer | None, Answer]:
        answer = yield self.name
        return answer or Answer.GO


class Tampering(NamedTuple):
    """Planted bugs of the commit itself; all off in an honest run."""

    offsets_before_produce: bool = False
    outputs_outside_transaction: bool = False


NO_TAMPERING = Tampering()


class SimulatedTransactions:
    """A `TransactionLog` on the broker in memory; opening it fences the last owner."""

    def __init__(
        self,
        broker: Broker,
        stage: str,
        partition: int,
        tampering: Tampering = NO_TAMPERING,
    ) -> None:
        self._broker = broker
        self._changelog: Place = (changelog_topic(stage), partition)
        self._id = f"{stage}-{partition}"
        self._tampering = tampering
        self._epoch = broker.open_producer(self._id)

    async def commit(self, commit: Commit) -> int:
        transaction = Transaction(self._id, self._epoch)
        partition = self._changelog[1]
        offsets = {
            (topic.name, partition): offset for topic, offset in commit.offsets.items()
        }
        await Step("transaction_begun")
        if self._tampering.offsets_before_produce:
            self._broker.group_offsets.update(offsets)
        headers = changelog_headers(commit.sequence)
        rows: list[Item] = [(key, value, headers) for key, value in commit.changelog]
        last_offset = self._broker.send(transaction, self._changelog, rows)
        await Step("changelog_sent")
        for (topic, target), outgoing in commit.outputs.items():
            if self._tampering.outputs_outside_transaction:
                self._broker.append((topic.name, target), outgoing)
            else:
                self._broker.send(transaction, (topic.name, target), outgoing)
            await Step("outputs_sent")
        if offsets:
            self._broker.send_offsets(transaction, offsets)
        await Step("offsets_sent")
        match await Step("before_commit"):
            case Answer.LOSE_REQUEST:
                raise CommitUnknown(f"{self._id}: the request was lost")
            case Answer.LOSE_ANSWER:
                self._broker.commit(transaction)
                raise CommitUnknown(f"{self._id}: the answer was lost")
            case _:
                self._broker.commit(transaction)
        await Step("committed")
        return last_offset


def changelog_topic(stage: str) -> str:
    """Name a stage's changelog."""
    return f"{stage}-changelog"
