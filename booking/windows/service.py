"""What the slot office does about the windows' emergency quota, and how staff settle what could not be merged."""

from datetime import datetime
from typing import Final
from uuid import UUID

from booking import claims, returns, rules
from booking import errors as booking_errors
from booking.catalogue.entries import Values
from booking.catalogue.errors import EntryNotFound
from booking.catalogue.schedules import lock_coming
from booking.facts import read_slot_facts
from booking.his import sales
from booking.his.errors import ScheduleUnknown, SeatTaken
from booking.service import settle_slot_first
from booking.windows import cases, errors, numbers
from booking.windows.queries import show_case, show_quota
from booking.windows.states import WINDOW_CASE
from kernel import clock
from kernel.audit import record_change
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients

VISITS_A_DAY_MAX: Final = 50
"""Of a person who stands before a clerk: no rule of the clinic's is asked, but numbers have an end."""
REFUSED_BY_STAFF: Final = "refused_by_staff"
BOOKED, MOVED = "appointment.booked", "appointment.moved"


async def set_quota(schedule_id: UUID, *, count: int, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Set how many unused numbers of a schedule the HIS's window holds: more are set aside, or some asked back.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming schedule.
        TooFewNumbers: fewer are free, or it would be more than half of what is.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        await lock_coming(tx, schedule_id)
        held = await tx.fetch(
            "SELECT seat_id FROM window_number WHERE schedule_id = $1 AND status IN ('set_aside', 'confirmed')"
            " ORDER BY seq DESC",
            schedule_id,
        )
        version = await tx.fetchval(
            "UPDATE schedule SET version = version + 1 WHERE id = $1 RETURNING version", schedule_id
        )
        if count < len(held):
            too_many = [row["seat_id"] for row in held[: len(held) - count]]
            await numbers.ask_back(tx, schedule_id, too_many, version=version, at=at)
        else:
            added = await numbers.set_aside(tx, [schedule_id], at=at, numbers=count)
            if len(held) + added < count:
                raise errors.TooFewNumbers(free=added)
            await numbers.tell_his(tx, [schedule_id], event_type="schedule.changed")
        await record_change(
            tx,
            entity="emergency_quota",
            entity_id=str(schedule_id),
            action="updated",
            before={"numbers": len(held)},
            after={"numbers": count},
            actor=actor,
        )
        answer = await show_quota(tx, schedule_id)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def accept_case(
    case_id: UUID,
    *,
    slot_id: UUID | None,
    patient_id: UUID | None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Values:
    """Let a registration of an outage stand in spite of the clinic's rules, with its own number or in another slot.

    Raises:
        EntryNotFound, CaseSettled: there is no such open case.
        PersonUnknown, PatientUnknown: it is not said who the person is, or there is nobody such.
        NumberTaken: its own number is another's or stopped.
        SlotNotFound, SlotPast, NotReleased, SoldOut: the other slot cannot be had.
        AlreadyBooked, Contended: the person stands in that very schedule; many want the day at once.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    at = clock.now()
    if slot_id is not None:
        await settle_slot_first(slot_id, actor, at=at)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        case = await _lock_case(tx, case_id, to="accepted")
        person = await _require_person(tx, patient_id or case["patient_id"])
        if slot_id is None:
            seat = await _claim_own_number(tx, case, actor=actor, at=at)
        else:
            seat = await _claim_in_slot(tx, slot_id, actor=actor, at=at)
        appointment_id = new_id()
        await claims.claim_visit(
            tx,
            patient_id=person,
            clinic_date=seat["clinic_date"],
            department_id=None,
            daily_limit=VISITS_A_DAY_MAX,
            owner_id=appointment_id,
            actor=actor,
            at=at,
        )
        stands, elsewhere = case["stands"], slot_id is not None
        await sales.record_sale(
            tx,
            seat,
            appointment_id=appointment_id,
            patient_id=person,
            his_id=case["his_id"] if stands else None,
            version=case["version"] if stands else 1,
            actor=actor,
            at=at,
            told_as=BOOKED if not stands else MOVED if elsewhere else sales.LINKED,
        )
        await cases.settle(tx, case, to="accepted", actor=actor, appointment_id=appointment_id)
        return await _answer(tx, case, actor=actor, idempotency=idempotency)


async def refuse_case(case_id: UUID, *, note: str, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Close a case without an appointment, once the person has been told; the HIS undoes what stands at its window.

    Raises:
        EntryNotFound, CaseSettled: there is no such open case.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        case = await _lock_case(tx, case_id, to="refused")
        if case["stands"]:
            await sales.refuse_sale(
                tx,
                source=case["source"],
                his_id=case["his_id"],
                version=case["version"],
                his_number=case["his_number"],
                schedule_id=case["schedule_id"],
                sequence=case["seq"],
                reason=REFUSED_BY_STAFF,
            )
        await cases.settle(tx, case, to="refused", actor=actor, note=note)
        return await _answer(tx, case, actor=actor, idempotency=idempotency)


async def _lock_case(tx: Transaction, case_id: UUID, *, to: str) -> Row:
    row = await tx.fetchrow("SELECT * FROM window_case WHERE id = $1 FOR UPDATE", case_id)
    if row is None:
        raise EntryNotFound(entity="window_case")
    if not WINDOW_CASE.allows(row["status"], to):
        raise errors.CaseSettled(current_status=row["status"])
    return row


async def _require_person(tx: Transaction, patient_id: UUID | None) -> UUID:
    if patient_id is None:
        raise errors.PersonUnknown
    if not await patients.eligibility_facts(tx, [(patient_id, None)]):
        raise booking_errors.PatientUnknown
    return patient_id


async def _claim_own_number(tx: Transaction, case: Row, *, actor: Actor, at: datetime) -> Row:
    if not case["stands"]:
        raise errors.NumberTaken
    try:
        seat = await sales.find_sold_seat(tx, schedule_id=case["schedule_id"], sequence=case["seq"])
        await sales.claim_sold_seat(tx, seat, actor=actor, at=at)
    except (ScheduleUnknown, SeatTaken) as error:
        raise errors.NumberTaken from error
    return seat


async def _claim_in_slot(tx: Transaction, slot_id: UUID, *, actor: Actor, at: datetime) -> Row:
    key = (slot_id, actor.channel)
    slot = (await read_slot_facts(tx, [key], at=at)).get(key)
    if slot is None:
        raise booking_errors.SlotNotFound
    rules.require_bookable(slot, at=at)
    claimed = await claims.claim_free_seat(tx, slot, at=at)
    if claimed["stale"] is not None:
        await returns.tell_of_ended_hold(tx, claimed["id"], hold_id=claimed["stale"], actor=actor, at=at)
    return await sales.find_sold_seat(tx, schedule_id=slot.schedule_id, sequence=claimed["seq"])


async def _answer(tx: Transaction, case: Row, *, actor: Actor, idempotency: Idempotency | None) -> Values:
    answer = await show_case(tx, case["id"])
    # A number asked back meanwhile is asked for again, now that it is settled who has it.
    await tx.execute(
        "UPDATE window_number SET asked_at = '-infinity' WHERE schedule_id = $1 AND seq = $2 AND status = 'recalled'",
        case["schedule_id"],
        case["seq"],
    )
    await record_change(
        tx,
        entity="window_case",
        entity_id=str(case["id"]),
        action="updated",
        before={"status": case["status"]},
        after={"status": answer["status"], "appointment_id": answer["appointment_id"], "note": answer["note"]},
        actor=actor,
    )
    if idempotency:
        await idempotency.remember(tx, answer)
    return answer
