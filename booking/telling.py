"""What booking tells the notification centre: events of appointments, stops, the waitlist and queues, put into facts.

Nothing is written for it when something happens: the events, notices and queues that are there anyway are read
afterwards (notifications/feeds.py).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import clock
from kernel.db import Row, Transaction
from notifications.feeds import Happening, Source
from notifications.kinds import Facts, Words
from notifications.telling import Occurrence

STOPS: Final = "system:stops"
"""Whose changes are told as those of a stop, with what was offered instead."""
NEAR_USEFUL: Final = timedelta(minutes=30)
CALL_USEFUL: Final = timedelta(minutes=10)
_KINDS: Final[Mapping[str, str]] = {
    "booked": "appointment.booked",
    "moved_here": "appointment.moved",
    "cancelled": "appointment.cancelled",
}
_OUTCOMES: Final[Mapping[str, str]] = {
    "moved": "stop.moved",
    "substituted": "stop.substituted",
    "offered": "stop.offered",
    "cancelled": "stop.cancelled",
    "kept": "stop.pending",
}
_CALLS: Final[Mapping[str, str]] = {"called": "queue.called", "recalled": "queue.called", "passed": "queue.passed"}

_SCHEDULES: Final = """
SELECT sc.id, d.name_zh AS department_zh, d.name_en AS department_en, p.name AS practitioner, c.name_zh AS campus_zh,
       c.name_en AS campus_en
FROM schedule sc JOIN department d ON d.id = sc.department_id JOIN practitioner p ON p.id = sc.practitioner_id
JOIN campus c ON c.id = sc.campus_id WHERE sc.id = ANY ($1)
"""


async def _read_appointments(tx: Transaction, after: int, until: int, limit: int) -> list[Happening]:
    rows = await tx.fetch(
        "SELECT e.id, e.at, e.kind, e.patient_id, e.appointment_id, e.schedule_id, t.seq, s.starts_at"
        " FROM booking_event e JOIN seat t ON t.id = e.seat_id JOIN slot s ON s.id = t.slot_id"
        " WHERE e.id > $1 AND e.id <= $2 AND e.kind = ANY ($4) AND e.client_id <> $5 AND e.appointment_id IS NOT NULL"
        " AND e.patient_id IS NOT NULL ORDER BY e.id LIMIT $3",
        after,
        until,
        limit,
        list(_KINDS),
        STOPS,
    )
    return [Happening(row["id"], frozenset({row["patient_id"]}), row) for row in rows]


async def _describe_appointments(tx: Transaction, found: Sequence[Happening]) -> list[Occurrence]:
    places = await _places(tx, {one.row["schedule_id"] for one in found})
    return [
        Occurrence(
            key=f"booking_event:{row['id']}",
            kind=_KINDS[row["kind"]],
            patient_id=row["patient_id"],
            subject_kind="appointment",
            subject_id=str(row["appointment_id"]),
            at=row["at"],
            facts=_visit(places[row["schedule_id"]], starts_at=row["starts_at"], queue_number=row["seq"]),
            until=row["starts_at"],
        )
        for row in (one.row for one in found)
    ]


async def _read_notices(tx: Transaction, after: int, until: int, limit: int) -> list[Happening]:
    rows = await tx.fetch(
        "SELECT n.id, n.at, n.kind, n.subject_id, n.facts, a.schedule_id, a.slot_id, a.seq, a.starts_at,"
        " o.status AS order_status FROM booking_notice n"
        " LEFT JOIN appointment a ON n.kind = 'appointment.stopped' AND a.id = n.subject_id"
        " LEFT JOIN stop_order o ON n.kind = 'appointment.stopped' AND o.id = (n.facts ->> 'stop_id')::uuid"
        " WHERE n.id > $1 AND n.id <= $2 AND n.kind = ANY ($4)"
        " AND n.facts ->> 'patient_id' IS NOT NULL ORDER BY n.id LIMIT $3",
        after,
        until,
        limit,
        ["appointment.stopped", "waitlist.offered", "waitlist.expired", "waitlist.closed"],
    )
    return [Happening(row["id"], frozenset({UUID(row["facts"]["patient_id"])}), row) for row in rows]


async def _describe_notices(tx: Transaction, found: Sequence[Happening]) -> list[Occurrence]:
    slots = {UUID(slot) for one in found for slot in _slots_in(one.row["facts"])}
    starts = {
        row["id"]: row["starts_at"]
        for row in await tx.fetch("SELECT id, starts_at FROM slot WHERE id = ANY ($1)", list(slots))
    }
    schedules = {UUID(one) for each in found for one in _schedules_in(each.row["facts"])}
    schedules |= {one.row["schedule_id"] for one in found if one.row["schedule_id"] is not None}
    places = await _places(tx, schedules)
    told = (
        _stopped(one.row, places, starts)
        if one.row["kind"] == "appointment.stopped"
        else _waitlist(one.row, places, starts)
        for one in found
    )
    return [one for one in told if one is not None]


def _slots_in(facts: Mapping[str, Any]) -> list[str]:
    was = facts.get("was") or {}
    return [one for one in (facts.get("slot_id"), was.get("slot_id"), (facts.get("now") or {}).get("slot_id")) if one]


def _schedules_in(facts: Mapping[str, Any]) -> list[str]:
    parts = (facts, facts.get("was") or {}, facts.get("now") or {})
    return [part["schedule_id"] for part in parts if part.get("schedule_id")]


def _stopped(row: Row, places: Mapping[UUID, Row], starts: Mapping[UUID, datetime]) -> Occurrence | None:
    facts = row["facts"]
    kind = _OUTCOMES.get(facts["outcome"])
    if kind is None:
        return None
    was, now = facts.get("was"), facts.get("now")
    if kind == "stop.pending":
        # What was left as it is takes place after all, or is seen to by people.
        kind = "stop.kept" if row["order_status"] == "restarted" else kind
        was = now = None
    was_at = starts[UUID(was["slot_id"])] if was else row["starts_at"]
    there = now or was
    words: dict[str, Any] = dict(
        _visit(
            places[UUID(there["schedule_id"]) if there else row["schedule_id"]],
            starts_at=datetime.fromisoformat(now["starts_at"]) if now else was_at,
            queue_number=now["queue_number"] if now else row["seq"],
        )
    )
    words["was_at"] = was_at
    until = was_at
    if facts.get("deadline_at"):
        until = words["deadline"] = datetime.fromisoformat(facts["deadline_at"])
    return Occurrence(
        key=f"booking_notice:{row['id']}",
        kind=kind,
        patient_id=UUID(facts["patient_id"]),
        subject_kind="appointment",
        subject_id=str(row["subject_id"]),
        at=row["at"],
        facts=words,
        until=until,
    )


def _waitlist(row: Row, places: Mapping[UUID, Row], starts: Mapping[UUID, datetime]) -> Occurrence | None:
    facts = row["facts"]
    words: dict[str, Any] = {}
    until = None
    subject_kind, subject_id = "waitlist_entry", str(row["subject_id"])
    if row["kind"] == "waitlist.offered":
        # To the offer itself: that is what has to be answered in time.
        subject_kind, subject_id = "waitlist_offer", facts["offer_id"]
        until = datetime.fromisoformat(facts["until"])
        words = {
            **_visit(
                places[UUID(facts["schedule_id"])],
                starts_at=starts[UUID(facts["slot_id"])],
                queue_number=facts["queue_number"],
            ),
            "deadline": until,
        }
    return Occurrence(
        key=f"booking_notice:{row['id']}",
        kind="waitlist.offered" if row["kind"] == "waitlist.offered" else "waitlist.ended",
        patient_id=UUID(facts["patient_id"]),
        subject_kind=subject_kind,
        subject_id=subject_id,
        at=row["at"],
        facts=words,
        until=until,
    )


async def _read_queues(tx: Transaction, after: int, until: int, limit: int) -> list[Happening]:
    """Read what happened in queues; whoever waits near the front of one is concerned by all that moves it."""
    rows = await tx.fetch(
        "SELECT e.id, e.at, e.kind, e.entry_id, e.queue_id, n.patient_id, array("
        " SELECT w.patient_id FROM visit_queue_entry w WHERE w.queue_id = e.queue_id AND w.status = 'waiting'"
        " ORDER BY w.order_seconds, w.ticket LIMIT (SELECT near_places FROM notification_rule)) AS near"
        " FROM visit_queue_event e JOIN visit_queue_entry n ON n.id = e.entry_id"
        " WHERE e.id > $1 AND e.id <= $2 ORDER BY e.id LIMIT $3",
        after,
        until,
        limit,
    )
    return [Happening(row["id"], frozenset({row["patient_id"], *row["near"]}), row) for row in rows]


async def _describe_queues(tx: Transaction, found: Sequence[Happening]) -> list[Occurrence]:
    rows = await tx.fetch(
        "SELECT e.id, e.queue_id, e.patient_id, e.label, e.status, e.appointment_id, r.name_zh, r.name_en,"
        " d.name_zh AS department_zh, d.name_en AS department_en,"
        " row_number() OVER (PARTITION BY e.queue_id, e.status ORDER BY e.order_seconds, e.ticket) AS place"
        " FROM visit_queue_entry e JOIN visit_queue q ON q.id = e.queue_id JOIN room r ON r.id = q.room_id"
        " JOIN clinic c ON c.id = q.clinic_id JOIN department d ON d.id = c.department_id"
        " WHERE e.queue_id = ANY ($1) AND q.clinic_date = $2",
        sorted({one.row["queue_id"] for one in found}),
        clock.today(),
    )
    entries = {row["id"]: row for row in rows}
    near = await tx.fetchval("SELECT near_places FROM notification_rule")
    told = [
        _in_queue(entries[row["entry_id"]], _CALLS[row["kind"]], key=f"visit_queue_event:{row['id']}", at=row["at"])
        for row in (one.row for one in found)
        if row["kind"] in _CALLS and row["entry_id"] in entries
    ]
    now = clock.now()
    # Everybody hears once that the turn is near: the key is the entry's own.
    told += [
        _in_queue(row, "queue.near", key=f"queue.near:{row['id']}", at=now, ahead=row["place"] - 1)
        for row in rows
        if row["status"] == "waiting" and row["place"] <= near
    ]
    return told


def _in_queue(row: Row, kind: str, *, key: str, at: datetime, ahead: int | None = None) -> Occurrence:
    facts: dict[str, Any] = {
        "label": row["label"],
        "room": Words(row["name_zh"], row["name_en"]),
        "department": Words(row["department_zh"], row["department_en"]),
    }
    if ahead is not None:
        facts["ahead"] = ahead
    by_appointment = row["appointment_id"] is not None
    return Occurrence(
        key=key,
        kind=kind,
        patient_id=row["patient_id"],
        subject_kind="appointment" if by_appointment else "queue_entry",
        subject_id=str(row["appointment_id"] if by_appointment else row["id"]),
        at=at,
        facts=facts,
        until=at + (NEAR_USEFUL if kind == "queue.near" else CALL_USEFUL),
    )


async def _places(tx: Transaction, schedule_ids: set[UUID]) -> dict[UUID, Row]:
    return {row["id"]: row for row in await tx.fetch(_SCHEDULES, list(schedule_ids))}


def _visit(place: Row, *, starts_at: datetime, queue_number: int) -> Facts:
    return {
        "starts_at": starts_at,
        "department": Words(place["department_zh"], place["department_en"]),
        "practitioner": place["practitioner"],
        "campus": Words(place["campus_zh"], place["campus_en"]),
        "queue_number": queue_number,
    }


SOURCES: Final[Sequence[Source]] = (
    Source("booking_event", _read_appointments, _describe_appointments),
    Source("booking_notice", _read_notices, _describe_notices),
    Source("visit_queue_event", _read_queues, _describe_queues),
)
"""What booking has to tell, each table of events by itself."""
