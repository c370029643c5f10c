"""Contender: OneShelf's ledger stage on its engine, as a worker runs it."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from _reference import reference

from streams.agents.ledger import LedgerStage
from streams.engine.admin import create_topics
from streams.engine.engine import Engine, StageBinding
from streams.settings import Settings
from streams.worker import calm_garbage_collector


async def run(
    broker: str, name: str, source: str, number: int, data: str
) -> tuple[float, float]:
    settings = Settings(
        broker=broker,
        app_id=name,
        topic_prefix=source.removesuffix("stock-movements"),
        data_dir=Path(data),
        worker_id="bench",
    )
    await create_topics(settings, ["ledger"])
    engine = Engine(
        settings,
        [StageBinding(LedgerStage(dedupe_days=8))],
        reference(),
        lambda: datetime.now(UTC),
        canonical_url="http://127.0.0.1:1",
    )
    calm_garbage_collector()
    starting = asyncio.create_task(engine.start())
    begun = cpu = 0.0
    while True:
        states = engine.states()
        if not begun and any(not state.is_open or state.lag for state in states):
            begun, cpu = time.perf_counter(), time.process_time()
        done = sum(state.counts.get("in", 0) for state in states)
        if done >= number:
            break
        if engine.failed.done():
            raise RuntimeError(engine.failed.result())
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - begun, time.process_time() - cpu
    await starting
    await engine.stop()
    return spent


if __name__ == "__main__":
    broker, name, source, count, data = sys.argv[1:6]
    if "--profile" in sys.argv:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        seconds, cpu_s = profile.runcall(
            asyncio.run, run(broker, name, source, int(count), data)
        )
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    else:
        seconds, cpu_s = uvloop.run(run(broker, name, source, int(count), data))
    print(json.dumps({"records": int(count), "seconds": seconds, "cpu_s": cpu_s}))
