"""The front's process: started by its worker, ends with it."""

import asyncio
import gc
import os
import pickle
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvloop

from streams.engine.produce import LogWriter
from streams.front.app import Front
from streams.front.frames import Opening, Told, Wanted, frame, frames
from streams.front.mirror import Mirror
from streams.logs import configure_logs
from streams.web.server import WebServer

if TYPE_CHECKING:
    from streams.settings import Settings


async def serve(channel: socket.socket, listener: socket.socket) -> None:
    """Serve until the worker closes the channel, or is gone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The worker hears them, too, and says when to leave.
        loop.add_signal_handler(number, lambda: None)
    reader, writer = await asyncio.open_connection(sock=channel)
    opening = await anext(aiter(frames(reader, Opening)))
    settings: Settings = pickle.loads(opening.settings)  # noqa: S301 - from our own worker, over a socket pair
    configure_logs(f"{settings.worker_id}-front")

    def say(wanted: Wanted) -> None:
        writer.write(frame(wanted))

    mirror = Mirror(say, loop.time)
    sink = LogWriter(settings)
    front = Front(
        settings=settings, mirror=mirror, sink=sink, inner_path=opening.inner_path
    )
    server = WebServer(front, settings.http_host, settings.http_port, listener=listener)
    await server.start()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    say(Wanted([], [], is_ready=True))
    async for told in frames(reader, Told):
        mirror.hear(told)
    await server.stop()
    await sink.stop()


def main() -> None:
    """Take over the channel and the listening socket, by their numbers."""
    channel, listener = (socket.socket(fileno=int(fd)) for fd in sys.argv[1:3])
    for each in (channel, listener):
        each.setblocking(False)
    uvloop.run(serve(channel, listener))
    os._exit(0)


if __name__ == "__main__":
    main()
