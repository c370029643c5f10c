"""The commercetools stand-in as a process of its own, first unhurried, then strict.

Strict from SIGUSR1 on: each request takes so long, and only so many pass a second. The
opening stock need not go through the eye of that needle.
"""

import asyncio
import signal
import sys
from dataclasses import replace

from streams.sandbox.commercetools import SandboxConfig
from streams.sandbox.commercetools.limits import RateLimit
from streams.sandbox.commercetools.sandbox import Sandbox
from streams.sandbox.commercetools.server import serving

REQUESTS_BURST = 20


async def _serve(latency_s: float, per_second: float, at_once: int) -> None:
    sandbox = Sandbox(
        SandboxConfig(concurrent_requests_max=at_once, log_records_max=1_000_000)
    )

    def be_strict() -> None:
        sandbox.config = replace(sandbox.config, latency_s=latency_s)
        sandbox.rate_limit = RateLimit(per_second, REQUESTS_BURST, sandbox.clock)
        print("strict", flush=True)

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, be_strict)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with serving(sandbox) as url:
        print(url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
