"""Just enough of Kafka's protocol to tell whether a broker is ready."""

import socket
import struct
from collections.abc import Callable

HOST = "127.0.0.1"


def ask(port: int, api_key: int, version: int, body: bytes) -> bytes:
    """Send one Kafka request and return the response's body."""
    client = b"scripts/kafka"
    header = struct.pack(">hhih", api_key, version, 1, len(client)) + client
    with socket.create_connection((HOST, port), timeout=5.0) as connection:
        connection.settimeout(5.0)
        connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        with connection.makefile("rb") as stream:
            (size,) = struct.unpack(">i", read_exactly(stream.read, 4))
            return read_exactly(stream.read, size)[4:]


def read_exactly(read: Callable[[int], bytes], size: int) -> bytes:
    """Read `size` bytes, or raise ConnectionError."""
    data = read(size)
    if len(data) != size:
        raise ConnectionError("the broker closed the connection")
    return data


def brokers_known(port: int) -> int:
    """Return how many brokers this one knows to be alive (Metadata, version 1)."""
    (count,) = struct.unpack_from(">i", ask(port, 3, 1, struct.pack(">i", 0)))
    return int(count)


def has_coordinator(port: int, kind: int) -> bool:
    """Tell whether groups (0) or transactions (1) can start (FindCoordinator, 1)."""
    key = b"scripts/kafka"
    body = struct.pack(">h", len(key)) + key + struct.pack(">b", kind)
    _throttle_ms, error = struct.unpack_from(">ih", ask(port, 10, 1, body))
    return int(error) == 0
