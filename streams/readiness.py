"""Waiting until a process of the house answers, and saying why if it never does."""

import asyncio
import json
import socket
from pathlib import Path

import httpx

from streams.supervisor import Supervisor

READY_TIMEOUT_S = 60.0


class WorkersNotReady(Exception):
    """A process did not get ready; its log file says why."""


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_until(
    url: str, name: str, log_file: Path, supervisor: Supervisor
) -> None:
    """Wait until a URL answers 200.

    Raises:
        WorkersNotReady: It does not, or its process refuses to start; with the end of
            its log.
    """
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), httpx.AsyncClient() as client:
            while not await _answers(client, url):
                if supervisor.refused.done():
                    child = supervisor.refused.result()
                    raise WorkersNotReady(
                        f"{child.name} does not start; its log ({child.log_file}) "
                        f"ends with: {_tail(child.log_file)}"
                    )
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise WorkersNotReady(
            f"{name} is not ready after {READY_TIMEOUT_S:.0f} s; its log "
            f"({log_file}) ends with: {_tail(log_file)}"
        ) from None


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url, timeout=2.0)).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _tail(path: Path, lines: int = 3) -> str:
    if not path.exists():
        return "nothing"
    return json.dumps(path.read_text(errors="replace").splitlines()[-lines:])
