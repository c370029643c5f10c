"""Children are started again after growing pauses, but not on final codes; stopped."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from streams.supervisor import Child, Supervisor

FOR_EVER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FOR_EVER}"

Events = list[tuple[str, str]]
Make = Callable[..., Awaitable[Supervisor]]


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
async def supervise(events: Events) -> AsyncIterator[Make]:
    """Make supervisors with short pauses that take note of everything."""
    made: list[Supervisor] = []

    async def make(*, backoff_first_s: float = 0.02, stop_timeout_s: float = 20.0):  # type: ignore[no-untyped-def]  # The fixture's type says it.
        supervisor = Supervisor(
            lambda what, child: events.append((child.name, what)),
            backoff_first_s=backoff_first_s,
            stop_timeout_s=stop_timeout_s,
        )
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        await supervisor.stop()


def child(folder: Path, code: str, name: str = "one") -> Child:
    return Child(
        name=name,
        command=[sys.executable, "-c", code],
        environment={"GREETING": f"I am {name}"},
        log_file=folder / "logs" / f"{name}.log",
    )


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true; the test's own time limit ends it."""
    while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
        await asyncio.sleep(0.01)


async def test_a_child_has_its_environment_and_writes_to_its_log(
    tmp_path: Path, supervise: Make
) -> None:
    supervisor = await supervise()
    code = "import os\nprint(os.environ['GREETING'])"
    one = child(tmp_path, code)

    await supervisor.start(one)
    ended = await supervisor.refused

    assert ended is one
    assert one.log_file.read_text() == "I am one\n"


async def test_a_failing_child_is_started_again_after_pauses_that_double(
    tmp_path: Path, supervise: Make, events: Events
) -> None:
    supervisor = await supervise(backoff_first_s=0.1)
    one = child(tmp_path, "raise SystemExit(70)")

    await supervisor.start(one)
    await until(lambda: one.restarts >= 3)

    restarts = [what for _, what in events if "restarting" in what]
    assert restarts[:3] == [
        "ended with 70, restarting in 0.1 s",
        "ended with 70, restarting in 0.2 s",
        "ended with 70, restarting in 0.4 s",
    ]


async def test_a_killed_child_is_started_again(
    tmp_path: Path, supervise: Make, events: Events
) -> None:
    supervisor = await supervise()
    one = child(tmp_path, FOR_EVER)
    await supervisor.start(one)
    first = one.pid
    assert one.process is not None

    one.process.kill()
    await until(lambda: one.pid not in (None, first))

    assert one.restarts == 1
    assert ("one", "ended with -9, restarting in 0.0 s") in events


@pytest.mark.parametrize("code", [0, 2])
async def test_a_final_exit_code_is_reported_and_not_tried_again(
    tmp_path: Path, supervise: Make, events: Events, code: int
) -> None:
    supervisor = await supervise(backoff_first_s=0.0)
    one = child(tmp_path, f"raise SystemExit({code})")

    await supervisor.start(one)
    refused = await supervisor.refused
    await supervisor.stop()

    assert refused is one
    assert (one.restarts, one.pid) == (0, None)
    assert events == [("one", "started"), ("one", f"ended with {code}")]


@pytest.mark.parametrize("code", [1, 3, 70])
async def test_other_exit_codes_are_not_final(
    tmp_path: Path, supervise: Make, code: int
) -> None:
    supervisor = await supervise()
    one = child(tmp_path, f"raise SystemExit({code})")

    await supervisor.start(one)
    await until(lambda: one.restarts == 1)

    assert not supervisor.refused.done()


async def test_children_are_stopped_in_reverse_order_one_after_the_other(
    tmp_path: Path, supervise: Make
) -> None:
    supervisor = await supervise()
    order = tmp_path / "order"
    code = (
        "import os, signal, sys\n"
        "def stop(*_):\n"
        f"    open({str(order)!r}, 'a').write(os.environ['GREETING'] + '\\n')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n" + FOR_EVER
    )
    children = [child(tmp_path, code, name) for name in ("broker", "a", "b")]
    for each in children:
        await supervisor.start(each)
        await until(lambda log=each.log_file: "up" in log.read_text())  # type: ignore[misc]  # A loop's value, bound early.

    await supervisor.stop()

    assert order.read_text().splitlines() == ["I am b", "I am a", "I am broker"]
    assert [each.pid for each in children] == [None, None, None]
    assert [each.restarts for each in children] == [0, 0, 0]


async def test_what_does_not_stop_is_killed(
    tmp_path: Path, supervise: Make, events: Events
) -> None:
    supervisor = await supervise(stop_timeout_s=0.2)
    one = child(tmp_path, STUBBORN)
    await supervisor.start(one)
    await until(lambda: "up" in one.log_file.read_text())

    await supervisor.stop()

    assert one.process is not None
    assert one.process.returncode == -9
    assert events[-1] == ("one", "killed: it did not stop in time")


async def test_a_child_that_waits_for_its_restart_is_not_started_while_stopping(
    tmp_path: Path, supervise: Make, events: Events
) -> None:
    supervisor = await supervise(backoff_first_s=0.3, stop_timeout_s=1.0)
    stubborn = child(tmp_path, STUBBORN, "stubborn")
    failing = child(tmp_path, "raise SystemExit(1)", "failing")
    await supervisor.start(stubborn)
    await until(lambda: "up" in stubborn.log_file.read_text())
    await supervisor.start(failing)
    await until(lambda: any("restarting" in what for _, what in events))

    # The stubborn one takes longer to stop than the other's pause lasts.
    await supervisor.stop()

    assert failing.pid is None
    assert failing.restarts == 0


async def test_a_restart_that_fails_is_tried_again(
    tmp_path: Path, supervise: Make, events: Events
) -> None:
    supervisor = await supervise()
    one = child(tmp_path, "raise SystemExit(1)")
    logs, away = one.log_file.parent, tmp_path / "away"
    await supervisor.start(one)

    logs.rename(away)
    logs.write_text("a file where the folder was")
    await until(lambda: any("cannot be started" in what for _, what in events))
    logs.unlink()
    away.rename(logs)
    started = [what for _, what in events].count("started")
    await until(lambda: [what for _, what in events].count("started") > started)

    assert not supervisor.refused.done()


async def test_who_does_not_wait_for_the_end_has_all_killed(
    tmp_path: Path, supervise: Make
) -> None:
    supervisor = await supervise(stop_timeout_s=60.0)
    children = [child(tmp_path, STUBBORN, name) for name in ("a", "b")]
    for each in children:
        await supervisor.start(each)
        await until(lambda log=each.log_file: "up" in log.read_text())  # type: ignore[misc]  # A loop's value, bound early.
    stopping = asyncio.create_task(supervisor.stop())
    await asyncio.sleep(0)

    stopping.cancel()
    await asyncio.wait([stopping])

    assert stopping.cancelled()
    assert [each.pid for each in children] == [None, None]
