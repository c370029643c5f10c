"""The event stream: registered, at least once, in no order, tried again, replayed."""

import json
from typing import Any

import pytest

from streams.sandbox.newstore import Sandbox, StreamConfig
from streams.sandbox.newstore.stream import Delivery
from tests.sandbox.newstore.support import TEE, HandClock, refused, tenant, web_order


def listened(
    stream: StreamConfig | None = None, **more: Any
) -> tuple[Sandbox, HandClock]:
    """A tenant with one integration that gets every event."""
    settings = {} if stream is None else {"stream": stream}
    sandbox, clock = tenant({"LDN01": 50}, **settings)
    sandbox.register("hub", **more)
    return sandbox, clock


def take(sandbox: Sandbox, status: int | None = 200) -> list[Delivery]:
    """Take what is due and answer all of it alike."""
    found = sandbox.take_deliveries()
    for delivery in found:
        sandbox.answered(delivery, status)
    return found


def names_of(deliveries: list[Delivery]) -> list[str]:
    return [delivery.event.name for delivery in deliveries]


def outcomes(sandbox: Sandbox) -> list[tuple[int | None, str]]:
    attempts = sandbox.world.journal.attempts.records()
    return [(attempt.status, attempt.outcome) for attempt in attempts]


def test_an_event_is_delivered_in_its_envelope() -> None:
    sandbox, _ = listened()
    sandbox.receive("LDN01", [(TEE, 1)])

    (delivery,) = take(sandbox)

    envelope = json.loads(delivery.body)
    assert envelope["tenant"] == "oneshelf"
    assert envelope["name"] == "inventory_transaction.items_received"
    assert envelope["published_at"] == "2026-11-01T08:00:00.000Z"
    assert envelope["payload"]["fulfillment_location_id"] == "LDN01"
    assert take(sandbox) == []
    assert sandbox.world.stream.pending == 0


def test_each_integration_gets_the_events_of_its_filter() -> None:
    sandbox, _ = listened(filter_conditions={"event_filter": ["order.opened"]})
    sandbox.register("all")
    sandbox.sell("LDN01", [TEE])

    found = take(sandbox)

    assert [d.integration_id for d in found].count("hub") == 1
    assert [d.integration_id for d in found].count("all") == 5


def test_an_event_from_before_a_registration_is_not_sent() -> None:
    sandbox, _ = tenant({"LDN01": 2})
    sandbox.sell("LDN01", [TEE])
    sandbox.register("hub")
    assert take(sandbox) == []


@pytest.mark.parametrize("status", [500, 502, 503, None])
def test_a_failure_is_tried_again_later_and_later(status: int | None) -> None:
    sandbox, clock = listened(StreamConfig(retry_first_s=1, retry_max_s=4))
    sandbox.receive("LDN01", [(TEE, 1)])
    waits = []
    for attempt in range(1, 6):
        (delivery,) = take(sandbox, status)
        assert delivery.attempt == attempt
        waited = 0
        while not sandbox.world.stream.due(clock.now) and waited < 10:
            clock.move(1)
            waited += 1
            if sandbox.world.stream.next_due_at == clock.now:
                break
        waits.append(waited)

    assert waits == [1, 2, 4, 4, 4]
    take(sandbox, 204)
    assert outcomes(sandbox)[-1] == (204, "accepted")
    assert sandbox.world.stream.pending == 0


@pytest.mark.parametrize("status", [301, 400, 401, 404, 422, 429])
def test_a_refusal_is_listed_and_not_tried_again(status: int) -> None:
    sandbox, clock = listened()
    sandbox.receive("LDN01", [(TEE, 1)])
    take(sandbox, status)
    clock.move(3600)

    assert take(sandbox) == []
    (rejected,) = sandbox.world.stream.rejected
    assert rejected.event.name == "inventory_transaction.items_received"
    assert outcomes(sandbox) == [(status, "rejected")]


def test_a_rejected_event_can_be_sent_once_more_by_hand() -> None:
    sandbox, clock = listened()
    sandbox.receive("LDN01", [(TEE, 1)])
    take(sandbox, 400)

    assert sandbox.world.stream.retry_rejected("hub", clock.now) == 1
    (delivery,) = take(sandbox)
    assert delivery.attempt == 2
    assert list(sandbox.world.stream.rejected) == []


def test_an_event_is_given_up_after_its_last_attempt() -> None:
    sandbox, clock = listened(StreamConfig(attempts_max=2))
    sandbox.receive("LDN01", [(TEE, 1)])
    for _ in range(2):
        take(sandbox, 500)
        clock.move(60)

    assert take(sandbox) == []
    assert [outcome for _, outcome in outcomes(sandbox)] == ["retried", "given_up"]
    assert len(sandbox.world.stream.rejected) == 1


def test_failures_in_a_row_stop_an_integration_until_it_is_started() -> None:
    sandbox, clock = listened(StreamConfig(failures_max=2))
    held = sandbox.world.stream.integrations
    sandbox.receive("LDN01", [(TEE, 1)])
    take(sandbox, 500)
    clock.move(1)
    assert held.get("hub").status == "running"
    take(sandbox, 500)
    assert held.get("hub").status == "stopped"

    sandbox.receive("LDN02", [(TEE, 1)])
    clock.move(60)
    assert take(sandbox) == []
    assert sandbox.world.stream.pending == 2

    sandbox.world.stream.start("hub", clock.now)
    assert len(take(sandbox)) == 2


def test_a_success_begins_the_count_of_failures_anew() -> None:
    sandbox, clock = listened(StreamConfig(failures_max=2))
    for status in (500, 200, 500, 200):
        sandbox.receive("LDN01", [(TEE, 1)])
        take(sandbox, status)
        clock.move(1)
        take(sandbox)

    assert sandbox.world.stream.integrations.get("hub").status == "running"


def test_delays_let_events_overtake_each_other() -> None:
    sandbox, clock = listened(StreamConfig(delay_max_s=60))
    for number in range(20):
        sandbox.inject(web_order(f"WEB-{number}"))
    arrived: list[int] = []
    for _ in range(61):
        arrived += [delivery.event.number for delivery in take(sandbox)]
        clock.move(1)

    assert sorted(arrived) == list(range(1, 81))
    assert arrived != sorted(arrived)


def test_duplicates_come_on_demand_and_by_the_seed() -> None:
    def run(seed: int) -> list[int]:
        sandbox, _ = tenant(
            {"LDN01": 50}, seed=seed, stream=StreamConfig(duplicates=0.3)
        )
        sandbox.register("hub")
        for number in range(20):
            sandbox.inject(web_order(f"WEB-{number}"))
        return [delivery.event.number for delivery in take(sandbox)]

    assert set(run(1)) == set(range(1, 81))
    assert len(run(1)) > 90
    assert run(1) == run(1) != run(2)


@pytest.mark.parametrize(
    "settings",
    [
        {"delay_min_s": 2, "delay_max_s": 1},
        {"delay_max_s": 901},
        {"duplicates": 1},
        {"retry_first_s": 0},
        {"retry_first_s": 5, "retry_max_s": 1},
    ],
)
def test_ways_of_delivery_that_cannot_be_are_refused(settings: Any) -> None:
    with pytest.raises(ValueError):
        StreamConfig(**settings)


def test_a_temporary_integration_is_sent_its_window_and_stops() -> None:
    sandbox, clock = tenant({"LDN01": 9})
    for _ in range(4):
        sandbox.receive("LDN01", [(TEE, 1)])
        clock.move(60)
    window = {
        "starts_at": "2026-11-01T08:01:00Z",
        "ends_at": "2026-11-01T08:03:00Z",
        "integration_type": "temporary",
    }
    sandbox.register("again", **window)

    assert [delivery.event.number for delivery in take(sandbox)] == [2, 3]
    sandbox.settle()
    assert sandbox.world.stream.integrations.get("again").status == "stopped"
    sandbox.receive("LDN01", [(TEE, 1)])
    assert take(sandbox) == []


def test_a_window_that_is_not_over_goes_on() -> None:
    sandbox, clock = tenant({"LDN01": 9})
    sandbox.receive("LDN01", [(TEE, 1)])
    sandbox.register(
        "again",
        starts_at="2026-11-01T07:00:00Z",
        ends_at="2026-11-01T08:01:00Z",
        integration_type="temporary",
    )
    assert len(take(sandbox)) == 1
    clock.move(59)
    sandbox.receive("LDN01", [(TEE, 1)])
    assert len(take(sandbox)) == 1
    clock.move(1)
    sandbox.receive("LDN01", [(TEE, 1)])
    assert take(sandbox) == []


@pytest.mark.parametrize(
    "more",
    [
        {"integration_type": "temporary"},
        {
            "integration_type": "temporary",
            "starts_at": "2026-11-01T08:00:00Z",
            "ends_at": "2026-11-01T08:00:00Z",
        },
        {"integration_type": "weekly"},
        {"callback_url": "ftp://example.test"},
    ],
)
def test_a_registration_that_cannot_be_is_refused(more: Any) -> None:
    sandbox, _ = tenant()

    assert refused(sandbox.register, "hub", **more).status == 400


def test_a_tenant_has_25_integrations_and_each_id_once() -> None:
    sandbox, _ = tenant()
    for number in range(25):
        sandbox.register(f"i{number}")

    assert refused(sandbox.register, "i0").code == "already_exists"
    assert refused(sandbox.register, "i25").code == "too_many_integrations"
    sandbox.world.stream.forget("i0")
    sandbox.register("i25")


def test_an_integration_that_is_deleted_is_sent_nothing_more() -> None:
    sandbox, _ = listened()
    sandbox.receive("LDN01", [(TEE, 1)])
    (under_way,) = sandbox.take_deliveries()
    sandbox.receive("LDN01", [(TEE, 1)])
    sandbox.world.stream.forget("hub")
    sandbox.answered(under_way, 500)

    assert take(sandbox) == []
    assert sandbox.world.stream.pending == 0


def test_an_answer_from_before_a_reset_changes_nothing() -> None:
    sandbox, _ = listened()
    sandbox.receive("LDN01", [(TEE, 1)])
    (under_way,) = sandbox.take_deliveries()
    sandbox.reset()
    sandbox.register("hub")
    sandbox.answered(under_way, 500)

    assert sandbox.world.stream.pending == 0
    assert len(sandbox.world.journal.attempts) == 0
