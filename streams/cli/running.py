"""Runs the command line: every command, and what goes wrong said once."""

import logging
import os
import sys

import structlog

from streams.cli import commands as commands
from streams.cli.app import (
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_UNAVAILABLE,
    app,
    refuse,
    said_of,
    tell,
)
from streams.connectors.errors import ConnectorError
from streams.engine.errors import EngineError


def run() -> None:
    """Run the command line; translate errors from outside into sentences."""
    # What goes wrong is said once, by us; a worker sets up logs of its own.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app(standalone_mode=True)
    except (EngineError, ConnectorError) as error:
        refuse(str(error), EXIT_UNAVAILABLE if error.retriable else EXIT_REFUSED)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_UNAVAILABLE) from None
    except OSError as error:
        refuse(said_of(error))
    except KeyboardInterrupt:
        tell("interrupted", "yellow", "by Ctrl-C.")
        raise SystemExit(EXIT_INTERRUPTED) from None
