"""The command line: `oneshelf …`. One module per group of commands."""

from streams.cli.app import main

__all__ = ["main"]
