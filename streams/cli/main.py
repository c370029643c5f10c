"""Where `oneshelf` begins: what takes time to load is loaded by `running`."""

from streams.cli.interrupts import ended_at_once


def main() -> None:
    """Run the command line."""
    with ended_at_once():
        from streams.cli.running import run
    run()
