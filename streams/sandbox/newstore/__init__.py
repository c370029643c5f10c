"""A stand-in for NewStore that keeps the vendor's documented rules.

`Sandbox` is the core without HTTP; `SandboxServer`, `serving` and `serve` run it.
"""

from streams.sandbox.newstore.app import create_app
from streams.sandbox.newstore.config import (
    ATP_PATH,
    ApiClient,
    Node,
    NodeKind,
    SandboxConfig,
    StreamConfig,
    Unroutable,
)
from streams.sandbox.newstore.courier import Courier
from streams.sandbox.newstore.errors import ApiError
from streams.sandbox.newstore.faults import FaultKind, FaultRule
from streams.sandbox.newstore.sandbox import Sandbox
from streams.sandbox.newstore.server import SandboxServer, serve, serving
from streams.sandbox.newstore.tills import SaleLine
from streams.sandbox.newstore.units import UnitState

__all__ = [
    "ATP_PATH",
    "ApiClient",
    "ApiError",
    "Courier",
    "FaultKind",
    "FaultRule",
    "Node",
    "NodeKind",
    "SaleLine",
    "Sandbox",
    "SandboxConfig",
    "SandboxServer",
    "StreamConfig",
    "UnitState",
    "Unroutable",
    "create_app",
    "serve",
    "serving",
]
