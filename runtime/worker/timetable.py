"""The timetable: what the hospital does by the clock, each job at most once per period.

Whoever runs a relay runs the timetable; which of them does a job is decided in PostgreSQL by who moves
the job's row on. A job that was due while everything was down runs when something is up again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from kernel import clock
from kernel.db import Database, DatabaseUnavailable
from kernel.errors import HospitalError
from kernel.log import get_logger

TICK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 5.0
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
