"""The broker in memory keeps Kafka's rules."""

import pytest

from streams.engine.commit import Fenced
from streams.simulation.log import Broker, Item, Transaction

HERE = ("clicks", 0)


def items(*keys: str) -> list[Item]:
    return [(key.encode(), b"1", ()) for key in keys]


def begun(broker: Broker, *keys: str, name: str = "counting-0") -> Transaction:
    transaction = Transaction(name, broker.open_producer(name))
    broker.send(transaction, HERE, items(*keys))
    return transaction


def keys_read(broker: Broker, offset: int = 0) -> list[bytes | None]:
    return [record.key for record in broker.read(HERE, offset)[0]]


def test_nothing_of_an_open_transaction_is_read() -> None:
    broker = Broker()
    begun(broker, "a", "b")
    assert keys_read(broker) == []


def test_all_of_a_committed_transaction_is_read_at_once() -> None:
    broker = Broker()
    transaction = begun(broker, "a", "b")
    broker.commit(transaction)
    assert keys_read(broker) == [b"a", b"b"]


def test_an_open_transaction_holds_back_what_was_written_after_it() -> None:
    broker = Broker()
    transaction = begun(broker, "a")
    broker.append(HERE, items("b"))
    assert keys_read(broker) == []
    broker.commit(transaction)
    assert keys_read(broker) == [b"a", b"b"]


def test_what_was_written_before_an_open_transaction_is_read() -> None:
    broker = Broker()
    broker.append(HERE, items("before"))
    begun(broker, "a")
    assert keys_read(broker) == [b"before"]


def test_a_commit_takes_an_offset_of_its_own() -> None:
    broker = Broker()
    broker.commit(begun(broker, "a"))
    broker.append(HERE, items("b"))
    assert [record.offset for record in broker.read(HERE, 0)[0]] == [0, 2]


def test_reading_goes_on_behind_what_was_aborted() -> None:
    broker = Broker()
    begun(broker, "a")
    broker.open_producer("counting-0")
    records, following = broker.read(HERE, 0)
    assert records == []
    assert following == broker.partition(HERE).end


def test_a_new_owner_aborts_and_fences_the_old_one() -> None:
    broker = Broker()
    former = begun(broker, "a")
    broker.open_producer("counting-0")
    for attempt in (
        lambda: broker.send(former, HERE, items("b")),
        lambda: broker.send_offsets(former, {HERE: 1}),
        lambda: broker.commit(former),
    ):
        with pytest.raises(Fenced):
            attempt()
    assert keys_read(broker) == []


def test_another_partitions_owner_is_not_fenced() -> None:
    broker = Broker()
    ours = begun(broker, "a")
    broker.open_producer("counting-1")
    broker.commit(ours)
    assert keys_read(broker) == [b"a"]


def test_offsets_move_with_the_commit_and_not_before() -> None:
    broker = Broker()
    transaction = begun(broker, "a")
    broker.send_offsets(transaction, {("sources", 0): 7})
    assert broker.group_offsets == {}
    broker.commit(transaction)
    assert broker.group_offsets == {("sources", 0): 7}


def test_a_limited_read_goes_on_where_it_stopped() -> None:
    broker = Broker()
    broker.append(HERE, items("a", "b", "c"))
    first, following = broker.read(HERE, 0, limit=2)
    second, _ = broker.read(HERE, following)
    assert [record.key for record in (*first, *second)] == [b"a", b"b", b"c"]


def test_compaction_keeps_each_keys_last_record_and_its_offset() -> None:
    broker = Broker()
    broker.append(HERE, items("a", "b", "a", "c"))
    assert broker.compact(HERE) == 1
    kept = [(record.key, record.offset) for record in broker.read(HERE, 0)[0]]
    assert kept == [(b"b", 1), (b"a", 2), (b"c", 3)]


def test_compaction_does_not_let_an_aborted_record_win() -> None:
    broker = Broker()
    broker.append(HERE, items("a"))
    begun(broker, "a")
    broker.open_producer("counting-0")
    broker.append(HERE, items("z"))
    broker.compact(HERE)
    assert keys_read(broker) == [b"a", b"z"]


def test_a_broker_without_fencing_lets_a_former_owner_write() -> None:
    broker = Broker(fencing=False)
    former = begun(broker, "a")
    broker.open_producer("counting-0")
    broker.commit(former)
    assert keys_read(broker) == [b"a"]
