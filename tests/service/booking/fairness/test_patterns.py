"""Holding and letting go: what is found, what is not, what staff make of it, and what a cool-down stops."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors, expiry, service
from booking.fairness import flags, patterns
from booking.fairness.errors import PatternFlagDecided, PatternFlagNotFound
from kernel import clock
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from tests.factories.booking import PORTAL, HospitalUnderTest, ScheduleUnderTest, books, require_books_agree
from tests.factories.fairness import OFFICE
from tests.factories.slot_office import restore_reference_data

NOON = datetime(2027, 3, 1, 4, 20, tzinfo=UTC)
DEVICE = replace(PORTAL, device_hash=b"device")


@pytest.fixture(autouse=True)
async def _usual_rules(hospital: HospitalUnderTest) -> AsyncIterator[None]:
    await restore_reference_data(hospital.db)
    with clock.frozen(NOON):
        yield
    await restore_reference_data(hospital.db)


async def only_rule(hospital: HospitalUnderTest, pattern: str, subject: str, count: int, **changes: Any) -> None:
    """Look for this alone."""
    await hospital.db.execute("UPDATE hold_pattern_rule SET active = (pattern, subject) = ($1, $2)", pattern, subject)
    await hospital.db.execute("UPDATE hold_pattern_rule SET count_min = $1 WHERE active", count)
    for column, value in changes.items():
        await hospital.db.execute(f"UPDATE hold_pattern_rule SET {column} = $1 WHERE active", value)


async def of_one_phone(hospital: HospitalUnderTest, count: int, phone: bytes = b"one") -> list[UUID]:
    people = await hospital.patients(count)
    await hospital.db.execute("UPDATE patient SET phone_hash = $2 WHERE id = ANY ($1)", people, phone)
    return people


async def hold_and_release(slot: UUID, person: UUID, actor: Actor = PORTAL) -> None:
    hold = await service.hold_seat(slot_id=slot, patient_id=person, actor=actor)
    await service.release_hold(hold_id=hold.id, actor=actor)


async def hand_over(slot: UUID, giver: UUID, buyer: UUID, actor: Actor = PORTAL, *, minutes: int = 0) -> None:
    """Book, cancel, and let somebody else book the number so many minutes later."""
    booked = await service.book_appointment(slot_id=slot, patient_id=giver, actor=actor)
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=actor)
    with clock.frozen(clock.now() + timedelta(minutes=minutes)):
        await service.book_appointment(slot_id=slot, patient_id=buyer, actor=actor)


async def all_flags() -> list[dict[str, Any]]:
    return await flags.list_flags(status=None, before=None, limit=100)


async def only_flag() -> dict[str, Any]:
    (flag,) = await all_flags()
    return await flags.get_flag(flag["id"])


async def confirmed(hospital: HospitalUnderTest, person: UUID, schedule: ScheduleUnderTest) -> dict[str, Any]:
    """Let somebody be found out with two holds, and a colleague agree."""
    await only_rule(hospital, "unbooked-holds", "person", 2)
    for _ in range(2):
        await hold_and_release(schedule.slots[0], person)
    await patterns.look_for_patterns()
    flag = await only_flag()
    return await flags.confirm_flag(flag_id=flag["id"], reason="x", cool_down_minutes=None, actor=OFFICE)


# --- what is found


async def test_a_family_of_one_telephone_is_nobody_to_look_at(hospital: HospitalUnderTest) -> None:
    """By the rules as they come: six people book from holds, change their minds, cancel, and book again."""
    people = await of_one_phone(hospital, 6)
    monday, tuesday = [await hospital.schedule(seats=8, starts_in=timedelta(days=days)) for days in (2, 3)]
    for person in people:
        await hold_and_release(monday.slots[0], person, DEVICE)
        hold = await service.hold_seat(slot_id=monday.slots[0], patient_id=person, actor=DEVICE)
        await service.confirm_hold(hold_id=hold.id, actor=DEVICE)
        again = await service.book_appointment(slot_id=tuesday.slots[0], patient_id=person, actor=DEVICE)
        await service.cancel_appointment(appointment_id=again.id, reason=None, actor=DEVICE)
    # The mother gives her own number to the child, who is the one that is ill; and the father does likewise.
    for giver, child in ((people[0], people[1]), (people[2], people[3])):
        wednesday = await hospital.schedule(seats=1, starts_in=timedelta(days=4))
        await hand_over(wednesday.slots[0], giver, child, DEVICE)
    assert await patterns.look_for_patterns() == 0
    assert await all_flags() == []


@pytest.mark.parametrize("subject", ["person", "phone", "account", "device"])
async def test_holds_without_a_booking_are_found_by_subject(hospital: HospitalUnderTest, subject: str) -> None:
    people = await of_one_phone(hospital, 3)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", subject, 3)
    who = [people[0]] * 3 if subject == "person" else people
    for n, person in enumerate(who):
        assert await patterns.look_for_patterns() == 0, f"after {n}"
        await hold_and_release(schedule.slots[0], person, DEVICE)
    assert await patterns.look_for_patterns() == 1
    flag = await only_flag()
    assert (flag["pattern"], flag["subject"], flag["status"], flag["event_count"]) == (
        "unbooked-holds", subject, "open", 3,
    )  # fmt: skip
    assert [(e["kind"], e["next_kind"]) for e in flag["evidence"]] == [("held", "hold_released")] * 3
    assert sorted(e["patient_id"] for e in flag["evidence"]) == sorted(who)
    # The same events are found once.
    assert await patterns.look_for_patterns() == 0
    assert (await only_flag()) == flag


async def test_a_hold_that_ran_out_counts_and_one_that_runs_does_not(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", "person", 2)
    await hold_and_release(schedule.slots[0], person)
    await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    assert await patterns.look_for_patterns() == 0
    with clock.frozen(NOON + timedelta(minutes=16)):
        await expiry.expire_holds()
        assert await patterns.look_for_patterns() == 1
    assert [e["next_kind"] for e in (await only_flag())["evidence"]] == ["hold_expired", "hold_released"]


async def test_what_does_not_count(hospital: HospitalUnderTest) -> None:
    """Who books in the end, what a member of staff does, what lies before the window, and other telephones."""
    booker, served, earlier = await of_one_phone(hospital, 3)
    (stranger,) = await of_one_phone(hospital, 1, b"two")
    schedule = await hospital.schedule(seats=8)
    await only_rule(hospital, "unbooked-holds", "phone", 2)
    with clock.frozen(NOON - timedelta(minutes=30)):
        for _ in range(2):
            await hold_and_release(schedule.slots[0], earlier)
    await hospital.db.execute("UPDATE hold_pattern_rule SET window_minutes = 20")
    for _ in range(2):
        await hold_and_release(schedule.slots[0], booker)
        await hold_and_release(schedule.slots[0], served, OFFICE)
    await hold_and_release(schedule.slots[0], stranger)
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=booker, actor=PORTAL)
    assert await patterns.look_for_patterns() == 0
    await hospital.db.execute("UPDATE hold_pattern_rule SET window_minutes = 60")
    assert await patterns.look_for_patterns() == 1
    assert {e["patient_id"] for e in (await only_flag())["evidence"]} == {earlier}


async def test_a_booking_that_was_cancelled_washes_nothing(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", "person", 2)
    for _ in range(2):
        await hold_and_release(schedule.slots[0], person)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    assert await patterns.look_for_patterns() == 0
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    assert await patterns.look_for_patterns() == 1


async def test_one_number_held_again_and_again(hospital: HospitalUnderTest) -> None:
    people = await of_one_phone(hospital, 3)
    one, other = await hospital.schedule(seats=1), await hospital.schedule(seats=1, starts_in=timedelta(days=3))
    await only_rule(hospital, "same-number", "phone", 3)
    for person in people[:2]:
        await hold_and_release(one.slots[0], person)
        await hold_and_release(other.slots[0], person)
    assert await patterns.look_for_patterns() == 0
    await hold_and_release(one.slots[0], people[2])
    assert await patterns.look_for_patterns() == 1
    flag = await only_flag()
    assert {(e["schedule_id"], e["queue_number"]) for e in flag["evidence"]} == {(one.id, 1)}
    # The other number joins the finding that is open.
    await hold_and_release(other.slots[0], people[2])
    assert await patterns.look_for_patterns() == 1
    assert (await only_flag())["event_count"] == 6


@pytest.mark.parametrize("subject", ["phone", "account", "device"])
async def test_numbers_given_from_hand_to_hand(hospital: HospitalUnderTest, subject: str) -> None:
    people = await of_one_phone(hospital, 4)
    await only_rule(hospital, "hand-over", subject, 2, gap_minutes=20)
    schedules = [await hospital.schedule(seats=1, starts_in=timedelta(days=2 + n)) for n in range(3)]
    await hand_over(schedules[0].slots[0], people[0], people[1], DEVICE, minutes=19)
    await hand_over(schedules[1].slots[0], people[0], people[1], DEVICE, minutes=21)
    with clock.frozen(NOON + timedelta(hours=1)):
        assert await patterns.look_for_patterns() == 0
        await hand_over(schedules[2].slots[0], people[2], people[3], DEVICE)
        assert await patterns.look_for_patterns() == 1
    flag = await only_flag()
    told = [(e["kind"], e["patient_id"], e["next_kind"], e["next_patient_id"]) for e in flag["evidence"]]
    assert told == [("cancelled", people[2], "booked", people[3]), ("cancelled", people[0], "booked", people[1])]


async def test_a_number_that_a_stranger_books_next_is_no_hand_over(hospital: HospitalUnderTest) -> None:
    (giver,) = await of_one_phone(hospital, 1)
    (stranger,) = await of_one_phone(hospital, 1, b"two")
    await only_rule(hospital, "hand-over", "phone", 2)
    for days in (2, 3):
        schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=days))
        await hand_over(schedule.slots[0], giver, stranger)
    # Nor is it one if the same person takes it back.
    for days in (4, 5):
        schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=days))
        await hand_over(schedule.slots[0], giver, giver)
    assert await patterns.look_for_patterns() == 0


# --- what staff make of it


async def test_what_was_dismissed_is_not_raised_again(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", "person", 2)
    for _ in range(2):
        await hold_and_release(schedule.slots[0], person)
    await patterns.look_for_patterns()
    flag = await only_flag()
    dismissed = await flags.dismiss_flag(flag_id=flag["id"], reason="家属代办", actor=OFFICE)
    assert (dismissed["status"], dismissed["decided_by"], dismissed["reason"]) == ("dismissed", "S0001", "家属代办")
    await hold_and_release(schedule.slots[0], person)
    assert await patterns.look_for_patterns() == 0
    await hold_and_release(schedule.slots[0], person)
    assert await patterns.look_for_patterns() == 1
    new, old = await all_flags()
    assert (new["status"], new["event_count"], old["id"]) == ("open", 2, flag["id"])
    told = await hospital.db.fetch("SELECT kind, staff_code FROM hold_pattern_event ORDER BY id")
    assert [tuple(row.values()) for row in told] == [("raised", None), ("dismissed", "S0001"), ("raised", None)]


async def test_a_finding_is_decided_once(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    flag = await confirmed(hospital, person, await hospital.schedule(seats=4))
    until = NOON + timedelta(minutes=4320)
    assert (flag["status"], flag["cool_down_until"], flag["decided_at"]) == ("confirmed", until, NOON)
    before = await hospital.db.fetch("TABLE hold_pattern_flag"), await hospital.db.fetch("TABLE hold_pattern_event")
    with pytest.raises(PatternFlagDecided) as refused:
        await flags.confirm_flag(flag_id=flag["id"], reason="x", cool_down_minutes=None, actor=OFFICE)
    assert refused.value.details == {"current_status": "confirmed"}
    with pytest.raises(PatternFlagDecided):
        await flags.dismiss_flag(flag_id=flag["id"], reason="x", actor=OFFICE)
    for absent in (flags.dismiss_flag, flags.lift_cool_down):
        with pytest.raises(PatternFlagNotFound):
            await absent(flag_id=new_id(), reason="x", actor=OFFICE)
    after = await hospital.db.fetch("TABLE hold_pattern_flag"), await hospital.db.fetch("TABLE hold_pattern_event")
    assert after == before


async def test_a_repeated_decision_is_answered_as_the_first(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", "person", 2)
    for _ in range(2):
        await hold_and_release(schedule.slots[0], person)
    await patterns.look_for_patterns()
    flag = await only_flag()
    key = Idempotency("office", "key", "POST", {"reason": "x"})
    answers = [
        await flags.confirm_flag(flag_id=flag["id"], reason="x", cool_down_minutes=60, actor=OFFICE, idempotency=key)
        for _ in range(2)
    ]
    assert [str(answer["id"]) for answer in answers] == [str(flag["id"])] * 2
    assert (await only_flag())["cool_down_until"] == NOON + timedelta(hours=1)


async def test_a_rule_may_cool_down_by_itself(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=4)
    await only_rule(hospital, "unbooked-holds", "person", 2, automatic=True, cool_down_minutes=30)
    for _ in range(2):
        await hold_and_release(schedule.slots[0], person)
    await patterns.look_for_patterns()
    flag = await only_flag()
    assert (flag["status"], flag["decided_by"], flag["cool_down_until"]) == (
        "confirmed", None, NOON + timedelta(minutes=30),
    )  # fmt: skip
    with pytest.raises(errors.HoldsPaused):
        await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)


# --- what a cool-down stops


async def test_a_cool_down_stops_holding_and_nothing_else(hospital: HospitalUnderTest) -> None:
    person, free = await hospital.patients(2)
    schedule = await hospital.schedule(seats=8)
    emergency = await hospital.schedule(seats=2, other_department=True)
    await hospital.db.execute("UPDATE clinic SET is_emergency = true WHERE id = $1", hospital.other_clinic_id)
    flag = await confirmed(hospital, person, schedule)
    before = await books(hospital.db)
    with pytest.raises(errors.HoldsPaused) as refused:
        await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    assert refused.value.details == {"until": flag["cool_down_until"]}
    assert await books(hospital.db) == before

    await service.hold_seat(slot_id=schedule.slots[0], patient_id=free, actor=PORTAL)
    await service.hold_seat(slot_id=emergency.slots[0], patient_id=person, actor=PORTAL)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)
    by_staff = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=OFFICE)
    await service.confirm_hold(hold_id=by_staff.id, actor=OFFICE)
    await require_books_agree(hospital.db)


async def test_a_cool_down_ends_by_its_time_or_by_a_colleague(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=8, starts_in=timedelta(days=9))
    flag = await confirmed(hospital, person, schedule)
    with clock.frozen(flag["cool_down_until"]):
        await hold_and_release(schedule.slots[0], person)
    with pytest.raises(errors.HoldsPaused):
        await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL)
    lifted = await flags.lift_cool_down(flag_id=flag["id"], reason="误判", actor=OFFICE)
    assert (lifted["status"], lifted["reason"]) == ("lifted", "误判")
    await hold_and_release(schedule.slots[0], person)
    with pytest.raises(PatternFlagDecided):
        await flags.lift_cool_down(flag_id=flag["id"], reason="x", actor=OFFICE)


@pytest.mark.parametrize("subject", ["phone", "account", "device"])
async def test_a_cool_down_meets_its_subject_alone(hospital: HospitalUnderTest, subject: str) -> None:
    people = await of_one_phone(hospital, 3)
    (stranger,) = await of_one_phone(hospital, 1, b"two")
    await hospital.db.execute("INSERT INTO patient_access SELECT 'other', unnest($1::uuid[])", [*people, stranger])
    schedule = await hospital.schedule(seats=8)
    await only_rule(hospital, "unbooked-holds", subject, 2)
    for person in people[:2]:
        await hold_and_release(schedule.slots[0], person, DEVICE)
    await patterns.look_for_patterns()
    await flags.confirm_flag(flag_id=(await only_flag())["id"], reason="x", cool_down_minutes=None, actor=OFFICE)
    meets = {
        "phone": {"same", "other application", "other device"},
        "account": {"same", "other device"},
        "device": {"same", "other telephone"},
    }[subject]
    tried = {
        "same": (people[2], DEVICE),
        "other application": (people[2], Actor("other", "portal", "partner")),
        "other device": (people[2], PORTAL),
        "other telephone": (stranger, DEVICE),
    }
    refused = set()
    for name, (person, actor) in tried.items():
        try:
            await hold_and_release(schedule.slots[0], person, actor)
        except errors.HoldsPaused:
            refused.add(name)
    assert refused == meets


async def test_who_was_served_hears_it_again_in_a_cool_down(hospital: HospitalUnderTest) -> None:
    (person,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=8)
    key = Idempotency("portal", "key", "POST /holds", {"slot_id": "x"})
    first = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL, idempotency=key)
    await service.release_hold(hold_id=first.id, actor=PORTAL)
    await confirmed(hospital, person, schedule)
    again = await service.hold_seat(slot_id=schedule.slots[0], patient_id=person, actor=PORTAL, idempotency=key)
    assert again == first
