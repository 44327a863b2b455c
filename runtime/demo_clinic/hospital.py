"""The hospital of the day: some of the demonstration hospital's doctors, each with a room and one clinic or two."""

import random
from collections import Counter
from datetime import date, time
from math import ceil
from typing import Final
from uuid import UUID

from runtime.demo_hospital.plan import HospitalPlan, Row, plan_hospital, stable_id

SLOT_MINUTES: Final = 30
HOURS: Final = {"morning": (time(8), time(12)), "afternoon": (time(14), time(17, 30))}
AFTERNOON_SHARE: Final = 0.6
QUOTAS: Final = {"window": 20}
# Of the numbers that applications may book so many are wanted, on the whole.
FILL: Final = 0.85
_TITLES_OF_GENERAL: Final = ("attending", "resident")


def plan_clinics(*, doctors: int, visits: int, day: date, seed: int) -> HospitalPlan:
    """Choose doctors by whole departments, so that colleagues can stand in, and give them rooms and hours."""
    plan = plan_hospital()
    rng = random.Random(seed)  # noqa: S311  an invented day, not secrets
    at = {name: place for place, name in enumerate(plan.columns["practitioner"])}
    chosen = plan.rows["practitioner"][:doctors]
    clinics = _clinic_of_each(plan)
    both = {row[at["id"]] for row in rng.sample(chosen, k=round(len(chosen) * AFTERNOON_SHARE))}
    sessions = len(chosen) + len(both)
    seats = _seats_a_slot(sessions=sessions, visits=visits)
    plan.rows["practitioner"] = chosen
    plan.rows["schedule_template"] = []
    rooms = Counter[UUID]()
    for row in chosen:
        clinic = clinics[row[at["id"]]]
        room = _room(plan, clinic, rooms[clinic])
        rooms[clinic] += 1
        service_type = "general" if row[at["title"]] in _TITLES_OF_GENERAL else "specialist"
        for period, (starts, ends) in HOURS.items():
            if period == "afternoon" and row[at["id"]] not in both:
                continue
            plan.add(
                "schedule_template", id=stable_id("template", f"{row[at['code']]}/{day}/{period}"),
                practitioner_id=row[at["id"]], clinic_id=clinic, room_id=room, service_type=service_type,
                weekday=day.isoweekday(), period=period, starts=starts, ends=ends, slot_minutes=SLOT_MINUTES,
                seats_per_slot=seats, quotas=QUOTAS, works_on_holidays=True, valid_from=day,
            )  # fmt: skip
    return plan


def _seats_a_slot(*, sessions: int, visits: int) -> int:
    slots = sum((ends.hour - starts.hour) * 2 + ends.minute // 30 for starts, ends in HOURS.values()) / 2
    return max(2, ceil(visits / (sessions * slots * FILL * (1 - QUOTAS["window"] / 100))))


def _clinic_of_each(plan: HospitalPlan) -> dict[object, UUID]:
    columns = plan.columns["schedule_template"]
    doctor, clinic = columns.index("practitioner_id"), columns.index("clinic_id")
    found: dict[object, UUID] = {}
    for row in plan.rows["schedule_template"]:
        found.setdefault(row[doctor], _uuid(row[clinic]))
    return found


def _room(plan: HospitalPlan, clinic: UUID, number: int) -> UUID:
    """Give the clinic's room of that number, building it where the usual week needs fewer."""
    columns = plan.columns["room"]
    here = [row for row in plan.rows["room"] if row[columns.index("clinic_id")] == clinic]
    if number < len(here):
        return _id(here[number])
    code = f"{_clinic_code(plan, clinic)}-{number + 1:02d}"
    room = stable_id("room", code)
    plan.add(
        "room", id=room, code=code, name_zh=f"{number + 1} 诊室", name_en=f"Room {number + 1}", clinic_id=clinic,
        floor="1F",
    )  # fmt: skip
    return room


def _clinic_code(plan: HospitalPlan, clinic: UUID) -> object:
    columns = plan.columns["clinic"]
    return next(row[columns.index("code")] for row in plan.rows["clinic"] if _id(row) == clinic)


def _id(row: Row) -> UUID:
    """Give the first column, which is the id in every table."""
    return _uuid(row[0])


def _uuid(value: object) -> UUID:
    assert isinstance(value, UUID), "ids are"
    return value
