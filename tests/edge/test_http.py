"""The edge's loopback HTTP: accepted only once durable, refused with a reason."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from streams.edge.errors import PortTaken
from streams.edge.forwarder import Backoff
from streams.edge.http import serving
from streams.edge.producer import EdgeProducer
from streams.engine.headers import TRACE
from tests.edge.fakes import Clock, FaultyDisk, MemoryLog, event, header_of

JSON = {"Content-Type": "application/json"}
PATH = "/v1/events/newstore"


class Served:
    """An edge behind its HTTP, with the disk and the log it works on."""

    edge: EdgeProducer
    client: httpx.AsyncClient

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.disk = FaultyDisk()
        self.log = MemoryLog()
        self.clock = Clock()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    made = Served(tmp_path)
    made.edge = EdgeProducer(
        tmp_path,
        made.log,
        clock=made.clock,
        disk=made.disk,
        backoff=Backoff(first_s=0.001, max_s=0.002),
    )
    async with made.edge, serving(made.edge, 0) as port:
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as made.client:
            yield made


async def test_an_event_is_accepted_with_its_sequence_and_arrives(
    served: Served,
) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = await served.client.post(
        PATH, content=event(1), headers={**JSON, "traceparent": trace}
    )
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": True,
        "sequence": 1,
        "spool_id": served.edge.status().spool_id,
    }
    await served.edge.drained()
    (record,) = served.log.all_records()
    assert record.value == event(1)
    assert header_of(record, TRACE) == trace


async def test_a_broken_event_is_refused_with_its_reason_and_kept(
    served: Served,
) -> None:
    answer = await served.client.post(PATH, content=b'{"name":"x"}', headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "broken-event"
    assert answer.json()["detail"].startswith("The event 'x' has no payload object")
    entry = json.loads((served.spool / "rejected.jsonl").read_text())
    assert entry["content"] == '{"name":"x"}'
    assert entry["source"] == "http"


@pytest.mark.parametrize(
    "media_type", ["text/plain", "", "application/x-www-form-urlencoded"]
)
async def test_only_json_is_taken_so_that_a_web_page_cannot_post(
    served: Served, media_type: str
) -> None:
    answer = await served.client.post(
        PATH, content=event(1), headers={"Content-Type": media_type}
    )
    assert answer.status_code == 415
    assert served.edge.status().accepted == 0


async def test_another_host_name_is_refused_so_that_no_page_gets_round_that(
    served: Served,
) -> None:
    answer = await served.client.post(
        PATH, content=event(1), headers={**JSON, "Host": "evil.example.test"}
    )
    assert answer.status_code == 400
    assert served.edge.status().accepted == 0


async def test_a_body_over_the_limit_is_refused(served: Served) -> None:
    answer = await served.client.post(PATH, content=b"x" * 900_001, headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "An event has at most 900,000 bytes"


async def test_a_full_disk_is_answered_with_a_time_to_come_back(served: Served) -> None:
    served.disk.room = 10
    for content in (event(1), b"broken"):
        answer = await served.client.post(PATH, content=content, headers=JSON)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.json()["type"] == "spool-full"
    health = await served.client.get("/health")
    assert health.status_code == 503 or served.edge.status().spool_error == ""

    served.disk.room = None
    answer = await served.client.post(PATH, content=event(2), headers=JSON)
    assert answer.status_code == 202
    assert (await served.client.get("/health")).json()["status"] == "accepting"


async def test_health_stays_good_and_the_backlog_grows_while_the_broker_is_away(
    served: Served,
) -> None:
    served.log.down = True
    for number in range(3):
        await served.client.post(PATH, content=event(number), headers=JSON)
    served.clock.advance(90)
    backlog = (await served.client.get("/backlog")).json()
    assert backlog["backlog_count"] == backlog["accepted"] == 3
    assert backlog["oldest_age_s"] == 90
    health = await served.client.get("/health")
    assert health.status_code == 200
    assert health.json()["status"] == "accepting"


async def test_a_taken_port_is_told(served: Served, tmp_path: Path) -> None:
    port = int(str(served.client.base_url).rsplit(":", 1)[1].strip("/"))
    with pytest.raises(PortTaken, match="Address already in use") as refused:
        async with serving(served.edge, port):
            pass
    assert refused.value.remedy == "Give another port, or 0 for a free one"
