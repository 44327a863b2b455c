from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from kernel import clock
from runtime.demo_clinic.plan import EARLY_MAX, NOSHOW_SHARE, OUTAGE, STOPS, DayPlan, Visit, arrival_of, plan_day
from runtime.demo_clinic.world import World
from tests.factories.clinic_day import DAY, small_world

VISITS = 200
WORLD = small_world()


def plan(seed: int = 7) -> DayPlan:
    return plan_day(small_world(), visits=VISITS, seed=seed)


def test_a_seed_plans_one_day() -> None:
    assert asdict(plan()) == asdict(plan())
    assert asdict(plan()) != asdict(plan(seed=8))


def test_a_world_is_the_same_after_it_was_written_down(tmp_path: Path) -> None:
    WORLD.save(tmp_path / "world.json")

    assert World.load(tmp_path / "world.json") == WORLD


def test_so_many_book_and_six_in_a_hundred_of_them_never_come() -> None:
    fates = Counter(one.fate for one in plan().visits)

    assert sum(n for fate, n in fates.items() if fate != "abandons") == VISITS
    assert fates["absent"] == round(VISITS * NOSHOW_SHARE)
    assert min(fates["late"], fates["cancels"], fates["abandons"]) > 0


def test_no_slot_is_asked_for_more_than_it_has() -> None:
    asked = Counter((one.session, one.slot) for one in plan().visits)

    for (session, slot), people in asked.items():
        assert people <= WORLD.sessions[session].slots[slot].common


def test_popular_clinics_are_sold_out_and_waited_for() -> None:
    made = plan()
    booked = Counter(one.session for one in made.visits)

    assert made.popular
    assert {one.session for one in made.waiters} == made.popular
    assert all(booked[session] == WORLD.sessions[session].common for session in made.popular)


def test_a_clinic_sees_whom_it_admits_and_nobody_twice() -> None:
    people = list(plan().everybody())

    assert len({one.patient_id for one in people}) == len(people)
    for one in people:
        session = WORLD.sessions[one.session]
        born = one.person.birth_date
        age = DAY.year - born.year - ((DAY.month, DAY.day) < (born.month, born.day))
        assert session.sex in (None, one.person.sex)
        assert (session.age_min or 0) <= age <= (99 if session.age_max is None else session.age_max)


def test_three_afternoons_are_stopped_each_in_its_own_way() -> None:
    stops = plan().stops

    assert len({stop.session for stop in stops}) == len(stops) == STOPS
    assert {stop.steps[0] for stop in stops} == {"substitute", "move", "offer"}
    assert all(WORLD.sessions[stop.session].period == "afternoon" for stop in stops)
    [substitution] = [stop for stop in stops if stop.substitute is not None]
    assert substitution.substitute is not None
    doctor = WORLD.sessions[substitution.substitute].practitioner_id
    assert not [one for one in WORLD.sessions if one.practitioner_id == doctor and one.period == "afternoon"]


def test_nobody_goes_to_the_window_while_the_his_is_away() -> None:
    made = plan()
    begins, ends = (clock.clinic_instant(DAY, one) for one in OUTAGE)

    for one in (*made.walk_ins, *made.window_sales):
        assert one.acts_at is not None
        assert not begins <= one.acts_at <= ends


def test_who_cancels_does_so_in_time_for_the_hospitals_rule() -> None:
    for one in (visit for visit in plan().visits if visit.fate == "cancels"):
        assert one.acts_at is not None
        assert one.acts_at <= WORLD.sessions[one.session].slots[one.slot].starts_at - timedelta(minutes=30)


def test_nobody_comes_before_check_in_opens() -> None:
    def early(visit: Visit) -> timedelta:
        session = WORLD.sessions[visit.session]
        return session.slots[visit.slot].starts_at - arrival_of(visit, session)

    assert all(early(one) <= EARLY_MAX for one in plan().everybody())
