"""Every module that adds commands, imported once so that they are there."""

from streams.cli import checking as checking
from streams.cli import demo as demo
from streams.cli import exceptions as exceptions
from streams.cli import importing as importing
from streams.cli import loading as loading
from streams.cli import orders as orders
from streams.cli import projects as projects
from streams.cli import serving as serving
from streams.cli import sourcing as sourcing
from streams.cli import up as up
from streams.cli.app import app as app
