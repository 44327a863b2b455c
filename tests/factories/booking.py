"""Small hospitals for tests of booking: one clinic, schedules as large as asked, people to book for."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from booking.desk import Desk
from kernel import clock
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id

PORTAL = Actor(client_id="portal", channel="portal", kind="partner")
KIOSK = Actor(client_id="kiosk", channel="kiosk", kind="internal", staff_code="S0001")


@dataclass
class ScheduleUnderTest:
    """One schedule with its slots in order of time."""

    id: UUID
    slots: list[UUID]
    clinic_date: date
    starts_at: datetime


@dataclass
class HospitalUnderTest:
    """One clinic of one department at one campus; channels `portal` and `kiosk`, pools `common` and `reserve`."""

    db: Database
    campus_id: UUID = field(default_factory=new_id)
    department_id: UUID = field(default_factory=new_id)
    other_department_id: UUID = field(default_factory=new_id)
    clinic_id: UUID = field(default_factory=new_id)
    other_clinic_id: UUID = field(default_factory=new_id)
    room_id: UUID = field(default_factory=new_id)

    async def build(self) -> "HospitalUnderTest":
        """Write the master data."""
        run = self.db.execute
        for channel in ("portal", "kiosk"):
            await run("INSERT INTO channel VALUES ($1, 'c', 'c') ON CONFLICT DO NOTHING", channel)
        for pool in ("common", "reserve"):
            await run("INSERT INTO pool (code, name_zh, name_en) VALUES ($1, 'p', 'p') ON CONFLICT DO NOTHING", pool)
        await run("INSERT INTO service_type VALUES ('general', 'g', 'g') ON CONFLICT DO NOTHING")
        await run("INSERT INTO campus VALUES ($1, $2, 'c', 'c', 'a', 23.1, 113.3)", self.campus_id, str(self.campus_id))
        for department, clinic in (
            (self.department_id, self.clinic_id),
            (self.other_department_id, self.other_clinic_id),
        ):
            await run(
                "INSERT INTO department (id, code, name_zh, name_en, pinyin, initials)"
                " VALUES ($1, $2, 'd', 'd', 'd', 'd')",
                department,
                str(department),
            )
            await run(
                "INSERT INTO clinic (id, code, name_zh, name_en, department_id, campus_id)"
                " VALUES ($1, $2, 'c', 'c', $3, $4)",
                clinic,
                str(clinic),
                department,
                self.campus_id,
            )
        await run(
            "INSERT INTO room (id, code, name_zh, name_en, clinic_id) VALUES ($1, $2, 'r', 'r', $3)",
            self.room_id,
            str(self.room_id),
            self.clinic_id,
        )
        return self

    async def schedule(
        self,
        *,
        seats: int,
        slots: int = 1,
        starts_in: timedelta = timedelta(days=2),
        pools: dict[str, str] | None = None,
        other_department: bool = False,
        opens_at: datetime | None = None,
        recycled_at: datetime | None = None,
    ) -> ScheduleUnderTest:
        """Publish a schedule of `seats` in each of `slots` half hours, all of the common pool.

        pools: seat number (as text) -> pool, for those that are not common. opens_at: when both channels may book
        common seats (an hour ago unless given); recycled_at: when the portal may take the reserve's.
        """
        practitioner, schedule = new_id(), new_id()
        starts_at = clock.now() + starts_in
        department = self.other_department_id if other_department else self.department_id
        clinic = self.other_clinic_id if other_department else self.clinic_id
        async with self.db.transaction() as tx:
            await tx.execute(
                "INSERT INTO practitioner (id, code, name, pinyin, initials, title, department_id)"
                " VALUES ($1, $2, 'n', 'n', 'n', 'chief', $3)",
                practitioner,
                str(practitioner),
                department,
            )
            await tx.execute(
                "INSERT INTO schedule (id, practitioner_id, clinic_id, department_id, campus_id, room_id, service_type,"
                " clinic_date, period, starts_at, ends_at, fee_fen)"
                " VALUES ($1, $2, $3, $4, $5, $6, 'general', $7, 'morning', $8, $9, 1000)",
                schedule,
                practitioner,
                clinic,
                department,
                self.campus_id,
                self.room_id,
                clock.clinic_date(starts_at),
                starts_at,
                starts_at + timedelta(minutes=30 * slots),
            )
            ids = [new_id() for _ in range(slots)]
            half = timedelta(minutes=30)
            bands = [(slot, schedule, starts_at + half * n, starts_at + half * (n + 1)) for n, slot in enumerate(ids)]
            await tx.copy("slot", ["id", "schedule_id", "starts_at", "ends_at"], bands)
            await tx.copy(
                "seat",
                ["schedule_id", "slot_id", "seq", "pool"],
                [
                    (schedule, ids[n // seats], n + 1, (pools or {}).get(str(n + 1), "common"))
                    for n in range(seats * slots)
                ],
            )
            opened = opens_at or clock.now() - timedelta(hours=1)
            releases = [(schedule, channel, "common", opened, "rule") for channel in ("portal", "kiosk")]
            releases.append((schedule, "kiosk", "reserve", opened, "rule"))
            if recycled_at:
                releases.append((schedule, "portal", "reserve", recycled_at, "recycled"))
            await tx.copy("schedule_release", ["schedule_id", "channel", "pool", "opens_at", "via"], releases)
        return ScheduleUnderTest(schedule, ids, clock.clinic_date(starts_at), starts_at)

    async def patients(self, count: int, *, sex: int = 1, born: date = date(1980, 5, 17)) -> list[UUID]:
        """Register people whom the portal may book for."""
        ids = [new_id() for _ in range(count)]
        async with self.db.transaction() as tx:
            await tx.copy(
                "patient",
                ["id", "name", "sex", "birth_date", "document_type", "document_cipher", "document_hash"],
                [(patient, "n", sex, born, "CN-ID", b"c", patient.bytes) for patient in ids],
            )
            await tx.copy("patient_access", ["client_id", "patient_id"], [("portal", patient) for patient in ids])
        return ids


def desks(count: int = 4) -> list[Desk]:
    """Open as many appointment desks as processes would have, so that their transactions really race."""
    return [Desk("appointment", ("his",)) for _ in range(count)]


def hold_desks(count: int = 4) -> list[Desk]:
    """Open as many hold desks as processes would have."""
    return [Desk("hold", ()) for _ in range(count)]


async def ask(desk: Desk, slot: UUID, patient: UUID, actor: Actor = PORTAL, key: str | None = None) -> Any:
    """Ask a desk and give the answer: a win, or the refusal itself."""
    idempotency = Idempotency(actor.client_id, key, "POST /appointments", {"patient_id": str(patient)}) if key else None
    try:
        return await desk.ask(slot_id=slot, patient_id=patient, actor=actor, idempotency=idempotency)
    except HospitalError as refusal:
        return refusal


async def sequence_numbers(db: Database, schedule: ScheduleUnderTest) -> list[int]:
    """List the queue numbers sold in a schedule, in order."""
    rows = await db.fetch(
        "SELECT seq FROM appointment WHERE schedule_id = $1 AND status = 'booked' ORDER BY seq", schedule.id
    )
    return [row["seq"] for row in rows]


def outcomes(answers: list[Any]) -> Counter[str]:
    """Count answers by type."""
    return Counter(type(answer).__name__ for answer in answers)


class Books(Protocol):
    """A database that can be read: the platform's own way to it, or a bare connection."""

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Give a statement's rows."""
        ...


async def require_books_agree(db: Books) -> None:
    """Compare seats, holds, appointments, visit claims and the event log, record by record.

    Raises:
        AssertionError: naming the first that disagree.
    """
    now = clock.now()
    seats = {row["id"]: row for row in await db.fetch("SELECT * FROM seat")}
    standing = await db.fetch("SELECT * FROM appointment WHERE status = ANY ('{booked,arrived,fulfilled,noshow}')")
    by_seat = {row["seat_id"]: row for row in standing}
    assert len(by_seat) == len(standing), "a seat has two appointments"
    booked = {seat for seat, row in seats.items() if row["status"] == "booked"}
    assert booked == set(by_seat), "booked seats and standing appointments differ"
    for seat_id, appointment in by_seat.items():
        assert (seats[seat_id]["seq"], seats[seat_id]["slot_id"]) == (appointment["seq"], appointment["slot_id"])
    holds = {row["id"]: row for row in await db.fetch("SELECT * FROM hold WHERE status = 'active' AND until > $1", now)}
    held = {row["hold_id"]: seat for seat, row in seats.items() if row["status"] == "held" and row["hold_until"] > now}
    assert {hold: row["seat_id"] for hold, row in holds.items()} == held, "active holds and held seats differ"
    claims = await db.fetch("SELECT * FROM visit_claim WHERE until > $1", now)
    owners = {row["owner_id"] for row in claims}
    # Who has come, or stayed away, keeps the place that the appointment took in the day. A seat cools for nobody.
    active = {row["id"] for row in standing} | {hold for hold, row in holds.items() if row["kind"] != "cooling"}
    assert owners == active, "places in the day and their owners differ"
    assert await _status_from_events(db) == {
        seat: "free" if row["status"] == "held" and row["hold_until"] <= now else row["status"]
        for seat, row in seats.items()
    }, "the event log tells another story than the seats"
    await _require_waitlist_agrees(db, holds, standing, now)


async def _require_waitlist_agrees(db: Books, holds: dict[UUID, Any], standing: list[Any], now: datetime) -> None:
    entries = {row["id"]: row for row in await db.fetch("SELECT * FROM waitlist_entry")}
    offered = {
        row["offer_id"]: (row["id"], row["patient_id"])
        for row in entries.values()
        if row["status"] == "waiting" and row["offer_id"] is not None and row["offer_until"] > now
    }
    offers = {hold: (row["entry_id"], row["patient_id"]) for hold, row in holds.items() if row["kind"] == "offer"}
    assert offers == offered, "open offers and the entries they are for differ"
    ever = {row["id"] for row in await db.fetch("SELECT id FROM appointment")} | {row["id"] for row in standing}
    taken = {row["appointment_id"] for row in entries.values() if row["status"] == "taken"}
    assert taken <= ever, "an entry was taken with an appointment that is none"
    last: dict[UUID, str] = {}
    for event in await db.fetch("SELECT entry_id, kind FROM waitlist_event ORDER BY id"):
        assert last.get(event["entry_id"]) not in ("taken", "closed", "expired", "withdrawn"), "an ended entry went on"
        last[event["entry_id"]] = event["kind"]
    going_on = {"joined", "offered", "declined"}
    assert {entry: "waiting" if kind in going_on else kind for entry, kind in last.items()} == {
        entry: row["status"] for entry, row in entries.items()
    }, "the waitlist's events tell another story than its entries"


async def _status_from_events(db: Books) -> dict[int, str]:
    story = {row["id"]: "free" for row in await db.fetch("SELECT id FROM seat")}
    until: dict[int, datetime] = {}
    after = {
        "held": "held",
        "booked": "booked",
        "moved_here": "booked",
        "cancelled": "free",
        "moved_away": "free",
        "hold_released": "free",
        "hold_expired": "free",
        "blocked": "blocked",
        "unblocked": "free",
        "offered": "held",
        "reopened": "free",
        "entered-in-error": "free",
    }
    ends = {row["id"]: row["until"] for row in await db.fetch("SELECT id, until FROM hold")}
    # Events of one seat are ordered by its row lock; their numbers may be given out before it, so time decides first.
    for event in await db.fetch("SELECT seat_id, kind, hold_id FROM booking_event ORDER BY id"):
        seat = event["seat_id"]
        if event["kind"] == "returned":
            # Kept back for a while, or on sale at once.
            assert story[seat] == "free", f"seat {seat}: returned while {story[seat]}"
            story[seat] = "held" if event["hold_id"] else "free"
            until[seat] = ends.get(event["hold_id"], clock.now())
            continue
        if event["kind"] in ("arrived", "fulfilled", "noshow"):
            assert story[seat] == "booked", f"seat {seat}: {event['kind']} while {story[seat]}"
            continue
        before, now = story[seat], after[event["kind"]]
        assert before != now, f"seat {seat}: {event['kind']} while {before}"
        story[seat] = now
        if now == "held":
            until[seat] = ends[event["hold_id"]]
    return {
        seat: "free" if status == "held" and until[seat] <= clock.now() else status for seat, status in story.items()
    }


CHANGED_BY_BOOKING = (
    "seat", "hold", "appointment", "visit_claim", "booking_event", "outbox", "idempotency_key", "waitlist_entry",
    "waitlist_event", "booking_notice",
)  # fmt: skip


async def books(db: Books) -> dict[str, list[tuple[Any, ...]]]:
    """Give everything that booking may change, to prove that a refusal has changed nothing."""
    return {
        table: [tuple(row.values()) for row in await db.fetch(f"SELECT * FROM {table} t ORDER BY t::text")]
        for table in CHANGED_BY_BOOKING
    }
