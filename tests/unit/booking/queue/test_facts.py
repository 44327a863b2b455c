"""What an estimate counts: one's own clinic, those who go first in it, and those who will."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from booking.queue.facts import Coming, Person, Place, QueueState, Session
from booking.queue.pace import COMING_SHARE, OVERDUE_SHARE, Pace

NOON = datetime(2026, 11, 26, 4, tzinfo=UTC)
PACE = Pace(600.0, 100.0, 20)
MORNING = Session(uuid4(), NOON - timedelta(hours=4), NOON, has_begun=True)
AFTERNOON = Session(uuid4(), NOON + timedelta(hours=2), NOON + timedelta(hours=5, minutes=30), has_begun=False)
PLACE = Place(
    queue_id=uuid4(),
    clinic_date=date(2026, 11, 26),
    clinic_id=uuid4(),
    clinic_name_zh="心内科门诊",
    clinic_name_en="Cardiology Clinic",
    practitioner_id=uuid4(),
    practitioner_name="张伟",
    title_zh="主任医师",
    title_en="Chief",
    room_id=uuid4(),
    room_code="R1",
    room_name_zh="1 诊室",
    room_name_en="Room 1",
    room_floor="1F",
    last_event=1,
)
ORDER: dict[UUID | None, float] = {MORNING.schedule_id: 11 * 3600.0, AFTERNOON.schedule_id: 14 * 3600.0}


def person(schedule_id: UUID | None, *, status: str = "waiting", called_at: datetime | None = None) -> Person:
    return Person(
        id=uuid4(),
        label="A1",
        status=status,
        class_="on-time",
        patient_id=uuid4(),
        appointment_id=None,
        client_id="kiosk",
        is_elderly=False,
        is_disabled=False,
        is_military=False,
        way="kiosk",
        order_seconds=ORDER.get(schedule_id, 12 * 3600.0),
        ticket=1,
        calls=0,
        passes=0,
        checked_in_at=NOON,
        called_at=called_at,
        started_at=called_at,
        finished_at=None,
        masked_name="张*",
        schedule_id=schedule_id,
    )


def queue(
    *waiting: Person,
    sessions: Sequence[Session] = (MORNING, AFTERNOON),
    others: Sequence[Person] = (),
    coming: Sequence[Coming] = (),
) -> QueueState:
    return QueueState(PLACE, tuple(sessions), tuple(waiting), tuple(others), tuple(coming), PACE)


def test_who_comes_at_noon_for_two_o_clock_waits_until_two_though_the_morning_has_begun() -> None:
    state = queue(person(AFTERNOON.schedule_id))

    told = state.estimate_at(0, NOON)

    assert told.seconds == 2 * 3600
    assert told.low <= 2 * 3600 <= told.high


def test_the_mornings_last_people_are_seen_before_the_afternoons_first() -> None:
    with_doctor = person(MORNING.schedule_id, status="in-consultation", called_at=NOON - timedelta(minutes=2))
    state = queue(person(MORNING.schedule_id), person(AFTERNOON.schedule_id), others=[with_doctor])

    assert state.estimate_at(0, NOON).seconds < 1200
    # Ten minutes for each of two people go by long before two o'clock.
    assert state.estimate_at(1, NOON).seconds == 2 * 3600


def test_a_morning_that_runs_over_into_the_afternoon_delays_it() -> None:
    stragglers = [person(MORNING.schedule_id) for _ in range(15)]
    state = queue(*stragglers, person(AFTERNOON.schedule_id))

    assert state.estimate_at(15, NOON).seconds == 15 * 600


def test_a_clinic_that_has_begun_goes_on_whatever_the_hour() -> None:
    begun = AFTERNOON._replace(has_begun=True)
    state = queue(person(AFTERNOON.schedule_id), sessions=(MORNING, begun))

    assert state.estimate_at(0, NOON).seconds == 0


@pytest.mark.parametrize(("sessions", "seconds"), [((MORNING, AFTERNOON), 2 * 3600), ((), 0)])
def test_who_walks_in_at_noon_waits_for_the_next_clinic_of_the_room(
    sessions: tuple[Session, ...], seconds: int
) -> None:
    state = queue(person(None), sessions=sessions)

    assert state.estimate_at(0, NOON).seconds == seconds


def test_of_those_to_come_the_ones_of_ones_own_clinic_count_if_they_go_first() -> None:
    mine = ORDER[AFTERNOON.schedule_id]
    ahead = [Coming(mine - 1, AFTERNOON.schedule_id), Coming(mine - 1800, AFTERNOON.schedule_id)]
    others = [Coming(mine + 1, AFTERNOON.schedule_id), Coming(mine - 7200, MORNING.schedule_id)]

    alone = queue(person(AFTERNOON.schedule_id), coming=others).estimate_at(0, NOON)
    behind = queue(person(AFTERNOON.schedule_id), coming=[*ahead, *others]).estimate_at(0, NOON)

    assert alone.seconds == 2 * 3600
    assert behind.seconds - alone.seconds == pytest.approx(2 * 0.9 * 600, rel=0.2)


def test_who_has_not_come_when_their_time_begins_is_less_likely_to_go_first() -> None:
    mine = ORDER[MORNING.schedule_id]
    due = Coming(mine - 1800, MORNING.schedule_id)

    awaited = queue(person(MORNING.schedule_id), coming=[due] * 10).estimate_at(0, NOON)
    overdue = queue(person(MORNING.schedule_id), coming=[due._replace(is_overdue=True)] * 10).estimate_at(0, NOON)

    assert awaited.seconds == pytest.approx(COMING_SHARE * 6000, rel=0.1)
    assert overdue.seconds == pytest.approx(OVERDUE_SHARE * 6000, rel=0.1)
    # Whether they come is the less known, so the interval is the wider for its middle.
    assert (overdue.high - overdue.low) / overdue.seconds > (awaited.high - awaited.low) / awaited.seconds
