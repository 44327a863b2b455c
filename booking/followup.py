"""Booking the follow-up number (一次挂号管三天) directly; `service.confirm_hold` makes one of a hold."""

from uuid import UUID

from booking import claims, errors, followup_terms, returns, rules, service
from booking.facts import Appointment
from booking.rush import turns
from kernel import clock
from kernel.db import database
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
        rules.require_bookable(slot, at=at)
        people = await patients.eligibility_facts(tx, [(patient_id, None if actor.sees_all else actor.client_id)])
        if patient_id not in people:
            raise errors.PatientUnknown
        rules.require_eligible(slot, people[patient_id])
        rules.require_not_banned(slot, people[patient_id], at=at)
        await followup_terms.lock_first_visit(tx, first_id, slot, patient_id=patient_id, actor=actor)
        await turns.use_turn(tx, slot, patient_id, actor=actor, at=at)
        seat = await claims.claim_free_seat(tx, slot, at=at)
        appointment_id = new_id()
        await claims.claim_visit(
            tx,
            patient_id=patient_id,
            clinic_date=slot.clinic_date,
            department_id=None,
            daily_limit=slot.daily_limit,
            owner_id=appointment_id,
            actor=actor,
            at=at,
        )
        if seat["stale"] is not None:
            await returns.tell_of_ended_hold(tx, seat["id"], hold_id=seat["stale"], actor=service.SWEEP_ACTOR, at=at)
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
