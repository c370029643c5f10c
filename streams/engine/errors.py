"""The engine's errors: each says what is wrong, whether to retry, and the remedy."""

from collections.abc import Sequence
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
        shown = "none" if key is None else repr(key[:80].decode(errors="replace"))
        super().__init__(
            f"A record for {topic} (key {shown}) of {size_bytes:,} bytes is larger than "
            f"the log takes ({limit_bytes:,} bytes, or less if the topic says so)",
            remedy="Split it at its source, or raise the topic's max.message.bytes",
            acknowledged=acknowledged,
        )
