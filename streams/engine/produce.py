"""The plain producer: records from outside (webhook, edge, commands) onto a topic.

Outside a stage nothing is transactional: an append is acknowledged by the broker, or
fails within a bounded time and may then still have happened.
"""

import asyncio
import contextlib
import math
import random
import re
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import errors as kafka

from streams.engine.connection import RECORD_BYTES_MAX as RECORD_BYTES_MAX
from streams.engine.connection import Connection, Receipt
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


# Ids that need to be different, not secret: asking the system each time costs more than
# the rest of an append.
_random_bits = random.Random(secrets.randbits(256)).getrandbits


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
        self._failed_at = -math.inf
        self._under_way = 0
        self._sweep: asyncio.TimerHandle | None = None
        self._abandoned: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect now instead of at the first append.

        Raises:
            BrokerUnavailable: No broker answered in time.
        """
        async with self._in_time():
            await self._connected()

    async def stop(self) -> None:
        """Wait for what is under way, within the delivery time, and disconnect."""
        if self._connecting is not None:
            self._connecting.cancel()
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._delivery_timeout_s):
                    await connection.flush()
            self._abandon(connection, "the writer was stopped")
        if self._abandoned:
            await asyncio.wait(self._abandoned)
        if self._sweep is not None:
            self._sweep.cancel()

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
        (position,) = await self.append_many(topic, (Entry(key, value, headers),))
        return position

    async def append_many(
        self, topic: Topic, entries: Sequence[Entry]
    ) -> list[Position]:
        """Append records, those of a key in the order given; return their positions.

        Raises:
            AppendError: As for `append`; its `acknowledged` tells which records the
                broker has for certain. Of each key that is a leading part.
        """
        if not entries:
            return []
        schema = schema_header(topic)
        checked = [_complete(topic, schema, entry) for entry in entries]
        size = sum(map(_size, checked))
        receipt = Receipt(len(checked))
        name = self._prefix + topic.name
        connection = self._ready(name)
        if connection is None or not self._buffer.take(size):
            connection = await self._prepare(name, size)
        try:
            self._under_way += 1
            self._arm_sweep()
            connection.put(name, checked, receipt)
            await receipt.done
        finally:
            self._under_way -= 1
            self._buffer.give(size)
        if receipt.error is not None:
            raise self._translated(receipt.error, topic, receipt, size)
        return [position for position in receipt.acknowledged if position is not None]

    def _ready(self, name: str) -> Connection | None:
        connection = self._connection
        if connection is None or not connection.alive or not connection.knows(name):
            return None
        return connection

    async def _prepare(self, name: str, size: int) -> Connection:
        """Wait, in time, for buffer room and a connection that knows the topic."""
        async with self._in_time():
            await self._buffer.wait(size)
            try:
                connection = await self._connected()
                await connection.learn(name)
            except BaseException:
                self._buffer.give(size)
                raise
            return connection

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._delivery_timeout_s):
                yield
        except TimeoutError:
            raise self._unavailable("no answer in time") from None
        except (kafka.KafkaError, OSError) as error:
            if self._connection is not None:
                self._abandon(self._connection, repr(error))
            raise self._unavailable(repr(error)) from error

    async def _connected(self) -> Connection:
        if self._connection is not None and self._connection.alive:
            return self._connection
        if self._connection is not None:
            self._abandon(self._connection, "the connection was lost")
        if time.monotonic() - self._failed_at < _RECONNECT_PAUSE_S:
            raise self._unavailable("no connection")
        if self._connecting is None:
            # One attempt for all who wait; a caller's time-out must not cancel it.
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(_look_at)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Connection:
        try:
            connection = Connection(
                self._arguments, self._delivery_timeout_s, self._failed
            )
            await connection.open(self._delivery_timeout_s)
        except (kafka.KafkaError, OSError, TimeoutError) as error:
            self._failed_at = time.monotonic()
            raise self._unavailable("no connection") from error
        finally:
            self._connecting = None
        self._connection = connection
        return connection

    def _failed(
        self, connection: Connection, error: Exception, travelling: Sequence[Any]
    ) -> None:
        """Hear of a batch that failed for good; idempotence cannot go past one."""
        for slot in travelling:
            slot.settle(error)
        self._abandon(connection, "another batch failed")

    def _abandon(self, connection: Connection, why: str) -> None:
        """Drop a connection and what it holds; the next append makes a new one."""
        connection.settle_all(self._unavailable(why))
        if connection is not self._connection:
            return
        self._connection = None
        task = asyncio.create_task(connection.abandon())
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    def _arm_sweep(self) -> None:
        # One timer for all appends; a timer for each costs as much as the append.
        if self._sweep is None:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(self._delivery_timeout_s / 8, self._expire)

    def _expire(self) -> None:
        """Fail what waits too long for its acknowledgement."""
        self._sweep = None
        if self._under_way:
            self._arm_sweep()
        connection = self._connection
        if connection is None:
            return
        before = time.monotonic() - self._delivery_timeout_s
        began = connection.expire(before, self._unavailable("no acknowledgement"))
        # Silence towards everyone means a dead connection, not a single dead partition.
        if began is not None and connection.acknowledged_at < began:
            self._abandon(connection, "the broker is silent")

    def _translated(
        self, error: Exception, topic: Topic, receipt: Receipt, size: int
    ) -> AppendError:
        translated: AppendError
        if isinstance(error, _REFUSALS):
            translated = BrokerRefused(
                f"The broker refuses to take records for {topic.name}: {error}",
                remedy="Give this client the right to write the topic",
            )
        elif isinstance(error, _TOO_LARGE):
            translated = RecordTooLarge(topic.name, None, size, RECORD_BYTES_MAX)
        elif isinstance(error, BrokerUnavailable):
            # A fresh one for each caller: it carries that caller's acknowledgements.
            translated = BrokerUnavailable(
                error.message, remedy=error.remedy, retry_after_s=error.retry_after_s
            )
        else:
            translated = self._unavailable(repr(error))
        translated.acknowledged = receipt.acknowledged
        translated.__cause__ = error
        return translated

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

    def take(self, size: int) -> bool:
        """Take room at once, if nobody waits and there is enough."""
        # What is larger than the whole buffer has it to itself.
        size = min(size, self._bytes_max)
        if self._waiting or size > self._free:
            return False
        self._free -= size
        return True

    async def wait(self, size: int) -> None:
        """Take room, in turn."""
        if self.take(size):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give(size)
            self._admit()
            raise

    def give(self, size: int) -> None:
        self._free += min(size, self._bytes_max)
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.cancelled():
                if min(size, self._bytes_max) > self._free:
                    return
                self._free -= min(size, self._bytes_max)
                turn.set_result(None)
            self._waiting.popleft()


def new_traceparent() -> bytes:
    """Begin a trace (W3C Trace Context), not sampled: whoever follows may decide."""
    return b"00-%032x-%016x-00" % (_random_bits(128) or 1, _random_bits(64) or 1)


def _with_trace(headers: Headers) -> list[tuple[str, bytes]]:
    """Keep the caller's headers; replace a trace context that is missing or broken."""
    kept = [item for item in headers if item[0] != SCHEMA]
    for name, value in kept:
        if name == TRACE and _TRACEPARENT.fullmatch(value):
            return kept
    return [*(item for item in kept if item[0] != TRACE), (TRACE, new_traceparent())]


def _complete(topic: Topic, schema: tuple[str, bytes], entry: Entry) -> Entry:
    headers = [schema, *_with_trace(entry.headers)]
    complete = Entry(entry.key, entry.value, headers, entry.partition)
    size = _size(complete) - _RECORD_OVERHEAD_BYTES
    if size > RECORD_BYTES_MAX:
        raise RecordTooLarge(topic.name, entry.key, size, RECORD_BYTES_MAX)
    return complete


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
