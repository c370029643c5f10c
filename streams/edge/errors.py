"""The edge's errors: what is wrong with an event or with the spool, and the remedy."""

from pathlib import Path
from typing import ClassVar


class EdgeError(Exception):
    """Something that keeps an event from being accepted.

    Attributes:
        reason: A short code for programs.
        remedy: What a person can do about it, as a sentence.
    """

    retriable: ClassVar[bool] = False
    reason: ClassVar[str] = "edge-error"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


class BrokenEvent(EdgeError):
    """What was handed in is not a NewStore event envelope; it is set aside."""

    reason = "broken-event"


class SpoolBusy(EdgeError):
    """Another process works with this spool directory."""

    reason = "spool-busy"

    def __init__(self, directory: Path, holder: str) -> None:
        super().__init__(
            f"The spool {str(directory)!r} is in use by process {holder or 'unknown'}",
            remedy="Stop that process, or give this one another --spool directory",
        )


class SpoolUnusable(EdgeError):
    """The spool directory cannot be opened."""

    reason = "spool-unusable"


class SpoolFull(EdgeError):
    """There is no room for another event; those accepted before are safe."""

    retriable = True
    reason = "spool-full"


class SpoolFailed(EdgeError):
    """The disk refused to keep the event; those accepted before are safe."""

    retriable = True
    reason = "spool-failed"


class EdgeClosed(EdgeError):
    """The edge is stopping and accepts nothing more."""

    retriable = True
    reason = "edge-closed"


class PortTaken(EdgeError):
    """The loopback port cannot be listened on."""

    reason = "port-taken"
