"""Numbers set aside for the HIS's windows (应急号): out of the platform's sale until the HIS has handed them back.

A number is on one side only, without any clock having to agree:

* Set aside, its seat is in the pool `emergency`, of which no channel of the platform may take any.
* The HIS sells it from its copy once it has been told of it, and never before.
* From `returns_at` on it is asked back with the schedule's next message. The HIS stops selling it in the transaction
  that takes the message, and answers by name which numbers it has not sold and which it has.
* What it has not sold comes free here when that answer is applied: to those who wait, else on sale. What it has sold
  stays out of sale until the sale itself has been merged.

Should the answer be lost, the number stays out of sale and is asked back again every `ASK_AGAIN`.
Locks: schedule, seats, numbers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking import returns
from booking.catalogue.announcing import announce_schedules
from booking.catalogue.quotas import COMMON, EMERGENCY
from booking.returns import FreedSeat
from booking.windows.states import WINDOW_NUMBER
from kernel import clock
from kernel.db import Transaction, database

ASK_AGAIN: Final = timedelta(minutes=10)
SCHEDULES_A_TURN: Final = 100
HANDED_BACK: Final = "window_returned"

# Every nth of the free common numbers, so that the window has some of every hour, and never more than half of them.
_SET_ASIDE: Final = """
WITH wanted AS (
    SELECT sc.id, coalesce($3::integer, o.emergency_numbers, h.emergency_numbers)
               - (SELECT count(*) FROM window_number k WHERE k.schedule_id = sc.id
                  AND k.status IN ('set_aside', 'confirmed')) AS numbers,
           make_interval(mins => coalesce(o.emergency_return_minutes, h.emergency_return_minutes)) AS before
    FROM schedule sc JOIN booking_rule h ON h.clinic_id IS NULL LEFT JOIN booking_rule o ON o.clinic_id = sc.clinic_id
    WHERE sc.id = ANY ($1) AND sc.status = 'active'),
free AS MATERIALIZED (
    SELECT e.id, e.schedule_id, e.slot_id, e.seq, w.numbers, t.starts_at - w.before AS returns_at
    FROM wanted w JOIN seat e ON e.schedule_id = w.id JOIN slot t ON t.id = e.slot_id
    WHERE w.numbers > 0 AND e.pool = $4 AND e.status = 'free' AND t.starts_at - w.before > $2
    ORDER BY e.id FOR UPDATE OF e SKIP LOCKED),
placed AS (
    SELECT f.*, row_number() OVER (PARTITION BY f.schedule_id ORDER BY f.seq) AS place,
           count(*) OVER (PARTITION BY f.schedule_id) AS total FROM free f),
chosen AS MATERIALIZED (
    SELECT p.* FROM placed p
    WHERE place * least(numbers, (total + 1) / 2) / total > (place - 1) * least(numbers, (total + 1) / 2) / total),
moved AS (
    UPDATE seat e SET pool = $5 FROM chosen c WHERE e.id = c.id AND e.status = 'free' AND e.pool = $4)
INSERT INTO window_number AS n (seat_id, schedule_id, slot_id, seq, home_pool, status, returns_at, set_aside_at)
SELECT c.id, c.schedule_id, c.slot_id, c.seq, $4, 'set_aside', c.returns_at, $2 FROM chosen c ORDER BY c.id
ON CONFLICT (seat_id) DO UPDATE SET status = 'set_aside', home_pool = excluded.home_pool, letter_id = NULL,
    returns_at = excluded.returns_at, recalled_version = NULL, asked_at = NULL, set_aside_at = excluded.set_aside_at,
    confirmed_at = NULL, closed_at = NULL
WHERE n.status IN ('returned', 'used')
RETURNING schedule_id
"""


async def set_aside(tx: Transaction, schedule_ids: Sequence[UUID], *, at: datetime, numbers: int | None = None) -> int:
    """Take numbers of schedules out of sale for the HIS's windows, by the clinics' rules unless told how many.

    The HIS has to be told by whoever called: see `tell_his`. Gives how many were taken.
    """
    assert WINDOW_NUMBER.allows("returned", "set_aside")
    if numbers is None and not await tx.fetchval(
        "SELECT EXISTS (SELECT FROM booking_rule WHERE emergency_numbers > 0)"
    ):
        return 0
    if len(schedule_ids) > SCHEDULES_A_TURN:
        # A generated fortnight is most of these tables; without figures of it each turn would read them whole.
        await tx.execute("ANALYZE slot, seat")
    taken = 0
    for start in range(0, len(schedule_ids), SCHEDULES_A_TURN):
        turn = list(schedule_ids[start : start + SCHEDULES_A_TURN])
        taken += len(await tx.fetch(_SET_ASIDE, turn, at, numbers, COMMON, EMERGENCY))
    return taken


async def tell_his(tx: Transaction, schedule_ids: Sequence[UUID], *, event_type: str) -> None:
    """Tell the HIS of schedules, and remember with which message it hears of the numbers set aside in them."""
    letters = await announce_schedules(tx, schedule_ids, event_type=event_type)
    await tx.execute(
        "UPDATE window_number n SET letter_id = l.letter FROM unnest($1::uuid[], $2::bigint[]) AS l (schedule, letter)"
        " WHERE n.schedule_id = l.schedule AND n.status = 'set_aside' AND n.letter_id IS NULL",
        list(letters),
        list(letters.values()),
    )


async def confirm_told(tx: Transaction, told: Mapping[UUID, int], *, at: datetime) -> None:
    """Note that the HIS has the numbers of schedules of which it has acknowledged a message (by its letter's id).

    Letters of one schedule are sent in order, so an acknowledged later one tells of the same numbers.
    """
    assert WINDOW_NUMBER.allows("set_aside", "confirmed")
    await tx.execute(
        "UPDATE window_number n SET status = 'confirmed', confirmed_at = $3"
        " FROM unnest($1::uuid[], $2::bigint[]) AS l (schedule, letter)"
        " WHERE n.schedule_id = l.schedule AND n.status = 'set_aside' AND n.letter_id <= l.letter",
        list(told),
        list(told.values()),
        at,
    )


_DUE: Final = "status IN ('set_aside', 'confirmed') AND returns_at <= $1 OR status = 'recalled' AND asked_at <= $2"


async def recall_due() -> int:
    """Ask the HIS for the numbers whose time to come back has come, and again for what it has not answered.

    Gives how many numbers were asked for.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    at = clock.now()
    rows = await database().fetch(
        f"SELECT DISTINCT schedule_id FROM window_number WHERE {_DUE} ORDER BY schedule_id LIMIT $3",  # noqa: S608  ours
        at,
        at - ASK_AGAIN,
        SCHEDULES_A_TURN,
    )
    asked = 0
    for row in rows:
        async with database().transaction() as tx:
            version = await tx.fetchval(
                "UPDATE schedule SET version = version + 1 WHERE id = $1 RETURNING version", row["schedule_id"]
            )
            due = await tx.fetch(
                f"SELECT seat_id FROM window_number WHERE ({_DUE}) AND schedule_id = $3",  # noqa: S608  ours
                at,
                at - ASK_AGAIN,
                row["schedule_id"],
            )
            await ask_back(tx, row["schedule_id"], [one["seat_id"] for one in due], version=version, at=at)
        asked += len(due)
    return asked


async def ask_back(tx: Transaction, schedule_id: UUID, seat_ids: Sequence[int], *, version: int, at: datetime) -> None:
    """Ask the HIS to hand numbers back: with this version of the schedule, which the caller has locked and counted."""
    assert WINDOW_NUMBER.allows("set_aside", "recalled")
    assert WINDOW_NUMBER.allows("confirmed", "recalled")
    await tx.execute(
        "UPDATE window_number SET status = 'recalled', asked_at = $3,"
        " recalled_version = CASE status WHEN 'recalled' THEN recalled_version ELSE $2 END"
        " WHERE seat_id = ANY ($1) AND status IN ('set_aside', 'confirmed', 'recalled')",
        list(seat_ids),
        version,
        at,
    )
    await tell_his(tx, [schedule_id], event_type="schedule.changed")


async def take_back(
    tx: Transaction, *, schedule_id: UUID, version: int, unsold: Sequence[int], sold: Mapping[int, str], at: datetime
) -> int:
    """Put numbers that the HIS has handed back into our sale again: to those who wait first; give how many.

    version: of the schedule whose message the HIS answers. An answer to an earlier question than the last one
    counts for nothing, since the number was with the HIS again in between. What the HIS has sold (number -> its name of
    the sale) is ours as soon as that very sale stands here. If another does, it was given back there, and we shall hear
    of it: until then the number stays out of our sale, and the HIS is asked again.
    """
    assert WINDOW_NUMBER.allows("recalled", "returned")
    rows = await tx.fetch(
        "SELECT e.id, e.seq, e.status, (SELECT a.his_id FROM appointment a WHERE a.seat_id = e.id"
        "  AND a.status NOT IN ('cancelled', 'entered-in-error')) AS sold_as"
        " FROM seat e JOIN window_number n ON n.seat_id = e.id"
        " WHERE e.schedule_id = $1 AND e.seq = ANY ($2) AND e.pool = $3 AND n.status = 'recalled'"
        " AND n.recalled_version <= $4 ORDER BY e.id FOR UPDATE OF e, n",
        schedule_id,
        [*unsold, *sold],
        EMERGENCY,
        version,
    )
    handed_back = set(unsold)
    used = [
        row["id"]
        for row in rows
        if row["status"] == "booked" and (row["seq"] in handed_back or row["sold_as"] == sold[row["seq"]])
    ]
    free = [row["id"] for row in rows if row["status"] != "booked" and row["seq"] in handed_back]
    await _send_home(tx, used, status="used", at=at)
    await _send_home(tx, free, status="returned", at=at)
    on_sale = [row["id"] for row in rows if row["id"] in free and row["status"] == "free"]
    await returns.return_seats(tx, [FreedSeat(seat, HANDED_BACK, cools=False) for seat in on_sale], at=at)
    return len(on_sale)


async def _send_home(tx: Transaction, seat_ids: Sequence[int], *, status: str, at: datetime) -> None:
    """Give locked seats back to the pools that they came from."""
    await tx.execute(
        "WITH gone AS (UPDATE window_number SET status = $2, closed_at = $3"
        "  WHERE seat_id = ANY ($1) AND status = 'recalled' RETURNING seat_id, home_pool)"
        " UPDATE seat e SET pool = g.home_pool FROM gone g WHERE e.id = g.seat_id",
        list(seat_ids),
        status,
        at,
    )
