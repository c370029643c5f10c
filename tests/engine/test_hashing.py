"""Keys go where every other Kafka client puts them."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as aiokafkas
from hypothesis import example, given
from hypothesis import strategies as st

from streams.engine.hashing import murmur2, partition_of


@given(st.binary(max_size=300))
@example(b"\xff" * 7)
@example(b"\x00" * 40)
def test_the_hash_is_that_of_aiokafka(data: bytes) -> None:
    assert murmur2(data) == aiokafkas(data)


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_kafkas_own_tests(data: bytes, signed: int) -> None:
    """Apache Kafka: `UtilsTest.testMurmur2`."""
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=60), st.integers(1, 64))
def test_the_partition_is_that_of_the_default_partitioner(
    key: bytes, count: int
) -> None:
    partitions = list(range(count))

    chosen = DefaultPartitioner()(key, partitions, partitions)

    assert partition_of(key, count) == chosen
