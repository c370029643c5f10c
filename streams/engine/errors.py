"""The engine's errors: each says what is wrong, whether to retry, and the remedy."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

Position = tuple[int, int]
"""Where a record lies in its topic: partition and offset."""


class EngineError(Exception):
    """Something the engine cannot settle by itself.

    Attributes:
        remedy: What a person can do about it, as a sentence.
    """

    retriable: ClassVar[bool] = False

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


class Misconfigured(EngineError):
    """A setting is missing, or names something that cannot be used."""


class AppendError(EngineError):
    """Records could not be appended, or nobody knows whether they were.

    Attributes:
        acknowledged: One place per record handed in: its position where the broker did
            acknowledge it, else None. Empty where none was.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        acknowledged: Sequence[Position | None] = (),
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.acknowledged = acknowledged


class BrokerUnavailable(AppendError):
    """No acknowledgement came in time; the records may or may not be in the log.

    Attributes:
        retry_after_s: How long a caller had better wait before the next attempt.
    """

    retriable = True

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        retry_after_s: float,
        acknowledged: Sequence[Position | None] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, acknowledged=acknowledged)
        self.retry_after_s = retry_after_s


class TopicMissing(AppendError):
    """The topic does not exist; it is never created by writing to it."""

    retriable = True


class BrokerRefused(AppendError):
    """The broker knows us and says no: the rights are missing."""


class RecordTooLarge(AppendError):
    """A record is larger than the log takes; trying again does not help."""

    def __init__(
        self,
        topic: str,
        key: bytes | None,
        size_bytes: int,
        limit_bytes: int,
        *,
        acknowledged: Sequence[Position | None] = (),
    ) -> None:
        self.size_bytes = size_bytes
        shown = "none" if key is None else repr(key[:80].decode(errors="replace"))
        super().__init__(
            f"A record for {topic} (key {shown}) of {size_bytes:,} bytes is larger "
            f"than the log takes ({limit_bytes:,} bytes, or less if the topic says so)",
            remedy="Split it at its source, or raise the topic's max.message.bytes",
            acknowledged=acknowledged,
        )


class DataFolderInUse(EngineError):
    """Another worker process holds this data folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The data folder {str(path)!r} is in use by another worker",
            remedy="Stop that worker, or give this one its own ONESHELF_WORKER_ID or "
            "ONESHELF_DATA_DIR",
        )


class TopicsMissing(EngineError):
    """Topics that a worker needs do not exist."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(
            f"Missing topics: {', '.join(sorted(topics))}",
            remedy="Create them with `oneshelf topics create`",
        )


class TopicRefused(EngineError):
    """The broker does not create a topic as we need it."""

    def __init__(self, topic: str, reason: object) -> None:
        super().__init__(
            f"The broker does not create topic {topic!r}: {str(reason).rstrip('.')}",
            remedy="Check ONESHELF_REPLICATION_FACTOR against the number of brokers, "
            "ONESHELF_PARTITIONS against their limits, and this user's rights",
        )


class WrongPartitionCount(EngineError):
    """A topic has another number of partitions than the tables are built on."""

    def __init__(self, topic: str, actual: int, wanted: int) -> None:
        super().__init__(
            f"Topic {topic!r} has {actual} partitions, but ONESHELF_PARTITIONS is "
            f"{wanted}",
            remedy=f"Set ONESHELF_PARTITIONS={actual} if all topics have that count. "
            "A live ledger's count cannot be changed in place: begin a new one with "
            "another ONESHELF_APP_ID and ONESHELF_TOPIC_PREFIX, and replay into it",
        )


class ChangedPartitionCount(EngineError):
    """The data folder was built on another number of partitions."""

    def __init__(self, path: Path, before: int, now: int) -> None:
        super().__init__(
            f"The data folder {str(path)!r} was built with {before} partitions, but "
            f"ONESHELF_PARTITIONS is {now}",
            remedy=f"Set ONESHELF_PARTITIONS={before} again, or begin a new ledger in "
            "another data folder",
        )


class StateAheadOfLog(EngineError):
    """The local state has applied records that the broker does not have."""

    def __init__(self, what: str, applied: int, end: int) -> None:
        super().__init__(
            f"{what}: the state has applied up to offset {applied}, but the log ends "
            f"at {end}",
            remedy="The topic was re-created, or this is another cluster: check "
            "ONESHELF_BROKER; if the log is right, move this worker's data folder away",
        )


class RecordsDeleted(EngineError):
    """Retention removed source records before they were applied."""

    def __init__(self, what: str, wanted: int, first: int) -> None:
        super().__init__(
            f"{what}: offset {wanted} is next to apply, but the log begins at {first}; "
            f"{first - wanted} records were deleted unread",
            remedy="Replay that window from NewStore (a temporary event stream "
            "integration), then raise the topic's retention",
        )


class DeliveryGap(EngineError):
    """Records arrived that do not follow on what was applied; never to be skipped."""

    def __init__(self, what: str, expected: int, fetched_from: int) -> None:
        super().__init__(
            f"{what}: expected the records from offset {expected}, got those from "
            f"{fetched_from}",
            remedy="The worker stops and restarts from its state; nothing is lost",
        )
