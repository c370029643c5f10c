"""What people ask of the exceptions list: checked here, done by the stage."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

from streams.domain.exception_moves import act
from streams.domain.exceptions import Act, Case, Refused
from streams.engine.errors import AppendError
from streams.mapping.exception_reading import find_case, records_of
from streams.mapping.exceptions import Action, CommandWire, encode_command
from streams.web.auth import Caller
from streams.web.exceptions import EXCEPTIONS, ExceptionsLookup, no_case
from streams.web.forwarding import Forwarder
from streams.web.ports import CasesPort, Local, Remote
from streams.web.replies import Problem, Reply, json_reply, unavailable

APPLIED_WITHIN_S = 1.5
LOOK_EVERY_S = 0.02
RECORDS_READ_MAX = 10_000
RETRY_AFTER_S = 2.0

ACTS = {
    Action.ASSIGN: Act.ASSIGN,
    Action.EDIT: Act.EDIT,
    Action.RETRY: Act.RETRY,
    Action.DISMISS: Act.DISMISS,
}


class ExceptionsActs:
    """Puts commands on the log, and waits for what becomes of them."""

    def __init__(
        self,
        cases: CasesPort,
        lookup: ExceptionsLookup,
        forwarder: Forwarder,
        clock: Callable[[], datetime],
    ) -> None:
        self._cases = cases
        self._lookup = lookup
        self._forwarder = forwarder
        self._clock = clock

    async def do(
        self,
        caller: Caller,
        case_id: str,
        action: Action,
        raw: bytes,
        **wanted: Any,
    ) -> Reply:
        """Do something with a case; 202 where its outcome is not there in time."""
        owner = self._lookup.owner_of(case_id)
        if isinstance(owner, Remote):
            target = EXCEPTIONS + f"/{case_id}/{action}".encode()
            return await self._forwarder.ask(
                owner.url, target, caller, method="POST", body=raw
            )
        row = find_case(owner.view, case_id)
        if row is None:
            no_case(case_id)
        if action is Action.EDIT:
            wanted["origin"] = _record_of(owner, case_id, wanted["origin"])
        self._check(row.case, action)
        command = CommandWire(1, action, self._clock(), case_id=case_id, **wanted)
        offset = await self._append(owner.partition, command)
        return await self._outcome(owner.partition, case_id, offset)

    async def retry_group(self, group_id: str, by: str, said: str) -> Reply:
        """Have every partition send the group's records again."""
        command = CommandWire(
            1, Action.RETRY, self._clock(), by, group_id=group_id, said=said
        )
        await asyncio.gather(
            *(self._append(each, command) for each in self._lookup.partitions)
        )
        return json_reply({"accepted": True, "group_id": group_id}, 202)

    def _check(self, case: Case, action: Action) -> None:
        answer = act(case, ACTS[action], who="", at=self._clock())
        if isinstance(answer, Refused):
            raise _refused(answer.sentence, case.state)

    async def _append(self, partition: int, command: CommandWire) -> int:
        try:
            return await self._cases.command(partition, *encode_command(command))
        except AppendError as error:
            if not error.retriable:
                raise
            raise unavailable(
                "The command could not be stored.",
                kind="broker-unavailable",
                retry_after_s=getattr(error, "retry_after_s", RETRY_AFTER_S),
            ) from error

    async def _outcome(self, partition: int, case_id: str, offset: int) -> Reply:
        try:
            async with asyncio.timeout(APPLIED_WITHIN_S):
                while True:
                    owner = self._lookup.owner(partition)
                    if isinstance(owner, Remote):
                        break
                    row = find_case(owner.view, case_id)
                    if row is not None and row.commanded >= offset:
                        if row.refused and row.commanded == offset:
                            raise _refused(row.refused, row.case.state)
                        return json_reply(self._lookup.whole(owner, case_id))
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            pass
        return json_reply({"accepted": True, "case_id": case_id}, 202)


def _record_of(owner: Local, case_id: str, origin: str) -> str:
    """Return which record is meant; the only one that waits may be left unnamed."""
    waiting = [
        record.origin
        for record in islice(records_of(owner.view, case_id), RECORDS_READ_MAX)
        if record.state.is_waiting or record.origin == origin
    ]
    if origin in waiting:
        return origin
    if not origin and len(waiting) == 1:
        return waiting[0]
    raise Problem(
        409,
        "record-unclear",
        title="Which record is meant?",
        detail=f"{len(waiting)} records of the case wait."
        if not origin
        else "The case has no such record.",
        field="record",
        value=origin,
        remedy="name one of the records that `oneshelf exceptions show` lists",
    )


def _refused(sentence: str, state: str) -> Problem:
    return Problem(
        409,
        "case-state",
        title="The case's state does not allow it",
        detail=sentence,
        field="state",
        value=state,
        remedy="look at the case again, and at its history",
    )
