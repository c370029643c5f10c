"""Looks at the workers while the day goes on: alive or not, lag, what they counted."""

import asyncio
from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from streams.demo.story import Story, WorkerView
from streams.supervisor import Supervisor

LOOK_EVERY_S = 0.7
SHOWN = {
    ("ledger", "duplicate"): "duplicates",
    ("ledger", "applied"): "movements",
    ("intake", "parked"): "parked",
    ("intake", "redriven"): "re-driven",
}
"""The stages' counters that are shown, by the name they are shown under."""


class Watcher:
    """Keeps the story's workers and numbers current; what it sees decides nothing."""

    def __init__(
        self,
        workers: Mapping[str, str],
        supervisor: Supervisor,
        client: httpx.AsyncClient,
        story: Story,
    ) -> None:
        self._workers = workers
        self._supervisor = supervisor
        self._client = client
        self._story = story
        # A partition whose owner is gone keeps its last number until the next one.
        self._counts: dict[tuple[str, str, str], float] = {}
        story.workers = {name: WorkerView() for name in workers}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            for name, url in self._workers.items():
                await self._look(name, url)
            self._sum()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, name: str, url: str) -> None:
        view, child = self._story.workers[name], self._supervisor.children[name]
        view.restarts = child.restarts
        if child.pid is None:
            self._change(name, "killed")
            return
        try:
            ready = await self._client.get(f"{url}/health/ready", timeout=2.0)
            metrics = await self._client.get(f"{url}/metrics", timeout=2.0)
        except httpx.HTTPError:
            self._change(name, "restoring" if view.restarts else "starting")
            return
        is_ready = ready.status_code == httpx.codes.OK
        self._change(name, "serving" if is_ready else "restoring")
        view.lag = self._read(metrics.text)

    def _change(self, name: str, state: str) -> None:
        view = self._story.workers[name]
        was, view.state = view.state, state
        if state == "serving" and was in ("killed", "restoring") and view.restarts:
            self._story.say(f"{name} is back, with all its state")

    def _read(self, text: str) -> int:
        lag = 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "oneshelf_stage_lag_records":
                    lag += sample.value
                elif sample.name == "oneshelf_stage_records_total":
                    labels = sample.labels
                    stage, outcome = labels["stage"], labels["outcome"]
                    if (stage, outcome) in SHOWN:
                        key = stage, outcome, labels["partition"]
                        self._counts[key] = max(self._counts.get(key, 0), sample.value)
        return int(lag)

    def _sum(self) -> None:
        for (stage, outcome), name in SHOWN.items():
            self._story.numbers[name] = int(
                sum(
                    value
                    for key, value in self._counts.items()
                    if key[:2] == (stage, outcome)
                )
            )
