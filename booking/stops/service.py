"""What the slot office does with stop orders, and how patients answer what they are offered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from booking import claims as booking_claims
from booking import errors as booking_errors
from booking import queries as booking_queries
from booking.catalogue import errors as catalogue_errors
from booking.catalogue.entries import Values, plain
from booking.facts import Appointment, read_slot_facts
from booking.payment import links
from booking.service import settle_slot_first
from booking.stops import claims, errors, resolving
from booking.stops.facts import SUBSTITUTE, NewStop, StopPolicy, require_policy
from booking.stops.queries import show_order
from booking.stops.substitution import find_fee, is_free
from kernel import clock
from kernel.audit import record_change
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id

_RULE: Final = "SELECT steps, offer_minutes, within_days, version FROM stop_rule"


async def order_stop(new: NewStop, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Stop a clinic, slots of it or single numbers; the saga takes it from here (booking/stops/saga.py).

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast: there is no such coming schedule.
        NothingToStop, AlreadyStopped: nothing lies in what shall be stopped, or nothing that is not stopped.
        PolicyInvalid, ValueNotAllowed, ReferenceUnknown, FeeMissing, ScheduleClash: the policy cannot be carried out.
        IdempotencyMismatch, DatabaseUnavailable, DatabaseBusy.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        answer = await order_within(tx, new, actor=actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def order_within(tx: Transaction, new: NewStop, *, actor: Actor) -> Values:
    """Order a stop in the caller's transaction.

    Raises:
        EntryNotFound, ScheduleNotActive, DayPast, NothingToStop, AlreadyStopped.
        PolicyInvalid, ValueNotAllowed, ReferenceUnknown, FeeMissing, ScheduleClash.
    """
    at = clock.now()
    schedule = await _lock_coming(tx, new.schedule_id, at=at)
    policy = await _policy_of(tx, new)
    await _require_substitute(tx, new, policy, schedule, at=at)
    order_id = new_id()
    await tx.execute(
        "INSERT INTO stop_order (id, schedule_id, level, slot_ids, queue_numbers, effective_at, reason, steps,"
        " offer_minutes, within_days, substitute_id, status, client_id, staff_code, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'freezing', $12, $13, $14, $14)",
        order_id,
        new.schedule_id,
        new.level,
        None if new.slot_ids is None else list(new.slot_ids),
        None if new.queue_numbers is None else list(new.queue_numbers),
        # What has begun goes on; who is in the room is not sent away.
        max(new.effective_at or at, at),
        new.reason,
        list(policy.steps),
        policy.offer_minutes,
        policy.within_days,
        new.substitute_id,
        actor.client_id,
        actor.staff_code,
        at,
    )
    await _require_something(tx, order_id)
    answer = await show_order(tx, order_id)
    await _record(tx, order_id, before=None, after=answer, actor=actor)
    return answer


async def pause_stop(order_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Let an order rest after the step under way; offers that stand can still be answered.

    Raises:
        EntryNotFound, StopStatusConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(order_id, to="paused", actor=actor, idempotency=idempotency)


async def resume_stop(order_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Go on with an order that rests.

    Raises:
        EntryNotFound, StopStatusConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(order_id, to="freezing", actor=actor, idempotency=idempotency)


async def abort_stop(order_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Leave the rest to people: open cases keep their appointments, frozen seats stay out of sale.

    Raises:
        EntryNotFound, StopStatusConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(order_id, to="aborted", actor=actor, idempotency=idempotency)


async def restart_clinic(order_id: UUID, *, actor: Actor, idempotency: Idempotency | None = None) -> Values:
    """Take a stop back before its first slot begins: seats go back on sale, open cases keep their appointments.

    Who was moved or cancelled meanwhile stays so; nobody is moved twice without being asked.

    Raises:
        EntryNotFound, StopStatusConflict: there is no such order, or it was taken back already.
        RestartTooLate: what was stopped has begun, or a substitute gives the clinic.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    return await _turn(order_id, to="restarted", actor=actor, idempotency=idempotency)


async def choose_slot(
    *, appointment_id: UUID, slot_id: UUID, actor: Actor, idempotency: Idempotency | None = None
) -> Appointment:
    """Take another time for an appointment of a stopped clinic; neither deadline nor limit of moves counts.

    Raises:
        AppointmentNotFound, AppointmentNotActive: it is not there to be moved.
        OfferNotFound, OfferEnded: nothing is offered (any more).
        SlotNotFound, SlotPast, NotReleased, OtherDepartment, PatientNotEligible: not to there.
        AlreadyBooked, AlreadyHeld, DailyLimitReached, SoldOut.
        FeeDiffers, PaymentUnderWay: its fee was paid, and is another one there.
        Contended, IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    await settle_slot_first(slot_id, actor, at=at)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        row = await _lock_booked(tx, appointment_id, actor)
        key = (slot_id, actor.channel)
        slot = (await read_slot_facts(tx, [key], at=at)).get(key)
        if slot is None:
            raise booking_errors.SlotNotFound
        await resolving.choose_slot(tx, row, slot, actor=actor, at=at)
        return await _answered(tx, appointment_id, idempotency)


async def decline_offer(*, appointment_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Appointment:
    """Give up an appointment of a stopped clinic rather than take another time; no deadline of the clinic counts.

    Raises:
        AppointmentNotFound, AppointmentNotActive: it is not there to be cancelled.
        OfferNotFound, OfferEnded: nothing is offered (any more).
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        row = await _lock_booked(tx, appointment_id, actor)
        await resolving.decline_offer(tx, row, actor=actor, at=clock.now())
        return await _answered(tx, appointment_id, idempotency)


async def get_rule() -> Values:
    """Read what is done for the patients of a stopped clinic where an order says nothing else.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(_RULE)
    assert row is not None, "the hospital's own rule is always there"
    return plain(dict(row))


async def change_rule(
    policy: StopPolicy, *, version: int, actor: Actor, idempotency: Idempotency | None = None
) -> Values:
    """Set what is done where an order says nothing else; orders that stand keep their own.

    Raises:
        PolicyInvalid, VersionConflict, IdempotencyMismatch, DatabaseUnavailable.
    """
    require_policy(policy.steps)
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        before = await tx.fetchrow(f"{_RULE} FOR UPDATE")
        assert before is not None, "the hospital's own rule is always there"
        if before["version"] != version:
            raise catalogue_errors.VersionConflict(current=before["version"])
        after = await tx.fetchrow(
            "UPDATE stop_rule SET steps = $1, offer_minutes = $2, within_days = $3, version = version + 1"
            " WHERE version = $4 RETURNING steps, offer_minutes, within_days, version",
            list(policy.steps),
            policy.offer_minutes,
            policy.within_days,
            version,
        )
        assert after is not None, "it is locked"
        answer = plain(dict(after))
        await record_change(
            tx,
            entity="stop_rule",
            entity_id="hospital",
            action="updated",
            before=plain(dict(before)),
            after=answer,
            actor=actor,
        )
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def _lock_coming(tx: Transaction, schedule_id: UUID, *, at: datetime) -> Row:
    row = await tx.fetchrow("SELECT * FROM schedule WHERE id = $1 FOR NO KEY UPDATE", schedule_id)
    if row is None:
        raise catalogue_errors.EntryNotFound(entity="schedule")
    if row["status"] != "active":
        raise catalogue_errors.ScheduleNotActive(current_status=row["status"])
    if row["ends_at"] <= at:
        raise catalogue_errors.DayPast(date=row["clinic_date"].isoformat())
    return row


async def _policy_of(tx: Transaction, new: NewStop) -> StopPolicy:
    """Take what the order says, and the hospital's rule for the rest.

    A substitute comes only where one is named; where the rule begins with one and nobody is named, the next step is.
    """
    rule = await tx.fetchrow(_RULE)
    assert rule is not None, "the hospital's own rule is always there"
    steps: Sequence[str] = new.steps if new.steps is not None else rule["steps"]
    if new.steps is None and new.substitute_id is None:
        steps = [step for step in steps if step != SUBSTITUTE]
    require_policy(steps)
    return StopPolicy(
        steps=tuple(steps),
        offer_minutes=rule["offer_minutes"] if new.offer_minutes is None else new.offer_minutes,
        within_days=rule["within_days"] if new.within_days is None else new.within_days,
    )


async def _require_substitute(
    tx: Transaction, new: NewStop, policy: StopPolicy, schedule: Row, *, at: datetime
) -> None:
    """Ask that a substitute is named where the policy has that step, can come, and takes the whole schedule over."""
    if (SUBSTITUTE in policy.steps) != (new.substitute_id is not None):
        raise errors.PolicyInvalid(reason="substitute_missing" if new.substitute_id is None else "substitute_unused")
    if new.substitute_id is None:
        return
    # A schedule has one practitioner, so it is handed over whole or not at all.
    if new.level != "schedule" or max(new.effective_at or at, at) > schedule["starts_at"]:
        raise errors.PolicyInvalid(reason="substitute_for_a_part")
    department = await tx.fetchval("SELECT department_id FROM practitioner WHERE id = $1 AND active", new.substitute_id)
    if department is None:
        raise catalogue_errors.ReferenceUnknown(field="substitute_practitioner_id")
    if department != schedule["department_id"] or new.substitute_id == schedule["practitioner_id"]:
        raise catalogue_errors.ValueNotAllowed(field="substitute_practitioner_id")
    if await find_fee(tx, practitioner_id=new.substitute_id, service_type=schedule["service_type"]) is None:
        raise catalogue_errors.FeeMissing(service_type=schedule["service_type"])
    if not await is_free(tx, schedule, new.substitute_id):
        raise catalogue_errors.ScheduleClash


async def _require_something(tx: Transaction, order_id: UUID) -> None:
    scope = await claims.count_scope(tx, order_id)
    if scope["seats"] == 0:
        raise errors.NothingToStop
    rival = await claims.find_rival(tx, order_id)
    if rival is not None:
        raise errors.AlreadyStopped(stop_id=str(rival))


async def _turn(order_id: UUID, *, to: str, actor: Actor, idempotency: Idempotency | None) -> Values:
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return stored
        answer = await turn_within(tx, order_id, to=to, actor=actor)
        if idempotency:
            await idempotency.remember(tx, answer)
        return answer


async def turn_within(tx: Transaction, order_id: UUID, *, to: str, actor: Actor) -> Values:
    """Pause, resume, abort or take back an order in the caller's transaction.

    Raises:
        EntryNotFound, StopStatusConflict, RestartTooLate.
    """
    at = clock.now()
    order = await claims.lock_order(tx, order_id)
    await claims.turn_order(tx, order, to=to, at=at)
    if to == "restarted":
        await _require_restartable(tx, order, at=at)
    if to in ("aborted", "restarted"):
        await _keep_the_rest(tx, order, at=at)
    answer = await show_order(tx, order_id)
    await _record(tx, order_id, before={"status": order["status"]}, after={"status": to}, actor=actor)
    return answer


async def _require_restartable(tx: Transaction, order: Row, *, at: datetime) -> None:
    if order["substitution"] == "done":
        raise errors.RestartTooLate
    begins_at = (await claims.count_scope(tx, order["id"]))["begins_at"]
    if begins_at <= at:
        raise errors.RestartTooLate(began_at=begins_at)


async def _keep_the_rest(tx: Transaction, order: Row, *, at: datetime) -> None:
    """Leave all open cases as they are, and tell whose appointments they are."""
    for case in await claims.keep_open_cases(tx, order["id"], at=at):
        await resolving.post_case(
            tx,
            client_id=case["client_id"],
            appointment_id=case["appointment_id"],
            outcome="kept",
            facts={
                "stop_id": str(order["id"]),
                "patient_id": str(case["patient_id"]),
                "reason": order["reason"],
            },
            at=at,
        )


async def _lock_booked(tx: Transaction, appointment_id: UUID, actor: Actor) -> Row:
    await links.lock_orders_of_appointments(tx, appointment_id)
    row = await booking_claims.lock_appointment(tx, appointment_id, actor)
    if row["status"] != "booked":
        raise booking_errors.AppointmentNotActive(current_status=row["status"])
    return row


async def _answered(tx: Transaction, appointment_id: UUID, idempotency: Idempotency | None) -> Appointment:
    answer = await booking_queries.read_appointment(tx, appointment_id)
    if idempotency:
        await idempotency.remember(tx, answer.stored())
    return answer


async def _record(
    tx: Transaction, order_id: UUID, *, before: dict[str, Any] | None, after: dict[str, Any], actor: Actor
) -> None:
    await record_change(
        tx,
        entity="stop",
        entity_id=str(order_id),
        action="created" if before is None else "updated",
        before=before,
        after=after,
        actor=actor,
    )
