"""The command line: `oneshelf …`. One module per group of commands."""
