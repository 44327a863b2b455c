"""How many seats a channel may take now, per slot.

Seats that will go to those who wait are not among them: where some are due, they are given out before the count.

Always fresh: an answer comes from a read that began after the question arrived. Questions that arrive while a read
is running share the next one, so that a rush of readers costs a few statements, not thousands.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from booking import returns
from kernel import clock
from kernel.db import Row, database

READS_MAX = 1
READ_KEYS_MAX = 64


# `due`: somebody may be waiting for what is free.
_READ = """
SELECT q.i, (
    SELECT string_agg(row_to_json(v)::text, ',' ORDER BY v.starts_at) FROM (
        SELECT s.id, s.schedule_id, s.starts_at, s.ends_at, sc.fee_fen,
               CASE WHEN s.starts_at <= $3 OR r.pools IS NULL THEN 0 ELSE (
                   SELECT count(*) FROM seat t WHERE t.slot_id = s.id AND t.status IN ('free', 'held')
                      AND (t.status = 'free' OR t.hold_until <= $3) AND t.pool = ANY (r.pools)) END AS available
        FROM slot s WHERE s.schedule_id = q.schedule_id) v),
    CASE WHEN EXISTS (SELECT FROM waitlist_entry WHERE status = 'waiting' AND offer_id IS NULL)
              OR EXISTS (SELECT FROM booking_rule WHERE return_delay_seconds_max > 0)
         THEN settles_first(sc.id, sc.practitioner_id, sc.department_id, sc.clinic_id, sc.clinic_date, NULL, $3)
              AND has_open_seat(sc.id, r.pools, $3) ELSE false END AS due
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS q (schedule_id, channel, i)
JOIN schedule sc ON sc.id = q.schedule_id AND sc.status = 'active'
JOIN clinic c ON c.id = sc.clinic_id AND c.active
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS released, array_agg(l.pool) FILTER (WHERE l.opens_at <= $3) AS pools
    FROM schedule_release l WHERE l.schedule_id = q.schedule_id AND l.channel = q.channel) r
WHERE r.released
"""

Key = tuple[UUID, str]
Answer = str
"""One schedule's slots in order of time, as JSON with commas between: see schema/booking/slot.json. PostgreSQL writes
it, because this is the busiest read and nobody here looks inside."""


class AvailabilityReader:
    """Joins the questions of this process into few reads."""

    def __init__(self) -> None:
        self._waiting: dict[Key, asyncio.Future[Answer]] = {}
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, schedule_id: UUID, channel: str) -> Answer:
        """Give a schedule's slots; empty when the channel never gets seats of it.

        Raises:
            DatabaseUnavailable.
        """
        key = (schedule_id, channel)
        answer = self._waiting.get(key)
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            self._waiting[key] = answer
            self._start_read()
        return await asyncio.shield(answer)

    async def read_many(self, schedule_ids: Sequence[UUID], channel: str) -> list[Answer]:
        """Give several schedules' slots, in the order asked for; empty for those of which the channel gets nothing.

        Raises:
            DatabaseUnavailable.
        """
        if len(schedule_ids) == 1:
            return [await self.read(schedule_ids[0], channel)]
        return list(await asyncio.gather(*(self.read(schedule, channel) for schedule in schedule_ids)))

    def _start_read(self) -> None:
        if self._running < READS_MAX and self._waiting:
            self._running += 1
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        keys = list(self._waiting)[:READ_KEYS_MAX]
        batch = {key: self._waiting.pop(key) for key in keys}
        try:
            answers = await _read(keys)
        except Exception as error:  # noqa: BLE001  every reader hears of it; nobody is left waiting
            for future in batch.values():
                future.set_exception(error)
                future.exception()  # readers may have gone
        else:
            for key, future in batch.items():
                future.set_result(answers[key])
        finally:
            self._running -= 1
            self._start_read()


async def _read(keys: list[Key]) -> dict[Key, Answer]:
    at = clock.now()
    rows = await _fetch(keys, at)
    if due := {keys[row["i"] - 1][0] for row in rows if row["due"]}:
        await returns.settle(database(), due, at=at)
        rows = await _fetch(keys, at)
    found = dict.fromkeys(keys, "")
    for i, slots, _ in rows:
        found[keys[i - 1]] = slots or ""
    return found


async def _fetch(keys: list[Key], at: datetime) -> list[Row]:
    return await database().fetch(_READ, [schedule for schedule, _ in keys], [channel for _, channel in keys], at)


_reader = AvailabilityReader()


async def slots_of_schedule(schedule_id: UUID, channel: str) -> Answer:
    """Give what this channel may book now in a schedule, slot by slot.

    Raises:
        DatabaseUnavailable.
    """
    return await _reader.read(schedule_id, channel)


async def slots_of_schedules(schedule_ids: Sequence[UUID], channel: str) -> list[Answer]:
    """Give what this channel may book now in several schedules.

    Raises:
        DatabaseUnavailable.
    """
    return [answer for answer in await _reader.read_many(schedule_ids, channel) if answer]


async def slots_by_schedule(schedule_ids: Sequence[UUID], channel: str) -> list[Answer]:
    """Give what this channel may book now in each of several schedules, in their order; empty where that is nothing.

    Raises:
        DatabaseUnavailable.
    """
    return await _reader.read_many(schedule_ids, channel)
