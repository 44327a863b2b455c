"""Numbers (号): who has which number of a schedule, kept by version so that reordering and repeats do no harm.

The platform's inventory is the hospital's single one. What it states of an appointment is the whole state of
it, so a message is applied by its version, not by its event. On a tie the platform's word stands, except that a
cancellation wins: nobody may be waited for who has given a number back.
"""

from typing import Final

import asyncpg

from integration.micro_his import outbox
from integration.micro_his.charts import find_chart, follow_patient, open_chart
from integration.micro_his.errors import AppointmentUnknown, ScheduleUnknown, SeatTaken, VersionConflict
from integration.micro_his.records import ToldAppointment
from kernel import clock
from kernel.db import Row, Transaction

SEAT_CONSTRAINT: Final = "appointment_seat_once"
REFUSED: Final = "refused"

_STEPS: Final = {
    "booked": {"booked", "arrived", "fulfilled", "cancelled", "noshow"},
    "arrived": {"arrived", "fulfilled", "cancelled"},
    "fulfilled": {"fulfilled"},
    "noshow": {"noshow"},
    "cancelled": {"cancelled"},
}


async def take_appointment(tx: Transaction, told: ToldAppointment) -> tuple[str, str]:
    """Make an appointment stand here as the platform states it; gives our number of it, and of its person.

    Raises:
        AppointmentUnknown: it is under our number alone, and we have none such.
        ScheduleUnknown: its schedule or its number is not known here (yet).
        PatientUnknown: there is no chart, and too little is told to open one.
        SeatTaken: our window has sold the number, and the platform has not heard of it.
        VersionConflict: it revives what is over here under an equal or newer version.
    """
    row = await _find(tx, told)
    if row is not None and told.platform_id is not None and row["platform_id"] is None:
        await _link(tx, row, told)
    if row is None:
        return await _insert(tx, told)
    if told.platform_id is None:
        await _take_refusal(tx, row, told)
    else:
        await _follow(tx, row, told)
    return row["his_id"], row["mr"]


async def _find(tx: Transaction, told: ToldAppointment) -> Row | None:
    """Lock the appointment: by the platform's id, else by ours.

    Two messages of one appointment that is new here would both find none, so its id is locked first.
    """
    row = None
    if told.platform_id is not None:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(told.platform_id))
        row = await tx.fetchrow("SELECT * FROM appointment WHERE platform_id = $1 FOR UPDATE", told.platform_id)
    if row is None and told.his_id is not None:
        row = await tx.fetchrow("SELECT * FROM appointment WHERE his_id = $1 FOR UPDATE", told.his_id)
    if row is not None and told.platform_id is not None and row["platform_id"] not in (None, told.platform_id):
        raise VersionConflict
    return row


async def _link(tx: Transaction, row: Row, told: ToldAppointment) -> None:
    """Keep the platform's id of a number that our window sold: it stands there now."""
    await tx.execute(
        "UPDATE appointment SET platform_id = $2, platform_state = 'confirmed', updated_at = $3 WHERE id = $1",
        row["id"],
        told.platform_id,
        clock.now(),
    )
    await tx.execute(
        "UPDATE patient SET platform_id = $2 WHERE mr = $1 AND platform_id IS NULL"
        " AND NOT EXISTS (SELECT FROM patient o WHERE o.platform_id = $2)",
        row["mr"],
        told.patient.platform_id,
    )


async def _insert(tx: Transaction, told: ToldAppointment) -> tuple[str, str]:
    """Write an appointment down that is new here, whatever its status: a cancelled one keeps its version."""
    if told.platform_id is None or told.schedule_id is None or told.sequence is None:
        raise AppointmentUnknown
    slot = await _slot_of(tx, told)
    mr = await _chart_of(tx, told)
    if told.status != "cancelled":
        await _displace(tx, told, apart_from=None)
    now = clock.now()
    try:
        async with tx.connection.transaction():
            his_id: str = await tx.fetchval(
                "INSERT INTO appointment (platform_id, source, schedule_id, sequence, mr, status, version, starts_at,"
                " ends_at, clinic_date, made_by, channel, reason, platform_state, created_at, updated_at,"
                " agreed_fee_fen)"
                " VALUES ($1, 'platform', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'confirmed', $13, $13, $14)"
                " RETURNING his_id",
                told.platform_id,
                told.schedule_id,
                told.sequence,
                mr,
                told.status,
                told.version,
                told.starts_at or slot["starts_at"],
                told.ends_at or slot["ends_at"],
                slot["clinic_date"],
                told.made_by,
                told.channel,
                told.reason,
                now,
                told.agreed_fee_fen,
            )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != SEAT_CONSTRAINT:
            raise
        raise SeatTaken from error
    return his_id, mr


async def _follow(tx: Transaction, row: Row, told: ToldAppointment) -> None:
    """Follow a newer state; an older one changes nothing.

    Raises:
        ScheduleUnknown: it has moved to a number that is not known here (yet).
        SeatTaken: the number that it has moved to is sold by our window, and the platform has not heard of it.
    """
    is_elsewhere = _is_elsewhere(row, told)
    is_tie = told.version == row["version"]
    if told.version < row["version"] or (is_tie and row["status"] == "cancelled" != told.status):
        return
    if told.agreed_fee_fen is not None:
        await tx.execute("UPDATE appointment SET agreed_fee_fen = $2 WHERE id = $1", row["id"], told.agreed_fee_fen)
    if is_tie and told.status == row["status"] and not is_elsewhere and not row["displaced"]:
        return
    if told.status not in _STEPS[row["status"]]:
        await tx.execute("UPDATE appointment SET version = $2 WHERE id = $1", row["id"], told.version)
        return
    # One that was moved and then cancelled lies where it was last here too, as soon as that place is known.
    slot = await _slot_of(tx, told) if is_elsewhere else row
    is_moved = slot is not row
    if told.status != "cancelled":
        await _displace(tx, told, apart_from=row["id"])
    try:
        async with tx.connection.transaction():
            await tx.execute(
                "UPDATE appointment SET status = $2, version = $3, schedule_id = $4, sequence = $5, starts_at = $6,"
                " ends_at = $7, clinic_date = $8, reason = $9, displaced = false, updated_at = $10 WHERE id = $1",
                row["id"],
                told.status,
                told.version,
                told.schedule_id if is_moved else row["schedule_id"],
                told.sequence if is_moved else row["sequence"],
                (told.starts_at or slot["starts_at"]) if is_moved else row["starts_at"],
                (told.ends_at or slot["ends_at"]) if is_moved else row["ends_at"],
                slot["clinic_date"],
                told.reason,
                clock.now(),
            )
    except asyncpg.UniqueViolationError as error:
        raise SeatTaken from error


async def _displace(tx: Transaction, told: ToldAppointment, *, apart_from: int | None) -> None:
    """Take the number from a holder whom the platform knows: by its word, that holder has left it.

    Without this, two people who have exchanged numbers would wait for each other for ever. A number that our
    window has sold, and the platform has not heard of, stays where it is: the platform has to be told no.
    """
    await tx.execute(
        "UPDATE appointment SET displaced = true WHERE schedule_id = $1 AND sequence = $2 AND NOT displaced"
        " AND status IN ('booked', 'arrived', 'fulfilled', 'noshow') AND platform_id IS NOT NULL"
        " AND id IS DISTINCT FROM $3",
        told.schedule_id,
        told.sequence,
        apart_from,
    )


async def _take_refusal(tx: Transaction, row: Row, told: ToldAppointment) -> None:
    """Undo a number that our window sold and the platform, later, could not let stand.

    It comes under our number alone. Whatever became of the number here meanwhile, it does not stand there.

    Raises:
        VersionConflict: it is no cancellation, or of an appointment that the platform has.
    """
    if told.status != "cancelled" or row["platform_id"] is not None or row["source"] != "window":
        raise VersionConflict
    await undo_sale(tx, row, code=told.reason or REFUSED, text="")


async def undo_sale(tx: Transaction, row: Row, *, code: str, text: str) -> None:
    """Cancel a number that the platform refused, visibly for the clerk, and do not offer it again."""
    now = clock.now()
    await tx.execute(
        "UPDATE appointment SET status = 'cancelled', platform_state = 'refused', refusal_code = $2,"
        " refusal_text = $3, updated_at = $4 WHERE id = $1 AND platform_state <> 'refused'",
        row["id"],
        code,
        text,
        now,
    )
    await outbox.void_messages(tx, appointment_id=row["id"])
    if code in ("seat_taken", "schedule_unknown"):
        await tx.execute(
            "INSERT INTO refused_number VALUES ($1, $2) ON CONFLICT DO NOTHING", row["schedule_id"], row["sequence"]
        )


async def _slot_of(tx: Transaction, told: ToldAppointment) -> Row:
    slot = await tx.fetchrow(
        "SELECT t.starts_at, t.ends_at, s.clinic_date FROM schedule s JOIN slot t ON t.schedule_id = s.id"
        " WHERE s.id = $1 AND $2 BETWEEN t.first_sequence AND t.last_sequence"
        " ORDER BY t.starts_at = $3 DESC, t.first_sequence LIMIT 1",
        told.schedule_id,
        told.sequence,
        told.starts_at,
    )
    if slot is None:
        raise ScheduleUnknown
    return slot


async def _chart_of(tx: Transaction, told: ToldAppointment) -> str:
    """Find the person's chart, or open one."""
    chart = await find_chart(tx, told.patient)
    if chart is None:
        chart = await open_chart(tx, told.patient)
    elif chart["platform_id"] is None and told.patient.platform_id is not None:
        await follow_patient(tx, chart, told.patient, version=0)
    return str(chart["mr"])


def _is_elsewhere(row: Row, told: ToldAppointment) -> bool:
    if told.schedule_id is None or told.sequence is None:
        return False
    return (told.schedule_id, told.sequence) != (row["schedule_id"], row["sequence"])
