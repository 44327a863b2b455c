"""Notifications, as a channel sends them: kept until accepted, sent again by the channel's own schedule.

The pauses follow the emulator's clock, so that a day of retries can be played in a moment.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import httpx

from integration.emulators.common import faults
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.faults import Faults
from integration.emulators.common.store import Store, from_ms, to_ms
from kernel.log import get_logger

ANSWER_SECONDS_MAX: Final = 5.0
LOOK_EVERY_SECONDS: Final = 0.25
"""How often the clock is looked at: the sandbox's may be moved by another process."""
BATCH_MAX: Final = 50
SHOWN_MAX: Final = 500
DELAY_SECONDS: Final = 60
REORDERED_WAIT: Final = timedelta(seconds=60)

log = get_logger("emulators")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One sending, signed and ready."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that is to be told; content is the emulator's own (JSON text)."""

    id: str
    url: str
    kind: str
    content: str
    created_at: datetime
    tries: int


class Notifier:
    """Sends what `add` was given, until it is accepted or the schedule ends.

    schedule: the pause after each try that was not accepted; after its last the notification is given up.
    schedules_by_kind: the schedules of kinds that have one of their own.
    compose: signs a notification afresh for each sending. is_accepted: reads the answer's status and body.
    """

    def __init__(
        self,
        store: Store,
        clock: EmulatorClock,
        switches: Faults,
        *,
        schedule: Sequence[timedelta],
        compose: Callable[[Waiting], Outgoing],
        is_accepted: Callable[[int, bytes], bool],
        schedules_by_kind: Mapping[str, Sequence[timedelta]] = MappingProxyType({}),
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = switches
        self._schedule = schedule
        self._schedules_by_kind = schedules_by_kind
        self._compose = compose
        self._is_accepted = is_accepted
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def add(self, notification_id: str, *, url: str, kind: str, content: str) -> None:
        """Note a notification, in the transaction of what it tells; `wake` sends it at once."""
        now_ms = to_ms(self._clock.now())
        self._store.execute(
            "INSERT INTO notification (id, url, kind, content, created_ms, due_ms) VALUES (?, ?, ?, ?, ?, ?)",
            notification_id,
            url,
            kind,
            content,
            now_ms,
            now_ms,
        )

    def send_again(self, notification_id: str) -> bool:
        """Have a notification sent once more at once, whatever became of it; tell whether there is one."""
        touched = self._store.execute(
            "UPDATE notification SET state = 'waiting', due_ms = ?, turn = 'open' WHERE id = ?",
            to_ms(self._clock.now()),
            notification_id,
        )
        self.wake()
        return touched == 1

    def wake(self) -> None:
        """Look for due notifications now."""
        self._woken.set()

    def list_latest(self, limit: int) -> list[dict[str, Any]]:
        """Show the latest notifications and what became of them."""
        rows = self._store.rows(
            "SELECT id, url, kind, tries, state, last_status, created_ms, due_ms FROM notification"
            " ORDER BY created_ms DESC, rowid DESC LIMIT ?",
            min(limit, SHOWN_MAX),
        )
        return [
            {
                "id": row["id"],
                "url": row["url"],
                "kind": row["kind"],
                "tries": row["tries"],
                "state": row["state"],
                "last_status": row["last_status"],
                "created_at": from_ms(row["created_ms"]).isoformat(),
                "due_at": from_ms(row["due_ms"]).isoformat(),
            }
            for row in rows
        ]

    def start(self) -> None:
        """Begin to send."""
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, follow_redirects=False, trust_env=False)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop sending; what is not accepted stays for the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self._send_due():
                    pass
            except sqlite3.Error as error:
                log.error("emulator_notifications_put_off", reason=type(error).__name__)
            try:
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _send_due(self) -> bool:
        """Send a batch of what is due; tell whether there was any."""
        rows = self._store.rows(
            "SELECT * FROM notification WHERE state = 'waiting' AND due_ms <= ? ORDER BY due_ms, rowid LIMIT ?",
            to_ms(self._clock.now()),
            BATCH_MAX,
        )
        sendings = [_read(row) for row in rows if not self._put_off(row)]
        results = await asyncio.gather(*(self._send(one) for one in sendings))
        for one, status in zip(sendings, results, strict=True):
            self._note(one, status)
        if sendings:
            self._store.execute(
                "UPDATE notification SET due_ms = ?, turn = 'taken' WHERE turn = 'behind'",
                to_ms(self._clock.now()),
            )
        return bool(rows)

    def _put_off(self, row: sqlite3.Row) -> bool:
        """Apply the faults of delay and order; tell whether the sending waits."""
        if row["turn"] == "taken":
            return False
        if (delay := self._faults.take(faults.NOTIFICATION_DELAYED)) is not None:
            self._postpone(row["id"], timedelta(seconds=delay.get("seconds", DELAY_SECONDS)), turn="taken")
            return True
        if self._faults.take(faults.NOTIFICATION_REORDERED) is not None:
            self._postpone(row["id"], REORDERED_WAIT, turn="behind")
            return True
        return False

    def _postpone(self, notification_id: str, pause: timedelta, *, turn: str) -> None:
        self._store.execute(
            "UPDATE notification SET due_ms = ?, turn = ? WHERE id = ?",
            to_ms(self._clock.now() + pause),
            turn,
            notification_id,
        )

    async def _send(self, waiting: Waiting) -> int | None:
        """Send once, or as the faults will have it; give the status where the answer accepts, else None."""
        if self._faults.take(faults.NOTIFICATION_DROPPED) is not None:
            return None
        copies = 2 if self._faults.take(faults.NOTIFICATION_DOUBLED) is not None else 1
        answers = await asyncio.gather(*(self._post(waiting.url, self._compose(waiting)) for _ in range(copies)))
        return next((status for status in answers if status is not None), None)

    async def _post(self, url: str, outgoing: Outgoing) -> int | None:
        assert self._client is not None, "start() comes first"
        try:
            answer = await self._client.post(url, content=outgoing.body, headers=dict(outgoing.headers))
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        return answer.status_code if self._is_accepted(answer.status_code, answer.content) else None

    def _note(self, one: Waiting, status: int | None) -> None:
        schedule = self._schedules_by_kind.get(one.kind, self._schedule)
        pause = schedule[one.tries] if one.tries < len(schedule) else None
        state = "accepted" if status is not None else "given_up" if pause is None else "waiting"
        self._store.execute(
            "UPDATE notification SET state = ?, last_status = ?, tries = tries + 1, turn = 'open', due_ms = ?"
            " WHERE id = ?",
            state,
            status,
            to_ms(self._clock.now() + (pause or timedelta(0))),
            one.id,
        )


def _read(row: sqlite3.Row) -> Waiting:
    return Waiting(
        id=row["id"],
        url=row["url"],
        kind=row["kind"],
        content=row["content"],
        created_at=from_ms(row["created_ms"]),
        tries=row["tries"],
    )
