"""Structured logs: one event a line, ids as fields, no personal data, no secrets."""

import logging
import sys

import structlog


def configure_logs(worker_id: str, *, level: int = logging.INFO) -> None:
    """Send our events and the libraries' warnings to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event"]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(worker=worker_id)
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # aiokafka warns of every retriable answer, once per partition and retry.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
