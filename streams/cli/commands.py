"""Every module that adds commands, imported once so that they are there."""

from streams.cli import checking as checking
from streams.cli import serving as serving
from streams.cli import up as up
