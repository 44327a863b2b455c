"""The door to a queue and the ways out of it that begin elsewhere: everybody who has come passes here."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from booking.queue import claims, queries
from booking.queue.facts import Entry
from booking.queue.order import Booked, class_of, order_seconds
from booking.queue.states import FINISHED, IN_CONSULTATION, LEFT, QUEUE_ENTRY, TO_BE_SEEN, WAITING
from kernel import clock
from kernel.db import Row, Transaction
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger
from patients.queries import eligibility_facts

HIS_WAY: Final = "his"

log = get_logger("booking.queue")


class Flags(NamedTuple):
    """What a member of staff has seen of a person."""

    is_emergency: bool = False
    is_disabled: bool = False
    is_military: bool = False


NO_FLAGS: Final = Flags()


class Arrival(NamedTuple):
    """Somebody who has come, and to whom. Either an appointment with its schedule, or the HIS's visit number."""

    patient_id: UUID
    client_id: str
    clinic_id: UUID
    practitioner_id: UUID
    room_id: UUID
    way: str
    appointment_id: UUID | None = None
    visit_number: str | None = None
    schedule_id: UUID | None = None
    period: str = ""
    booked: Booked | None = None
    flags: Flags = NO_FLAGS


_WHERETO: Final = """
SELECT sc.clinic_id, sc.practitioner_id, sc.room_id, sc.id AS schedule_id, sc.period, sc.campus_id, sc.clinic_date
FROM schedule sc WHERE sc.id = $1
"""


async def arrival_of(tx: Transaction, appointment: Row, *, way: str, flags: Flags = NO_FLAGS) -> Arrival:
    """Say to whom somebody with an appointment has come."""
    schedule = await tx.fetchrow(_WHERETO, appointment["schedule_id"])
    assert schedule is not None, "an appointment has a schedule"
    return Arrival(
        patient_id=appointment["patient_id"],
        client_id=appointment["client_id"],
        clinic_id=schedule["clinic_id"],
        practitioner_id=schedule["practitioner_id"],
        room_id=schedule["room_id"],
        way=way,
        appointment_id=appointment["id"],
        schedule_id=schedule["schedule_id"],
        period=schedule["period"],
        booked=Booked(appointment["starts_at"], appointment["seq"]),
        flags=flags,
    )


async def enter(tx: Transaction, came: Arrival, *, actor: Actor, at: datetime) -> Entry:
    """Give somebody a place in a queue, with the wait that they are told, which is written down.

    Raises:
        AlreadyCheckedIn: they have one.
    """
    rule = await claims.read_rule(tx, came.clinic_id)
    order = claims.order_rule(rule)
    today = clock.clinic_date(at)
    born = (await eligibility_facts(tx, [(came.patient_id, None)]))[came.patient_id].birth_date
    is_elderly = (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) >= rule["elderly_years"]
    class_ = class_of(
        booked=came.booked,
        came_at=at,
        has_priority=is_elderly or came.flags.is_disabled or came.flags.is_military,
        is_emergency=came.flags.is_emergency,
        rule=order,
    )
    queue = await claims.open_queue(
        tx,
        clinic_date=today,
        practitioner_id=came.practitioner_id,
        room_id=came.room_id,
        clinic_id=came.clinic_id,
    )
    await claims.lock_queue(tx, queue["id"])
    if came.booked is not None:
        label = claims.appointment_label(came.period, came.booked.sequence)
    else:
        label = await claims.walk_in_label(tx, room_id=came.room_id, clinic_date=today)
    entry = await claims.insert_entry(
        tx,
        {
            "id": new_id(),
            "queue_id": queue["id"],
            "clinic_date": today,
            "label": label,
            "patient_id": came.patient_id,
            "client_id": came.client_id,
            "appointment_id": came.appointment_id,
            "visit_number": came.visit_number,
            "schedule_id": came.schedule_id,
            "class": class_,
            "is_elderly": is_elderly,
            "is_disabled": came.flags.is_disabled,
            "is_military": came.flags.is_military,
            "status": "waiting",
            "order_seconds": order_seconds(class_, booked=came.booked, came_at=at, rule=order),
            "way": came.way,
            "checked_in_at": at,
            "updated_at": at,
        },
    )
    kind = "checked_in" if came.booked is not None else "walked_in"
    await claims.tell(tx, kind, entry, actor=actor, at=at, details={"way": came.way})
    [state] = await queries.read_queues(tx, [entry["queue_id"]], at=at)
    told = state.entry_at(next(n for n, one in enumerate(state.waiting) if one.id == entry["id"]), at)
    # To be compared with the truth when they are called: so it is what they are told, and no second look.
    await tx.execute(
        "UPDATE visit_queue_entry SET estimate_seconds = $2, estimate_low = $3, estimate_high = $4 WHERE id = $1",
        told.id,
        told.estimate_seconds,
        told.estimate_low,
        told.estimate_high,
    )
    return told


async def enter_from_his(tx: Transaction, appointment: Row, *, actor: Actor, at: datetime) -> None:
    """Let somebody into the queue whom the HIS's window has registered; one who is in it already stays there."""
    if clock.clinic_date(at) != appointment["clinic_date"]:
        log.info("arrival_of_another_day", appointment=str(appointment["id"]))
        return
    if await tx.fetchval("SELECT true FROM visit_queue_entry WHERE appointment_id = $1", appointment["id"]):
        return
    await enter(tx, await arrival_of(tx, appointment, way=HIS_WAY), actor=actor, at=at)


_OPEN_DOORS: Final = """
SELECT sc.clinic_id, sc.practitioner_id, sc.room_id
FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id JOIN practitioner p ON p.id = sc.practitioner_id
WHERE c.code = $1 AND sc.clinic_date = $2 AND sc.status = 'active' AND ($3 = '' OR p.code = $3)
ORDER BY sc.ends_at > $4 DESC, sc.starts_at <= $4 DESC,
         (SELECT count(*) FROM visit_queue q JOIN visit_queue_entry e ON e.queue_id = q.id AND e.status = 'waiting'
          WHERE q.practitioner_id = sc.practitioner_id AND q.clinic_date = sc.clinic_date AND q.room_id = sc.room_id),
         sc.starts_at, sc.id
LIMIT 1
"""


async def enter_walk_in(
    tx: Transaction,
    *,
    patient_id: UUID,
    visit_number: str,
    clinic_code: str,
    practitioner_code: str,
    registered_at: datetime,
    actor: Actor,
    at: datetime,
) -> bool:
    """Let somebody without an appointment into a queue: that of their doctor, else the shortest of the clinic.

    Tells whether there was one: a clinic without a schedule today has no queue of ours.
    """
    if clock.clinic_date(registered_at) != clock.clinic_date(at):
        return False
    if await tx.fetchval("SELECT true FROM visit_queue_entry WHERE visit_number = $1", visit_number):
        return True
    door = await tx.fetchrow(_OPEN_DOORS, clinic_code, clock.clinic_date(at), practitioner_code, at)
    if door is None:
        return False
    came = Arrival(
        patient_id=patient_id,
        client_id=actor.client_id,
        clinic_id=door["clinic_id"],
        practitioner_id=door["practitioner_id"],
        room_id=door["room_id"],
        way=HIS_WAY,
        visit_number=visit_number,
    )
    await enter(tx, came, actor=actor, at=at)
    return True


async def lock_unseen(tx: Transaction, appointment_id: UUID) -> bool:
    """Lock the place of somebody whose appointment this transaction has locked; tell whether nobody has seen them yet.

    Raises:
        EntryMoved: they are being sent from room to room just now.
    """
    entry_id = await tx.fetchval("SELECT id FROM visit_queue_entry WHERE appointment_id = $1", appointment_id)
    if entry_id is None:
        return True
    entry = await claims.lock_entry(tx, entry_id)
    return entry["status"] not in (IN_CONSULTATION, FINISHED)


async def follow_schedule(tx: Transaction, appointment_id: UUID, *, reason: str, actor: Actor, at: datetime) -> None:
    """Let somebody who has come wait for the practitioner who gives their schedule now.

    Raises:
        EntryMoved: they are being sent from room to room just now.
    """
    entry_id = await tx.fetchval("SELECT id FROM visit_queue_entry WHERE appointment_id = $1", appointment_id)
    if entry_id is None:
        return
    now = await tx.fetchrow(
        "SELECT sc.clinic_date, sc.practitioner_id, sc.room_id, sc.clinic_id FROM appointment a"
        " JOIN schedule sc ON sc.id = a.schedule_id WHERE a.id = $1",
        appointment_id,
    )
    assert now is not None, "the appointment is locked"
    target = await claims.open_queue(tx, **dict(now))
    entry = await claims.lock_entry(tx, entry_id, also=target["id"])
    if entry["status"] not in TO_BE_SEEN or entry["queue_id"] == target["id"]:
        return
    left = entry["queue_id"]
    changes: dict[str, Any] = {"queue_id": target["id"], "called_at": None}
    entry = await claims.change_entry(tx, entry, to=WAITING, before=TO_BE_SEEN, at=at, **changes)
    await claims.tell(tx, "transferred", entry, actor=actor, at=at, details={"from": str(left), "reason": reason})
    event: int = await tx.fetchval("SELECT last_event FROM visit_queue WHERE id = $1", target["id"])
    await claims.touch_queue(tx, left, event)


async def leave_with_appointment(tx: Transaction, appointment_id: UUID, *, status: str, actor: Actor) -> None:
    """Take somebody out of the queue whose appointment has ended elsewhere: `finished` when it was kept, else `left`.

    The appointment is locked by this transaction.
    """
    assert status in (FINISHED, LEFT), "the two ways to be through"
    entry_id = await tx.fetchval("SELECT id FROM visit_queue_entry WHERE appointment_id = $1", appointment_id)
    if entry_id is None:
        return
    entry = await claims.lock_entry(tx, entry_id)
    if entry["status"] not in QUEUE_ENTRY.before(status):
        return
    at = clock.now()
    # A visit that nobody started here says nothing of the doctor's pace, so it gets no beginning afterwards.
    ended: dict[str, Any] = {"finished_at": at} if entry["status"] == IN_CONSULTATION else {}
    entry = await claims.change_entry(tx, entry, to=status, at=at, **ended)
    await claims.tell(tx, status, entry, actor=actor, at=at)
