"""What a worker refuses to start on: the sentence a person reads, the exit code."""

import re

import pytest

from streams.engine.admin import create_topics
from streams.engine.names import changelog, physical
from streams.readiness import free_port
from streams.topics import EXCEPTIONS, STOCK_MOVEMENTS
from streams.wiring import STAGES
from tests.integration.harness import Shelf, WorkerProcess, remove_topics

pytestmark = pytest.mark.kafka

EXIT_REFUSED = 2
EXIT_UNAVAILABLE = 3


def sentence(worker: WorkerProcess) -> str:
    """Return the one sentence with which the worker refused."""
    found = re.findall(r"event='worker_refused' cause=(.*?) worker=", worker.log())
    assert len(found) == 1, worker.log()
    text: str = eval(found[0])  # noqa: S307 - our own worker's repr of a string
    return text


async def test_a_wrong_partition_count_is_refused(house: Shelf) -> None:
    worker = house.worker("w0")

    worker.start(partitions="6")

    assert await worker.wait() == EXIT_REFUSED
    topic = next(name for name in re.findall(r"Topic '([^']+)'", sentence(worker)))
    assert sentence(worker) == (
        f"Topic '{topic}' has 4 partitions, but ONESHELF_PARTITIONS is 6. "
        "Set ONESHELF_PARTITIONS=4 if all topics have that count. A live ledger's "
        "count cannot be changed in place: begin a new one with another "
        "ONESHELF_APP_ID and ONESHELF_TOPIC_PREFIX, and replay into it"
    )


async def test_missing_topics_are_named(house: Shelf) -> None:
    missing = [
        changelog(house.settings, "ledger"),
        physical(house.settings, EXCEPTIONS),
        physical(house.settings, STOCK_MOVEMENTS),
    ]
    await remove_topics(house.settings, missing)
    worker = house.worker("w0")

    worker.start()

    assert await worker.wait() == EXIT_REFUSED
    assert sentence(worker) == (
        f"Missing topics: {', '.join(sorted(missing))}. "
        "Create them with `oneshelf topics create`"
    )


async def test_a_data_folder_in_use_is_refused_and_its_owner_goes_on(
    house: Shelf,
) -> None:
    (owner,) = await house.start("w0")
    intruder = house.worker("intruder")

    intruder.start(worker_id="w0")

    assert await intruder.wait() == EXIT_REFUSED
    assert sentence(intruder) == (
        f"The data folder '{house.state_folder('w0')}' is in use by another worker. "
        "Stop that worker, or give this one its own ONESHELF_WORKER_ID or "
        "ONESHELF_DATA_DIR"
    )
    await house.all_ready()
    assert owner.exit_code is None


async def test_a_changed_partition_count_is_refused(house: Shelf) -> None:
    (worker,) = await house.start("w0")
    await worker.stop()
    wider = house.settings.model_copy(
        update={"partitions": 6, "topic_prefix": f"{house.settings.topic_prefix}wide-"}
    )
    wider = wider.model_copy(update={"app_id": f"{wider.topic_prefix}app"})
    await create_topics(wider, STAGES)
    try:
        again = house.worker("again")
        again.start(
            worker_id="w0",
            partitions="6",
            topic_prefix=wider.topic_prefix,
            app_id=wider.app_id,
        )

        assert await again.wait() == EXIT_REFUSED
    finally:
        await remove_topics(wider)
    assert sentence(again) == (
        f"The data folder '{house.state_folder('w0')}' was built with 4 partitions, "
        "but ONESHELF_PARTITIONS is 6. Set ONESHELF_PARTITIONS=4 again, or begin a new "
        "ledger in another data folder"
    )


async def test_an_unreachable_broker_is_named_and_worth_another_try(
    house: Shelf,
) -> None:
    worker = house.worker("w0")
    address = f"127.0.0.1:{free_port()}"

    worker.start(broker=address)

    assert await worker.wait() == EXIT_UNAVAILABLE
    assert sentence(worker) == (
        f"The Kafka broker at '{address}' does not answer. Check that it runs and that "
        "ONESHELF_BROKER names its host and port, for example 127.0.0.1:9092"
    )


async def test_no_broker_at_all_is_refused(house: Shelf) -> None:
    worker = house.worker("w0")

    worker.start(broker="")

    assert await worker.wait() == EXIT_REFUSED
    assert " ".join(worker.log().split()) == (
        "error: No broker is configured. Set ONESHELF_BROKER to host:port, or use "
        "`oneshelf up`, which brings one for a first look."
    )


async def test_a_state_ahead_of_a_recreated_log_is_refused(house: Shelf) -> None:
    (worker,) = await house.start("w0")
    await house.load_reference(["LDN01"], ["MUG"])
    await house.send([b'{"name": "unheard.of", "payload": {}}'] * 3)
    await house.settled()
    await worker.stop()
    await remove_topics(house.settings)
    await create_topics(house.settings, STAGES)

    worker.start()

    assert await worker.wait() == EXIT_REFUSED
    said = sentence(worker)
    any_stage = re.escape(changelog(house.settings, "STAGE")).replace("STAGE", "[a-z]+")
    assert re.match(
        rf"{any_stage} \d: the state has applied "
        r"up to offset \d+, but the log ends at 0\. ",
        said,
    )
    assert said.endswith(
        "The topic was re-created, or this is another cluster: check ONESHELF_BROKER; "
        "if the log is right, move this worker's data folder away"
    )
