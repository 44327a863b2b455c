"""Everything of the demonstration hospital but its patients, as rows ready for COPY; the same for the same seed."""

import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time
from uuid import UUID

from booking.catalogue.pinyin import spell_name, spell_text
from runtime.demo_hospital import words
from runtime.demo_hospital.people import FEMALE, MALE, invent_name
from runtime.demo_hospital.places import ANDROLOGY, CAMPUSES, DEPARTMENTS, CampusSeed, DepartmentSeed

SEED = 20261123
TEMPLATES_A_PRACTITIONER = 6
SLOT_MINUTES = 30
VALID_FROM = date(2026, 1, 1)

_NAMESPACE = uuid.UUID("6f0f3e63-9a3f-5d3c-8a44-0c9b6a7d1f20")
_HOURS = {
    "morning": (time(8), time(12)),
    "afternoon": (time(14), time(17, 30)),
    "evening": (time(18), time(20)),
}
_SEATS_A_SLOT = {"general": 6, "specialist": 5, "special_clinic": 5, "vip": 3}
_FLOORS = ("1F", "2F", "3F", "4F", "5F", "6F")

Row = tuple[object, ...]


def stable_id(kind: str, code: str) -> UUID:
    """Give the id that this entry has in every demonstration hospital."""
    return uuid.uuid5(_NAMESPACE, f"{kind}:{code}")


@dataclass(slots=True)
class HospitalPlan:
    """Rows by table, in the order in which the tables can be filled."""

    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **values: object) -> None:
        """Add a row; rows of one table name the same columns in the same order."""
        columns = self.columns.setdefault(table, tuple(values))
        assert columns == tuple(values), table
        self.rows[table].append(tuple(values.values()))


@dataclass(frozen=True, slots=True)
class _ClinicSeat:
    """A clinic and the rooms it has so far; a room takes one practitioner a weekday and period."""

    id: UUID
    code: str
    rooms: list[UUID]
    taken: set[tuple[UUID, int, str]]


def plan_hospital(seed: int = SEED) -> HospitalPlan:
    """Invent the hospital."""
    rng = random.Random(seed)  # noqa: S311  invented people, not secrets
    plan = HospitalPlan()
    _plan_words(plan)
    for campus in CAMPUSES:
        plan.add(
            "campus", id=stable_id("campus", campus.code), code=campus.code, name_zh=campus.name_zh,
            name_en=campus.name_en, address=campus.address, latitude=campus.latitude, longitude=campus.longitude,
        )  # fmt: skip
    for department in DEPARTMENTS:
        _plan_department(plan, department)
    _plan_rules(plan)
    number = 0
    for department in DEPARTMENTS:
        clinics = [_plan_clinic(plan, department, campus) for campus in _campuses_of(department)]
        if department.code == ANDROLOGY.code:
            clinics.append(_plan_clinic(plan, ANDROLOGY, CAMPUSES[0], suffix="M"))
        for _ in range(department.doctors):
            number += 1
            _plan_practitioner(plan, rng, number, department, clinics)
    return plan


def _plan_words(plan: HospitalPlan) -> None:
    for code, zh, en in words.CHANNELS:
        plan.add("channel", code=code, name_zh=zh, name_en=en)
    for code, zh, en in words.SERVICE_TYPES:
        plan.add("service_type", code=code, name_zh=zh, name_en=en)
    for code, zh, en, minutes in words.POOLS:
        plan.add("pool", code=code, name_zh=zh, name_en=en, recycle_minutes_before=minutes)


def _plan_department(plan: HospitalPlan, seed: DepartmentSeed) -> None:
    pinyin, initials = spell_text(seed.name_zh)
    heading = seed.code.partition(".")[0]
    has_heading = heading != seed.code and any(other.code == heading for other in DEPARTMENTS)
    plan.add(
        "department", id=stable_id("department", seed.code), code=seed.code, name_zh=seed.name_zh,
        name_en=seed.name_en, pinyin=pinyin, initials=initials,
        parent_id=stable_id("department", heading) if has_heading else None,
    )  # fmt: skip


def _plan_rules(plan: HospitalPlan) -> None:
    for (service_type, title), amount_fen in words.FEES.items():
        plan.add("fee", id=stable_id("fee", f"{service_type}/{title}"), service_type=service_type, title=title,
                 amount_fen=amount_fen)  # fmt: skip
    for rule in words.RELEASE_RULES:
        plan.add(
            "release_rule", id=stable_id("release_rule", f"{rule.channel}/{rule.pool}/{rule.service_type}"),
            channel=rule.channel, pool=rule.pool, service_type=rule.service_type, kind="days_ahead",
            days_ahead=rule.days_ahead, at_time=rule.at_time, holiday_aware=rule.holiday_aware,
        )  # fmt: skip


def _campuses_of(department: DepartmentSeed) -> Iterator[CampusSeed]:
    return (campus for campus in CAMPUSES if campus.code[0] in department.campuses)


def _plan_clinic(plan: HospitalPlan, seed: DepartmentSeed, campus: CampusSeed, suffix: str = "") -> _ClinicSeat:
    code = f"{campus.code}{seed.code.replace('.', '')}{suffix}"
    clinic = _ClinicSeat(stable_id("clinic", code), code, [], set())
    plan.add(
        "clinic", id=clinic.id, code=code, name_zh=f"{seed.name_zh}门诊（{campus.name_zh}）",
        name_en=f"{seed.name_en} Clinic, {campus.name_en}", department_id=stable_id("department", seed.code),
        campus_id=stable_id("campus", campus.code), sex_allowed=seed.sex, age_years_min=seed.age_min,
        age_years_max=seed.age_max,
    )  # fmt: skip
    return clinic


def _plan_practitioner(
    plan: HospitalPlan, rng: random.Random, number: int, department: DepartmentSeed, clinics: list[_ClinicSeat]
) -> None:
    code = f"D{number:04d}"
    sex = rng.choice((MALE, FEMALE))
    name = invent_name(rng, sex)
    pinyin, initials = spell_name(name)
    title = rng.choices(words.TITLES, weights=(20, 30, 35, 15))[0]
    diseases = rng.sample(department.diseases.split(), k=min(3, len(department.diseases.split())))
    plan.add(
        "practitioner", id=stable_id("practitioner", code), code=code, name=name, pinyin=pinyin, initials=initials,
        title=title, sex=sex, department_id=stable_id("department", department.code), keywords=" ".join(diseases),
        introduction=f"{department.name_zh}医师，擅长{'、'.join(diseases)}的诊治。",
    )  # fmt: skip
    sessions = [(day, period) for day in range(1, 6) for period in ("morning", "afternoon")]
    weekend = [(6, "morning"), (6, "afternoon"), (7, "morning")]
    chosen = rng.sample(sessions, k=TEMPLATES_A_PRACTITIONER - 1)
    chosen.append(rng.choice(weekend if rng.random() < 0.5 else [(day, "evening") for day in range(1, 6)]))
    for weekday, period in sorted(chosen):
        clinic = rng.choice(clinics)
        _plan_template(plan, rng, code, title, clinic, weekday, period)


def _plan_template(
    plan: HospitalPlan,
    rng: random.Random,
    practitioner: str,
    title: str,
    clinic: _ClinicSeat,
    weekday: int,
    period: str,
) -> None:
    service_type = _choose_service(rng, title)
    starts, ends = _HOURS[period]
    plan.add(
        "schedule_template", id=stable_id("template", f"{practitioner}/{weekday}/{period}"),
        practitioner_id=stable_id("practitioner", practitioner), clinic_id=clinic.id,
        room_id=_free_room(plan, clinic, weekday, period), service_type=service_type, weekday=weekday, period=period,
        starts=starts, ends=ends, slot_minutes=SLOT_MINUTES, seats_per_slot=_SEATS_A_SLOT[service_type],
        quotas=words.VIP_QUOTAS if service_type == "vip" else words.QUOTAS,
        works_on_holidays=rng.random() < 0.4, valid_from=VALID_FROM,
    )  # fmt: skip


def _choose_service(rng: random.Random, title: str) -> str:
    if title in ("resident", "attending"):
        return "special_clinic" if title == "attending" and rng.random() < 0.15 else "general"
    if rng.random() < 0.08:
        return "vip"
    return "special_clinic" if rng.random() < 0.2 else "specialist"


def _free_room(plan: HospitalPlan, clinic: _ClinicSeat, weekday: int, period: str) -> UUID:
    for room in clinic.rooms:
        if (room, weekday, period) not in clinic.taken:
            clinic.taken.add((room, weekday, period))
            return room
    number = len(clinic.rooms) + 1
    code = f"{clinic.code}-{number:02d}"
    room = stable_id("room", code)
    plan.add(
        "room", id=room, code=code, name_zh=f"{number} 诊室", name_en=f"Room {number}", clinic_id=clinic.id,
        floor=_FLOORS[sum(code.encode()) % len(_FLOORS)],
    )  # fmt: skip
    clinic.rooms.append(room)
    clinic.taken.add((room, weekday, period))
    return room
