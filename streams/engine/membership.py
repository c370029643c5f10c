"""Offsets committed as a member of the group: refused once the partitions moved on.

Apache Kafka lets a transaction's offset commit name the member and its generation
(KIP-447, TxnOffsetCommit version 3); aiokafka 0.14 speaks version 0 only.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiokafka
from aiokafka.client import CoordinationType
from aiokafka.errors import (
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.producer.sender import Sender, TxnOffsetCommitHandler
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

TXN_OFFSET_COMMIT = 28
FENCED_INSTANCE_ID = 82
"""An error code that aiokafka 0.14 has no name for."""
NO_LEADER_EPOCH = -1

_Row = tuple[int, int, int, str, dict[int, bytes]]

_LOST = frozenset(
    {
        IllegalGenerationError.errno,
        RebalanceInProgressError.errno,
        UnknownMemberIdError.errno,
        FENCED_INSTANCE_ID,
    }
)


class MembershipLost(Exception):
    """The group has moved on: what is committed as this member is refused."""


class Member(NamedTuple):
    """A worker's membership of the group, as it was when it got its partitions."""

    generation: int
    member_id: str
    instance_id: str


class _Response(Response):  # type: ignore[misc]  # aiokafka has no types.
    API_KEY = TXN_OFFSET_COMMIT
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "errors",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partition_errors",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _RequestV3(RequestStruct):  # type: ignore[misc]  # aiokafka has no types.
    FLEXIBLE_VERSION = True
    API_KEY = TXN_OFFSET_COMMIT
    API_VERSION = 3
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("group_id", CompactString("utf-8")),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", CompactString("utf-8")),
        ("group_instance_id", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class RequestV5(_RequestV3):
    """The same, where the broker adds the group to the transaction by itself."""

    API_VERSION = 5


class Asking(Request[RequestStruct]):  # type: ignore[misc]  # aiokafka has no types.
    """A request of one version, whatever the newest is that a broker knows."""

    API_KEY = -1  # aiokafka wants one of each class; each request has its version's.
    required_acks = -1
    """What aiokafka looks for on a request that carries records: all replicas."""

    def __init__(self, version: type[RequestStruct], *fields: Any) -> None:
        self.API_KEY = version.API_KEY
        self._CLASSES = (version,)
        self._fields = fields

    def build(self, request_struct_class: type[RequestStruct]) -> RequestStruct:
        return request_struct_class(*self._fields, {})


class _Handler(TxnOffsetCommitHandler):  # type: ignore[misc]  # aiokafka's sender has no types.
    """Commits a transaction's offsets as a member."""

    def __init__(self, sender: Any, offsets: Any, group_id: str, member: Member):
        super().__init__(sender, offsets, group_id)
        self._member = member

    def create_request(self) -> Asking:
        transactions = self._sender._txn_manager  # noqa: SLF001 - as its base class does
        return Asking(
            self._sender.offset_commit,
            transactions.transactional_id,
            self._group_id,
            transactions.producer_id,
            transactions.producer_epoch,
            *self._member,
            _topics(self._offsets),
        )

    def handle_response(self, resp: Any) -> float | None:
        codes = [
            (topic, [(partition, code) for partition, code, _ in partitions])
            for topic, partitions, _ in resp.errors
        ]
        lost = {code for _, each in codes for _, code in each} & _LOST
        if lost:
            error = MembershipLost(f"{self._member} (error {min(lost)})")
            self._sender._txn_manager.error_transaction(error)  # noqa: SLF001 - as its base class does
            return None
        backoff: float | None = super().handle_response(_Plain(codes))
        return backoff


class _Plain(NamedTuple):
    """A response as version 0 has it, for the base class."""

    errors: list[tuple[str, list[tuple[int, int]]]]


class MemberSender(Sender):  # type: ignore[misc]  # aiokafka's sender has no types.
    """aiokafka's sender, whose offset commits name the member."""

    member: Callable[[], Member]
    offset_commit: type[_RequestV3] = _RequestV3

    async def _do_txn_offset_commit(self, offsets: Any, group_id: str) -> None:
        from_group = CoordinationType.GROUP
        node_id = await self._find_coordinator(from_group, group_id)
        await _Handler(self, offsets, group_id, self.member()).do(node_id)


def commit_as_member(
    producer: aiokafka.AIOKafkaProducer, member: Callable[[], Member]
) -> None:
    """Have a producer that is not started yet commit offsets as a member."""
    # aiokafka 0.14 makes its sender itself; ours adds no state of its own.
    producer._sender.__class__ = MemberSender  # noqa: SLF001 - see above
    producer._sender.member = member  # noqa: SLF001 - see above


def _topics(
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
) -> list[tuple[str, list[_Row], dict[int, bytes]]]:
    topics: dict[str, list[_Row]] = {}
    for tp, (offset, metadata) in sorted(offsets.items()):
        row: _Row = (tp.partition, offset, NO_LEADER_EPOCH, metadata, {})
        topics.setdefault(tp.topic, []).append(row)
    return [(topic, rows, {}) for topic, rows in topics.items()]
