"""A stand-in for commercetools that keeps the vendor's real rules.

`Sandbox` is the core without HTTP; `SandboxServer`, `serving` and `serve` run it.
"""

from streams.sandbox.commercetools.app import create_app
from streams.sandbox.commercetools.config import ApiClient, Lag, SandboxConfig
from streams.sandbox.commercetools.faults import FaultKind, FaultRule
from streams.sandbox.commercetools.messaging.courier import (
    Conduct,
    Notification,
    Sink,
)
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.commercetools.server import SandboxServer, serve, serving

__all__ = [
    "ApiClient",
    "Conduct",
    "FaultKind",
    "FaultRule",
    "Lag",
    "Notification",
    "Sandbox",
    "SandboxConfig",
    "SandboxServer",
    "Sink",
    "create_app",
    "serve",
    "serving",
]
