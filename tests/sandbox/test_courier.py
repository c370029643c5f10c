"""How messages travel: late, twice, out of order, and again after a failure."""

import pytest

from streams.sandbox.commercetools import Conduct, SandboxConfig
from streams.sandbox.commercetools.messaging.subscriptions import STOPPED
from tests.sandbox.post_support import CONFLUENT, Post
from tests.sandbox.support import update
from tests.sandbox.trade_support import action


def test_by_default_everything_arrives_once_and_in_order() -> None:
    post = Post()
    post.write(10)
    assert post.sandbox.deliver() == 10
    numbers = [each["sequenceNumber"] for each in post.inbox.messages()]
    assert numbers == list(range(1, 11))
    assert post.sandbox.deliver() == 0


def test_a_delay_lets_nothing_arrive_before_it_is_over() -> None:
    post = Post()
    post.sandbox.courier.conduct = Conduct(delay_s=5, delay_s_max=5)
    post.write()
    post.clock.move(4.999)
    assert post.sandbox.deliver() == 0
    post.clock.move(0.001)
    assert post.sandbox.deliver() == 1


def test_duplicates_and_reordering_come_by_the_seed_and_lose_nothing() -> None:
    def arrivals(seed: int) -> list[int]:
        post = Post(SandboxConfig(seed=seed))
        post.sandbox.courier.conduct = Conduct(duplicate=0.5, reorder=0.5, reorder_s=10)
        post.write(40)
        for _ in range(25):
            post.sandbox.deliver()
            post.clock.move(1)
        assert len(post.sandbox.courier) == 0
        return [each["sequenceNumber"] for each in post.inbox.messages()]

    got = arrivals(1)
    assert set(got) == set(range(1, 41))
    assert 45 < len(got) < 75
    assert got != sorted(got)
    assert got == arrivals(1)
    assert got != arrivals(2)


def test_losing_is_possible_where_it_is_asked_for() -> None:
    post = Post()
    post.sandbox.courier.conduct = Conduct(lose=1.0)
    post.write(3)
    assert post.sandbox.deliver() == 0
    assert post.sandbox.courier.counts["lost"] == 3
    numbers = [each.sequence_number for each in post.sandbox.messages.walk()]
    assert numbers == [1, 2, 3]


def test_what_a_sink_refuses_comes_again_and_the_status_tells() -> None:
    post = Post()
    post.inbox.is_closed = True
    post.write(2)
    assert post.sandbox.deliver() == 0
    assert post.status() == "TemporaryError"
    assert len(post.sandbox.courier) == 2
    post.inbox.is_closed = False
    assert post.sandbox.deliver() == 0
    post.clock.move(0.5)
    assert post.sandbox.deliver() == 2
    assert post.status() == "Healthy"
    assert [each["sequenceNumber"] for each in post.inbox.messages()] == [1, 2]


def test_a_sink_that_stays_closed_is_tried_less_and_less_often() -> None:
    post = Post()
    post.inbox.is_closed = True
    post.write()
    post.sandbox.deliver()
    tried = []
    for tick in range(1, 16):
        post.clock.move(0.5)
        before = post.sandbox.courier.counts["failed"]
        post.sandbox.deliver()
        if post.sandbox.courier.counts["failed"] > before:
            tried.append(tick / 2)
    assert tried == [0.5, 1.5, 3.5, 7.5]


@pytest.mark.parametrize("status", sorted(STOPPED))
def test_a_stopped_subscription_keeps_nothing_until_its_destination_changes(
    status: str,
) -> None:
    post = Post()
    post.write()
    post.sandbox.office.set_status(post.subscription.id, status)
    post.write()
    assert post.sandbox.deliver() == len(post.sandbox.courier) == 0
    change = action("changeDestination", destination=CONFLUENT | {"topic": "other"})
    body = update(1, change)
    post.sandbox.update_subscription("id", post.subscription.id, body)
    assert post.status() == "Healthy"
    post.write()
    assert post.sandbox.deliver() == 1
    assert post.inbox.got[-1].topic == "other"


def test_a_destination_down_for_too_long_stops_delivery() -> None:
    post = Post(SandboxConfig(notifications_pending_max=2))
    post.inbox.is_closed = True
    post.write(3)
    assert post.status() == "ConfigurationErrorDeliveryStopped"
    assert len(post.sandbox.courier) == 0


def test_what_could_not_be_delivered_goes_to_the_new_destination() -> None:
    post = Post()
    post.inbox.is_closed = True
    post.write()
    post.sandbox.deliver()
    change = action("changeDestination", destination=CONFLUENT | {"topic": "other"})
    post.sandbox.update_subscription("id", post.subscription.id, update(1, change))
    post.inbox.is_closed = False
    post.clock.move(1)
    assert post.sandbox.deliver() == 1
    assert post.inbox.got[-1].topic == "other"
