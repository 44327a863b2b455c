"""The registration window (窗口): selling its share of numbers, taking numbers back, registering who has come.

The window sells by itself only numbers that the platform has set aside for it, and only until the platform takes
the unsold ones back; so the two sides never sell one number in normal running, and the window goes on while the
platform is away. Every sale is told to the platform at once, which may refuse it; the sale is then undone.

Its emergency quota (应急号) is for the time while the platform is away. Those numbers are the window's own until it
has handed them back (see masters.py), so whether it really is away decides about courtesy, not about right or wrong.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from integration.micro_his import outbox
from integration.micro_his.charts import find_chart, follow_patient, open_chart
from integration.micro_his.errors import (
    AlreadyBooked,
    AppointmentNotActive,
    AppointmentUnknown,
    NotForWindow,
    PatientUnknown,
    PlatformAnswers,
    ScheduleUnknown,
    SeatTaken,
    SoldOut,
    WindowClosed,
)
from integration.micro_his.records import ToldPatient
from integration.micro_his.wire_out import (
    describe_booking,
    describe_cancellation,
    describe_completion,
    describe_visit,
)
from kernel import clock
from kernel.db import Database, Row, Transaction

CLOSES_BEFORE: Final = timedelta(minutes=1)
"""So long before the platform takes the numbers back: a sale of the last moment has to arrive there in time."""
CHANNEL: Final = "his_window"
OFFLINE_CHANNEL: Final = "his_window_offline"
"""What was sold while the platform was away: nobody waits at the counter for its word on it."""
CANCELLED_AT_WINDOW: Final = "cancelled_at_window"


@dataclass(frozen=True, slots=True)
class Sale:
    """What the window did, and the message that tells of it."""

    his_id: str
    control_id: UUID | None
    is_new: bool = True


async def book_number(
    db: Database,
    *,
    schedule_id: UUID,
    sequence: int | None,
    patient: ToldPatient,
    clerk: str,
    request_id: str | None,
    platform_is_away: bool,
    charset: str,
) -> Sale:
    """Sell one of the window's numbers: the one that is named, or the lowest free one.

    While the platform is away, the emergency quota follows when the window's share is sold.
    A request id that was seen before gives the number that was sold then.

    Raises:
        ScheduleUnknown, PatientUnknown: no such schedule or number, nobody to sell to.
        NotForWindow, WindowClosed: the number is the platform's to sell, or is again by now.
        PlatformAnswers: the number is of the emergency quota, and the platform is there to be asked.
        SeatTaken, SoldOut: the number, or every number of the window, is sold.
        AlreadyBooked: the person has an active number in this schedule.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        if request_id is not None:
            await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", request_id)
            known = await tx.fetchval("SELECT his_id FROM appointment WHERE request_id = $1", request_id)
            if known is not None:
                return Sale(his_id=known, control_id=None, is_new=False)
        # The row lock lets one clerk at a time choose in a schedule, and waits for a schedule being told anew.
        schedule = await tx.fetchrow("SELECT * FROM schedule WHERE id = $1 FOR UPDATE", schedule_id)
        if schedule is None or schedule["status"] != "active":
            raise ScheduleUnknown
        chosen = await _choose(tx, schedule_id, sequence, platform_is_away=platform_is_away)
        chart = await chart_of(tx, patient)
        channel = OFFLINE_CHANNEL if platform_is_away else CHANNEL
        appointment = await _sell(tx, schedule, chosen, chart, clerk=clerk, channel=channel, request_id=request_id)
        draft = describe_booking(appointment, chart, schedule, charset=charset)
        await outbox.append(tx, draft)
    return Sale(his_id=appointment["his_id"], control_id=draft.control_id)


async def _choose(tx: Transaction, schedule_id: UUID, sequence: int | None, *, platform_is_away: bool) -> Row:
    """Choose the number to sell.

    Raises:
        ScheduleUnknown, NotForWindow, WindowClosed, PlatformAnswers, SeatTaken, SoldOut.
    """
    latest = clock.now() + CLOSES_BEFORE
    rows = await tx.fetch(WINDOW_NUMBERS, schedule_id)
    if sequence is None:
        rows = [row for row in rows if platform_is_away or not row["is_emergency"]]
        free = [row for row in rows if row["is_free"] and _is_open(row, latest)]
        if not free:
            is_over = bool(rows) and not any(_is_open(row, latest) for row in rows)
            raise WindowClosed if is_over else SoldOut
        return free[0]
    row = next((row for row in rows if row["sequence"] == sequence), None)
    if row is None:
        is_there = await tx.fetchval(
            "SELECT EXISTS (SELECT FROM slot WHERE schedule_id = $1 AND $2 BETWEEN first_sequence AND last_sequence)",
            schedule_id,
            sequence,
        )
        raise NotForWindow if is_there else ScheduleUnknown
    if row["is_emergency"] and not platform_is_away:
        raise PlatformAnswers
    if not _is_open(row, latest):
        raise WindowClosed(window_until=row["window_until"].isoformat() if row["window_until"] else None)
    if not row["is_free"]:
        raise SeatTaken
    return row


def _is_open(row: Row, latest: datetime) -> bool:
    """Tell whether the number may still be sold: its share has not gone back, and its time band is not over."""
    until: datetime | None = row["window_until"]
    ends_at: datetime = row["ends_at"]
    return (until is None or latest < until) and latest < ends_at


WINDOW_NUMBERS: Final = """
SELECT w.sequence, w.is_emergency, t.starts_at, t.ends_at,
       CASE WHEN w.is_emergency THEN t.emergency_until ELSE t.window_until END AS window_until,
       NOT EXISTS (SELECT FROM appointment a WHERE a.schedule_id = t.schedule_id AND a.sequence = w.sequence
                   AND a.status IN ('booked', 'arrived', 'fulfilled', 'noshow'))
       AND NOT EXISTS (SELECT FROM refused_number r WHERE r.schedule_id = t.schedule_id AND r.sequence = w.sequence)
       AS is_free
FROM slot t CROSS JOIN LATERAL (
    SELECT sequence, false AS is_emergency FROM unnest(t.window_sequences) AS s (sequence)
    UNION ALL SELECT sequence, true FROM unnest(t.emergency_sequences) AS s (sequence)) AS w
WHERE t.schedule_id = $1 ORDER BY w.is_emergency, w.sequence
"""


async def chart_of(tx: Transaction, patient: ToldPatient) -> Row:
    """Find the person's chart, or open one.

    Raises:
        PatientUnknown: a record number that we never gave, or too little to open a chart.
    """
    chart = await find_chart(tx, patient)
    if chart is None:
        return await open_chart(tx, patient)
    if patient.document_number is not None or patient.phone is not None:
        await follow_patient(tx, chart, patient, version=0)
        chart = await find_chart(tx, patient)
    if chart is None:
        raise PatientUnknown
    return chart


async def _sell(
    tx: Transaction, schedule: Row, chosen: Row, chart: Row, *, clerk: str, channel: str, request_id: str | None
) -> Row:
    has_one = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM appointment WHERE mr = $1 AND schedule_id = $2"
        " AND status IN ('booked', 'arrived'))",
        chart["mr"],
        schedule["id"],
    )
    if has_one:
        raise AlreadyBooked
    try:
        row = await tx.fetchrow(
            "INSERT INTO appointment (source, schedule_id, sequence, mr, status, version, starts_at, ends_at,"
            " clinic_date, made_by, channel, platform_state, request_id, created_at, updated_at)"
            " VALUES ('window', $1, $2, $3, 'booked', 1, $4, $5, $6, $7, $8, 'pending', $9, $10, $10) RETURNING *",
            schedule["id"],
            chosen["sequence"],
            chart["mr"],
            chosen["starts_at"],
            chosen["ends_at"],
            schedule["clinic_date"],
            clerk,
            channel,
            request_id,
            clock.now(),
        )
    except asyncpg.UniqueViolationError as error:
        raise SeatTaken from error
    assert row is not None, "INSERT gives its row"
    return row


async def cancel_number(db: Database, *, his_id: str, clerk: str, reason: str | None, charset: str) -> Sale:
    """Take a number back, whoever sold it, and tell the platform.

    Raises:
        AppointmentUnknown, AppointmentNotActive: no such number, or the person has come or it is over.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "UPDATE appointment SET status = 'cancelled', version = version + 1, reason = $2, made_by = $3,"
            " channel = $4, updated_at = $5 WHERE his_id = $1 AND status = 'booked' RETURNING *",
            his_id,
            reason or CANCELLED_AT_WINDOW,
            clerk,
            CHANNEL,
            clock.now(),
        )
        if row is None:
            await _require_known(tx, his_id)
            raise AppointmentNotActive
        chart, schedule = await _chart_and_schedule(tx, row)
        draft = describe_cancellation(row, chart, schedule, charset=charset)
        await outbox.append(tx, draft)
    return Sale(his_id=his_id, control_id=draft.control_id)


async def register_arrival(db: Database, *, his_id: str, clerk: str, charset: str) -> str:
    """Register somebody who has come for their appointment (报到); gives the visit's number.

    Raises:
        AppointmentUnknown, AppointmentNotActive: no such appointment, or it is not waited for.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "UPDATE appointment SET status = 'arrived', version = version + 1, updated_at = $2"
            " WHERE his_id = $1 AND status = 'booked' RETURNING *",
            his_id,
            clock.now(),
        )
        if row is None:
            await _require_known(tx, his_id)
            raise AppointmentNotActive
        chart, schedule = await _chart_and_schedule(tx, row)
        visit = await _open_visit(
            tx,
            mr=row["mr"],
            appointment_id=row["id"],
            clinic_code=schedule["clinic_code"],
            practitioner_code=schedule["practitioner_code"],
            clerk=clerk,
        )
        await outbox.append(tx, describe_visit(visit, chart, row, charset=charset))
    return str(visit["number"])


async def complete_visit(db: Database, *, his_id: str, clerk: str, charset: str) -> Sale:
    """Note at the doctor's station that the consultation has ended (就诊结束), and tell the platform.

    Raises:
        AppointmentUnknown, AppointmentNotActive: no such appointment, or the person has not come or is through.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            "UPDATE appointment SET status = 'fulfilled', version = version + 1, made_by = $2, updated_at = $3"
            " WHERE his_id = $1 AND status = 'arrived' RETURNING *",
            his_id,
            clerk,
            clock.now(),
        )
        if row is None:
            await _require_known(tx, his_id)
            raise AppointmentNotActive
        chart, schedule = await _chart_and_schedule(tx, row)
        draft = describe_completion(row, chart, schedule, charset=charset)
        await outbox.append(tx, draft)
    return Sale(his_id=his_id, control_id=draft.control_id)


async def register_walk_in(
    db: Database, *, patient: ToldPatient, clinic_code: str, practitioner_code: str, clerk: str, charset: str
) -> str:
    """Register somebody who has come without an appointment (急诊、无号就诊); gives the visit's number.

    Raises:
        PatientUnknown: nobody to register.
        DatabaseUnavailable, DatabaseBusy.
    """
    async with db.transaction() as tx:
        chart = await chart_of(tx, patient)
        visit = await _open_visit(
            tx,
            mr=chart["mr"],
            appointment_id=None,
            clinic_code=clinic_code,
            practitioner_code=practitioner_code,
            clerk=clerk,
        )
        await outbox.append(tx, describe_visit(visit, chart, None, charset=charset))
    return str(visit["number"])


async def _open_visit(
    tx: Transaction, *, mr: str, appointment_id: int | None, clinic_code: str, practitioner_code: str, clerk: str
) -> Row:
    row = await tx.fetchrow(
        "INSERT INTO visit (mr, appointment_id, clinic_code, practitioner_code, clerk, registered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING *",
        mr,
        appointment_id,
        clinic_code,
        practitioner_code,
        clerk,
        clock.now(),
    )
    assert row is not None, "INSERT gives its row"
    return row


async def _require_known(tx: Transaction, his_id: str) -> None:
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM appointment WHERE his_id = $1)", his_id):
        raise AppointmentUnknown


async def _chart_and_schedule(tx: Transaction, row: Row) -> tuple[Row, Row]:
    chart = await tx.fetchrow("SELECT * FROM patient WHERE mr = $1", row["mr"])
    schedule = await tx.fetchrow("SELECT * FROM schedule WHERE id = $1", row["schedule_id"])
    assert chart is not None, "an appointment has a chart"
    assert schedule is not None, "an appointment has a schedule"
    return chart, schedule
