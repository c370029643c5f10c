"""A store edge as a process of its own: `python -m tests.edge.edge_process JSON`."""

import asyncio
import json
import sys
from pathlib import Path

import structlog

from streams.edge.run import run_edge
from streams.settings import Settings


def answer(lines: bytes) -> None:
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()


def main() -> None:
    options = json.loads(sys.argv[1])
    # Standard output is for answers alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    status = asyncio.run(
        run_edge(
            Settings(broker=options["broker"], topic_prefix=options["topic_prefix"]),
            Path(options["spool"]),
            stdin=sys.stdin.fileno() if options["stdin"] else None,
            http_port=options["http_port"],
            answer=answer,
            report=lambda status: print(status, file=sys.stderr, flush=True),
            report_interval_s=0.2,
            delivery_timeout_s=options["delivery_timeout_s"],
        )
    )
    print(f"ended with a backlog of {status.backlog_count}", file=sys.stderr)


if __name__ == "__main__":
    main()
