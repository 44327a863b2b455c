"""The waiting room: who joins, in which order turns are given, and that only turns are served."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking import errors as booking_errors
from booking import service
from booking.facts import Appointment
from booking.rush import errors
from booking.rush.lines import Lines
from booking.rush.tickets import read_room, withdraw_ticket
from kernel import clock
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, books, require_books_agree
from tests.factories.rush import PHONE, RELEASE, Rush, at, mark, phone, rule


async def test_nothing_is_different_where_nothing_is_hot(hospital: HospitalUnderTest) -> None:
    with at(-3600):
        schedule = await hospital.schedule(seats=1, opens_at=RELEASE)
    (patient,) = await hospital.patients(1)
    with at(), pytest.raises(errors.NotNeeded):
        await Rush(hospital, schedule, Lines()).join_one(patient)
    with at():
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)


async def test_joining_opens_shortly_before_the_release(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=2)
    (patient,) = await hospital.patients(1)
    with at(-601), pytest.raises(errors.NotOpen) as refusal:
        await rush.join_one(patient)
    assert refusal.value.details == {"joins_at": RELEASE - timedelta(minutes=10), "opens_at": RELEASE}
    with at(-600):
        room = await read_room(schedule_id=rush.schedule.id, actor=PORTAL)
        assert (room.is_hot, room.needs_turn, room.rush_id, room.joined) == (True, False, None, 0)
        ticket = await rush.join_one(patient)
        room = await read_room(schedule_id=rush.schedule.id, actor=PORTAL)
        assert (room.rush_id, room.joined, room.closes_at) == (ticket.rush_id, 1, RELEASE + timedelta(hours=1))
        view = await rush.look(ticket)
    assert (view.status, view.ticket.place, view.before, view.seats_left, view.joined) == ("waiting", None, None, 2, 1)
    assert (view.outlook, view.commitment) == ("likely", room.commitment)


async def test_one_person_has_one_ticket_however_many_devices(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    (patient,) = await hospital.patients(1)
    await hospital.db.execute("INSERT INTO patient_access VALUES ('other', $1)", patient)
    with at(-60):
        tickets = {(await rush.join_one(patient, phone(n))).id for n in range(50)}
        assert len(tickets) == 1
        with pytest.raises(errors.JoinedElsewhere):
            await rush.join_one(patient, phone(1, client_id="other"))
    assert await hospital.db.fetchval("SELECT count(*) FROM rush_ticket") == 1


async def test_who_may_not_join(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    man, banned = await hospital.patients(2)
    (stranger,) = await hospital.patients(1)
    await hospital.db.execute("DELETE FROM patient_access WHERE patient_id = $1", stranger)
    await hospital.db.execute("UPDATE patient SET banned_until = $2 WHERE id = $1", banned, RELEASE + timedelta(days=1))
    with at(-60):
        for patient, actor, refusal in (
            (man, replace(PORTAL, device_hash=None), errors.DeviceRequired),
            (man, KIOSK, errors.NotNeeded),
            (stranger, PHONE, booking_errors.PatientUnknown),
            (banned, PHONE, booking_errors.PatientBanned),
        ):
            with pytest.raises(refusal):
                await rush.join_one(patient, actor)
        await hospital.db.execute("UPDATE clinic SET sex_allowed = 2 WHERE id = $1", hospital.clinic_id)
        with pytest.raises(booking_errors.PatientNotEligible):
            await rush.join_one(man)
    assert await hospital.db.fetchval("SELECT count(*) FROM rush_ticket") == 0


async def test_a_person_waits_before_so_many_clinics_of_one_release(hospital: HospitalUnderTest) -> None:
    await rule(hospital, tickets_per_person=2)
    (patient,) = await hospital.patients(1)
    rushes = [await Rush.of(hospital, seats=1) for _ in range(3)]
    with at(-60):
        first = await rushes[0].join_one(patient)
        await rushes[1].join_one(patient)
        with pytest.raises(errors.LimitReached):
            await rushes[2].join_one(patient)
        await withdraw_ticket(ticket_id=first.id, actor=PHONE)
        await rushes[2].join_one(patient)


async def test_turns_are_given_by_place_and_as_many_as_there_are_seats(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=3)
    tickets = await rush.join(8, seconds=-30)
    with at(1):
        views = await rush.look_all(tickets)
        by_place = sorted(views.values(), key=lambda view: view.ticket.place or 0)
        assert [view.ticket.place for view in by_place] == list(range(1, 9))
        assert [view.status for view in by_place] == ["turn"] * 3 + ["waiting"] * 5
        assert [view.before for view in by_place] == [None] * 3 + list(range(5))
        assert {view.open_turns for view in by_place} == {3}
        assert [view.ticket.turn_until for view in by_place[:3]] == [RELEASE + timedelta(seconds=181)] * 3

        for view in by_place[3:]:
            refusal = await rush.book(view.ticket)
            assert isinstance(refusal, booking_errors.TurnRequired)
            assert refusal.details == {"schedule_id": rush.schedule.id}
        booked = [await rush.book(view.ticket) for view in by_place[:2]]
        assert all(isinstance(one, Appointment) for one in booked)

        later = await rush.look_all(tickets)
        assert [later[view.ticket.id].status for view in by_place] == ["used", "used", "turn"] + ["waiting"] * 5
        assert {view.seats_left for view in later.values()} == {1}
    await require_books_agree(hospital.db)


async def test_a_turn_that_is_not_used_passes_on(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    tickets = await rush.join(3, seconds=-30)
    with at(1):
        views = await rush.look_all(tickets)
    first, second, third = sorted(views.values(), key=lambda view: view.ticket.place or 0)
    with at(180):
        await rush.look(second.ticket)
        await rush.look(third.ticket)
        assert (await rush.look(second.ticket)).status == "waiting"
    with at(181):
        # Nothing has run in between, and yet the turn is over for the desk.
        assert isinstance(await rush.book(first.ticket), booking_errors.TurnRequired)
        assert (await rush.look(second.ticket)).status == "turn"
        assert (await rush.look(first.ticket)).status == "passed"
        assert (await rush.look(third.ticket)).status == "waiting"
        assert isinstance(await rush.book(second.ticket), Appointment)
        assert (await rush.look(third.ticket)).status == "over"
    assert sorted((await rush.statuses()).values()) == ["passed", "used", "waiting"]


async def test_who_is_not_there_is_passed_over_and_keeps_the_place(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    tickets = await rush.join(3, seconds=-500)
    with at(1):
        order = sorted([(await rush.look(ticket)).ticket for ticket in tickets], key=lambda t: t.place or 0)
    # The first looks away before the release; the second is there, and has the turn.
    await hospital.db.execute("UPDATE rush_ticket SET status = 'waiting', turn_at = NULL, turn_until = NULL")
    await hospital.db.execute("UPDATE rush_ticket SET seen_at = $2 WHERE id = $1", order[0].id, RELEASE)
    again = Lines(fresh_seconds=0)
    with at(100):
        for ticket in order[1:]:
            await rush.look(ticket, again)
        assert (await rush.look(order[1], again)).status == "turn"
    with at(290):
        await rush.look(order[0], again)
        await rush.look(order[2], again)
        assert (await rush.look(order[1], again)).status == "passed"
        assert (await rush.look(order[0], again)).status == "turn"
        assert (await rush.look(order[2], again)).status == "waiting"


async def test_who_joins_after_the_release_stands_behind(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    early = await rush.join(5, seconds=-1)
    late = await rush.join(3, first=5, seconds=0)
    with at(1):
        views = await rush.look_all([*late, *early])
    assert sorted(views[ticket.id].ticket.place or 0 for ticket in early) == [1, 2, 3, 4, 5]
    assert [views[ticket.id].ticket.place for ticket in late] == [6, 7, 8]
    assert {ticket.id for ticket in early} > {id_ for id_, view in views.items() if view.status == "turn"}


async def test_a_line_empty_of_people_opens_turns_to_whoever_comes(hospital: HospitalUnderTest) -> None:
    """The first minutes are the waiting room's even if nobody has joined: nobody wins by being a blink early."""
    rush = await Rush.of(hospital, seats=2)
    (patient,) = await hospital.patients(1)
    with at(0):
        with pytest.raises(booking_errors.TurnRequired):
            await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=patient, actor=PORTAL)
        ticket = await rush.join_one(patient)
        assert (await rush.lines.show(ticket)).status == "turn"
        assert isinstance(await rush.book(ticket), Appointment)


async def test_the_rush_is_over_when_nobody_waits(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=2)
    (ticket,) = await rush.join(1)
    other, third = await hospital.patients(2)
    with at(1):
        await rush.look(ticket)
        assert (await rush.look(ticket)).status == "turn"
    with at(179), pytest.raises(booking_errors.TurnRequired):
        await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=other, actor=PORTAL)
    # The turn of the one who came is open for a second more than the first minutes.
    with at(180), pytest.raises(booking_errors.TurnRequired):
        await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=other, actor=PORTAL)
    with at(182):
        # At another desk: the first may still be serving in the moment of the refusal.
        await service.hold_seat(slot_id=rush.schedule.slots[0], patient_id=other, actor=PORTAL)
        with pytest.raises(errors.NotNeeded):
            await rush.join_one(third)


async def test_the_waiting_room_closes(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    first, second = await rush.join(2)
    (other,) = await hospital.patients(1)
    with at(3599):
        views = await rush.look_all([first, second])
        assert sorted(view.status for view in views.values()) == ["turn", "waiting"]
        with pytest.raises(booking_errors.TurnRequired):
            await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=other, actor=PORTAL)
    with at(3600):
        views = await rush.look_all([first, second])
        assert "over" in {view.status for view in views.values()}
        await service.hold_seat(slot_id=rush.schedule.slots[0], patient_id=other, actor=PORTAL)


async def test_the_hospitals_own_applications_do_not_queue(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=2)
    tickets = await rush.join(2)
    (patient,) = await hospital.patients(1)
    with at(1):
        await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=patient, actor=KIOSK)
        views = await rush.look_all(tickets)
    assert sorted(view.status for view in views.values()) == ["turn", "waiting"]


async def test_an_emergency_clinic_has_no_waiting_room(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    await hospital.db.execute("UPDATE clinic SET is_emergency = true WHERE id = $1", hospital.clinic_id)
    (patient,) = await hospital.patients(1)
    with at(0):
        with pytest.raises(errors.NotNeeded):
            await rush.join_one(patient)
        await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=patient, actor=PORTAL)


async def test_nobody_moves_into_a_rush_without_a_turn(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    with at(-3600):
        elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=4))
    (ticket,) = await rush.join(1)
    with at(-10):
        booked = await service.book_appointment(slot_id=elsewhere.slots[0], patient_id=ticket.patient_id, actor=PORTAL)
    before = await books(hospital.db)
    with at(1):
        with pytest.raises(booking_errors.TurnRequired):
            await service.reschedule_appointment(appointment_id=booked.id, slot_id=rush.schedule.slots[0], actor=PORTAL)
        assert await books(hospital.db) == before
        await rush.look(ticket)
        assert (await rush.look(ticket)).status == "turn"
        await service.reschedule_appointment(appointment_id=booked.id, slot_id=rush.schedule.slots[0], actor=PORTAL)
        assert (await rush.look(ticket)).status == "used"
    await require_books_agree(hospital.db)


async def test_a_turn_is_kept_by_who_wins_nothing(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=2)
    (ticket,) = await rush.join(1)
    with at(-3600):
        same_day = await hospital.schedule(seats=1)
    with at(-10):
        booked = await service.book_appointment(slot_id=same_day.slots[0], patient_id=ticket.patient_id, actor=PORTAL)
    with at(1):
        await rush.look(ticket)
        assert (await rush.look(ticket)).status == "turn"
        assert isinstance(await rush.book(ticket), booking_errors.AlreadyBooked)
        assert (await rush.look(ticket)).status == "turn"
        await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
        assert isinstance(await rush.book(ticket), Appointment)
        assert (await rush.look(ticket)).status == "used"


async def test_a_hold_uses_the_turn_and_needs_none_to_be_confirmed(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    first, second = await rush.join(2)
    with at(1):
        views = await rush.look_all([first, second])
        holder, waiting = sorted((first, second), key=lambda ticket: views[ticket.id].ticket.place or 0)
        key = Idempotency("portal", "key", "POST /holds", {"slot_id": "x"})
        slot_id = rush.schedule.slots[0]
        hold = await service.hold_seat(slot_id=slot_id, patient_id=holder.patient_id, actor=PORTAL, idempotency=key)
        again = await service.hold_seat(slot_id=slot_id, patient_id=holder.patient_id, actor=PORTAL, idempotency=key)
        assert again == hold
        assert (await rush.look(waiting)).status == "waiting"
    with at(300):
        # The seat is held, so it is nobody's turn; nor is everything over.
        assert (await rush.look(waiting)).status == "waiting"
        assert (await rush.look(waiting)).seats_left == 0
        await service.confirm_hold(hold_id=hold.id, actor=PORTAL)
        assert (await rush.look(waiting)).status == "over"


async def test_a_hold_that_runs_out_opens_the_next_turn(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    first, second = await rush.join(2)
    with at(1):
        views = await rush.look_all([first, second])
        holder, waiting = sorted((first, second), key=lambda ticket: views[ticket.id].ticket.place or 0)
        hold = await service.hold_seat(slot_id=rush.schedule.slots[0], patient_id=holder.patient_id, actor=PORTAL)
    with clock.frozen(hold.until):
        await rush.look(waiting)
        assert (await rush.look(waiting)).status == "turn"
        assert isinstance(await rush.book(waiting), Appointment)
        await require_books_agree(hospital.db)


async def test_giving_a_turn_up_passes_it_on(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    first, second = await rush.join(2)
    with at(-5):
        await withdraw_ticket(ticket_id=first.id, actor=PHONE)
        assert (await rush.join_one(first.patient_id)).status == "waiting"
    with at(1):
        views = await rush.look_all([first, second])
        holder, waiting = sorted((first, second), key=lambda ticket: views[ticket.id].ticket.place or 0)
        await withdraw_ticket(ticket_id=holder.id, actor=PHONE)
        assert (await rush.look(waiting)).status == "turn"
        with pytest.raises(errors.TicketEnded) as refusal:
            await withdraw_ticket(ticket_id=holder.id, actor=PHONE)
        assert refusal.value.details == {"current_status": "withdrawn"}
        # After the draw it is for good.
        assert (await rush.join_one(holder.patient_id)).status == "withdrawn"


async def test_channels_share_turns_where_they_share_seats(hospital: HospitalUnderTest) -> None:
    """Two channels of the common pool: never more turns than seats among them; another pool's seats are apart."""
    rush = await Rush.of(hospital, seats=3, pools={"3": "reserve"})
    await hospital.db.execute("INSERT INTO channel VALUES ('other', 'c', 'c') ON CONFLICT DO NOTHING")
    await hospital.db.execute(
        "INSERT INTO schedule_release VALUES ($1, 'other', 'common', $2, 'rule')", rush.schedule.id, RELEASE
    )
    other = replace(PORTAL, channel="other")
    people = await hospital.patients(6)
    with at(-5):
        tickets = [
            await rush.join_one(person, replace(other if n % 2 else PORTAL, device_hash=b"%d" % n))
            for n, person in enumerate(people)
        ]
    with at(1):
        views = await rush.look_all(tickets)
        by_place = sorted(views.values(), key=lambda view: view.ticket.place or 0)
        assert [view.status for view in by_place] == ["turn"] * 2 + ["waiting"] * 4
        assert {view.seats_left for view in by_place} == {2}


async def test_a_turn_of_one_channel_opens_no_seat_of_another_s(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=2, pools={"2": "reserve"})
    await hospital.db.execute("INSERT INTO channel VALUES ('other', 'c', 'c') ON CONFLICT DO NOTHING")
    await hospital.db.execute(
        "INSERT INTO schedule_release VALUES ($1, 'other', 'reserve', $2, 'rule')", rush.schedule.id, RELEASE
    )
    (ticket,) = await rush.join(1)
    other = replace(PORTAL, channel="other")
    with at(-3600):
        elsewhere = await hospital.schedule(seats=1, starts_in=timedelta(days=4))
    with at(-10):
        booked = await service.book_appointment(slot_id=elsewhere.slots[0], patient_id=ticket.patient_id, actor=PORTAL)
    before = await books(hospital.db)
    with at(1):
        await rush.look(ticket)
        assert (await rush.look(ticket)).status == "turn"
        assert isinstance(await rush.book(ticket, other), booking_errors.TurnRequired)
        with pytest.raises(booking_errors.TurnRequired):
            await service.reschedule_appointment(appointment_id=booked.id, slot_id=rush.schedule.slots[0], actor=other)
        assert await books(hospital.db) == before
        assert isinstance(await rush.book(ticket), Appointment)
    await require_books_agree(hospital.db)


@pytest.mark.parametrize(
    ("marks", "is_hot"),
    [
        ({"clinic_id": True}, True),
        ({"practitioner_id": True}, True),
        ({"schedule_id": False, "practitioner_id": True}, False),
        ({"practitioner_id": False, "clinic_id": True}, False),
        ({"schedule_id": True, "clinic_id": False}, True),
        ({}, False),
    ],
)
async def test_the_narrowest_mark_counts(hospital: HospitalUnderTest, marks: dict[str, bool], is_hot: bool) -> None:  # noqa: FBT001  a parameter of the case
    with at(-3600):
        schedule = await hospital.schedule(seats=1, opens_at=RELEASE)
    row = await hospital.db.fetchrow("SELECT id, practitioner_id, clinic_id FROM schedule WHERE id = $1", schedule.id)
    assert row is not None
    named = {"schedule_id": row["id"], "practitioner_id": row["practitioner_id"], "clinic_id": row["clinic_id"]}
    for name, value in marks.items():
        await mark(hospital, is_hot=value, **{name: named[name]})
    with at(-5):
        assert (await read_room(schedule_id=schedule.id, actor=PORTAL)).is_hot is is_hot
        await rule(hospital, active=False)
        assert (await read_room(schedule_id=schedule.id, actor=PORTAL)).is_hot is False


async def test_what_is_not_there_is_not_found(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=1)
    (ticket,) = await rush.join(1)
    stranger = replace(PORTAL, client_id="stranger")
    with at(-5):
        for call in (
            rush.lines.look(ticket.id, actor=stranger),
            rush.lines.look(new_id(), actor=PORTAL),
            withdraw_ticket(ticket_id=ticket.id, actor=stranger),
        ):
            with pytest.raises(errors.TicketNotFound):
                await call
        with pytest.raises(errors.RushNotFound):
            await read_room(schedule_id=new_id(), actor=PORTAL)


async def test_limits_of_telephones_count_in_a_rush_too(hospital: HospitalUnderTest) -> None:
    rush = await Rush.of(hospital, seats=3)
    tickets = await rush.join(2)
    await hospital.db.execute("UPDATE patient SET phone_hash = 'one'")
    await hospital.db.execute(
        "UPDATE claim_limit SET active = true, count_max = 1 WHERE subject = 'phone' AND claim = 'appointment'"
    )
    with at(1):
        await rush.look_all(tickets)
        answers = [await rush.book(ticket) for ticket in tickets]
        assert [type(one) for one in answers] == [Appointment, booking_errors.LimitReached]
        assert sorted((await rush.statuses()).values()) == ["turn", "used"]
    # A use that was taken for somebody without a turn is given back.
    assert await hospital.db.fetchval("SELECT sum(used) FROM claim_use") == 1
