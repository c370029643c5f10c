"""Contender: Quix Streams, exactly once, keyed state in RocksDB."""

import json
import sys
import threading
import time
from typing import Any

from _fold import apply, key_of, read
from quixstreams import Application, State

broker, name, source, count, data = sys.argv[1:6]
NUMBER = int(count)

app = Application(
    broker_address=broker,
    consumer_group=name,
    processing_guarantee="exactly-once",
    auto_offset_reset="earliest",
    state_dir=data,
    commit_interval=1.0,
    auto_create_topics=True,
    loglevel="ERROR",
)
movements = app.topic(source, value_deserializer="bytes", key_deserializer="bytes")
outgoing = {"value_serializer": "bytes", "key_serializer": "bytes"}
entries = app.topic(f"{name}.entries", **outgoing)
levels = app.topic(f"{name}.levels", **outgoing)
done = 0
begun = 0.0


def keep_ledger(value: bytes, state: State) -> tuple[bytes, bytes] | None:
    global done, begun
    if not begun:
        begun = time.perf_counter()
    done += 1
    movement = read(value)
    if state.get(movement.movement_id) is not None:
        return None
    key = key_of(movement).decode()
    row, entry, level = apply(movement, state.get_bytes(key))
    state.set_bytes(key, row)
    state.set(movement.movement_id, 1)
    return entry, level


def stop_when_done() -> None:
    while done < NUMBER:
        time.sleep(0.01)
    # The last commit is part of the work.
    app.stop()


frame: Any = app.dataframe(movements)
frame = frame.apply(keep_ledger, stateful=True).filter(lambda pair: pair is not None)
frame.apply(lambda pair: pair[0]).to_topic(entries)
frame.apply(lambda pair: pair[1]).to_topic(levels)

if __name__ == "__main__":
    threading.Thread(target=stop_when_done, daemon=True).start()
    app.run()
    print(json.dumps({"records": done, "seconds": time.perf_counter() - begun}))
