"""Contender: the plain Faust version, as its documentation teaches it.

One agent, two RocksDB tables (rows, applied movement ids), two output topics.
"""

import json
import os
import sys
import time
from typing import Any

import faust
from _fold import apply, key_of, read

broker, name, source, count, data = sys.argv[1:6]
NUMBER = int(count)

app = faust.App(
    name,
    broker=f"kafka://{broker}",
    store="rocksdb://",
    datadir=data,
    topic_partitions=4,
    topic_disable_leader=True,
    web_enabled=False,
    key_serializer="raw",
    value_serializer="raw",
    consumer_auto_offset_reset="earliest",
    table_standby_replicas=0,
)
movements = app.topic(source)
entries = app.topic(f"{name}.entries")
levels = app.topic(f"{name}.levels")
options = {"driver": "rocksdict"}
rows = app.Table(
    "rows", partitions=4, key_type=bytes, value_type=bytes, options=dict(options)
)
applied = app.Table(
    "applied", partitions=4, key_type=bytes, value_type=bytes, options=dict(options)
)
done = 0
begun = 0.0


@app.agent(movements)  # type: ignore[untyped-decorator]  # Faust ships no types
async def keep_ledger(stream: Any) -> None:
    global done, begun
    async for value in stream:
        if not begun:
            begun = time.perf_counter()
        movement = read(value)
        movement_id = movement.movement_id.encode()
        if applied.get(movement_id) is None:
            key = key_of(movement)
            row, entry, level = apply(movement, rows.get(key))
            rows[key] = row
            applied[movement_id] = b"1"
            await entries.send(key=key, value=entry)
            await levels.send(key=key, value=level)
        done += 1
        if done == NUMBER:
            seconds = time.perf_counter() - begun
            # Faust takes over `print`; the result goes to the real standard output.
            line = json.dumps({"records": done, "seconds": seconds}) + "\n"
            os.write(1, line.encode())


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "error"]
    app.main()
