"""The timetable: what the hospital does by the clock, each job at most once per period.

Whoever runs a relay runs the timetable; which of them does a job is decided in PostgreSQL by who moves
the job's row on. A job that was due while everything was down runs when something is up again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

from booking.availability_feed import PERIOD as WATCH_PERIOD
from booking.availability_feed import purge_changes, watch_availability
from booking.expiry import expire_holds
from booking.fairness.limits import purge_uses
from booking.fairness.noshows import BATCH_MAX, mark_noshows
from booking.fairness.patterns import look_for_patterns
from booking.notices import KEPT as NOTICES_KEPT
from booking.notices import purge_notices
from booking.queue.checkin import FIX_KEPT
from booking.queue.queries import forget_fixes
from booking.rush.findings import RUSHES_KEPT, find_hot_practitioners, purge_rushes
from booking.stops import saga
from booking.waitlist.service import end_passed_entries, offer_free_seats
from booking.windows.numbers import recall_due
from integration.his.catch_up import catch_up
from integration.his.errors import HisUnavailable
from integration.his.reconcile import reconcile_day
from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Database, DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.idempotency import KEEP_DAYS, purge_keys
from kernel.log import get_logger
from kernel.outbox import INBOX, OUTBOX
from kernel.settings import Settings
from partners.webhooks.claims import KEPT as DELIVERIES_KEPT
from partners.webhooks.claims import purge_deliveries
from runtime.his import build_pull
from runtime.subscriptions import build_subscriptions

TICK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 5.0
HOLDS_PER_SWEEP: Final = 500
SWEEPS_MAX: Final = 20
LETTERS_KEPT: Final = timedelta(days=30)
KEYS_KEPT: Final = timedelta(days=KEEP_DAYS)
PURGE_TURNS_MAX: Final = 200
ERROR_CHARACTERS_MAX: Final = 200

log = get_logger("runtime.timetable")


@dataclass(frozen=True, slots=True)
class Job:
    """Something done by the clock: every so often, or daily at a time of day in Asia/Shanghai.

    `run` gives how much it did, for the log.
    """

    name: str
    run: Callable[[], Awaitable[int]]
    every: timedelta | None = None
    daily_at: time | None = None
    seconds_max: float = 300.0

    def due_since(self, now: datetime) -> datetime:
        """The instant at which the present period began; a job started before it is due."""
        if self.every is not None:
            return now - self.every
        assert self.daily_at is not None, "a job runs every so often or daily"
        today = clock.clinic_instant(clock.clinic_date(now), self.daily_at)
        return today if today <= now else today - timedelta(days=1)


class Timetable:
    """Runs the jobs that are due, one after another for each job, all jobs beside each other."""

    def __init__(self, db: Database, jobs: list[Job]) -> None:
        self._db = db
        self._jobs = jobs
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start nothing more; jobs under way are ended at their next await."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stop()."""
        loops = [asyncio.create_task(self._repeat(job)) for job in self._jobs]
        stopping = asyncio.create_task(self._stopping.wait())
        # A loop never ends by itself: one that breaks ends the relay, and the supervisor starts that anew.
        await asyncio.wait([*loops, stopping], return_when=asyncio.FIRST_COMPLETED)
        broken = [one for one in loops if one.done()]
        for one in (*loops, stopping):
            one.cancel()
        await asyncio.gather(*loops, stopping, return_exceptions=True)
        for one in broken:
            one.result()

    async def _repeat(self, job: Job) -> None:
        while True:
            try:
                started = await self.start_if_due(job)
            except DatabaseUnavailable:
                log.warning("job_put_off", job=job.name, reason="database_unavailable")
                started = False
            await asyncio.sleep(TICK_SECONDS if started else self._interval(job))

    def _interval(self, job: Job) -> float:
        if job.every is None:
            return PAUSE_SECONDS
        return min(PAUSE_SECONDS, max(TICK_SECONDS, job.every.total_seconds() / 2))

    async def start_if_due(self, job: Job) -> bool:
        """Run a job if its period has come and nobody else has taken it; tell whether it ran.

        Raises:
            DatabaseUnavailable: PostgreSQL is away.
        """
        now = clock.now()
        won = await self._db.fetchval(
            "INSERT INTO timed_job AS t (name, started_at) VALUES ($1, $2)"
            " ON CONFLICT (name) DO UPDATE SET started_at = $2, finished_at = NULL"
            " WHERE t.started_at < $3 RETURNING name",
            job.name,
            now,
            job.due_since(now),
        )
        if won is None:
            return False
        fault = await self._run_job(job)
        await self._db.execute(
            "UPDATE timed_job SET finished_at = $2, last_error = $3 WHERE name = $1",
            job.name,
            clock.now(),
            fault,
        )
        return True

    async def _run_job(self, job: Job) -> str | None:
        try:
            async with asyncio.timeout(job.seconds_max):
                done = await job.run()
        except DatabaseUnavailable:
            raise
        except HospitalError as error:
            log.warning("job_failed", job=job.name, code=error.code)
            return error.code
        except Exception as error:
            # One job's fault must not stop the others; it is seen in timed_job and in the log.
            log.exception("job_failed", job=job.name)
            return type(error).__name__[:ERROR_CHARACTERS_MAX]
        if done:
            log.info("job_done", job=job.name, count=done)
        return None


async def _mark_noshows() -> int:
    marked = 0
    for _ in range(SWEEPS_MAX):
        missed = await mark_noshows()
        marked += missed
        if missed < BATCH_MAX:
            break
    return marked


async def _watch(db: Database) -> int:
    await watch_availability(db)
    return 0  # too often to be told of in the log


def build_jobs(db: Database, settings: Settings, *, cipher: FieldCipher) -> list[Job]:
    """Everything this hospital does by the clock."""

    async def sweep_holds() -> int:
        swept = 0
        for _ in range(SWEEPS_MAX):
            ended = await expire_holds(HOLDS_PER_SWEEP)
            swept += ended
            if ended < HOLDS_PER_SWEEP:
                break
        return swept

    async def purge() -> int:
        now = clock.now()
        purged = 0
        for _ in range(PURGE_TURNS_MAX):
            gone = await OUTBOX.purge(db, before=now - LETTERS_KEPT)
            gone += await INBOX.purge(db, before=now - LETTERS_KEPT)
            gone += await purge_keys(db, before=now - KEYS_KEPT)
            gone += await purge_uses(db)
            gone += await purge_notices(db, before=now - NOTICES_KEPT)
            gone += await purge_rushes(db, before=now - RUSHES_KEPT)
            gone += await purge_changes(db)
            gone += await purge_deliveries(db, before=now - DELIVERIES_KEPT)
            purged += gone
            if gone == 0:
                break
        return purged

    async def find_hot() -> int:
        return await find_hot_practitioners(db)

    async def forget_places() -> int:
        forgotten = 0
        for _ in range(PURGE_TURNS_MAX):
            gone = await forget_fixes(kept=FIX_KEPT)
            forgotten += gone
            if gone == 0:
                break
        return forgotten

    jobs = [
        Job("sweep_holds", sweep_holds, every=timedelta(seconds=5)),
        # Seats that come free by the clock reach those who wait even if nobody else asks for them.
        Job("serve_waitlist", offer_free_seats, every=timedelta(seconds=10)),
        Job("end_waitlist_entries", end_passed_entries, every=timedelta(seconds=30)),
        Job("watch_availability", partial(_watch, db), every=WATCH_PERIOD),
        Job("forget_places", forget_places, every=timedelta(minutes=10)),
        Job("mark_noshows", _mark_noshows, every=timedelta(minutes=5)),
        Job("look_for_patterns", look_for_patterns, every=timedelta(minutes=5)),
        Job("recall_window_numbers", recall_due, every=timedelta(seconds=30)),
        Job("drive_stops", saga.drive_orders, every=saga.PERIOD),
        Job("find_hot_practitioners", find_hot, daily_at=time(2, 40), seconds_max=1800.0),
        Job("purge", purge, daily_at=time(3, 10), seconds_max=1800.0),
    ]
    if settings.his_http_url is not None:
        jobs += _his_jobs(db, settings, cipher=cipher)
    return jobs


def _his_jobs(db: Database, settings: Settings, *, cipher: FieldCipher) -> list[Job]:
    async def read_feed() -> int:
        his = build_pull(settings)
        try:
            return await catch_up(db, his, source=settings.his_sending_application, cipher=cipher)
        except HisUnavailable:
            log.info("his_feed_not_read")
            return 0
        finally:
            await his.close()

    async def reconcile() -> int:
        """Compare yesterday, today and tomorrow, and repair what a rule allows."""
        his = build_pull(settings)
        found = 0
        try:
            for comparer in build_subscriptions().comparers:
                for days in (-1, 0, 1):
                    day = clock.today() + timedelta(days=days)
                    report = await reconcile_day(db, his, comparer, day, repair=True)
                    found += len(report.repaired) + len(report.left)
        finally:
            await his.close()
        return found

    return [
        Job("his_catch_up", read_feed, every=timedelta(seconds=60)),
        Job("his_reconcile", reconcile, daily_at=time(1, 30), seconds_max=1800.0),
    ]
