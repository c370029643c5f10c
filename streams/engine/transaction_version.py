"""Kafka's transaction version 2: three requests for a transaction instead of five.

A broker that has it (KIP-890 part 2, the default of clusters made by Kafka 4.0 and
later) adds a transaction's partitions and group by itself when it is sent their records
and offsets, and gives out a new epoch at each end. aiokafka 0.14 speaks version 1 only.
Formats: Kafka's ProduceRequest 12, TxnOffsetCommitRequest 5, EndTxnRequest 5 and
ApiVersionsRequest 3.
"""

from collections import defaultdict
from io import BytesIO
from typing import Any

import aiokafka
from aiokafka.client import CoordinationType
from aiokafka.errors import ConcurrentTransactions, NoError, for_code
from aiokafka.producer.sender import EndTxnHandler, SendProduceReqHandler
from aiokafka.producer.transaction_manager import PidAndEpoch, TransactionManager
from aiokafka.protocol.api import RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from streams.engine.membership import Asking, MemberSender, RequestV5

PRODUCE = 0
API_VERSIONS = 18
END_TXN = 26
FEATURE = "transaction.version"
FINALIZED_FEATURES = 2
"""The tag under which a broker tells the versions that its cluster has agreed on."""

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_FEATURES = CompactArray(("name", _TEXT), ("max", Int16), ("min", Int16), _TAGS)


class _Versions(Response):  # type: ignore[misc]  # aiokafka has no types.
    API_KEY = API_VERSIONS
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "api_versions",
            CompactArray(("key", Int16), ("min", Int16), ("max", Int16), _TAGS),
        ),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class _VersionsV3(RequestStruct):  # type: ignore[misc]  # aiokafka has no types.
    FLEXIBLE_VERSION = True
    API_KEY = API_VERSIONS
    API_VERSION = 3
    RESPONSE_TYPE = _Versions
    SCHEMA = Schema(("name", _TEXT), ("version", _TEXT), _TAGS)

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> Any:
        """A header without tags: whoever asks may not know yet what is spoken."""
        return ResponseHeader_v0.decode(read_buffer)


class _Produced(Response):  # type: ignore[misc]  # aiokafka has no types.
    API_KEY = PRODUCE
    API_VERSION = 12
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("offset", Int64),
                        ("timestamp", Int64),
                        ("log_start_offset", Int64),
                        (
                            "record_errors",
                            CompactArray(("index", Int32), ("message", _TEXT), _TAGS),
                        ),
                        ("error_message", _TEXT),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class _ProduceV12(RequestStruct):  # type: ignore[misc]  # aiokafka has no types.
    FLEXIBLE_VERSION = True
    API_KEY = PRODUCE
    API_VERSION = 12
    RESPONSE_TYPE = _Produced
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("required_acks", Int16),
        ("timeout", Int32),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32), ("messages", CompactBytes), _TAGS
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _Ended(Response):  # type: ignore[misc]  # aiokafka has no types.
    API_KEY = END_TXN
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        _TAGS,
    )


class _EndV5(RequestStruct):  # type: ignore[misc]  # aiokafka has no types.
    FLEXIBLE_VERSION = True
    API_KEY = END_TXN
    API_VERSION = 5
    RESPONSE_TYPE = _Ended
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("committed", Boolean),
        _TAGS,
    )


class _Manager(TransactionManager):  # type: ignore[misc]  # aiokafka has no types.
    """aiokafka's book of a transaction, where the broker adds what is sent."""

    def maybe_add_partition_to_txn(self, tp: aiokafka.TopicPartition) -> None:
        self._txn_partitions.add(tp)

    def add_offsets_to_txn(self, offsets: Any, group_id: str) -> Any:
        added = super().add_offsets_to_txn(offsets, group_id)
        self.consumer_group_added(group_id)
        return added

    def renew(self, producer_id: int, producer_epoch: int) -> None:
        """Go on under the epoch that the end of a transaction gave out."""
        self._pid_and_epoch = PidAndEpoch(producer_id, producer_epoch)
        self._sequence_numbers.clear()


class _ProduceHandler(SendProduceReqHandler):  # type: ignore[misc]  # see above
    """Sends batches that need not have been announced."""

    def create_request(self) -> Asking:
        topics: dict[str, list[tuple[int, bytes, dict[int, bytes]]]] = defaultdict(list)
        for tp, batch in self._batches.items():
            data = bytes(batch.get_data_buffer())
            topics[tp.topic].append((tp.partition, data, {}))
        return Asking(
            _ProduceV12,
            self._sender._txn_manager.transactional_id,  # noqa: SLF001 - as its base class does
            Asking.required_acks,
            self._sender._request_timeout_ms,  # noqa: SLF001 - as its base class does
            [(topic, rows, {}) for topic, rows in topics.items()],
        )

    def handle_response(self, response: Any) -> None:
        topics = [
            (topic, [tuple(row)[:-1] for row in rows])
            for topic, rows, _ in response.topics
        ]
        super().handle_response(_PlainProduced(topics))

    def _can_retry(self, error: Exception, batch: Any) -> bool:
        # The markers of the transaction before are still being written.
        if isinstance(error, ConcurrentTransactions):
            return True
        can: bool = super()._can_retry(error, batch)
        return can


class _PlainProduced:
    """A response as version 8 has it, for the base class."""

    API_VERSION = 8

    def __init__(self, topics: Any) -> None:
        self.topics = topics


class _EndHandler(EndTxnHandler):  # type: ignore[misc]  # see above
    """Ends a transaction, and takes the epoch for the next one."""

    def create_request(self) -> Asking:
        transactions = self._sender._txn_manager  # noqa: SLF001 - as its base class does
        return Asking(
            _EndV5,
            transactions.transactional_id,
            transactions.producer_id,
            transactions.producer_epoch,
            bool(self._commit_result),
        )

    def handle_response(self, resp: Any) -> float | None:
        if for_code(resp.error_code) is NoError:
            self._sender._txn_manager.renew(resp.producer_id, resp.producer_epoch)  # noqa: SLF001 - as its base class does
        backoff: float | None = super().handle_response(resp)
        return backoff


class _Sender(MemberSender):
    """Our sender, in the broker's second version."""

    offset_commit = RequestV5

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        await _ProduceHandler(self, batches).do(node_id)
        self._in_flight.remove(node_id)
        for tp in batches:
            self._muted_partitions.remove(tp)

    async def _do_txn_commit(self, commit_result: Any) -> None:
        await self._message_accumulator.flush_for_commit()
        transactions = self._txn_manager
        if transactions.is_empty_transaction():
            transactions.complete_transaction()
            return
        of_id = CoordinationType.TRANSACTION
        node_id = await self._find_coordinator(of_id, transactions.transactional_id)
        await _EndHandler(self, commit_result).do(node_id)


async def upgrade(producer: aiokafka.AIOKafkaProducer) -> bool:
    """Have a started producer that commits as a member speak version 2, if it can.

    Returns:
        Whether the cluster has agreed on version 2.

    Raises:
        KafkaError: The broker did not answer.
    """
    client = producer.client
    ask = Asking(_VersionsV3, "oneshelf", aiokafka.__version__)
    answer = await client.send(client.get_random_node(), ask)
    if _agreed(answer.tags.get(FINALIZED_FEATURES, b"")) < 2:
        return False
    # aiokafka 0.14 makes these itself; ours add no state of their own.
    producer._txn_manager.__class__ = _Manager  # noqa: SLF001 - see above
    producer._sender.__class__ = _Sender  # noqa: SLF001 - see above
    return True


def _agreed(features: bytes) -> int:
    """Return the version of transactions that a cluster has agreed on; 0 if none."""
    rows = _FEATURES.decode(BytesIO(features)) if features else []
    return max((row[1] for row in rows or [] if row[0] == FEATURE), default=0)
