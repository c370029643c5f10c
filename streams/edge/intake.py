"""Events from standard input, one JSON object a line; what is broken is kept aside."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from streams.edge.errors import BrokenEvent, EdgeClosed, EdgeError
from streams.edge.events import EVENT_BYTES_MAX, Event, check
from streams.edge.lines import Line, read_lines
from streams.edge.producer import EdgeProducer

_RETRY_S = 1.0

Answer = Callable[[bytes], None]

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class LineIntake:
    """Feeds lines to the edge; every line ends in the outbox or in `rejected.jsonl`.

    The lines that came at once share a sync. While the disk refuses them, no further
    ones are read: so they keep their order, and wait in the pipe. With `answer`, each
    line is answered by a JSON line, in order, once it is durable: so a program on the
    other end knows what to repeat after a crash.
    """

    def __init__(
        self, edge: EdgeProducer, *, answer: Answer | None, retry_s: float = _RETRY_S
    ) -> None:
        self._edge = edge
        self._answer = answer
        self._retry_s = retry_s

    async def run(self, file: int) -> None:
        """Take lines until the input ends, or the edge stops."""
        with contextlib.suppress(EdgeClosed):
            async for lines in read_lines(file, bytes_max=EVENT_BYTES_MAX):
                await self._take(lines)

    async def _take(self, lines: list[Line]) -> None:
        good: list[tuple[Line, Event]] = []
        answers: list[tuple[int, dict[str, object]]] = []
        for line in lines:
            if not line.part and not line.content.strip():
                continue
            try:
                good.append((line, _checked(line)))
            except BrokenEvent as error:
                await self._reject(line, error)
                answers.append((line.number, {"rejected": error.message}))
        if good:
            events = [event for _, event in good]
            sequences = await self._surely(lambda: self._edge.accept_many(events))
            for (line, _), sequence in zip(good, sequences, strict=True):
                answers.append((line.number, {"sequence": sequence}))
        self._say(sorted(answers, key=lambda answer: answer[0]))

    async def _reject(self, line: Line, error: BrokenEvent) -> None:
        await self._surely(
            lambda: self._edge.reject(
                line.content, error, source="stdin", line=line.number, part=line.part
            )
        )
        _log.warning("edge_line_rejected", line=line.number, reason=error.reason)

    async def _surely(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Try until the disk takes it."""
        while True:
            try:
                return await attempt()
            except EdgeClosed:
                raise
            except EdgeError as error:
                _log.warning("edge_input_waits", error=error.message)
                await asyncio.sleep(self._retry_s)

    def _say(self, answers: list[tuple[int, dict[str, object]]]) -> None:
        if self._answer is not None and answers:
            self._answer(
                b"".join(
                    msgspec.json.encode({"line": number, **answer}) + b"\n"
                    for number, answer in answers
                )
            )


def _checked(line: Line) -> Event:
    if line.part:
        raise BrokenEvent(
            f"The line is longer than {EVENT_BYTES_MAX:,} bytes; this is its part "
            f"{line.part}",
            remedy="Send one event a line, large ones in chunks as NewStore does",
        )
    return check(line.content)
