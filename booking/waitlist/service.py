"""What a person who waits for a number can do: join, look, answer an offer, leave."""

from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from booking import claims as seats
from booking import errors as booking_errors
from booking import facts as slot_facts
from booking import returns, rules, service
from booking.facts import Appointment
from booking.payment import links, standing
from booking.waitlist import claims, errors, queries
from booking.waitlist.facts import Entry, Offer, Wanted
from booking.waitlist.states import ENTRY
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from patients import queries as patients

DAYS_MAX: Final = 31
ENTRIES_A_SWEEP: Final = 500
SCHEDULES_A_SWEEP: Final = 50
SWEEPS_MAX: Final = 100


class _Target(NamedTuple):
    """What is waited for, as the hospital has it. clinic_id: of a schedule; ends_at: when waiting for it ends."""

    department_id: UUID
    clinic_id: UUID | None
    first: date
    last: date
    ends_at: datetime


async def join_waitlist(wanted: Wanted, *, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Put a person on the list for a schedule, or for a practitioner or department over some days.

    Raises:
        TargetNotFound, DatesInvalid, WaitlistClosed: there is nothing to wait for.
        NotReleased: the schedule is not on sale to this channel yet.
        SeatsAvailable: nobody has to wait.
        PatientUnknown, PatientNotEligible, AlreadyBooked: the person is not known, not for this clinic, or has one.
        AlreadyWaiting, LimitReached, PriorityNotAllowed: by the rules of the list.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        if wanted.is_urgent and actor.acts_for_the_public:
            raise errors.PriorityNotAllowed
        await claims.lock_person(tx, wanted.patient_id)
        people = await patients.eligibility_facts(
            tx, [(wanted.patient_id, None if actor.sees_all else actor.client_id)]
        )
        if wanted.patient_id not in people:
            raise booking_errors.PatientUnknown
        target = await _find_target(tx, wanted, people[wanted.patient_id], actor=actor, at=at)
        await _require_place_on_list(tx, wanted, target, at=at)
        await _require_nothing_free(tx, wanted, target, actor=actor, at=at)
        entry_id = new_id()
        await claims.insert_entry(
            tx,
            {
                "id": entry_id,
                "patient_id": wanted.patient_id,
                "target_kind": wanted.target_kind,
                "target_id": wanted.target_id,
                "department_id": target.department_id,
                "date_from": target.first,
                "date_until": target.last,
                "periods": list(wanted.periods),
                "priority": "urgent" if wanted.is_urgent else "ordinary",
                "channel": actor.channel,
                "client_id": actor.client_id,
                "staff_code": actor.staff_code,
                "status": "waiting",
                "ends_at": target.ends_at,
                "created_at": at,
                "updated_at": at,
            },
            actor=actor,
            at=at,
        )
        answer = await queries.read_entry(tx, entry_id, at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def _find_target(
    tx: Transaction, wanted: Wanted, person: patients.PatientFacts, *, actor: Actor, at: datetime
) -> _Target:
    """Read what is waited for.

    Raises:
        TargetNotFound, DatesInvalid, WaitlistClosed, NotReleased, PatientNotEligible, AlreadyBooked.
    """
    if wanted.target_kind == "schedule":
        return await _find_schedule(tx, wanted, person, actor=actor, at=at)
    assert wanted.days is not None, "the schema asks for days"
    first, last = wanted.days
    today = clock.clinic_date(at)
    if not (today <= first <= last and (last - first).days < DAYS_MAX):
        raise errors.DatesInvalid(days_max=DAYS_MAX)
    table, column = {"practitioner": ("practitioner", "department_id"), "department": ("department", "id")}[
        wanted.target_kind
    ]
    department_id = await tx.fetchval(
        f"SELECT {column} FROM {table} WHERE id = $1 AND active",  # noqa: S608  our own names
        wanted.target_id,
    )
    if department_id is None:
        raise errors.TargetNotFound
    return _Target(department_id, None, first, last, clock.clinic_instant(last + timedelta(days=1), time(0)))


async def _find_schedule(
    tx: Transaction, wanted: Wanted, person: patients.PatientFacts, *, actor: Actor, at: datetime
) -> _Target:
    row = await tx.fetchrow(
        "SELECT sc.starts_at, s.id AS slot_id FROM schedule sc JOIN slot s ON s.schedule_id = sc.id"
        " WHERE sc.id = $1 ORDER BY s.starts_at DESC LIMIT 1",
        wanted.target_id,
    )
    key = (row["slot_id"] if row else wanted.target_id, actor.channel)
    slot = (await slot_facts.read_slot_facts(tx, [key], at=at)).get(key)
    if row is None or slot is None or not slot.active or not slot.released:
        raise errors.TargetNotFound
    if not slot.pools:
        raise booking_errors.NotReleased(opens_at=slot.opens_next)
    rule = await _rule(tx, slot.clinic_id)
    ends_at = row["starts_at"] - timedelta(minutes=rule["cutoff_minutes"])
    if ends_at <= at:
        raise errors.WaitlistClosed(closed_at=ends_at)
    rules.require_eligible(slot, person)
    booked = await tx.fetchrow(
        "SELECT a.id, $4 OR a.client_id = $5 AS is_own FROM visit_claim v JOIN appointment a ON a.id = v.owner_id"
        " WHERE v.patient_id = $1 AND v.clinic_date = $2 AND v.department_id = $3",
        wanted.patient_id,
        slot.clinic_date,
        slot.department_id,
        actor.sees_all,
        actor.client_id,
    )
    if booked is not None:
        named = {"appointment_id": booked["id"]} if booked["is_own"] else {}
        raise booking_errors.AlreadyBooked(**named)
    return _Target(slot.department_id, slot.clinic_id, slot.clinic_date, slot.clinic_date, ends_at)


async def _rule(tx: Transaction, clinic_id: UUID | None) -> Row:
    row = await tx.fetchrow(
        "SELECT coalesce(o.waitlist_limit, h.waitlist_limit) AS entries_max,"
        " coalesce(o.waitlist_cutoff_minutes, h.waitlist_cutoff_minutes) AS cutoff_minutes"
        " FROM booking_rule h LEFT JOIN booking_rule o ON o.clinic_id = $1 WHERE h.clinic_id IS NULL",
        clinic_id,
    )
    assert row is not None, "the hospital's own rule is always there"
    return row


async def _require_place_on_list(tx: Transaction, wanted: Wanted, target: _Target, *, at: datetime) -> None:
    """Ask that the person does not wait for this already, nor for too much.

    Raises:
        AlreadyWaiting, LimitReached.
    """
    await claims.end_passed_entries(tx, patient_id=wanted.patient_id, at=at, limit=ENTRIES_A_SWEEP)
    await claims.end_persons_missed_offers(tx, wanted.patient_id, at=at)
    entries = await tx.fetch(
        "SELECT id, target_id FROM waitlist_entry WHERE patient_id = $1 AND status = 'waiting'", wanted.patient_id
    )
    for entry in entries:
        if entry["target_id"] == wanted.target_id:
            raise errors.AlreadyWaiting(entry_id=entry["id"])
    limit = (await _rule(tx, target.clinic_id))["entries_max"]
    if len(entries) >= limit:
        raise errors.LimitReached(limit=limit)


async def _require_nothing_free(
    tx: Transaction, wanted: Wanted, target: _Target, *, actor: Actor, at: datetime
) -> None:
    schedule_id = await queries.find_free_schedule(
        tx,
        target_kind=wanted.target_kind,
        target_id=wanted.target_id,
        days=(target.first, target.last),
        periods=wanted.periods,
        channel=actor.channel,
        at=at,
    )
    if schedule_id is not None:
        raise errors.SeatsAvailable(schedule_id=schedule_id)


async def withdraw_entry(*, entry_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Entry:
    """Take a person off the list; a seat that is being offered to them passes on.

    Raises:
        EntryNotFound: absent, or another client's.
        EntryEnded: taken, closed or over already.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Entry.from_stored(stored)
        known = await tx.fetchrow(
            "SELECT patient_id, offer_id FROM waitlist_entry WHERE id = $1 AND ($2 OR client_id = $3)",
            entry_id,
            actor.sees_all,
            actor.client_id,
        )
        if known is None:
            raise errors.EntryNotFound
        await claims.lock_person(tx, known["patient_id"])
        entry = await claims.lock_entry(tx, entry_id)
        shown = await queries.read_entry(tx, entry_id, at=at)
        if not ENTRY.allows(shown.status, "withdrawn"):
            raise errors.EntryEnded(current_status=shown.status)
        await claims.end_entries(tx, [entry_id], status="withdrawn", reason="withdrawn", actor=actor, at=at)
        await _pass_on(tx, entry, actor=actor, at=at)
        answer = await queries.read_entry(tx, entry_id, at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def accept_offer(*, offer_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Appointment:
    """Turn an offer into an appointment; the person's other entries for the department and those days close with it.

    Raises:
        OfferNotFound: absent, or another client's.
        OfferEnded: its time is over, or it was answered already.
        PaymentRequired: the fee is paid first, by an order for the offer.
        AlreadyBooked: the person stands in this schedule already.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Appointment.from_stored(stored)
        offer = await _lock_offer(tx, offer_id, actor, at=at)
        appointment = await take_locked_offer(tx, offer, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, appointment.stored())
        return appointment


async def lock_paid_offer(tx: Transaction, offer: Row) -> Row:
    """Lock an offer that has just been paid for, after its person."""
    await claims.lock_person(tx, offer["patient_id"])
    locked = await tx.fetchrow(
        "SELECT h.*, s.seq FROM hold h JOIN seat s ON s.id = h.seat_id WHERE h.id = $1 FOR UPDATE OF h", offer["id"]
    )
    assert locked is not None, "holds are not deleted while anything refers to them"
    return locked


async def take_locked_offer(
    tx: Transaction, offer: Row, *, actor: Actor, at: datetime, is_paid: bool = False
) -> Appointment:
    """Turn an open offer that this transaction has locked, after its person, into an appointment.

    Raises:
        OfferEnded, AlreadyBooked.
        PaymentRequired: the fee is paid first, by an order for the offer.
    """
    try:
        appointment = await service.book_locked_hold(tx, offer, actor=actor, at=at, is_paid=is_paid)
    except booking_errors.HoldEnded as ended:
        raise errors.OfferEnded(current_status="expired") from ended
    entry = await claims.lock_entry(tx, offer["entry_id"])
    rivals = await claims.lock_rivals(tx, entry)
    taken = await claims.end_entries(
        tx,
        [entry["id"]],
        status="taken",
        reason="accepted",
        actor=actor,
        at=at,
        appointment_id=appointment.id,
        offer_ids=[offer["id"]],
    )
    assert taken == [entry["id"]], "an open offer's entry waits"
    await claims.end_entries(
        tx, [rival["id"] for rival in rivals], status="closed", reason="taken_elsewhere", actor=actor, at=at
    )
    for rival in rivals:
        await _pass_on(tx, rival, actor=actor, at=at)
    return appointment


async def decline_offer(*, offer_id: UUID, actor: Actor, idempotency: Idempotency | None = None) -> Offer:
    """Let an offer pass; the person goes on waiting in their place, but is not offered that slot again.

    Raises:
        OfferNotFound: absent, or another client's.
        OfferEnded: its time is over, or it was answered already.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    at = clock.now()
    async with database().transaction() as tx:
        if idempotency and (stored := await idempotency.replay(tx)):
            return Offer.from_stored(stored)
        orders = await links.lock_orders_of_hold(tx, offer_id)
        offer = await _lock_offer(tx, offer_id, actor, at=at)
        try:
            await service.release_locked_hold(tx, offer, actor=actor, at=at)
        except booking_errors.HoldEnded as ended:
            raise errors.OfferEnded(current_status="expired") from ended
        await standing.close_unpaid(tx, orders)
        await claims.keep_waiting(tx, offer, actor=actor, at=at)
        await _return(tx, offer, at=at)
        answer = await queries.read_offer(tx, offer_id, actor=actor, at=at)
        if idempotency:
            await idempotency.remember(tx, answer.stored())
        return answer


async def _lock_offer(tx: Transaction, offer_id: UUID, actor: Actor, *, at: datetime) -> Row:
    """Lock an open offer of the caller's, after its person.

    Raises:
        OfferNotFound, OfferEnded.
    """
    known = await queries.read_offer(tx, offer_id, actor=actor, at=at)
    await claims.lock_person(tx, known.patient_id)
    offer = await seats.lock_hold(tx, offer_id, actor, kind="offer")
    shown = await queries.read_offer(tx, offer_id, actor=actor, at=at)
    if shown.status != "open":
        raise errors.OfferEnded(current_status=shown.status)
    return offer


async def _pass_on(tx: Transaction, entry: Row, *, actor: Actor, at: datetime) -> None:
    """Pass on the seat that an entry which has just ended was being offered, if its time is not over."""
    if entry["offer_id"] is None or entry["offer_until"] <= at:
        return
    offer = await claims.lock_open_offer(tx, entry["offer_id"])
    if offer is not None:
        await service.release_locked_hold(tx, offer, actor=actor, at=at)
        await _return(tx, offer, at=at)


async def _return(tx: Transaction, offer: Row, *, at: datetime) -> None:
    await returns.return_seat(tx, offer["seat_id"], because="hold_released", given_back_by=offer["patient_id"], at=at)


async def end_passed_entries() -> int:
    """Write down the end of entries whose cut-off has come; give how many. Only book-keeping.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    ended = 0
    for _ in range(SWEEPS_MAX):
        async with database().transaction() as tx:
            turn = await claims.end_passed_entries(tx, patient_id=None, at=clock.now(), limit=ENTRIES_A_SWEEP)
        ended += turn
        if turn < ENTRIES_A_SWEEP:
            break
    return ended


async def offer_free_seats() -> int:
    """Offer what has come free by the clock to those who wait, where nobody has asked for it yet; give how many.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    offered, last = 0, None
    for _ in range(SWEEPS_MAX):
        at = clock.now()
        schedules = await queries.schedules_to_settle(at=at, after=last, limit=SCHEDULES_A_SWEEP)
        offered += await returns.settle(database(), schedules, at=at)
        if len(schedules) < SCHEDULES_A_SWEEP:
            break
        last = schedules[-1]
    return offered
