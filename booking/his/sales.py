"""Numbers that the HIS's window has sold, as appointments of ours; and telling it which cannot stand."""

from datetime import datetime
from typing import Final
from uuid import UUID

from booking import claims, returns
from booking.his.errors import ScheduleUnknown, SeatTaken
from booking.his.outbound import HANDLER
from booking.windows import cases
from integration.his.errors import HisDisagrees
from integration.his.facts import AppointmentFacts
from kernel import clock
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id
from kernel.outbox import publish
from patients.his import HIS_CHANNEL, his_actor, take_over_patient, tell_patient

_SEAT_COLUMNS: Final = ("seq", "slot_id", "schedule_id", "department_id", "clinic_date", "starts_at", "fee_fen")
LINKED: Final = "appointment.linked"


async def take_over_appointment(tx: Transaction, told: AppointmentFacts, *, source: str) -> UUID:
    """Book exactly the seat that the HIS has sold, for the person whom it names.

    Raises:
        SeatTaken, ScheduleUnknown, AlreadyBooked, AlreadyHeld, DailyLimitReached,
        PatientNotFound, IdentityDisagrees, InvalidDocument, DocumentDisagrees.
        HisDisagrees: sold during an outage, and the window's earlier sale of the number is still to be given back.
    """
    actor = his_actor(source, staff_code=told.made_by)
    patient_id, newly_linked = await take_over_patient(tx, told.patient, actor=actor)
    if newly_linked and told.patient.platform_id is None:
        await tell_patient(tx, patient_id)
    seat = await find_sold_seat(tx, schedule_id=told.schedule_id, sequence=told.sequence)
    at = clock.now()
    appointment_id = new_id()
    try:
        await claim_sold_seat(tx, seat, actor=actor, at=at)
    except SeatTaken:
        if told.channel == cases.OFFLINE_CHANNEL and await _is_given_back_there(tx, seat["id"]):
            raise HisDisagrees(his_id=told.his_id) from None
        raise
    await _claim_visit(tx, seat, patient_id=patient_id, appointment_id=appointment_id, actor=actor, at=at)
    await record_sale(
        tx, seat, appointment_id=appointment_id, patient_id=patient_id, his_id=told.his_id, version=told.version,
        actor=actor, at=at,
    )  # fmt: skip
    await cases.close_merged(tx, told.his_id, appointment_id=appointment_id)
    return appointment_id


async def _is_given_back_there(tx: Transaction, seat_id: int) -> bool:
    """Tell whether the window has sold the number before: it sells none twice, so the first was given back there."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM appointment WHERE seat_id = $1 AND status = 'booked' AND channel = $2)",
            seat_id,
            HIS_CHANNEL,
        )
    )


async def record_sale(
    tx: Transaction,
    seat: Row,
    *,
    appointment_id: UUID,
    patient_id: UUID,
    his_id: str | None,
    version: int,
    actor: Actor,
    at: datetime,
    told_as: str = LINKED,
) -> None:
    """Write a number of the window's down as an appointment, on a seat that this transaction has booked.

    told_as: how the HIS hears of it. Linked, it has the number and learns under which id the platform has it; else it
    has still to follow.

    Raises:
        AlreadyBooked: the person stands in this schedule already.
    """
    await claims.insert_appointment(
        tx,
        {name: seat[name] for name in _SEAT_COLUMNS}
        | {
            "id": appointment_id,
            "seat_id": seat["id"],
            "patient_id": patient_id,
            "status": "booked",
            "channel": actor.channel,
            "client_id": actor.client_id,
            "staff_code": actor.staff_code,
            "his_status": "confirmed" if told_as == LINKED else "pending",
            "his_id": his_id,
            "version": version,
            "created_at": at,
            "updated_at": at,
        },
    )
    await claims.tell(
        tx,
        "booked",
        actor=actor,
        at=at,
        seat_id=seat["id"],
        schedule_id=seat["schedule_id"],
        patient_id=patient_id,
        appointment_id=appointment_id,
        details={"his_id": his_id},
    )
    await claims.send_appointment(
        tx,
        told_as,
        appointment_id=appointment_id,
        patient_id=patient_id,
        version=version,
        handlers=(HANDLER,),
    )


async def _claim_visit(
    tx: Transaction, seat: Row, *, patient_id: UUID, appointment_id: UUID, actor: Actor, at: datetime
) -> None:
    """Take the person's place in the clinic day by the clinic's rule.

    Raises:
        AlreadyBooked, AlreadyHeld, DailyLimitReached.
    """
    rule = await tx.fetchrow(
        "SELECT coalesce(o.once_per_department_day, h.once_per_department_day) AS once,"
        " coalesce(o.daily_limit, h.daily_limit) AS daily_limit FROM booking_rule h"
        " LEFT JOIN booking_rule o ON o.clinic_id = $1 WHERE h.clinic_id IS NULL",
        seat["clinic_id"],
    )
    assert rule is not None, "the hospital's own rule is always there"
    await claims.claim_visit(
        tx,
        patient_id=patient_id,
        clinic_date=seat["clinic_date"],
        department_id=seat["department_id"] if rule["once"] else None,
        daily_limit=rule["daily_limit"],
        owner_id=appointment_id,
        actor=actor,
        at=at,
    )


async def find_sold_seat(tx: Transaction, *, schedule_id: UUID | None, sequence: int | None) -> Row:
    """Read the seat that the HIS names.

    Raises:
        ScheduleUnknown: no such number, or its schedule was withdrawn.
    """
    seat = await tx.fetchrow(
        "SELECT t.id, t.seq, t.slot_id, t.schedule_id, s.starts_at,"
        " sc.clinic_date, sc.department_id, sc.clinic_id, sc.fee_fen, sc.status AS schedule_status"
        " FROM seat t JOIN slot s ON s.id = t.slot_id JOIN schedule sc ON sc.id = t.schedule_id"
        " WHERE t.schedule_id = $1 AND t.seq = $2",
        schedule_id,
        sequence,
    )
    if seat is None or seat["schedule_status"] != "active":
        raise ScheduleUnknown
    return seat


async def claim_sold_seat(tx: Transaction, seat: Row, *, actor: Actor, at: datetime) -> None:
    """Book that very seat, if it is free or its hold has ended.

    Raises:
        SeatTaken: held, booked or blocked.
    """
    claimed = await claims.claim_named_seat(tx, seat["id"], at=at)
    if claimed is None:
        raise SeatTaken
    if claimed["stale"] is not None:
        await returns.tell_of_ended_hold(tx, seat["id"], hold_id=claimed["stale"], actor=actor, at=at)


async def refuse_sale(
    tx: Transaction,
    *,
    source: str,
    his_id: str,
    version: int,
    his_number: str | None,
    schedule_id: UUID | None,
    sequence: int | None,
    reason: str,
) -> None:
    """Tell the HIS that a number its window sold cannot stand."""
    await publish(
        tx,
        handler=HANDLER,
        event_type="his_booking.refused",
        aggregate=f"his-appointment:{source}:{his_id}",
        payload={
            "his_id": his_id,
            "version": version,
            "his_number": his_number,
            "schedule_id": str(schedule_id),
            "sequence": sequence,
            "reason": reason,
        },
    )
