"""What bots gain: nothing. And what the defences cost people: nothing."""

from datetime import timedelta

import pytest

from booking import errors as booking_errors
from booking import service
from booking.rush import errors, tickets
from booking.rush.findings import find_hot_practitioners, list_findings, purge_rushes
from booking.rush.tickets import read_draw, read_room
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest
from tests.factories.rush import RELEASE, Rush, at, phone, rule


async def test_a_thousand_requests_gain_no_place(hospital: HospitalUnderTest) -> None:
    """A bot that joins first, asks without pause and tries to book all the time has one ticket in the same draw."""
    await rule(hospital, joins_per_second=5_000)
    rush = await Rush.of(hospital, seats=1)
    (bot,) = await hospital.patients(1)
    with at(-600):
        mine = [await rush.join_one(bot, phone(n)) for n in range(1_000)]
    people = await rush.join(9, seconds=-1)
    assert len({ticket.id for ticket in mine}) == 1
    with at(1):
        assert isinstance(await rush.book(mine[0]), booking_errors.TurnRequired)
        for _ in range(50):
            await rush.look(people[0])
            await rush.look(mine[0])
        views = await rush.look_all([mine[0], *people])
    assert sorted(view.ticket.place or 0 for view in views.values()) == list(range(1, 11))
    assert await hospital.db.fetchval("SELECT count(*) FROM rush_ticket") == 10


async def test_too_many_of_one_device_or_telephone_stand_behind(hospital: HospitalUnderTest) -> None:
    """A bot's people are real, but come from one device; a family's are drawn with everybody's, none is refused."""
    await rule(hospital, tickets_per_device=3, tickets_per_phone=4)
    rush = await Rush.of(hospital, seats=5)
    farm, one_line = await hospital.patients(12), await hospital.patients(6)
    await hospital.db.execute("UPDATE patient SET phone_hash = 'one' WHERE id = ANY ($1)", one_line)
    with at(-300):
        theirs = [await rush.join_one(person, phone(0)) for person in farm]
        dealer = [await rush.join_one(person, phone(100 + n)) for n, person in enumerate(one_line)]
    honest = await rush.join(10, first=200, seconds=-1)
    with at(1):
        views = await rush.look_all([*theirs, *dealer, *honest])
    behind = {id_ for id_, view in views.items() if view.ticket.is_behind}
    assert behind == {ticket.id for ticket in [*theirs[3:], *dealer[4:]]}
    places = {id_: view.ticket.place or 0 for id_, view in views.items()}
    assert max(place for id_, place in places.items() if id_ not in behind) == 17
    assert min(places[id_] for id_ in behind) == 18


async def test_an_application_that_joins_inhumanly_fast_is_put_off(
    hospital: HospitalUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Earlier tests may have joined in this very second.
    monkeypatch.setattr(tickets, "_rate", tickets._JoinRate())
    await rule(hospital, joins_per_second=3)
    rush = await Rush.of(hospital, seats=1)
    (patient,) = await hospital.patients(1)
    rate = tickets._JoinRate()
    for _ in range(3):
        rate.count("flood", 3)
    with pytest.raises(errors.TooManyJoins):
        rate.count("flood", 3)
    # Another application is not touched by it.
    rate.count("portal", 3)
    with at(-1):
        await rush.join_one(patient)


async def test_a_line_has_an_end(hospital: HospitalUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "TICKETS_OF_A_RUSH_MAX", 2)
    rush = await Rush.of(hospital, seats=5)
    await rush.join(2, seconds=1)
    with pytest.raises(errors.RushFull):
        await rush.join(1, first=5, seconds=1)


async def test_a_draw_is_published_and_nothing_before_it(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    joined = await rush.join(3)
    with at(-1):
        secret = await read_draw(rush_id=joined[0].rush_id, after=0, limit=10)
        assert (secret.seed, secret.items) == (None, [])
    late = await rush.join(1, first=9, seconds=1)
    with at(2):
        shown = await read_draw(rush_id=joined[0].rush_id, after=0, limit=10)
    assert shown.commitment == secret.commitment
    assert {id_ for id_, _, _ in shown.items} == {ticket.id for ticket in joined}
    assert late[0].place == 4


async def test_who_sells_out_within_minutes_is_found(hospital: HospitalUnderTest) -> None:
    with at(-3600):
        schedules = [
            await hospital.schedule(seats=1, opens_at=RELEASE, starts_in=timedelta(days=3 + n)) for n in range(3)
        ]
        slow = await hospital.schedule(seats=1, opens_at=RELEASE)
    first = await hospital.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedules[0].id)
    await hospital.db.execute(
        "UPDATE schedule SET practitioner_id = $1 WHERE id = ANY ($2)", first, [one.id for one in schedules]
    )
    people = await hospital.patients(4)
    for seconds, schedule, person in zip((5, 60, 599, 700), (*schedules, slow), people, strict=True):
        with at(seconds):
            await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=KIOSK)
    with at(3600):
        assert await find_hot_practitioners(hospital.db) == 1
        (found,) = await list_findings(after=None, limit=10)
        assert (found["practitioner_id"], found["releases"], found["slowest_seconds"]) == (str(first), 3, 599)
    with at(-5):
        assert (await read_room(schedule_id=schedules[0].id, actor=PORTAL)).is_hot is False
        await rule(hospital, follows_findings=True)
        assert (await read_room(schedule_id=schedules[0].id, actor=PORTAL)).is_hot is True
        assert (await read_room(schedule_id=slow.id, actor=PORTAL)).is_hot is False


async def test_old_rushes_are_forgotten(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    await rush.join(3)
    assert await purge_rushes(hospital.db, before=RELEASE) == 0
    assert await purge_rushes(hospital.db, before=RELEASE + timedelta(seconds=1)) == 4
    assert await hospital.db.fetchval("SELECT count(*) FROM rush") == 0


async def test_the_many_without_hope_are_asked_to_ask_rarely(hospital: HospitalUnderTest) -> None:
    """They set the load; who is near their turn is told to ask often."""
    rush = await Rush.of(hospital, seats=3)
    joined = await rush.join(60)
    with at(-5):
        waits = [(await rush.look(ticket)).ask_again_seconds for ticket in joined[:20]]
        assert min(waits) >= 5
        assert max(waits) <= 15
        assert len(set(waits)) > 1
    with at(1):
        views = await rush.look_all(joined)
    far = [view for view in views.values() if view.outlook == "unlikely"]
    assert len(far) > 50
    assert min(view.ask_again_seconds for view in far) >= 16
    # A third of the time after which who does not ask is passed over.
    assert max(view.ask_again_seconds for view in views.values()) <= 24
