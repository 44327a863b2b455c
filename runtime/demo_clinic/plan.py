"""Who comes on the day, when and how: everything that chance decides, drawn from the seed before the day begins."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from kernel import clock
from runtime.demo_clinic.world import Session, World
from runtime.demo_hospital.people import (
    FEMALE,
    MALE,
    TEST_TELEPHONE_PREFIX,
    PatientSeed,
    document_number,
    invent_name,
)
from runtime.demo_hospital.plan import stable_id

NOSHOW_SHARE: Final = 0.06
CANCEL_SHARE: Final = 0.04
LATE_SHARE: Final = 0.06
HOLD_SHARE: Final = 0.2
ABANDONED_SHARE: Final = 0.01
REGISTERED_BY_API_SHARE: Final = 0.1
WALK_IN_SHARE: Final = 0.02
WINDOW_SALE_SHARE: Final = 0.02
AWAY_WHEN_CALLED_SHARE: Final = 0.04
GOES_HOME_SHARE: Final = 0.004
BACK_WITH_RESULTS_SHARE: Final = 0.03
FLAGGED_SHARE: Final = 0.01
POPULAR_SHARE: Final = 0.08
WAITERS_A_POPULAR: Final = 4
CANCELLED_A_POPULAR: Final = 3
STOPS: Final = 3
CANCEL_AHEAD: Final = timedelta(minutes=45)
EARLY_MAX: Final = timedelta(minutes=110)
OUTAGE: Final = (time(10, 30), time(11, 30))
APPS: Final = ("portal", "kiosk", "office")
_APP_WEIGHTS: Final = (60, 25, 15)
_WAYS: Final = {
    "portal": (("code", "place", "kiosk", "staff", "his"), (45, 20, 20, 10, 5)),
    "kiosk": (("kiosk", "staff", "his"), (75, 20, 5)),
    "office": (("kiosk", "staff", "his"), (40, 55, 5)),
}


@dataclass(slots=True)
class Visit:
    """One person's way through the day, as chance wants it, and how it went so far.

    app: who books, `his` for the HIS's window. fate: comes, late, absent, cancels, abandons (a hold that nobody
    confirms). offset: when they come, from the start of their slot. The lower half is filled in as the day goes.
    """

    number: int
    person: PatientSeed
    session: int
    slot: int
    app: str
    fate: str
    offset: timedelta
    way: str = "kiosk"
    by_hold: bool = False
    registers: bool = False
    acts_at: datetime | None = None  # when they cancel, or buy at the window
    consult_share: float = 1.0  # of the doctor's usual length
    is_away: bool = False
    comes_back: bool = True
    goes_home: bool = False
    has_results: bool = False
    flags: dict[str, bool] = field(default_factory=dict)

    patient_id: str = ""
    appointment_id: str | None = None
    his_id: str | None = None
    entry_id: str | None = None
    status: str = "planned"
    queue_status: str | None = None
    plans: int = 0  # how often their time was set: an arrival planned for an earlier one is void
    consultations: int = 0

    def __post_init__(self) -> None:
        """Know the person by the id that they are loaded under; who is registered by the API gets another."""
        self.patient_id = self.patient_id or str(stable_id("patient", self.person.document_number))


@dataclass(frozen=True, slots=True)
class Stop:
    """A clinic that is stopped, and what is done for its patients."""

    session: int
    at: datetime
    steps: tuple[str, ...]
    substitute: int | None = None  # the session whose doctor stands in


@dataclass(frozen=True, slots=True)
class ExtraSeat:
    """A number beyond the last one, for a person by name; `refused` by the colleague who decides."""

    visit: Visit
    at: datetime
    refused: bool


@dataclass(slots=True)
class DayPlan:
    """The whole day. `pace` is each session's usual length of a consultation, in seconds."""

    visits: list[Visit]
    waiters: list[Visit]
    walk_ins: list[Visit]
    window_sales: list[Visit]
    extra_seats: list[ExtraSeat]
    stops: list[Stop]
    popular: set[int]
    pace: list[float]

    def everybody(self) -> Iterator[Visit]:
        """Give everybody of the day."""
        yield from self.visits
        yield from self.waiters
        yield from self.walk_ins
        yield from self.window_sales
        yield from (extra.visit for extra in self.extra_seats)


class _People:
    """Invents people whom a clinic admits, each with a document number of their own."""

    def __init__(self, rng: random.Random, day: date) -> None:
        self._rng, self._day = rng, day
        self._taken: set[str] = set()

    def invent(self, session: Session) -> PatientSeed:
        rng = self._rng
        sex = session.sex or rng.choice((MALE, FEMALE))
        youngest = session.age_min or 0
        oldest = 85 if session.age_max is None else session.age_max
        while True:
            # A week short of the next birthday at most, so that nobody outgrows a clinic overnight.
            days = rng.randrange(youngest * 366 + 1, oldest * 365 + 358) if oldest else rng.randrange(1, 350)
            born = self._day - timedelta(days=days)
            sequence = rng.randrange(1, 500) * 2 - (1 if sex == MALE else 0)
            number = document_number(birth_date=born, sequence=sequence)
            if number not in self._taken:
                break
        self._taken.add(number)
        phone = f"{TEST_TELEPHONE_PREFIX}{len(self._taken):07d}"
        return PatientSeed(invent_name(rng, sex), sex, born, number, phone)


def plan_day(world: World, *, visits: int, seed: int) -> DayPlan:
    """Draw the day; the same for the same clinics, number and seed."""
    return _Planner(world, visits, random.Random(seed + 1)).plan()  # noqa: S311  an invented day, not secrets


class _Planner:
    def __init__(self, world: World, visits: int, rng: random.Random) -> None:
        self._world, self._wanted, self._rng = world, visits, rng
        self._sessions = world.sessions
        self._people = _People(rng, world.day)
        self._number = 0

    def plan(self) -> DayPlan:
        """Fill the clinics, then decide who does what."""
        stops = self._stops()
        stopped = {stop.session for stop in stops} | {stop.substitute for stop in stops}
        popular = self._popular(stopped)
        visits = self._booked(popular)
        self._decide_fates(visits, popular)
        walk_ins = [self._walk_in() for _ in range(round(self._wanted * WALK_IN_SHARE))]
        sales = self._window_sales({stop.session for stop in stops})
        waiters = [
            self._visit(session, 0, app="portal", fate="comes")
            for session in sorted(popular)
            for _ in range(WAITERS_A_POPULAR)
        ]
        extra = self._extra_seats(stopped)
        load = [0] * len(self._sessions)
        for one in (*visits, *walk_ins, *sales):
            load[one.session] += one.fate in ("comes", "late")
        pace = [self._pace(session, people) for session, people in zip(self._sessions, load, strict=True)]
        return DayPlan(visits, waiters, walk_ins, sales, extra, stops, popular, pace)

    def _pace(self, session: Session, people: int) -> float:
        """Give a doctor the pace of somebody who finishes more or less on time."""
        seconds = (session.ends_at - session.starts_at).total_seconds()
        return min(max(seconds * self._rng.uniform(0.7, 0.92) / max(people, 1), 150.0), 900.0)

    def _stops(self) -> list[Stop]:
        """Stop afternoons: one is given by a colleague, of one people are moved, of one they are asked."""
        afternoons = [n for n, one in enumerate(self._sessions) if one.period == "afternoon"]
        first = next(((n, sub) for n in afternoons if (sub := self._substitute(n)) is not None), None)
        if first is None or len(afternoons) < 2 * STOPS:
            return []
        others = [n for n in afternoons if n != first[0] and self._has_equal(n, first[0])]
        chosen = others[: STOPS - 1] if len(others) < 2 * STOPS else self._rng.sample(others, k=STOPS - 1)
        hour = [clock.clinic_instant(self._world.day, one) for one in (time(7, 40), time(8, 10), time(8, 30))]
        steps = (("move", "cancel"), ("offer", "cancel"))
        found = [Stop(first[0], hour[0], ("substitute", "cancel"), first[1])]
        return found + [Stop(n, at, step) for n, at, step in zip(chosen, hour[1:], steps, strict=False)]

    def _substitute(self, session: int) -> int | None:
        """Find a colleague whose afternoon is free: by their morning."""
        wanted = self._sessions[session]
        busy = {one.practitioner_id for one in self._sessions if one.period == wanted.period}
        for n, one in enumerate(self._sessions):
            is_free = one.practitioner_id not in busy and one.period == "morning"
            if is_free and one.department_id == wanted.department_id and one.service_type == wanted.service_type:
                return n
        return None

    def _has_equal(self, session: int, besides: int) -> bool:
        wanted = self._sessions[session]
        return any(
            n not in (session, besides)
            and one.department_id == wanted.department_id
            and (one.service_type, one.period) == (wanted.service_type, wanted.period)
            for n, one in enumerate(self._sessions)
        )

    def _popular(self, stopped: set[int | None]) -> set[int]:
        free = [n for n in range(len(self._sessions)) if n not in stopped]
        afternoons = [n for n in free if self._sessions[n].period == "afternoon"]
        count = max(1, round(len(self._sessions) * POPULAR_SHARE))
        # At least one afternoon: what comes free of a morning is known the evening before.
        chosen = {self._rng.choice(afternoons)} if afternoons else set()
        return chosen | set(self._rng.sample(free, k=min(count - len(chosen), len(free))))

    def _booked(self, popular: set[int]) -> list[Visit]:
        """Sell the popular clinics out, and spread the rest over the others' numbers by chance."""
        full = [(n, slot) for n in sorted(popular) for slot in self._numbers(n)][: self._wanted]
        rest = [(n, slot) for n in range(len(self._sessions)) if n not in popular for slot in self._numbers(n)]
        self._rng.shuffle(rest)
        chosen = full + rest[: self._wanted - len(full)]
        visits = [self._visit(session, slot) for session, slot in chosen]
        spare = rest[self._wanted - len(full) :][: round(self._wanted * ABANDONED_SHARE)]
        visits += [self._visit(session, slot, fate="abandons") for session, slot in spare]
        self._rng.shuffle(visits)
        return visits

    def _numbers(self, session: int) -> list[int]:
        return [place for place, slot in enumerate(self._sessions[session].slots) for _ in range(slot.common)]

    def _visit(self, session: int, slot: int, *, app: str | None = None, fate: str = "comes") -> Visit:
        rng = self._rng
        self._number += 1
        app = app or rng.choices(APPS, weights=_APP_WEIGHTS)[0]
        ways, weights = _WAYS.get(app, _WAYS["office"])
        way = rng.choices(ways, weights=weights)[0]
        is_flagged = way == "staff" and rng.random() < FLAGGED_SHARE * 10
        return Visit(
            number=self._number,
            person=self._people.invent(self._sessions[session]),
            session=session,
            slot=slot,
            app=app,
            fate=fate,
            offset=timedelta(minutes=min(max(rng.gauss(-25, 18), -100), 20)),
            way=way,
            by_hold=fate == "abandons" or rng.random() < HOLD_SHARE,
            registers=app in APPS and rng.random() < REGISTERED_BY_API_SHARE,
            consult_share=min(rng.lognormvariate(-0.12, 0.5), 4.0),
            is_away=rng.random() < AWAY_WHEN_CALLED_SHARE,
            comes_back=rng.random() < 0.8,
            goes_home=rng.random() < GOES_HOME_SHARE,
            has_results=rng.random() < BACK_WITH_RESULTS_SHARE,
            flags={rng.choice(("is_emergency", "is_disabled", "is_military")): True} if is_flagged else {},
        )

    def _decide_fates(self, visits: Sequence[Visit], popular: set[int]) -> None:
        coming = [one for one in visits if one.fate == "comes"]
        self._rng.shuffle(coming)
        absent = round(len(coming) * NOSHOW_SHARE)
        late = absent + round(len(coming) * LATE_SHARE)
        cancelling = late + round(len(coming) * CANCEL_SHARE)
        for one in coming[:absent]:
            one.fate = "absent"
        for one in coming[absent:late]:
            one.fate = "late"
            one.offset = timedelta(minutes=self._rng.uniform(31, 75))
        wanted = list(coming[late:cancelling])
        for session in sorted(popular):
            wanted += [one for one in coming[cancelling:] if one.session == session][:CANCELLED_A_POPULAR]
        for one in wanted:
            one.fate = "cancels"
            one.acts_at = self._cancel_at(one, is_popular=one.session in popular)

    def _cancel_at(self, visit: Visit, *, is_popular: bool) -> datetime:
        """Most think better of it on the morning; from a popular early clinic they go the evening before."""
        starts_at = self._sessions[visit.session].slots[visit.slot].starts_at
        opens = clock.clinic_instant(self._world.day, time(7, 5))
        if starts_at - CANCEL_AHEAD <= opens or (is_popular and self._sessions[visit.session].period == "morning"):
            evening = clock.clinic_instant(self._world.day - timedelta(days=1), time(19, 30))
            return evening + timedelta(minutes=self._rng.uniform(0, 60))
        last = min(starts_at - CANCEL_AHEAD, clock.clinic_instant(self._world.day, time(12, 15)))
        return opens + (last - opens) * self._rng.random()

    def _outside_outage(self, first: datetime, last: datetime) -> datetime:
        """Choose an instant while the HIS's window is open."""
        begins, ends = (clock.clinic_instant(self._world.day, one) for one in OUTAGE)
        margin = timedelta(minutes=5)
        while True:
            at = first + (last - first) * self._rng.random()
            if not begins - margin <= at <= ends + margin:
                return at

    def _walk_in(self) -> Visit:
        session = self._rng.randrange(len(self._sessions))
        one = self._visit(session, 0, app="his")
        clinic = self._sessions[session]
        one.way = "walk-in"
        one.acts_at = self._outside_outage(clinic.starts_at, clinic.ends_at - timedelta(minutes=45))
        return one

    def _window_sales(self, stopped: set[int]) -> list[Visit]:
        """Sell numbers of the window's own in afternoons, on the morning of the day."""
        places = [
            (n, place)
            for n, one in enumerate(self._sessions)
            if one.period == "afternoon" and n not in stopped
            for place, slot in enumerate(one.slots)
            for _ in range(slot.window)
        ]
        chosen = self._rng.sample(places, k=min(round(self._wanted * WINDOW_SALE_SHARE), len(places)))
        first, last = (clock.clinic_instant(self._world.day, one) for one in (time(7, 30), time(12, 30)))
        sales = []
        for session, slot in chosen:
            one = self._visit(session, slot, app="his")
            one.way = "his"
            one.acts_at = self._outside_outage(first, last)
            sales.append(one)
        return sales

    def _extra_seats(self, stopped: set[int | None]) -> list[ExtraSeat]:
        afternoons = [n for n, one in enumerate(self._sessions) if one.period == "afternoon" and n not in stopped]
        count = min(len(afternoons), max(2, len(self._sessions) // 20))
        found = []
        for place, session in enumerate(self._rng.sample(afternoons, k=count)):
            one = self._visit(session, len(self._sessions[session].slots) - 1, app="office")
            one.registers = False
            at = clock.clinic_instant(self._world.day, time(8)) + timedelta(minutes=self._rng.uniform(0, 240))
            found.append(ExtraSeat(one, at, refused=place % 6 == 1))
        return found


def arrival_of(visit: Visit, session: Session) -> datetime:
    """Tell when somebody comes to the hospital: never before it opens, nor before check-in does."""
    starts_at = session.slots[visit.slot].starts_at
    opens = clock.clinic_instant(clock.clinic_date(starts_at), time(7, 2))
    return max(starts_at + visit.offset, opens, starts_at - EARLY_MAX)
