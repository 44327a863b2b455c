"""Stopped clinics for tests: ordered as the slot office does, seen through, and compared record by record."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from booking.stops import saga, service
from booking.stops.facts import NewStop
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from tests.factories.booking import HospitalUnderTest, ScheduleUnderTest
from tests.factories.open_api import OpenApi

OFFICE = Actor("slot-office", "window", "internal", staff_code="S0001", request_id="request-0001")


async def stop(schedule: ScheduleUnderTest, **more: Any) -> UUID:
    """Order a stop of a schedule; every patient is cancelled unless the policy says otherwise."""
    wanted: dict[str, Any] = {"schedule_id": schedule.id, "reason": "医生临时停诊", "steps": ("cancel",)}
    return UUID((await service.order_stop(NewStop(**(wanted | more)), actor=OFFICE))["id"])


async def stop_and_finish(schedule: ScheduleUnderTest, **more: Any) -> UUID:
    """Order a stop and take its steps until nothing is left to do now."""
    order_id = await stop(schedule, **more)
    await saga.drive_order(order_id)
    return order_id


async def offered_appointment(api: OpenApi, *, steps: tuple[str, ...] = ("offer", "cancel")) -> UUID:
    """Book for a patient of the portal in a clinic that is then stopped, with an equal slot three days on."""
    schedule = await api.hospital.schedule(seats=2)
    await api.hospital.schedule(seats=1, starts_in=timedelta(days=3))
    appointment = await api.book(schedule.slots[0], await api.patient())
    await stop_and_finish(schedule, steps=steps)
    return appointment


async def add_substitute(hospital: HospitalUnderTest, *, amount_fen: int = 800) -> UUID:
    """Employ an attending physician of the department, with a fee."""
    practitioner = new_id()
    await hospital.db.execute(
        "INSERT INTO practitioner (id, code, name, pinyin, initials, title, department_id)"
        " VALUES ($1, $2, 'n', 'n', 'n', 'attending', $3)",
        practitioner,
        str(practitioner),
        hospital.department_id,
    )
    await hospital.db.execute(
        "INSERT INTO fee (id, service_type, practitioner_id, amount_fen) VALUES ($1, 'general', $2, $3)",
        new_id(),
        practitioner,
        amount_fen,
    )
    return practitioner


async def order_row(db: Database, order_id: UUID) -> Any:
    """Read an order."""
    return await db.fetchrow("SELECT * FROM stop_order WHERE id = $1", order_id)


async def cases(db: Database, order_id: UUID) -> list[str]:
    """List what became of an order's cases, in order."""
    rows = await db.fetch("SELECT status FROM stop_case WHERE order_id = $1 ORDER BY position", order_id)
    return [row["status"] for row in rows]


async def seats(db: Database, schedule: ScheduleUnderTest) -> list[str]:
    """List the statuses of a schedule's seats, in order."""
    rows = await db.fetch("SELECT status FROM seat WHERE schedule_id = $1 ORDER BY seq", schedule.id)
    return [row["status"] for row in rows]


# What two runs of one story may differ in: ids and instants. All else is compared, record by record.
_STORY = {
    "seat": "SELECT d.n, s.seq, s.status, s.pool, s.hold_id IS NULL, s.stop_id IS NOT NULL FROM seat s"
    " JOIN place d ON d.schedule_id = s.schedule_id ORDER BY 1, 2",
    "appointment": "SELECT p.n, a.status, d.n, a.seq, a.moves, a.fee_fen, a.his_status, a.cancel_reason, a.version"
    " FROM appointment a JOIN place d ON d.schedule_id = a.schedule_id JOIN person p ON p.patient_id = a.patient_id"
    " ORDER BY 1, 3, 4, 2",
    "hold": "SELECT p.n, d.n, h.status FROM hold h JOIN place d ON d.schedule_id = h.schedule_id"
    " JOIN person p ON p.patient_id = h.patient_id ORDER BY 1, 2",
    "visit_claim": "SELECT p.n, v.ordinal, v.until = 'infinity' FROM visit_claim v"
    " JOIN person p ON p.patient_id = v.patient_id ORDER BY 1, 2",
    "booking_event": "SELECT d.n, s.seq, e.kind, p.n, e.client_id, e.staff_code FROM booking_event e"
    " JOIN seat s ON s.id = e.seat_id JOIN place d ON d.schedule_id = e.schedule_id"
    " LEFT JOIN person p ON p.patient_id = e.patient_id ORDER BY 1, 2, e.id",
    "outbox": "SELECT o.event_type, p.n, o.payload ->> 'version' FROM outbox o LEFT JOIN appointment a"
    " ON a.id::text = o.payload ->> 'appointment_id' LEFT JOIN person p ON p.patient_id = a.patient_id"
    " ORDER BY 1, 2, 3",
    "stop_order": "SELECT status, substitution, version, blocked_before FROM stop_order ORDER BY created_at",
    "stop_case": "SELECT p.n, c.status, c.step FROM stop_case c JOIN appointment a ON a.id = c.appointment_id"
    " JOIN person p ON p.patient_id = a.patient_id ORDER BY 1, 2",
    "booking_notice": "SELECT n.kind, n.client_id, p.n, n.facts ->> 'outcome', n.facts ->> 'opType',"
    " n.facts ->> 'stopType' FROM booking_notice n LEFT JOIN appointment a ON a.id = n.subject_id"
    " LEFT JOIN person p ON p.patient_id = a.patient_id ORDER BY 1, 2, 3, 4, n.id",
    "schedule": "SELECT d.n, s.version, s.status, s.fee_fen FROM schedule s JOIN place d ON d.schedule_id = s.id"
    " ORDER BY 1",
}  # fmt: skip


async def story(db: Database, schedules: list[ScheduleUnderTest], people: list[UUID]) -> dict[str, list[Any]]:
    """Give everything that a stop may change in a form that two runs on two hospitals can be compared in."""
    names = (
        "WITH place AS (SELECT * FROM unnest($1::uuid[]) WITH ORDINALITY AS u (schedule_id, n)),"
        " person AS (SELECT * FROM unnest($2::uuid[]) WITH ORDINALITY AS u (patient_id, n)),"
        " given AS (SELECT cardinality($1::uuid[]), cardinality($2::uuid[])) "
    )
    ids = [schedule.id for schedule in schedules]
    return {
        table: [tuple(row.values()) for row in await db.fetch(names + query, ids, people)]
        for table, query in _STORY.items()
    }


CRASH_TABLES = (
    "seat", "hold", "appointment", "visit_claim", "booking_event", "outbox", "stop_order", "stop_case",
    "booking_notice", "schedule", "change_log", "waitlist_entry", "waitlist_event",
)  # fmt: skip


class Crash:
    """Ends the connection of whoever makes the n-th write from now on, as a kill between two statements would.

    The count is a sequence's, which no rollback takes back, so one crash happens and then none.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def install(self) -> None:
        """Put the trap into the database."""
        await self.run(
            "CREATE SEQUENCE crash_writes; CREATE TABLE crash_at (n bigint);"
            "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF nextval('crash_writes') = (SELECT n FROM crash_at) THEN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;"
            + "".join(
                f"CREATE TRIGGER crash AFTER INSERT OR UPDATE OR DELETE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION crash();"
                for table in CRASH_TABLES
            )
        )

    async def remove(self) -> None:
        """Take the trap out again."""
        await self.run(
            "".join(f"DROP TRIGGER crash ON {table};" for table in CRASH_TABLES)
            + "DROP FUNCTION crash; DROP TABLE crash_at; DROP SEQUENCE crash_writes;"
        )

    async def set(self, n: int) -> None:
        """Crash at the n-th write from now on; 0: never."""
        await self.run(
            f"SELECT setval('crash_writes', 1, false); DELETE FROM crash_at; INSERT INTO crash_at VALUES ({n})"
        )

    async def writes(self) -> int:
        """Tell how many writes there were since."""
        connection = await asyncpg.connect(self._url)
        try:
            row = await connection.fetchrow("SELECT last_value, is_called FROM crash_writes")
            assert row is not None, "a sequence has one row"
            return int(row["last_value"]) if row["is_called"] else 0
        finally:
            await connection.close()

    async def run(self, statements: str) -> None:
        """Run statements over a connection of its own."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()
