"""Which partner or account read or changed what of whom: on disk before the answer is sent, for the patient to read.

Entries of requests that end at the same time are written by one statement. Bookings leave an event in their own
transaction already; `patient_access_told` shows both as one log.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Database, database
from kernel.errors import HospitalError, Unavailable
from kernel.log import get_logger

log = get_logger("patients")

BATCH_ENTRIES_MAX: Final = 1_000
WAITING_ENTRIES_MAX: Final = 20_000

_WRITE: Final = (
    "INSERT INTO patient_access_log"
    " (at, patient_id, client_id, operation, action, request_id, consent_id, account_id)"
    " SELECT e.at, e.patient_id, e.client_id, e.operation, e.action, e.request_id, g.consent_id,"
    " coalesce(e.account_id, g.subject_id)"
    " FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[],"
    " $8::uuid[])"
    " WITH ORDINALITY AS e (at, patient_id, client_id, operation, action, request_id, grant_id, account_id, place)"
    " LEFT JOIN oauth_grant g ON g.id = e.grant_id AND g.subject_kind = 'account' ORDER BY e.place"
)
_READ: Final = """
SELECT t.source, t.id, t.at, t.patient_id, t.client_id, t.operation, t.action, t.request_id,
       a.name AS application, t.consent_id, c.given_at AS consented_at, t.account_id
FROM (SELECT * FROM patient_access_told
      WHERE ($1::uuid IS NULL OR patient_id = $1) AND ($2::text IS NULL OR client_id = $2)
        AND ($3::timestamptz IS NULL OR at >= $3) AND ($4::timestamptz IS NULL OR at < $4)
        AND ($5::timestamptz IS NULL OR (at, source, id) < ($5, $6, $7))
        AND ($9::text IS NULL OR client_id <> $9)
      ORDER BY at DESC, source DESC, id DESC LIMIT $8) t
LEFT JOIN oauth_client a ON a.id = t.client_id
LEFT JOIN patient_consent c ON c.id = t.consent_id
ORDER BY t.at DESC, t.source DESC, t.id DESC
"""

Entry = tuple[datetime, UUID, str, str, Literal["read", "change"], str, UUID | None, UUID | None]


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the log. source and id: its place among lines of one instant. operation: of the API, or the event.

    application: the client's name; None once it is not registered any more. consent_id, consented_at, account_id: under
    which consent, given when, and for whose account it acted; None where it acted for itself.
    """

    source: str
    id: int
    at: datetime
    patient_id: UUID
    client_id: str
    operation: str
    action: str
    request_id: str | None
    application: str | None
    consent_id: UUID | None
    consented_at: datetime | None
    account_id: UUID | None


class AccessLog:
    """Writes what the requests of this process saw, many requests at a time."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
        self._count = 0
        self._writer: asyncio.Task[None] | None = None

    async def record(
        self,
        patient_ids: Sequence[UUID],
        *,
        client_id: str,
        operation: str,
        action: Literal["read", "change"],
        request_id: str,
        grant_id: UUID | None = None,
        account_id: UUID | None = None,
    ) -> None:
        """Write that somebody saw or changed data of these patients; returns when it is on disk.

        grant_id: what an application was allowed by a person, where it acted for one. account_id: of a patient's own
        account, where that asked by itself.

        Raises:
            DatabaseUnavailable: it is not known whether it was written, so nothing may be shown.
            Unavailable: too much waits to be written.
        """
        if self._count >= WAITING_ENTRIES_MAX:
            raise Unavailable
        at = clock.now()
        entries = [
            (at, patient_id, client_id, operation, action, request_id, grant_id, account_id)
            for patient_id in patient_ids
        ]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, done))
        self._count += len(entries)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all(database()))
        await done

    async def _write_all(self, db: Database) -> None:
        try:
            while self._waiting:
                batch: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
                size = 0
                while self._waiting and size < BATCH_ENTRIES_MAX:
                    batch.append(self._waiting.pop(0))
                    size += len(batch[-1][0])
                self._count -= size
                await _write(db, batch)
        finally:
            self._writer = None


async def _write(db: Database, batch: list[tuple[Sequence[Entry], "asyncio.Future[None]"]]) -> None:
    columns = zip(*(entry for entries, _ in batch for entry in entries), strict=True)
    try:
        await db.execute(_WRITE, *(list(column) for column in columns))
    except Exception as error:  # noqa: BLE001  each of those who wait is told, and answers for it
        log.error("access_log_not_written", count=len(batch), reason=type(error).__name__)
        for _, done in batch:
            if not done.done():
                done.set_exception(error if isinstance(error, HospitalError) else Unavailable())
    else:
        for _, done in batch:
            if not done.done():
                done.set_result(None)


_log: Final = AccessLog()


def access_log() -> AccessLog:
    """Give this process's access log."""
    return _log


async def list_accesses(
    *,
    patient_id: UUID | None,
    client_id: str | None = None,
    except_client_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[datetime, str, int] | None = None,
    limit: int,
) -> list[Access]:
    """List accesses, the newest first: to one patient's data (the patient's own view), or by one application.

    except_client_id: whose accesses are left out, such as those of who looks at the list. before: instant, source and
    id of the last line of the page before.

    Raises:
        DatabaseUnavailable.
    """
    place: tuple[Any, ...] = before or (None, None, None)
    rows = await database().fetch(_READ, patient_id, client_id, since, until, *place, limit, except_client_id)
    return [Access(*row.values()) for row in rows]
