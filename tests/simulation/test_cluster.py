"""The engine's own commit on the broker in memory, with a stage that only counts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from streams.engine.fold import Batch, Context, Output, Result, View
from streams.simulation.cluster import Cluster, Owner, Running, Worker
from streams.simulation.log import Broker
from streams.simulation.transactions import Answer
from streams.tables import Table
from streams.topics import Topic

CLICKS = Topic(name="clicks", schema="Click", key="page", writer="test")
TOTALS = Topic(name="totals", schema="Total", key="page", writer="counting")
COUNTED = Table(name="counted", stage="counting", prefix=b"c", key="page")
SEAT = ("counting", 0)
STEPS = (
    "transaction_begun",
    "changelog_sent",
    "outputs_sent",
    "offsets_sent",
    "before_commit",
    "committed",
)


class Counting:
    """Counts records by key and sends each new total."""

    name = "counting"
    sources = (CLICKS,)
    tables = (COUNTED,)
    outputs = (TOTALS,)
    tick_interval_s: float | None = None

    def fold(self, view: View, batch: Batch, context: Context) -> Result:
        result = Result()
        keys = {record.key or b"" for record in batch.records}
        totals = {key: int(value) for key, value in view.get(COUNTED, keys).items()}
        for record in batch.records:
            key = record.key or b""
            totals[key] = totals.get(key, 0) + 1
            result.send(TOTALS, Output(key, b"%d" % totals[key], record))
            result.put(COUNTED, key, b"%d" % totals[key])
            result.count("in")
        return result

    def tick(self, view: View, context: Context) -> Result | None:
        return None


def stages(_worker: str) -> Sequence[Running]:
    return [Running(Counting())]


@pytest.fixture
def cluster() -> Cluster:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    made = Cluster(Broker(), stages, lambda: now, workers=2, partitions=1)
    for worker in made.workers:
        made.start(worker)
    return made


def click(cluster: Cluster, *pages: str) -> None:
    clicks = [(page.encode(), b"", ()) for page in pages]
    cluster.broker.append(("clicks", 0), clicks)


def step_to(cluster: Cluster, worker: Worker, owner: Owner, step: str) -> None:
    cluster.begin_apply(owner, CLICKS, 100)
    while owner.stands_at != step:
        cluster.advance(worker, owner, Answer.GO)


def work(cluster: Cluster, worker: Worker, owner: Owner) -> None:
    while cluster.pending(owner):
        cluster.begin_apply(owner, CLICKS, 100)
        while owner.task is not None:
            cluster.advance(worker, owner, Answer.GO)


def totals(cluster: Cluster) -> list[tuple[bytes | None, bytes | None]]:
    return [(one.key, one.value) for one in cluster.broker.all("totals", 1)]


def current(cluster: Cluster) -> Owner:
    owner = cluster.owner(SEAT)
    assert owner is not None
    return owner


ONCE = [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")]


def test_records_are_counted_once(cluster: Cluster) -> None:
    click(cluster, "a", "b", "a")
    owner = cluster.open(cluster.workers[0], SEAT)
    work(cluster, cluster.workers[0], owner)
    assert totals(cluster) == ONCE
    assert owner.runtime.counts == {"in": 3}
    assert cluster.broker.group_offsets == {("clicks", 0): 3}


@pytest.mark.parametrize("wiped", [False, True], ids=["disk kept", "disk wiped"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_counts_nothing_twice_and_loses_nothing(
    cluster: Cluster, step: str, wiped: bool
) -> None:
    worker = cluster.workers[0]
    click(cluster, "a", "b", "a")
    step_to(cluster, worker, cluster.open(worker, SEAT), step)
    cluster.crash(worker)
    if wiped:
        worker.disks.clear()
    cluster.start(worker)
    owner = cluster.open(worker, SEAT)
    work(cluster, worker, owner)
    assert totals(cluster) == ONCE
    assert owner.runtime.counts == {"in": 3}


@pytest.mark.parametrize("step", ["before_transaction", "after_commit", "after_store"])
def test_a_crash_inside_the_engine_counts_nothing_twice(
    cluster: Cluster, step: str
) -> None:
    worker = cluster.workers[0]
    click(cluster, "a", "b", "a")
    owner = cluster.open(worker, SEAT)
    worker.crash_at = step
    work(cluster, worker, owner)
    assert not worker.alive
    cluster.start(worker)
    work(cluster, worker, cluster.open(worker, SEAT))
    assert totals(cluster) == ONCE


@pytest.mark.parametrize("answer", [Answer.LOSE_ANSWER, Answer.LOSE_REQUEST])
def test_a_commit_without_an_answer_is_settled_from_the_log(
    cluster: Cluster, answer: Answer
) -> None:
    worker = cluster.workers[0]
    click(cluster, "a", "b", "a")
    owner = cluster.open(worker, SEAT)
    step_to(cluster, worker, owner, "before_commit")
    cluster.advance(worker, owner, answer)
    assert cluster.incidents == {"commit_unknown": 1}
    work(cluster, worker, current(cluster))
    assert totals(cluster) == ONCE


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_former_owner_that_wakes_up_is_fenced(cluster: Cluster, step: str) -> None:
    former, latter = cluster.workers
    click(cluster, "a", "b", "a")
    asleep = cluster.open(former, SEAT)
    step_to(cluster, former, asleep, step)
    former.frozen = True
    work(cluster, latter, cluster.open(latter, SEAT))
    former.frozen = False
    while asleep.task is not None:
        cluster.advance(former, asleep, Answer.GO)
    assert cluster.incidents == {"fenced": 1}
    assert former.owners == {}
    assert totals(cluster) == ONCE


def test_a_former_owner_that_slept_behind_its_commit_does_no_harm(
    cluster: Cluster,
) -> None:
    former, latter = cluster.workers
    click(cluster, "a", "b")
    asleep = cluster.open(former, SEAT)
    step_to(cluster, former, asleep, "committed")
    click(cluster, "a")
    work(cluster, latter, cluster.open(latter, SEAT))
    cluster.advance(former, asleep, Answer.GO)
    work(cluster, former, cluster.open(former, SEAT))
    assert totals(cluster) == ONCE
    rows = [worker.disks[SEAT].rows() for worker in cluster.workers]
    assert rows[0] == rows[1]


def test_a_poll_from_before_the_position_is_not_applied_again(
    cluster: Cluster,
) -> None:
    worker = cluster.workers[0]
    click(cluster, "a", "b", "a")
    work(cluster, worker, cluster.open(worker, SEAT))
    owner = cluster.open(worker, SEAT, rewind=3)
    assert owner.positions == {CLICKS: 0}
    work(cluster, worker, owner)
    assert totals(cluster) == ONCE


def test_a_disk_that_lost_its_tail_is_brought_up_to_the_log(cluster: Cluster) -> None:
    worker = cluster.workers[0]
    for page in ("a", "b", "a"):
        click(cluster, page)
        work(cluster, worker, cluster.owner(SEAT) or cluster.open(worker, SEAT))
    whole = worker.disks[SEAT].rows()
    worker.disks[SEAT].lose_writes(2)
    cluster.open(worker, SEAT)
    assert worker.disks[SEAT].rows() == whole


def test_a_compacted_changelog_restores_the_same_rows(cluster: Cluster) -> None:
    worker = cluster.workers[0]
    for page in ("a", "b", "a", "a"):
        click(cluster, page)
        work(cluster, worker, cluster.owner(SEAT) or cluster.open(worker, SEAT))
    whole = worker.disks[SEAT].rows()
    assert cluster.broker.compact(("counting-changelog", 0)) > 0
    worker.disks.clear()
    cluster.open(worker, SEAT)
    assert worker.disks[SEAT].rows() == whole


def test_a_worker_that_does_not_run_cannot_own_anything(cluster: Cluster) -> None:
    cluster.crash(cluster.workers[0])
    with pytest.raises(RuntimeError, match="does not run"):
        cluster.open(cluster.workers[0], SEAT)
