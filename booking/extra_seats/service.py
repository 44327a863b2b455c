"""加号: one member of staff asks for a number more, another approves, and it is sold at once or released to sale."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from booking import claims, returns, rules
from booking.catalogue import errors as catalogue_errors
from booking.catalogue.announcing import announce_schedules
from booking.catalogue.entries import Values, plain, share_lock
from booking.errors import PatientUnknown
from booking.extra_seats import errors
from booking.extra_seats.quotas import half_day_of, require_quota
from booking.extra_seats.states import EXTRA_SEAT
from booking.facts import SlotFacts, read_slot_facts
from booking.fairness import bans
from booking.service import HANDLERS
from kernel import clock
from kernel.audit import record_change
from kernel.db import Database, Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients

_COLUMNS: Final = (
    "e.id, e.slot_id, e.schedule_id, e.practitioner_id, e.clinic_date AS date, e.half_day, e.pool, e.patient_id,"
    " e.ban_pass_reason, e.reason, e.status, e.requested_by, e.decided_by, s.seq AS queue_number, e.appointment_id,"
    " e.created_at, e.updated_at"
)


async def request_extra_seat(
    *,
    slot_id: UUID,
    pool: str,
    patient_id: UUID | None,
    reason: str,
    pass_reason: str | None = None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Ask for one more number in a slot, for a patient by name or for whoever may book the pool.

    pass_reason: why the named patient shall have it in spite of a ban.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming slot.
        ExtraSeatStopped, ReferenceUnknown: not there.
        PatientUnknown, PatientNotEligible, PatientBanned: not for this patient.
        ExtraSeatQuotaReached: the practitioner's half day has no room.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        if not await share_lock(tx, "pool", "code", pool):
            raise catalogue_errors.ReferenceUnknown(field="pool")
        slot = await _lock_slot(tx, slot_id, actor)
        if patient_id is not None:
            await _require_patient(tx, slot, patient_id, pass_reason=pass_reason, at=at)
        half_day = half_day_of(slot.starts_at)
        await require_quota(tx, slot.practitioner_id, clinic_date=slot.clinic_date, half_day=half_day)
        request_id = new_id()
        await tx.execute(
            "INSERT INTO extra_seat (id, slot_id, schedule_id, practitioner_id, clinic_date, half_day, pool,"
            " patient_id, reason, status, requested_by, client_id, created_at, updated_at, ban_pass_reason)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'requested', $10, $11, $12, $12, $13)",
            request_id,
            slot_id,
            slot.schedule_id,
            slot.practitioner_id,
            slot.clinic_date,
            half_day,
            pool,
            patient_id,
            reason,
            actor.staff_code,
            actor.client_id,
            at,
            pass_reason,
        )
        return await _answer(tx, request_id, before=None, actor=actor, idempotency=idempotency)


async def approve_extra_seat(request_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Add the number that a colleague has asked for; a named patient has it at once.

    Raises:
        EntryNotFound, ExtraSeatDecided, SecondPersonNeeded: it is not to be decided, or not by who asked.
        ScheduleNotActive, DayPast, ExtraSeatStopped: the slot is over or stopped by now.
        PatientUnknown, PatientNotEligible, PatientBanned: not for this patient.
        AlreadyBooked, AlreadyHeld, DailyLimitReached: the person's day is taken.
        Contended, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await _lock_request(tx, request_id, to="approved", actor=actor)
        slot = await _lock_slot(tx, row["slot_id"], actor)
        if row["patient_id"] is None:
            seat, appointment_id = await _add_seat(tx, row, status="free"), None
            # Who waits comes first.
            await returns.return_seat(tx, seat["id"], because="extra_seat", at=clock.now(), cools=False)
        else:
            passed: str | None = row["ban_pass_reason"]
            await _require_patient(tx, slot, row["patient_id"], pass_reason=passed, at=clock.now())
            seat = await _add_seat(tx, row, status="booked")
            appointment_id = await _book(tx, row, slot, seat, actor=actor)
        await _decide(tx, row, to="approved", seat_id=seat["id"], appointment_id=appointment_id, actor=actor)
        await tx.execute("UPDATE schedule SET version = version + 1 WHERE id = $1", slot.schedule_id)
        await announce_schedules(tx, [slot.schedule_id], event_type="schedule.changed")
        return await _answer(tx, request_id, before={"status": "requested"}, actor=actor, idempotency=idempotency)


async def refuse_extra_seat(request_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Turn a colleague's request down; its place in the quota is free again.

    Raises:
        EntryNotFound, ExtraSeatDecided, SecondPersonNeeded, IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        row = await _lock_request(tx, request_id, to="refused", actor=actor)
        await _decide(tx, row, to="refused", seat_id=None, appointment_id=None, actor=actor)
        return await _answer(tx, request_id, before={"status": "requested"}, actor=actor, idempotency=idempotency)


async def get_extra_seat(request_id: UUID) -> Values:
    """Read a request and what became of it.

    Raises:
        EntryNotFound, DatabaseUnavailable.
    """
    return await _shown(database(), request_id)


async def list_extra_seats(
    *, schedule_id: UUID | None, status: str | None, before: UUID | None, limit: int
) -> list[Values]:
    """List requests, the newest first; `before` is the last id of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"SELECT {_COLUMNS} FROM extra_seat e LEFT JOIN seat s ON s.id = e.seat_id"  # noqa: S608  our own names
        " WHERE ($1::uuid IS NULL OR e.schedule_id = $1) AND ($2::text IS NULL OR e.status = $2)"
        " AND ($3::uuid IS NULL OR e.id < $3) ORDER BY e.id DESC LIMIT $4",
        schedule_id,
        status,
        before,
        limit,
    )
    return [plain(dict(row)) for row in rows]


async def _lock_slot(tx: Transaction, slot_id: UUID, actor: Actor) -> SlotFacts:
    """Lock a slot's schedule, as who stops it does, and read the slot."""
    row = await tx.fetchrow(
        "SELECT sc.id, sc.status, t.starts_at, sc.clinic_date FROM slot t JOIN schedule sc ON sc.id = t.schedule_id"
        " WHERE t.id = $1 FOR NO KEY UPDATE OF sc",
        slot_id,
    )
    if row is None:
        raise catalogue_errors.EntryNotFound(entity="slot")
    if row["status"] != "active":
        raise catalogue_errors.ScheduleNotActive(current_status=row["status"])
    if row["starts_at"] <= clock.now():
        raise catalogue_errors.DayPast(date=row["clinic_date"].isoformat())
    stop_id = await tx.fetchval(
        "SELECT o.id FROM stop_order o WHERE o.schedule_id = $1 AND o.status <> 'restarted' AND o.queue_numbers IS NULL"
        " AND NOT (o.status = 'finished' AND o.substitution IS NOT DISTINCT FROM 'done')"
        " AND (o.slot_ids IS NULL OR $2 = ANY (o.slot_ids)) AND $3 >= o.effective_at ORDER BY o.id LIMIT 1",
        row["id"],
        slot_id,
        row["starts_at"],
    )
    if stop_id is not None:
        raise errors.ExtraSeatStopped(stop_id=str(stop_id))
    key = (slot_id, actor.channel)
    return (await read_slot_facts(tx, [key], at=clock.now()))[key]


async def _require_patient(
    tx: Transaction, slot: SlotFacts, patient_id: UUID, *, pass_reason: str | None, at: datetime
) -> None:
    people = await patients.eligibility_facts(tx, [(patient_id, None)])
    if patient_id not in people:
        raise PatientUnknown
    rules.require_eligible(slot, people[patient_id])
    if pass_reason is None:
        rules.require_not_banned(slot, people[patient_id], at=at)


async def _lock_request(tx: Transaction, request_id: UUID, *, to: str, actor: Actor) -> Row:
    row = await tx.fetchrow("SELECT * FROM extra_seat WHERE id = $1 FOR UPDATE", request_id)
    if row is None:
        raise catalogue_errors.EntryNotFound(entity="extra_seat")
    if not EXTRA_SEAT.allows(row["status"], to):
        raise errors.ExtraSeatDecided(current_status=row["status"])
    if row["requested_by"] == actor.staff_code:
        raise errors.SecondPersonNeeded
    return row


async def _add_seat(tx: Transaction, request: Row, *, status: str) -> Row:
    """Add a seat with the schedule's next number; nobody else adds one, the schedule is locked."""
    row = await tx.fetchrow(
        "INSERT INTO seat (schedule_id, slot_id, seq, pool, status)"
        " SELECT $1, $2, max(seq) + 1, $3, $4 FROM seat WHERE schedule_id = $1 RETURNING id, seq",
        request["schedule_id"],
        request["slot_id"],
        request["pool"],
        status,
    )
    assert row is not None, "a schedule has seats"
    return row


async def _book(tx: Transaction, request: Row, slot: SlotFacts, seat: Row, *, actor: Actor) -> UUID:
    at, appointment_id = clock.now(), new_id()
    await claims.claim_visit(
        tx,
        patient_id=request["patient_id"],
        clinic_date=slot.clinic_date,
        department_id=slot.department_id if slot.once_per_department_day else None,
        daily_limit=slot.daily_limit,
        owner_id=appointment_id,
        actor=actor,
        at=at,
    )
    whose = {"patient_id": request["patient_id"], "appointment_id": appointment_id}
    await claims.insert_appointment(
        tx,
        {
            "id": appointment_id,
            "seat_id": seat["id"],
            "seq": seat["seq"],
            "slot_id": slot.slot_id,
            "schedule_id": slot.schedule_id,
            "department_id": slot.department_id,
            "clinic_date": slot.clinic_date,
            "starts_at": slot.starts_at,
            "patient_id": request["patient_id"],
            "status": "booked",
            "channel": actor.channel,
            "client_id": request["client_id"],
            "staff_code": request["requested_by"],
            "fee_fen": slot.fee_fen,
            "created_at": at,
            "updated_at": at,
        },
    )
    await claims.tell(tx, "booked", actor=actor, at=at, seat_id=seat["id"], schedule_id=slot.schedule_id, **whose)
    await claims.send_appointment(tx, "appointment.booked", version=1, handlers=HANDLERS, **whose)
    if request["ban_pass_reason"] is not None:
        await bans.tell(tx, "passed", actor=actor, at=at, reason=request["ban_pass_reason"], **whose)
    return appointment_id


async def _decide(
    tx: Transaction, request: Row, *, to: str, seat_id: int | None, appointment_id: UUID | None, actor: Actor
) -> None:
    turned = await tx.execute(
        "UPDATE extra_seat SET status = $2, decided_by = $3, seat_id = $4, appointment_id = $5, updated_at = $6"
        " WHERE id = $1 AND status = ANY ($7)",
        request["id"],
        to,
        actor.staff_code,
        seat_id,
        appointment_id,
        clock.now(),
        EXTRA_SEAT.before(to),
    )
    assert turned == 1, "it is locked"


async def _answer(
    tx: Transaction,
    request_id: UUID,
    *,
    before: dict[str, Any] | None,
    actor: Actor,
    idempotency: Idempotency | None,
) -> Values:
    answer = await _shown(tx, request_id)
    await record_change(
        tx,
        entity="extra_seat",
        entity_id=str(request_id),
        action="created" if before is None else "updated",
        before=before,
        after=answer,
        actor=actor,
    )
    if idempotency:
        await idempotency.remember(tx, answer)
    return answer


async def _shown(db: Database | Transaction, request_id: UUID) -> Values:
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM extra_seat e LEFT JOIN seat s ON s.id = e.seat_id WHERE e.id = $1",  # noqa: S608  our own names
        request_id,
    )
    if row is None:
        raise catalogue_errors.EntryNotFound(entity="extra_seat")
    return plain(dict(row))
