"""The plain producer: records from outside (webhook, edge, commands) onto a topic.

Outside a stage nothing is transactional: an append is acknowledged by the broker, or
fails within a bounded time and may then still have happened.
"""

import asyncio
import contextlib
import re
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

from aiokafka import errors as kafka

from streams.engine.connection import RECORD_BYTES_MAX as RECORD_BYTES_MAX
from streams.engine.connection import Connection
from streams.engine.connection import Entry as Entry
from streams.engine.errors import (
    AppendError,
    BrokerRefused,
    BrokerUnavailable,
    Position,
    RecordTooLarge,
)
from streams.engine.headers import SCHEMA, TRACE, Headers, schema_header
from streams.engine.security import client_arguments
from streams.settings import Settings
from streams.topics import Topic

DELIVERY_TIMEOUT_S = 10.0
"""How long an append may take, all attempts together."""

BUFFER_BYTES_MAX = 32 * 1024 * 1024
"""What may be under way at once; more waits its turn, within its time."""

# After a failed connect the next attempts fail at once for this long, so that a broker
# that is down costs one attempt, not one for each waiting event.
_RECONNECT_PAUSE_S = 0.5
_RETRY_AFTER_S = 2.0
# What one record costs beyond its bytes: framing, a future, a waiting caller.
_RECORD_OVERHEAD_BYTES = 512

_REFUSALS = (
    kafka.TopicAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.AuthenticationFailedError,
    kafka.SaslAuthenticationFailed,
    kafka.AuthenticationMethodNotSupported,
    kafka.UnsupportedSaslMechanismError,
)
_TOO_LARGE = (
    kafka.MessageSizeTooLargeError,
    kafka.RecordListTooLargeError,
    kafka.RecordTooLargeError,
)

# W3C Trace Context, 3.2: version, trace id, parent id, flags; zeros are invalid.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


class LogWriter:
    """Appends records to topics, idempotently, acknowledged by all in-sync replicas.

    Belongs to one event loop. Connects at the first append and again after a failure,
    so it may be made while the broker is away.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        buffer_bytes_max: int = BUFFER_BYTES_MAX,
    ) -> None:
        self._arguments = client_arguments(settings)
        self._prefix = settings.topic_prefix
        self._delivery_timeout_s = delivery_timeout_s
        self._buffer = _Buffer(buffer_bytes_max)
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._failure: tuple[float, str] | None = None
        self._abandoned: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect now instead of at the first append.

        Raises:
            BrokerUnavailable: No broker answered in time.
        """
        try:
            async with asyncio.timeout(self._delivery_timeout_s):
                await self._connected()
        except TimeoutError:
            raise self._unavailable("no broker answered") from None

    async def stop(self) -> None:
        """Wait for what is under way, within the delivery time, and disconnect."""
        if self._connecting is not None:
            self._connecting.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(self._delivery_timeout_s)
        if self._abandoned:
            await asyncio.wait(self._abandoned)

    async def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> Position:
        """Append one record; return its partition and offset once the broker has it.

        The offset is -1 where the broker recognised a repeat of ours too late to tell.

        Raises:
            BrokerUnavailable: Not acknowledged in time; it may yet be in the log.
            TopicMissing: The topic does not exist.
            BrokerRefused: Our rights do not allow it.
            RecordTooLarge: It is larger than the log takes.
        """
        entry = self._checked(topic, Entry(key, value, headers))
        async with self._attempt(topic, _size(entry)) as connection:
            future = await connection.producer.send(
                self._prefix + topic.name,
                key=key,
                value=value,
                headers=entry.headers,
            )
            metadata = await future
            connection.acknowledged_at = time.monotonic()
            return metadata.partition, metadata.offset

    async def append_many(
        self, topic: Topic, entries: Sequence[Entry]
    ) -> list[Position]:
        """Append records, those of a key in the order given; return their positions.

        Raises:
            AppendError: As for `append`; its `acknowledged` tells which records the
                broker has for certain. Of each partition that is a leading part.
        """
        checked = [self._checked(topic, entry) for entry in entries]
        acknowledged: list[Position | None] = [None] * len(checked)
        try:
            async with self._attempt(topic, sum(map(_size, checked))) as connection:
                await connection.send_all(
                    self._prefix + topic.name, checked, acknowledged
                )
        except AppendError as error:
            error.acknowledged = acknowledged
            raise
        return [position for position in acknowledged if position is not None]

    @contextlib.asynccontextmanager
    async def _attempt(self, topic: Topic, size: int) -> AsyncIterator[Connection]:
        """Hold room and a connection for one append; translate what goes wrong."""
        connection: Connection | None = None
        began = time.monotonic()
        try:
            async with (
                asyncio.timeout(self._delivery_timeout_s),
                self._buffer.room(size),
            ):
                connection = await self._connected()
                await connection.require_topic(self._prefix + topic.name)
                yield connection
        except (TimeoutError, kafka.KafkaTimeoutError):
            # Silence towards everyone means the connection is dead, not one partition.
            if connection is not None and connection.acknowledged_at < began:
                self._abandon(connection)
            raise self._unavailable("no acknowledgement") from None
        except (kafka.KafkaError, OSError) as error:
            # An idempotent producer cannot go on past a batch that failed for good.
            if connection is not None:
                self._abandon(connection)
            raise self._translated(error, topic, size) from error

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.alive:
            return self._connection
        if self._connection is not None:
            self._abandon(self._connection)
        if self._failure is not None:
            failed_at, failure = self._failure
            if time.monotonic() - failed_at < _RECONNECT_PAUSE_S:
                raise self._unavailable(failure)
        if self._connecting is None:
            # One attempt for all who wait; a caller's time-out must not cancel it.
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_look_at)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Connection:
        try:
            connection = Connection(self._arguments, self._delivery_timeout_s)
            try:
                await connection.open(self._delivery_timeout_s)
            except (kafka.KafkaError, OSError, TimeoutError) as error:
                failure = "no connection"
                self._failure = (time.monotonic(), failure)
                raise self._unavailable(failure) from error
            self._connection, self._failure = connection, None
            return connection
        finally:
            self._connecting = None

    def _abandon(self, connection: Connection) -> None:
        """Drop a connection and what it buffers; the next append makes a new one."""
        if connection is not self._connection:
            return
        self._connection = None
        task = asyncio.create_task(connection.abandon())
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    def _checked(self, topic: Topic, entry: Entry) -> Entry:
        headers = [schema_header(topic), *_with_trace(entry.headers)]
        complete = entry._replace(headers=headers)
        size = _size(complete) - _RECORD_OVERHEAD_BYTES
        if size > RECORD_BYTES_MAX:
            raise RecordTooLarge(topic.name, entry.key, size, RECORD_BYTES_MAX)
        return complete

    def _translated(self, error: Exception, topic: Topic, size: int) -> AppendError:
        if isinstance(error, _REFUSALS):
            return BrokerRefused(
                f"The broker refuses to take records for {topic.name}: {error}",
                remedy="Give this client the right to write the topic",
            )
        if isinstance(error, _TOO_LARGE):
            return RecordTooLarge(topic.name, None, size, RECORD_BYTES_MAX)
        return self._unavailable(repr(error))

    def _unavailable(self, what: str) -> BrokerUnavailable:
        servers = ", ".join(self._arguments["bootstrap_servers"])
        return BrokerUnavailable(
            f"The broker at {servers} did not take it: {what}",
            remedy="Check the network, ONESHELF_BROKER and its TLS and SASL settings",
            retry_after_s=_RETRY_AFTER_S,
        )


class _Buffer:
    """Bounds the bytes under way, first come first served."""

    def __init__(self, bytes_max: int) -> None:
        self._free = self._bytes_max = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        # What is larger than the whole buffer has it to itself.
        size = min(size, self._bytes_max)
        if self._waiting or size > self._free:
            await self._wait(size)
        else:
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            self._admit()

    async def _wait(self, size: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += size
            else:
                turn.cancel()
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._waiting.popleft()


def new_traceparent() -> bytes:
    """Begin a trace (W3C Trace Context), not sampled: whoever follows may decide."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00".encode()


def _with_trace(headers: Headers) -> list[tuple[str, bytes]]:
    """Keep the caller's headers; replace a trace context that is missing or broken."""
    kept = [item for item in headers if item[0] != SCHEMA]
    for name, value in kept:
        if name == TRACE and _TRACEPARENT.fullmatch(value):
            return kept
    return [*(item for item in kept if item[0] != TRACE), (TRACE, new_traceparent())]


def _size(entry: Entry) -> int:
    headers = sum(len(name) + len(value) for name, value in entry.headers)
    return (
        len(entry.key or b"")
        + len(entry.value or b"")
        + headers
        + _RECORD_OVERHEAD_BYTES
    )


def _look_at(task: asyncio.Task[Connection]) -> None:
    # Whoever waits sees the failure; where nobody waits any more, none must complain.
    if not task.cancelled():
        task.exception()
