"""Faults are drawn by a seed, for the calls they concern; limits hold exactly."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from streams.sandbox.newstore import FaultKind, FaultRule
from streams.sandbox.newstore.faults import FaultBook
from streams.sandbox.newstore.limits import RateLimit
from tests.sandbox.newstore.support import refused

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def book(*rules: dict[str, Any], seed: int = 1) -> FaultBook:
    found = FaultBook(Random(seed))
    for rule in rules:
        found.add(FaultRule(**{"kind": FaultKind.DROP, **rule}))
    return found


def test_a_rule_strikes_the_calls_it_concerns() -> None:
    faults = book({"methods": ("POST",), "path": "^/v0/d/"})

    assert faults.draw("POST", "/v0/d/fulfill_order").before is not None
    assert faults.draw("GET", "/v0/d/fulfill_order").before is None
    assert faults.draw("POST", "/v0/c/x").before is None
    assert faults.hits(1) == 1


def test_a_rule_strikes_as_often_as_it_says() -> None:
    faults = book({"count": 2})

    struck = [faults.draw("GET", "/").before is not None for _ in range(4)]

    assert struck == [True, True, False, False]
    assert (faults.hits(1), faults.bodies()) == (2, [])


def test_a_likely_fault_is_drawn_by_the_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = book({"probability": 0.5}, seed=seed)
        return [faults.draw("GET", "/").before is not None for _ in range(100)]

    assert 30 < sum(run(1)) < 70
    assert run(1) == run(1) != run(2)


def test_several_faults_strike_one_call() -> None:
    faults = book(
        {"kind": FaultKind.LATENCY, "latency_s": 1.0},
        {"kind": FaultKind.LATENCY, "latency_s": 2.0, "when": "after"},
        {"kind": FaultKind.FAILURE, "when": "after"},
        {"kind": FaultKind.REVOKE_TOKEN},
    )

    strike = faults.draw("GET", "/")

    assert (strike.delay_before_s, strike.delay_after_s) == (1.0, 2.0)
    assert (strike.before, strike.revokes_token) == (None, True)
    assert strike.after is not None
    assert strike.kinds == ("latency", "latency", "failure", "revoke_token")


def test_the_rate_fills_up_again_with_time() -> None:
    limit = RateLimit(2, 3, NOW)
    for _ in range(3):
        limit.take(NOW)

    error = refused(limit.take, NOW)
    assert (error.status, list(error.headers)) == (429, [("Retry-After", "1")])
    assert refused(limit.take, NOW + timedelta(seconds=0.4)).status == 429
    limit.take(NOW + timedelta(seconds=0.5))
    for _ in range(3):
        limit.take(NOW + timedelta(seconds=60))
    assert refused(limit.take, NOW + timedelta(seconds=60)).status == 429


def test_there_may_be_no_rate_but_none_that_lets_nothing_pass() -> None:
    limit = RateLimit(None, 1, NOW)
    for _ in range(1000):
        limit.take(NOW)
    for rate, burst in ((0, 1), (-1, 1), (1, 0)):
        with pytest.raises(ValueError, match="positive"):
            RateLimit(rate, burst, NOW)
