"""What the engine tells the rest of a worker: how many share a vendor's limit."""

from dataclasses import dataclass, field
from typing import cast

from streams.engine.engine import Engine, Owner
from streams.ports import GROUP_KNOWN_FOR_S, EngineGroup
from streams.settings import Settings

Url = str | None


@dataclass
class Knowing:
    """An engine that knows who owns what; a partition without a URL is its own."""

    urls: dict[tuple[str, int], Url] = field(default_factory=dict)
    asked: int = 0

    def owner_of(self, stage: str, partition: int) -> Owner:
        self.asked += 1
        url = self.urls.get((stage, partition))
        return Owner(partition, is_local=url is None, url=url)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def group(engine: Knowing | None, clock: Clock) -> EngineGroup:
    made = EngineGroup(Settings(partitions=3, _env_file=None), clock)
    made.engine = cast(Engine, engine)
    return made


def test_a_worker_that_has_not_joined_counts_itself() -> None:
    assert group(None, Clock()).workers() == 1


def test_owners_of_any_errands_partitions_are_counted_once() -> None:
    urls: dict[tuple[str, int], Url] = {
        ("publishing", 0): "http://a",
        ("publishing", 1): "http://b",
        ("orders", 2): "http://a",
        ("linking", 1): "http://c",
    }
    assert group(Knowing(urls), Clock()).workers() == 4


def test_alone_a_worker_has_the_whole_limit() -> None:
    assert group(Knowing(), Clock()).workers() == 1


def test_the_count_is_kept_for_a_while_and_then_made_anew() -> None:
    engine, clock = Knowing(), Clock()
    counted = group(engine, clock)
    counted.workers()
    engine.urls["orders", 0] = "http://b"
    clock.now += GROUP_KNOWN_FOR_S - 0.1
    assert counted.workers() == 1
    clock.now += 0.1
    assert counted.workers() == 2
    asked = engine.asked
    counted.workers()
    assert engine.asked == asked
