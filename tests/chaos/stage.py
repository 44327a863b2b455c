"""Where the storm takes place: which clinics are on sale, wanted by everybody, stopped, or open today."""

import random
from dataclasses import dataclass
from datetime import date, time, timedelta

import asyncpg

from kernel import clock
from tests.chaos.client import PartnerApplication
from tests.chaos.load import SlotOnSale
from tests.chaos.waiting import make_scarce
from tests.platform import Hospital

SCHEDULES = 36
STOPPED, SCARCE, DOORS = 2, 3, 3
DAYS = 4
HOLD_SECONDS = 30
OFFER_MINUTES = 2

_OPEN_TO_ALL = (
    "SELECT sc.id, sc.practitioner_id, sc.room_id FROM schedule sc JOIN clinic c ON c.id = sc.clinic_id"
    " WHERE sc.clinic_date BETWEEN $1 AND $2 AND sc.status = 'active' AND c.sex_allowed IS NULL"
    " AND c.age_years_min IS NULL AND c.age_years_max IS NULL AND sc.service_type = 'general'"
)
_POPULAR = (
    " AND sc.department_id IN"
    " (SELECT department_id FROM schedule GROUP BY department_id ORDER BY count(*) DESC, department_id LIMIT 6)"
)


@dataclass(frozen=True)
class Door:
    """A doctor's room, where people are called today, and the slots that they may book for it."""

    practitioner_id: str
    room_id: str
    slots: list[SlotOnSale]


@dataclass(frozen=True)
class Stage:
    """What is used for what.

    days: today and the coming ones. slots: on sale to everybody, the windows too. scarce: sold out but for a few.
    stopped: schedules that will be stopped, with their slots in stopping; the windows sell nothing of either.
    """

    days: list[date]
    people: list[str]
    slots: list[SlotOnSale]
    scarce: list[SlotOnSale]
    stopped: list[str]
    stopping: list[SlotOnSale]
    doors: list[Door]


async def prepare(platform: Hospital, rng: random.Random, office: PartnerApplication) -> Stage:
    """Shorten the times of holds and offers, and choose what is on sale and who asks for it."""
    db = await asyncpg.connect(platform.run["database_url"])
    try:
        await db.execute(
            "UPDATE booking_rule SET hold_seconds = $1, return_delay_seconds_min = 1, return_delay_seconds_max = 9,"
            " waitlist_offer_minutes = $2 WHERE clinic_id IS NULL",
            HOLD_SECONDS,
            OFFER_MINUTES,
        )
        people = [str(row["id"]) for row in await db.fetch("SELECT id FROM patient ORDER BY id LIMIT 5000")]
        rng.shuffle(people)
        today = platform.today()
        rows = await db.fetch(
            f"{_OPEN_TO_ALL} {_POPULAR} ORDER BY sc.id", today + timedelta(days=1), today + timedelta(days=DAYS)
        )
        chosen = rng.sample([row["id"] for row in rows], k=min(SCHEDULES, len(rows)))
        afternoon = clock.clinic_instant(today, time(12))
        doors = await db.fetch(
            f"{_OPEN_TO_ALL} AND sc.starts_at > $3 ORDER BY sc.id LIMIT {DOORS}", today, today, afternoon
        )
        stopped, scarce = chosen[:STOPPED], chosen[STOPPED : STOPPED + SCARCE]
        stage = Stage(
            days=[today + timedelta(days=n) for n in range(DAYS + 1)],
            people=people,
            slots=await _slots_of(db, chosen[STOPPED + SCARCE :]),
            scarce=await _slots_of(db, scarce),
            stopped=[str(one) for one in stopped],
            stopping=await _slots_of(db, stopped),
            doors=[
                Door(str(row["practitioner_id"]), str(row["room_id"]), await _slots_of(db, [row["id"]]))
                for row in doors
            ],
        )
    finally:
        await db.close()
    await make_scarce(office, [str(one) for one in scarce])
    return stage


async def _slots_of(db: asyncpg.Connection, schedules: list[object]) -> list[SlotOnSale]:
    rows = await db.fetch(
        "SELECT s.id, s.schedule_id, sc.department_id FROM slot s JOIN schedule sc ON sc.id = s.schedule_id"
        " WHERE sc.id = ANY ($1) ORDER BY s.id",
        schedules,
    )
    return [SlotOnSale(*(str(value) for value in row.values())) for row in rows]
