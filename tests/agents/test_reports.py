"""Answers are reported some at a time, and each is durable once its call returns."""

import asyncio
from collections.abc import Sequence

import pytest

from streams.delivery.reports import Answer, Reports


class Log:
    """Takes answers when let, or fails as told."""

    def __init__(self) -> None:
        self.appends: list[list[Answer]] = []
        self.failure: Exception | None = None

    async def append(self, answers: Sequence[Answer]) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        self.appends.append(list(answers))


async def test_answers_of_a_moment_go_together_and_in_order() -> None:
    log = Log()
    reports = Reports(log.append, linger_s=0.01)
    answers = [(b"A", b"%d" % number) for number in range(5)]
    await asyncio.gather(*(reports(*answer) for answer in answers))
    await reports(b"A", b"later")
    assert log.appends == [answers, [(b"A", b"later")]]


async def test_who_comes_while_they_travel_goes_with_the_next() -> None:
    log = Log()
    reports = Reports(log.append, linger_s=0.0)
    first = asyncio.create_task(reports(b"A", b"1"))
    while not log.appends:
        second = asyncio.create_task(reports(b"A", b"2"))
        await asyncio.sleep(0)
    await asyncio.gather(first, second)
    told = [value for answers in log.appends for _, value in answers]
    assert told[0] == b"1"
    assert set(told[1:]) == {b"2"}


async def test_an_error_reaches_all_who_wait() -> None:
    log = Log()
    log.failure = OSError("no broker")
    reports = Reports(log.append, linger_s=0.0)
    outcomes = await asyncio.gather(
        reports(b"A", b"1"), reports(b"B", b"1"), return_exceptions=True
    )
    assert list(outcomes) == [log.failure, log.failure]


async def test_one_who_is_cancelled_takes_no_other_along() -> None:
    log = Log()
    reports = Reports(log.append, linger_s=0.01)
    impatient = asyncio.create_task(reports(b"A", b"1"))
    patient = asyncio.create_task(reports(b"B", b"1"))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert log.appends == [[(b"A", b"1"), (b"B", b"1")]]
    with pytest.raises(asyncio.CancelledError):
        await impatient
