"""Several listeners in the place of one."""

from collections.abc import Mapping, Sequence

from streams.engine.fold import CommitListener, View
from streams.tables import Table


class Listeners:
    """Tells each of them what was committed, in their order (a CommitListener)."""

    def __init__(self, listeners: Sequence[CommitListener]) -> None:
        self._listeners = tuple(listeners)

    def opened(self, view: View) -> None:
        for listener in self._listeners:
            listener.opened(view)

    def committed(
        self, view: View, writes: Mapping[Table, Mapping[bytes, bytes | None]]
    ) -> None:
        for listener in self._listeners:
            listener.committed(view, writes)

    def closed(self, partition: int) -> None:
        for listener in self._listeners:
            listener.closed(partition)
