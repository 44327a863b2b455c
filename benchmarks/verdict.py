"""After the load: what the database holds, compared with what callers were told."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import asyncpg
import orjson

from benchmarks.hospital_data import CLIENT


@dataclass(frozen=True)
class Verdict:
    """Counts of what must not be; all zero when every number was sold once and every sale is on record."""

    seats_sold_twice: int
    numbers_sold_twice: int
    acknowledged_without_appointment: int
    acknowledged_twice: int
    acknowledged_with_other_number: int
    appointments_without_booked_seat: int
    booked_seats_without_appointment: int
    appointments_without_event: int
    appointments_without_message: int

    @property
    def oversold(self) -> int:
        """Numbers that more than one person was promised."""
        return self.seats_sold_twice + self.numbers_sold_twice + self.acknowledged_with_other_number

    @property
    def wrong(self) -> dict[str, int]:
        """Those counts that are not zero."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}


_ACTIVE = "('booked', 'arrived', 'fulfilled', 'noshow')"

_COUNTS = {
    "seats_sold_twice": f"""
        SELECT count(*) FROM (SELECT seat_id FROM appointment WHERE status IN {_ACTIVE}
                              GROUP BY seat_id HAVING count(*) > 1) twice""",
    "numbers_sold_twice": f"""
        SELECT count(*) FROM (SELECT schedule_id, seq FROM appointment WHERE status IN {_ACTIVE}
                              GROUP BY schedule_id, seq HAVING count(*) > 1) twice""",
    "appointments_without_booked_seat": f"""
        SELECT count(*) FROM appointment a LEFT JOIN seat s ON s.id = a.seat_id
        WHERE a.status IN {_ACTIVE} AND (s.status IS DISTINCT FROM 'booked' OR s.seq <> a.seq)""",
    "booked_seats_without_appointment": f"""
        SELECT count(*) FROM seat s WHERE s.status = 'booked' AND NOT EXISTS (
            SELECT FROM appointment a WHERE a.seat_id = s.id AND a.status IN {_ACTIVE})""",
    "appointments_without_event": """
        SELECT count(*) FROM appointment a LEFT JOIN (
            SELECT appointment_id, count(*) AS told FROM booking_event WHERE kind = 'booked' GROUP BY 1) e
            ON e.appointment_id = a.id
        WHERE a.client_id = $1 AND a.status = 'booked' AND e.told IS DISTINCT FROM 1""",
    "appointments_without_message": """
        SELECT count(*) FROM appointment a LEFT JOIN (
            SELECT payload ->> 'appointment_id' AS id, count(*) AS sent FROM outbox
            WHERE event_type = 'appointment.booked' GROUP BY 1) o ON o.id = a.id::text
        WHERE a.client_id = $1 AND a.status = 'booked' AND o.sent IS DISTINCT FROM 1""",
}


async def compare(connection: asyncpg.Connection, acknowledged: Iterable[bytes]) -> Verdict:
    """Compare the bodies of all 201 answers with the appointments, seats, events and messages that exist."""
    promised = [orjson.loads(body) for body in acknowledged]
    counts = {}
    for name, sql in _COUNTS.items():
        arguments = [CLIENT] if "$1" in sql else []
        counts[name] = int(await connection.fetchval(sql, *arguments))
    rows = await connection.fetch(
        "SELECT p.id, p.queue_number, a.seq FROM unnest($1::uuid[], $2::integer[]) p (id, queue_number)"
        " LEFT JOIN appointment a ON a.id = p.id",
        [one["id"] for one in promised],
        [one["queue_number"] for one in promised],
    )
    return Verdict(
        acknowledged_without_appointment=sum(1 for row in rows if row["seq"] is None),
        acknowledged_twice=len(promised) - len({one["id"] for one in promised}),
        acknowledged_with_other_number=sum(
            1 for row in rows if row["seq"] is not None and row["seq"] != row["queue_number"]
        ),
        **counts,
    )
