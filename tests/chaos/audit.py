"""After the storm: what must hold between the clients' ledger, the platform's books and the core HIS."""

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import asyncpg
import httpx

from booking.his.outbound import REJECTED_BY_HIS
from tests.chaos.audit_office import changed_by_stops
from tests.chaos.ledger import Ledger
from tests.chaos.load import SlotOnSale

DRAIN_SECONDS_MAX = 240
LOOK_SECONDS = 1.0
SAY_SECONDS = 10.0

# Whoever changed an appointment after its client's last word: the HIS, or the platform on the HIS's refusal.
HIS_ACTORS = ("system:his", "his:")


async def wait_until_drained(
    db: asyncpg.Connection, his: httpx.AsyncClient, say: Callable[[str], None]
) -> dict[str, int]:
    """Wait until no letter is pending and no hold is left; give the dead letters by box.

    Raises:
        AssertionError: it did not come to rest.
    """
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    said_at = 0.0
    while waiting := await _waiting(db, his):
        assert time.monotonic() < deadline, f"still waiting: {waiting}"
        if time.monotonic() > said_at + SAY_SECONDS:
            said_at = time.monotonic()
            say(f"waiting: {waiting}")
        await asyncio.sleep(LOOK_SECONDS)
    return {box: await db.fetchval(f"SELECT count(*) FROM {box} WHERE status = 'dead'") for box in ("outbox", "inbox")}


async def _waiting(db: asyncpg.Connection, his: httpx.AsyncClient) -> dict[str, int]:
    counts = {
        "outbox": await db.fetchval("SELECT count(*) FROM outbox WHERE status = 'pending'"),
        "inbox": await db.fetchval("SELECT count(*) FROM inbox WHERE status = 'pending'"),
        "holds": await db.fetchval("SELECT count(*) FROM hold WHERE status = 'active'"),
        "people on lists": await db.fetchval("SELECT count(*) FROM waitlist_entry WHERE status = 'waiting'"),
        "stops": await db.fetchval(
            "SELECT count(*) FROM stop_order WHERE status IN ('freezing', 'resolving', 'paused')"
        ),
        "seats held": await db.fetchval("SELECT count(*) FROM seat WHERE status = 'held'"),
        "letters of the HIS": await _letters_of_the_his(his),
    }
    return {name: count for name, count in counts.items() if count}


async def _letters_of_the_his(his: httpx.AsyncClient) -> int:
    """Read from the HIS's metrics how many messages the platform has not answered yet."""
    metrics = (await his.get("/metrics")).raise_for_status().text
    [line] = [line for line in metrics.splitlines() if line.startswith("micro_his_waiting_messages ")]
    return int(float(line.split()[1]))


async def wait_until_handed_back(
    db: asyncpg.Connection, slots: Sequence[SlotOnSale], say: Callable[[str], None]
) -> dict[str, int]:
    """Wait until the windows have handed back what they have not sold; give what became of their numbers.

    A number whose sale was given back while the answer was under way is asked for again after some minutes; here
    those minutes have passed at once.

    Raises:
        AssertionError: a number is still on the windows' side.
    """
    schedules = [uuid.UUID(one) for one in {slot.schedule_id for slot in slots}]
    await db.execute("UPDATE window_number SET asked_at = '-infinity' WHERE status = 'recalled'")
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while left := await db.fetchval(
        "SELECT count(*) FROM window_number WHERE schedule_id = ANY ($1) AND closed_at IS NULL", schedules
    ):
        assert time.monotonic() < deadline, f"{left} numbers were never handed back"
        await asyncio.sleep(LOOK_SECONDS)
    say("every number of the windows is handed back")
    rows = await db.fetch(
        "SELECT status, count(*) AS n FROM window_number WHERE schedule_id = ANY ($1) GROUP BY status", schedules
    )
    return {row["status"]: row["n"] for row in rows}


async def numbers_used_twice(db: asyncpg.Connection, his: httpx.AsyncClient, days: Sequence[date]) -> list[str]:
    """List every number that two people have, on one side or across the two."""
    holders: dict[tuple[str, int], set[str]] = {}
    for day in days:
        here = await db.fetch(
            "SELECT id, his_id, schedule_id, seq FROM appointment WHERE clinic_date = $1"
            " AND status NOT IN ('cancelled', 'entered-in-error')",
            day,
        )
        for row in here:
            holders.setdefault((str(row["schedule_id"]), row["seq"]), set()).add(str(row["id"]))
        for entry in await _day_of_the_his(his, day):
            if entry["status"] != "cancelled":
                holder = entry["platform_id"] or entry["his_id"]
                holders.setdefault((entry["schedule_id"], entry["seq"]), set()).add(holder)
    return [f"number {seq} of {one} is used by {who}" for (one, seq), who in holders.items() if len(who) > 1]


async def registrations_that_wait(db: asyncpg.Connection) -> list[str]:
    """List registrations that could not be merged: the window sells its own numbers only, to people who have none."""
    rows = await db.fetch("SELECT his_id, reason FROM window_case WHERE status = 'open'")
    return [f"registration {row['his_id']} waits for a member of staff: {row['reason']}" for row in rows]


async def compare_with_ledger(db: asyncpg.Connection, ledger: Ledger, clients: list[str]) -> list[str]:
    """List every appointment, hold and patient of which the platform keeps something else than was acknowledged."""
    faults: list[str] = []
    rows = {
        str(row["id"]): row for row in await db.fetch("SELECT * FROM appointment WHERE client_id = ANY ($1)", clients)
    }
    changed_since = await changed_by_stops(db) | {
        str(row["appointment_id"])
        for row in await db.fetch(
            "SELECT DISTINCT appointment_id FROM booking_event"
            " WHERE appointment_id IS NOT NULL AND (client_id = $1 OR starts_with(client_id, $2))",
            *HIS_ACTORS,
        )
    }
    for entry, told in ledger.appointments.items():
        row = rows.pop(entry, None)
        if row is None:
            faults.append(f"appointment {entry} was acknowledged and is lost")
        elif _differs(row, told) and not (entry in changed_since and row["version"] > told["version"]):
            faults.append(f"appointment {entry} was acknowledged as {told}, and is {dict(row)}")
    faults += [f"appointment {entry} was acknowledged to nobody" for entry in rows]
    holds = {str(row["id"]): row["status"] for row in await db.fetch("SELECT id, status FROM hold WHERE kind = 'hold'")}
    stopped = {
        str(row["hold_id"])
        for row in await db.fetch("SELECT hold_id FROM booking_event WHERE client_id = 'system:stops'")
    }
    for hold, told_status in ledger.holds.items():
        kept = holds.pop(hold, None)
        allowed = {"active": {"expired"}, "confirmed": {"confirmed"}, "released": {"released"}}[told_status]
        if kept not in (allowed if hold not in stopped else {"released"}):
            faults.append(f"hold {hold} was acknowledged as {told_status}, and is {kept}")
    faults += [f"hold {hold} was acknowledged to nobody" for hold in holds]
    known = {str(row["id"]) for row in await db.fetch("SELECT id FROM patient")}
    return faults + [f"patient {one} was acknowledged and is lost" for one in ledger.patients - known]


def _differs(row: Any, told: dict[str, Any]) -> bool:
    return any(
        (
            row["status"] != told["status"],
            str(row["slot_id"]) != told["slot_id"],
            row["seq"] != told["queue_number"],
            str(row["patient_id"]) != told["patient_id"],
            row["version"] != told["version"],
        )
    )


async def given_up_for_the_his(db: asyncpg.Connection) -> list[str]:
    """List appointments that the platform cancelled because the HIS refused them.

    Here the window sells its own share of numbers only, so no refusal can be more than a letter that came too early.
    """
    rows = await db.fetch("SELECT id FROM appointment WHERE cancel_reason = $1", REJECTED_BY_HIS)
    return [f"appointment {row['id']} was given up because the HIS refused it" for row in rows]


async def tell_story(db: asyncpg.Connection, fault: str) -> list[str]:
    """Give the events and letters of the appointments that a fault names."""
    names = [
        uuid.UUID(text) for text in dict.fromkeys(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", fault))
    ]
    events = await db.fetch(
        "SELECT id, at, kind, seat_id, client_id, appointment_id FROM booking_event"
        " WHERE appointment_id = ANY ($1) ORDER BY id",
        names,
    )
    letters = await db.fetch(
        "SELECT id, event_type, payload, status, attempts, refusals, last_error, finished_at FROM outbox"
        " WHERE aggregate = ANY ($1) ORDER BY id",
        [f"appointment:{name}" for name in names],
    )
    return [str(dict(row)) for row in (*events, *letters)]


async def compare_messages(db: asyncpg.Connection) -> list[str]:
    """List appointments whose changes and letters to the HIS do not belong together, one to one."""
    rows = await db.fetch(
        "SELECT e.appointment_id, count(*) FILTER (WHERE e.kind <> 'moved_away') AS changes,"
        " (SELECT count(*) FROM outbox o WHERE o.aggregate = 'appointment:' || e.appointment_id) AS letters"
        " FROM booking_event e WHERE e.appointment_id IS NOT NULL AND e.appointment_id NOT IN ("
        "  SELECT appointment_id FROM booking_event"
        "  WHERE appointment_id IS NOT NULL AND (client_id = $1 OR starts_with(client_id, $2)))"
        " GROUP BY e.appointment_id",
        *HIS_ACTORS,
    )
    return [
        f"appointment {row['appointment_id']} changed {row['changes']} times, {row['letters']} letters were posted"
        for row in rows
        if row["changes"] != row["letters"]
    ]


async def compare_with_his(
    db: asyncpg.Connection, his: httpx.AsyncClient, days: Sequence[date], sold: dict[str, str]
) -> list[str]:
    """List every appointment that platform and HIS hold differently, record by record, and every sale that was lost."""
    faults: list[str] = []
    at_his: dict[str, dict[str, Any]] = {}
    for day in days:
        there = {entry["his_id"]: entry for entry in await _day_of_the_his(his, day)}
        at_his |= there
        here = await db.fetch("SELECT * FROM appointment WHERE clinic_date = $1", day)
        for row in here:
            entry = there.pop(row["his_id"], None)
            mine = _record(row["id"], row["status"], row["schedule_id"], row["seq"], row["version"])
            if row["his_status"] == "rejected":
                if entry is not None and entry["status"] != "cancelled":
                    faults.append(f"{day} {row['id']}: rejected by the HIS, which has {entry}")
            elif entry is None:
                faults.append(f"{day} {row['id']}: the HIS does not have it ({mine}, {row['his_status']})")
            elif mine != _record_there(entry):
                faults.append(f"{day} {row['id']}: here {mine}, there {_record_there(entry)}")
        # What the window sold and the platform refused is cancelled there, and nothing to us.
        faults += [
            f"{day} {his_id}: only the HIS has {entry}"
            for his_id, entry in there.items()
            if entry["status"] != "cancelled"
        ]
    for his_id, told in sold.items():
        kept = at_his.get(his_id)
        if kept is None or (told == "cancelled" and kept["status"] != "cancelled"):
            faults.append(f"sale {his_id} was acknowledged as {told}, the HIS has {kept}")
        elif told == "booked" and kept["status"] != "booked" and kept["platform_state"] != "refused":
            faults.append(f"sale {his_id} was acknowledged and is {kept}")
    return faults


def _record(*values: object) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _record_there(entry: dict[str, Any]) -> tuple[str, ...]:
    return _record(entry["platform_id"], entry["status"], entry["schedule_id"], entry["seq"], entry["version"])


async def _day_of_the_his(his: httpx.AsyncClient, day: date) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    query: dict[str, str] = {"date": day.isoformat()}
    while True:
        page = (await his.get("/api/appointments", params=query)).raise_for_status().json()
        entries += page["appointments"]
        if not page["next_cursor"]:
            return entries
        query["cursor"] = page["next_cursor"]
