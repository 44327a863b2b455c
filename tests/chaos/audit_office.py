"""After the storm: what clients were told of lists, queues, extra numbers and stops, against the database."""

from typing import Any

import asyncpg

from tests.chaos.ledger import Ledger

TAKES_A_SEAT = ("held", "booked", "moved_here")


async def compare_waitlist(db: asyncpg.Connection, ledger: Ledger) -> list[str]:
    """List entries and offers that ended otherwise than was acknowledged, and offers that have not one taker."""
    faults: list[str] = []
    entries = {str(row["id"]): row for row in await db.fetch("SELECT id, status FROM waitlist_entry")}
    for entry, told in ledger.entries.items():
        row = entries.pop(entry, None)
        # Nobody is left on a list; an offer that nobody answered has ended its entry.
        wanted = "expired" if told == "waiting" else told
        if row is None or row["status"] != wanted:
            faults.append(f"entry {entry} was acknowledged as {told}, and is {row and dict(row)}")
    faults += [f"entry {entry} was acknowledged to nobody" for entry in entries]
    rows = await db.fetch(
        "SELECT h.id, h.status, (SELECT count(*) FROM booking_event e WHERE e.hold_id = h.id AND e.kind = 'booked')"
        " AS takers FROM hold h WHERE h.kind = 'offer'"
    )
    offers = {str(row["id"]): row for row in rows}
    faults += [f"offer {offer} was answered and is lost" for offer in ledger.offers.keys() - offers.keys()]
    for offer, row in offers.items():
        answered = ledger.offers.get(offer)
        allowed = {"accepted": {"confirmed"}, "declined": {"released"}}.get(str(answered), {"expired", "released"})
        if row["status"] not in allowed or row["takers"] != (answered == "accepted"):
            faults.append(f"offer {offer} was answered with {answered}, and is {dict(row)}")
    return faults


async def sold_while_offered(db: asyncpg.Connection) -> list[str]:
    """List seats that somebody took, or that were offered again, while they were being offered to another."""
    faults: list[str] = []
    until = {row["id"]: row["until"] for row in await db.fetch("SELECT id, until FROM hold WHERE kind = 'offer'")}
    offered: dict[int, Any] = {}
    events = await db.fetch(
        "SELECT seat_id, kind, hold_id, at FROM booking_event"
        " WHERE seat_id IN (SELECT seat_id FROM hold WHERE kind = 'offer') ORDER BY id"
    )
    for event in events:
        seat, hold = event["seat_id"], event["hold_id"]
        running = offered.get(seat)
        if running is not None and hold == running:
            del offered[seat]
        elif running is not None and event["kind"] in (*TAKES_A_SEAT, "offered") and event["at"] < until[running]:
            faults.append(f"seat {seat}: {event['kind']} by {hold} while {running} was offered")
        if event["kind"] == "offered":
            offered[seat] = hold
    return faults


async def compare_queues(db: asyncpg.Connection, ledger: Ledger) -> list[str]:
    """List places in queues that are otherwise than was acknowledged, and doors to which two were called at once."""
    faults: list[str] = []
    rows = {str(row["id"]): row for row in await db.fetch("SELECT id, status, calls, passes FROM visit_queue_entry")}
    for entry, told in ledger.places.items():
        row = rows.pop(entry, None)
        if row is None or any(row[name] != told[name] for name in ("status", "calls", "passes")):
            faults.append(f"place {entry} was acknowledged as {told}, and is {row and dict(row)}")
    faults += [f"place {entry} was acknowledged to nobody" for entry in rows]
    at_door: dict[Any, Any] = {}
    events = await db.fetch("SELECT queue_id, entry_id, kind, status FROM visit_queue_event ORDER BY queue_id, id")
    for event in events:
        called = at_door.get(event["queue_id"])
        if event["kind"] == "called":
            if called is not None:
                faults.append(f"place {event['entry_id']} was called while {called} was")
            at_door[event["queue_id"]] = event["entry_id"]
        elif called == event["entry_id"] and event["status"] != "called":
            del at_door[event["queue_id"]]
    return faults


async def compare_extra_seats(db: asyncpg.Connection, ledger: Ledger) -> list[str]:
    """List extra numbers that are otherwise than was acknowledged, or whose number is none."""
    faults: list[str] = []
    found = await db.fetch(
        "SELECT x.id, x.status, x.appointment_id, s.seq FROM extra_seat x LEFT JOIN seat s ON s.id = x.seat_id"
    )
    rows = {str(row["id"]): row for row in found}
    for request, told in ledger.extra_seats.items():
        row = rows.pop(request, None)
        kept = (
            None if row is None else (row["status"], row["seq"], row["appointment_id"] and str(row["appointment_id"]))
        )
        if kept != (told["status"], told["queue_number"], told["appointment_id"]):
            faults.append(f"extra number {request} was acknowledged as {told}, and is {kept}")
    return faults + [f"extra number {request} was acknowledged to nobody" for request in rows]


async def compare_stops(db: asyncpg.Connection, ledger: Ledger) -> list[str]:
    """List orders that are not finished, patients of whom nothing became, and stopped numbers that are in use."""
    faults: list[str] = []
    orders = {str(row["id"]): row["status"] for row in await db.fetch("SELECT id, status FROM stop_order")}
    if orders != dict.fromkeys(ledger.stops, "finished"):
        faults.append(f"stops {ledger.stops} were ordered, and are {orders}")
    rows = await db.fetch(
        "SELECT c.appointment_id, c.status, a.status AS standing, a.cancel_reason,"
        " (SELECT count(*) FROM booking_event e"
        " WHERE e.appointment_id = a.id AND e.kind = 'moved_here' AND e.client_id = 'system:stops') AS moves"
        " FROM stop_case c JOIN appointment a ON a.id = c.appointment_id"
    )
    for row in rows:
        became = row["status"]
        is_right = {
            "moved": row["moves"] == 1,
            "cancelled": (row["standing"], row["cancel_reason"], row["moves"]) == ("cancelled", "stopped", 0),
            "gone": row["moves"] == 0,
        }
        if not is_right.get(became, False):
            faults.append(f"appointment {row['appointment_id']} of a stop: {dict(row)}")
    in_use = await db.fetch("SELECT id, status FROM seat WHERE stop_id IS NOT NULL AND status <> 'blocked'")
    faults += [f"seat {row['id']} is stopped, and {row['status']}" for row in in_use]
    booked = await db.fetch(
        "SELECT a.id FROM appointment a JOIN stop_order o ON o.schedule_id = a.schedule_id WHERE a.status = 'booked'"
    )
    return faults + [f"appointment {row['id']} stands in a stopped clinic" for row in booked]


async def changed_by_stops(db: asyncpg.Connection) -> set[str]:
    """Give the appointments that a stop has moved or cancelled."""
    rows = await db.fetch("SELECT DISTINCT appointment_id FROM booking_event WHERE client_id = 'system:stops'")
    return {str(row["appointment_id"]) for row in rows if row["appointment_id"]}
