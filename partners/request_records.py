"""What applications asked for: kept day by day in partitions, written in batches beside the requests.

Nothing waits for a record. What has not been written when a process is killed is lost (at most half a second of
records); a process that ends in order writes the rest first. While PostgreSQL is away the newest records are kept.
Accesses to patients' data do not depend on this: patients/access_log.py keeps them before the answer is sent.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.log import get_logger
from kernel.metrics import Counter, Gauge

QUEUE_RECORDS_MAX: Final = 20_000
BATCH_RECORDS_MAX: Final = 1_000
WRITE_AFTER_SECONDS: Final = 0.5
RETRY_AFTER_SECONDS: Final = 2.0
LAST_WRITE_SECONDS_MAX: Final = 5.0
DAYS_AHEAD: Final = 7
KEPT: Final = timedelta(days=190)  # Six months and a margin (Cybersecurity Law, article 21).
AGENT_CHARACTERS_MAX: Final = 200

QUEUED = Gauge("hospital_gateway_records_queued", "Request records that wait to be written")
DROPPED = Counter("hospital_gateway_records_dropped_total", "Request records lost because too many waited")

log = get_logger("partners")


class Record(NamedTuple):
    """One request. code: of a refusal. network: the caller's address without its last part. agent: its kind."""

    at: datetime
    client_id: str
    staff_code: str | None
    operation: str
    status: int
    code: str | None
    latency_microseconds: int
    request_id: str
    network: str | None
    agent: str
    patient_ids: list[UUID]


class RequestRecords:
    """The records of this process that are not written yet."""

    def __init__(self) -> None:
        self._queue: deque[Record] = deque(maxlen=QUEUE_RECORDS_MAX)
        self._writer: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    def add(self, record: Record) -> None:
        """Keep a record for the next batch; the oldest one gives way where too many wait."""
        if len(self._queue) == QUEUE_RECORDS_MAX:
            DROPPED.inc()
        self._queue.append(record)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_later())
        elif len(self._queue) >= BATCH_RECORDS_MAX:
            self._full.set()

    async def close(self) -> None:
        """Write what is left, unless that takes too long."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        try:
            async with asyncio.timeout(LAST_WRITE_SECONDS_MAX):
                while self._queue:
                    await self._write_batch()
        except (HospitalError, TimeoutError) as error:
            log.warning("request_records_lost", count=len(self._queue), reason=type(error).__name__)

    async def _write_later(self) -> None:
        """Write until nothing is left, a while after the first record or when a batch is full."""
        try:
            while self._queue:
                try:
                    async with asyncio.timeout(WRITE_AFTER_SECONDS):
                        await self._full.wait()
                except TimeoutError:
                    pass  # A small batch is a batch.
                self._full.clear()
                try:
                    await self._write_batch()
                except DatabaseUnavailable:
                    await asyncio.sleep(RETRY_AFTER_SECONDS)
                QUEUED.set(len(self._queue))
        finally:
            self._writer = None

    async def _write_batch(self) -> None:
        """Write the oldest records; they stay in the queue where that fails.

        Raises:
            DatabaseUnavailable.
        """
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_RECORDS_MAX))]
        try:
            async with database().transaction() as tx:
                await tx.copy("request_record", Record._fields, batch)
        except BaseException:
            room = QUEUE_RECORDS_MAX - len(self._queue)
            DROPPED.inc(max(0, len(batch) - room))
            self._queue.extendleft(reversed(batch[max(0, len(batch) - room) :]))
            raise


@lru_cache(maxsize=1_000)
def agent_kind(user_agent: str) -> str:
    """Tell what kind of program calls; its full name would tell persons apart."""
    text = user_agent[:AGENT_CHARACTERS_MAX].lower()
    if not text:
        return "none"
    if "micromessenger" in text or "miniprogram" in text:
        return "wechat"
    if text.startswith("mozilla/"):
        return "mobile-browser" if "mobile" in text else "browser"
    if any(name in text for name in ("okhttp", "cfnetwork", "dart", "alamofire")):
        return "app"
    if any(
        name in text for name in ("python", "httpx", "java", "curl", "go-http", "axios", "node", "php", "hospital-")
    ):
        return "library"
    return "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records to list; None leaves a filter off. `since` is included, `until` is not.

    statuses: the lowest and the highest of a range.
    """

    client_id: str | None = None
    operation: str | None = None
    status: int | None = None
    code: str | None = None
    patient_id: UUID | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    statuses: tuple[int, int] | None = None


_SEARCH: Final = """
SELECT id, at, client_id, staff_code, operation, status, code, latency_microseconds, request_id, network, agent,
       patient_ids
FROM request_record
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::text IS NULL OR operation = $2)
  AND ($3::smallint IS NULL OR status = $3) AND ($4::text IS NULL OR code = $4)
  AND ($5::uuid IS NULL OR patient_ids @> ARRAY[$5::uuid]) AND ($6::text IS NULL OR request_id = $6)
  AND at >= coalesce($7::timestamptz, '-infinity') AND at < coalesce($8::timestamptz, 'infinity')
  AND ($9::smallint IS NULL OR status BETWEEN $9 AND $10)
  AND ($11::timestamptz IS NULL OR (at, id) < ($11, $12))
ORDER BY at DESC, id DESC LIMIT $13
"""


async def list_records(
    wanted: RecordFilter, *, before: tuple[datetime, int] | None, limit: int
) -> list[dict[str, Any]]:
    """List requests, the newest first; `before` is the instant and id of the last one of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        _SEARCH,
        wanted.client_id,
        wanted.operation,
        wanted.status,
        wanted.code,
        wanted.patient_id,
        wanted.request_id,
        wanted.since,
        wanted.until,
        *(wanted.statuses or (None, None)),
        *(before or (None, None)),
        limit,
    )
    return [dict(row) for row in rows]


async def keep_days(*, today: date | None = None) -> int:
    """Make the partitions of the days to come and drop those that are over; give how many.

    Raises:
        DatabaseBusy: somebody reads or writes for too long; the next turn tries again.
        DatabaseUnavailable.
    """
    day = today or clock.today()
    async with database().transaction() as tx:
        changed: int = await tx.fetchval(
            "SELECT keep_request_record_days($1, $2, $3)", day, day + timedelta(days=DAYS_AHEAD), day - KEPT
        )
    return changed


def patient_ids_of(body: object, told: Sequence[UUID]) -> list[UUID]:
    """Find whose data an answer holds: whom the handler named, and every `patient_id` on its first two levels."""
    found = set(told)
    if isinstance(body, dict):
        _add(found, body)
        items = body.get("items")
        if isinstance(items, list):
            for item in items:
                if isinstance(item, dict):
                    _add(found, item)
                    facts = item.get("facts")
                    if isinstance(facts, dict):
                        _add(found, facts)
    return sorted(found) if len(found) > 1 else list(found)


def _add(found: set[UUID], values: dict[str, Any]) -> None:
    patient_id = values.get("patient_id")
    if isinstance(patient_id, UUID):
        found.add(patient_id)
    elif isinstance(patient_id, str):
        found.add(UUID(patient_id))
