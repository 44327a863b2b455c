"""The follow-up number (一次挂号管三天): booked directly, or held; `service.confirm_hold` books a held one."""

from datetime import datetime
from uuid import UUID

from booking import claims, errors, followup_terms, queries, returns, rules, service
from booking.facts import Appointment, Hold, SlotFacts
from booking.fairness import cool_downs
from booking.rush import turns
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients


async def book_follow_up(
    *, slot_id: UUID, patient_id: UUID, first_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Appointment:
    """Book the one free follow-up of a visit, on the day of the visit too; it counts among the day's numbers.

    Raises:
        As book_appointment without a pass, AppointmentNotFound: of the first visit, and
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed, FollowUpUsed.
    """
    at = clock.now()
    await service.settle_slot_first(slot_id, actor, at=at)
    async with service.only_own_named(actor), database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        slot = await service.read_slot(tx, slot_id, actor)
        await _require_allowed(tx, slot, patient_id=patient_id, actor=actor, at=at)
        await followup_terms.lock_first_visit(tx, first_id, slot, patient_id=patient_id, actor=actor)
        await turns.use_turn(tx, slot, patient_id, actor=actor, at=at)
        seat = await claims.claim_free_seat(tx, slot, at=at)
        appointment_id = new_id()
        await _take_place(tx, slot, seat, patient_id=patient_id, owner_id=appointment_id, actor=actor, at=at)
        answer = await service.write_appointment(
            tx,
            service.appointment_values(appointment_id, slot, patient_id, actor)
            | followup_terms.free_follow_up(first_id)
            | {"seat_id": seat["id"], "seq": seat["seq"], "created_at": at, "updated_at": at},
            slot,
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def hold_follow_up(
    *, slot_id: UUID, patient_id: UUID, first_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Hold:
    """Hold a number for the one free follow-up of a visit, on the day of the visit too; one at a time for a visit.

    Raises:
        As hold_seat but for LimitReached, AppointmentNotFound: of the first visit, and
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed, FollowUpUsed.
    """
    at = clock.now()
    await service.settle_slot_first(slot_id, actor, at=at)
    async with service.only_own_named(actor), database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Hold.from_stored(stored)
        slot = await service.read_slot(tx, slot_id, actor)
        person = await _require_allowed(tx, slot, patient_id=patient_id, actor=actor, at=at)
        await _require_not_paused(tx, slot, person, patient_id=patient_id, actor=actor, at=at)
        await followup_terms.lock_first_visit(tx, first_id, slot, patient_id=patient_id, actor=actor)
        await _require_none_held(tx, first_id, at=at)
        await turns.use_turn(tx, slot, patient_id, actor=actor, at=at)
        hold_id, until = new_id(), rules.hold_until(slot, at=at)
        seat = await claims.claim_free_seat(tx, slot, at=at, hold=(hold_id, until))
        await _take_place(tx, slot, seat, patient_id=patient_id, owner_id=hold_id, actor=actor, at=at, until=until)
        row = await tx.fetchrow(
            "INSERT INTO hold (id, seat_id, slot_id, schedule_id, patient_id, status, until, channel, client_id,"
            " staff_code, created_at, follow_up_of) VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9, $10, $11)"
            " RETURNING *, $12::integer AS seq",
            hold_id,
            seat["id"],
            slot.slot_id,
            slot.schedule_id,
            patient_id,
            until,
            actor.channel,
            actor.client_id,
            actor.staff_code,
            at,
            first_id,
            seat["seq"],
        )
        assert row is not None, "just written"
        whose = {"seat_id": seat["id"], "schedule_id": slot.schedule_id, "patient_id": patient_id}
        await claims.tell(tx, "held", actor=actor, at=at, hold_id=hold_id, **whose)
        answer = queries.shape_hold(row, fee_fen=slot.fee_fen, status="active", at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def _require_allowed(
    tx: Transaction, slot: SlotFacts, *, patient_id: UUID, actor: Actor, at: datetime
) -> patients.PatientFacts:
    rules.require_bookable(slot, at=at)
    people = await patients.eligibility_facts(tx, [(patient_id, None if actor.sees_all else actor.client_id)])
    if patient_id not in people:
        raise errors.PatientUnknown
    rules.require_eligible(slot, people[patient_id])
    rules.require_not_banned(slot, people[patient_id], at=at)
    return people[patient_id]


async def _require_not_paused(
    tx: Transaction, slot: SlotFacts, person: patients.PatientFacts, *, patient_id: UUID, actor: Actor, at: datetime
) -> None:
    if not slot.has_cool_downs or slot.is_emergency:
        return
    subjects = cool_downs.subjects_of(actor, patient_id, person.phone_hash)
    for refusal in (await cool_downs.find_paused(tx, [(0, subjects)], at=at)).values():
        raise refusal


async def _require_none_held(tx: Transaction, first_id: UUID, *, at: datetime) -> None:
    """Let one follow-up of a visit be held at a time; the visit's row is locked."""
    until = await tx.fetchval(
        "SELECT until FROM hold WHERE follow_up_of = $1 AND status = 'active' AND until > $2", first_id, at
    )
    if until is not None:
        raise errors.AlreadyHeld(until=until)


async def _take_place(
    tx: Transaction,
    slot: SlotFacts,
    seat: Row,
    *,
    patient_id: UUID,
    owner_id: UUID,
    actor: Actor,
    at: datetime,
    until: datetime | None = None,
) -> None:
    """Take a place in the person's day beside the visit's own, and write down the hold that the seat was left by."""
    await claims.claim_visit(
        tx,
        patient_id=patient_id,
        clinic_date=slot.clinic_date,
        department_id=None,
        daily_limit=slot.daily_limit,
        owner_id=owner_id,
        actor=actor,
        at=at,
        until=until,
    )
    if seat["stale"] is not None:
        await returns.tell_of_ended_hold(tx, seat["id"], hold_id=seat["stale"], actor=service.SWEEP_ACTOR, at=at)
