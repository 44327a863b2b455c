"""Record by record: what the people of the day know, beside what the platform's database and the HIS hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from kernel.db import Database
from runtime.demo_clinic.day import Day
from runtime.demo_clinic.office import Office

SHOWN_MAX: Final = 5

Known = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of record, compared one by one; `wrong` says what differs."""

    name: str
    compared: int
    wrong: tuple[str, ...]


def write_down(day: Day, office: Office) -> Known:
    """Give what the people know at the end of the day, in a form that JSON keeps."""
    appointments, by_his = {}, {}
    for one in day.plan.everybody():
        if one.appointment_id is None and one.his_id is None:
            continue
        is_absent = one.status == "booked" and one.fate in ("absent", "cancels", "abandons")
        facts = {
            # Who came is never a no-show; whoever did not come and did not cancel is one.
            "status": "noshow" if is_absent else one.status,
            "schedule": day.session_of(one).schedule_id,
            "patient": one.patient_id,
        }
        if one.appointment_id is not None:
            appointments[one.appointment_id] = facts
        else:
            by_his[str(one.his_id)] = facts
    return {
        "day": day.world.day.isoformat(),
        "appointments": appointments,
        "sold_at_window": by_his,
        "places": {one.entry_id: one.queue_status for one in day.plan.everybody() if one.entry_id},
        "called": {entry: at.isoformat() for entry, at in day.ledger.called.items()},
        "estimates": {entry: [seconds, low, high] for entry, seconds, low, high, _ in day.ledger.waits},
        "visit_numbers": sorted(day.ledger.visit_numbers),
        # Whoever has waited until the list's end has waited in vain.
        "waitlist": {entry: "expired" if status == "waiting" else status for entry, status in office.entries.items()},
        "offers": office.offers,
        "cases": office.cases,
        "surprises": day.ledger.surprises,
        "told": dict(day.ledger.told),
    }


async def check(db: Database, known: Known) -> list[Check]:
    """Compare everything.

    Raises:
        DatabaseUnavailable.
    """
    day = date.fromisoformat(known["day"])
    rows = await db.fetch(
        "SELECT id::text, his_id, channel, status, schedule_id::text AS schedule, patient_id::text AS patient"
        " FROM appointment WHERE clinic_date = $1",
        day,
    )
    expected = {**known["appointments"], **known["sold_at_window"]}
    here = {
        row["his_id"] if row["his_id"] in known["sold_at_window"] else row["id"]: {
            name: row[name] for name in ("status", "schedule", "patient")
        }
        for row in rows
    }
    absent = {key: "noshow" for key, one in expected.items() if one["status"] == "noshow"}
    marked = {key: "noshow" for key, one in here.items() if one["status"] == "noshow"}
    return [
        _compare("appointments", expected, here),
        _compare("no-shows = the absent", absent, marked),
        *await _check_queue(db, known, day),
        _compare(
            "waitlist entries",
            known["waitlist"],
            {row["id"]: row["status"] for row in await db.fetch("SELECT id::text, status FROM waitlist_entry")},
        ),
        _compare("waitlist offers", known["offers"], await _offers(db)),
        _compare(
            "patients of stopped clinics",
            known["cases"],
            {
                row["appointment_id"]: row["status"]
                for row in await db.fetch("SELECT appointment_id::text, status FROM stop_case")
            },
        ),
        await _check_seats(db, day),
        await _check_boxes(db),
        Check("answers nobody expected", sum(known["told"].values()), tuple(known["surprises"])),
    ]


async def _check_queue(db: Database, known: Known, day: date) -> list[Check]:
    rows = await db.fetch(
        "SELECT id::text, status, visit_number, first_called_at, estimate_seconds, estimate_low, estimate_high"
        " FROM visit_queue_entry WHERE clinic_date = $1",
        day,
    )
    estimates = {
        row["id"]: [row["estimate_seconds"], row["estimate_low"], row["estimate_high"]]
        for row in rows
        if row["id"] in known["estimates"]
    }
    called = {row["id"]: row["first_called_at"] for row in rows if row["first_called_at"] is not None}
    return [
        _compare("places in queues", known["places"], {row["id"]: row["status"] for row in rows}),
        _compare("first calls", {one: datetime.fromisoformat(at) for one, at in known["called"].items()}, called),
        _compare("estimates as they were told", known["estimates"], estimates),
        _compare(
            "walk-ins in the queue",
            dict.fromkeys(known["visit_numbers"], "there"),
            {row["visit_number"]: "there" for row in rows if row["visit_number"] is not None},
        ),
    ]


async def _offers(db: Database) -> dict[str, str]:
    shown = {"confirmed": "accepted", "released": "declined", "expired": "expired", "active": "expired"}
    rows = await db.fetch("SELECT id::text, status FROM hold WHERE kind = 'offer'")
    return {row["id"]: shown[row["status"]] for row in rows}


async def _check_seats(db: Database, day: date) -> Check:
    rows = await db.fetch(
        "SELECT seat_id, count(*) AS n FROM appointment WHERE clinic_date = $1"
        " AND status IN ('booked', 'arrived', 'fulfilled', 'noshow') GROUP BY seat_id",
        day,
    )
    wrong = tuple(f"seat {row['seat_id']} has {row['n']} people" for row in rows if row["n"] > 1)
    return Check("seats with one person each", len(rows), wrong)


async def _check_boxes(db: Database) -> Check:
    rows = await db.fetch(
        "SELECT 'outbox' AS box, status, count(*) AS n FROM outbox GROUP BY status"
        " UNION ALL SELECT 'inbox', status, count(*) FROM inbox GROUP BY status"
    )
    wrong = tuple(f"{row['n']} of the {row['box']} are {row['status']}" for row in rows if row["status"] != "done")
    return Check("messages to and from the HIS, done", sum(row["n"] for row in rows), wrong)


def check_his(report: Mapping[str, Any]) -> list[Check]:
    """Give what the comparison of both sides has found, with nothing repaired."""
    return [
        Check(
            f"platform and HIS: {one['comparer']}",
            one["compared"],
            tuple(
                f"{difference['key']} {difference['kind']}: {difference['here']} here, {difference['there']} there"
                for difference in (*one["left"], *one["under_way"], *one["repaired"])
            ),
        )
        for one in report["reports"]
    ]


def _compare(name: str, expected: Mapping[str, object], found: Mapping[str, object]) -> Check:
    wrong = [
        f"{key}: {expected.get(key, 'unknown')} by the people's word, {found.get(key, 'absent')} in the books"
        for key in sorted(expected.keys() | found.keys())
        if expected.get(key) != found.get(key)
    ]
    return Check(name, len(expected.keys() | found.keys()), tuple(wrong))
