"""Who is marked as not having come, what that leads to, and how it is taken back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from booking import errors as booking_errors
from booking import service
from booking.fairness import bans, errors
from booking.fairness.noshows import correct_noshow, mark_noshows
from booking.fairness.states import APPEAL, BAN
from booking.states import APPOINTMENT
from kernel import clock
from kernel.events import Actor
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest, books, require_books_agree
from tests.factories.fairness import OFFICE, book_known, miss
from tests.factories.slot_office import restore_reference_data

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _usual_rule(hospital: HospitalUnderTest) -> None:
    await restore_reference_data(hospital.db)


async def ban_of(hospital: HospitalUnderTest, patient: UUID) -> dict[str, Any]:
    (ban,) = await bans.list_bans(actor=OFFICE, patient_id=patient, before=None, limit=2)
    return ban


async def try_to_book(hospital: HospitalUnderTest, patient: UUID, **more: Any) -> Any:
    schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=20))
    return await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL, **more)


# --- marking


async def test_nobody_is_missing_before_the_clinic_and_its_grace_are_over(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    schedule = await hospital.schedule(seats=1, slots=2)
    booked = await service.book_appointment(slot_id=schedule.slots[0], patient_id=patient, actor=PORTAL)
    await hospital.db.execute("UPDATE appointment SET his_status = 'confirmed'")
    over = schedule.starts_at + timedelta(minutes=60 + 120)
    with clock.frozen(over - timedelta(seconds=1)):
        assert await mark_noshows() == 0
    with clock.frozen(over):
        assert await mark_noshows() == 1
        assert await mark_noshows() == 0
    row = await hospital.db.fetchrow("SELECT status, version FROM appointment WHERE id = $1", booked.id)
    assert row is not None
    assert tuple(row.values()) == ("noshow", 2)
    letters = await hospital.db.fetch("SELECT event_type, payload FROM outbox ORDER BY id")
    assert letters[-1]["event_type"] == "appointment.noshow"
    assert letters[-1]["payload"] == {"appointment_id": str(booked.id), "version": 2}
    await require_books_agree(hospital.db)


@pytest.mark.parametrize("status", sorted(set(APPOINTMENT.steps) - {"booked"}))
async def test_only_who_is_still_booked_is_missing(hospital: HospitalUnderTest, status: str) -> None:
    (patient,) = await hospital.patients(1)
    appointment = await book_known(hospital, patient)
    await hospital.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", appointment, status)
    before = await books(hospital.db)
    with clock.frozen(clock.now() + 3 * DAY):
        assert await mark_noshows() == 0
    assert await books(hospital.db) == before


@pytest.mark.parametrize(
    "circumstance",
    [
        "UPDATE appointment SET his_status = 'pending'",
        "UPDATE noshow_rule SET active = false",
        "INSERT INTO his_link (handler, failures, down_since) VALUES ('his', 1, now())",
        (
            "INSERT INTO inbox (handler, source, control_id, event_type, aggregate, occurred_at, facts_cipher, answer)"
            " VALUES ('his', 'HIS', '1', 'his.visit_registered', 'his-visit:HIS:1', now(), '', '{}')"
        ),
    ],
)
async def test_nobody_is_blamed_for_what_we_do_not_know(hospital: HospitalUnderTest, circumstance: str) -> None:
    (patient,) = await hospital.patients(1)
    await book_known(hospital, patient)
    await hospital.db.execute(circumstance)
    with clock.frozen(clock.now() + 3 * DAY):
        assert await mark_noshows() == 0


async def test_a_dead_visit_keeps_only_its_own_appointment(hospital: HospitalUnderTest) -> None:
    ids = [await book_known(hospital, patient) for patient in await hospital.patients(2)]
    await hospital.db.execute("UPDATE appointment SET his_id = 'H-' || seq WHERE id = $1", ids[0])
    await hospital.db.execute(
        "INSERT INTO inbox (handler, source, control_id, event_type, aggregate, depends_on, occurred_at, facts_cipher,"
        " answer, status) VALUES ('his', 'HIS', '1', 'his.visit_registered', 'his-visit:HIS:1',"
        " 'his-appointment:HIS:H-1', now(), '', '{}', 'dead')"
    )
    with clock.frozen(clock.now() + 3 * DAY):
        assert await mark_noshows() == 1
    rows = await hospital.db.fetch("SELECT id FROM appointment WHERE status = 'noshow'")
    assert [row["id"] for row in rows] == ids[1:]


async def test_long_past_days_are_left_alone(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await book_known(hospital, patient)
    with clock.frozen(clock.now() + 11 * DAY):
        assert await mark_noshows() == 0


# --- counting


async def test_the_third_of_a_year_bans_across_all_channels(hospital: HospitalUnderTest) -> None:
    patient, other = await hospital.patients(2)
    await miss(hospital, other, 2)
    missed = [*await miss(hospital, patient, 1), *await miss(hospital, patient, 1, KIOSK, from_day=4)]
    await try_to_book(hospital, patient)
    at = clock.now() + 9 * DAY
    third = await book_known(hospital, patient, in_days=8)
    with clock.frozen(at):
        assert await mark_noshows() == 1
    ban = await ban_of(hospital, patient)
    assert (ban["status"], ban["noshow_count"], ban["starts_at"], ban["until"]) == ("active", 3, at, at + 90 * DAY)
    assert {UUID(one["appointment_id"]) for one in ban["noshows"]} == {*missed, third}
    for actor in (PORTAL, KIOSK):
        schedule = await hospital.schedule(seats=1)
        before = await books(hospital.db)
        for claim in (service.hold_seat, service.book_appointment):
            with pytest.raises(booking_errors.PatientBanned) as refused:
                await claim(slot_id=schedule.slots[0], patient_id=patient, actor=actor)
            assert refused.value.details == {"until": at + 90 * DAY}
        assert await books(hospital.db) == before
    await try_to_book(hospital, other)


async def test_a_ban_ends_by_itself(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    until = (await ban_of(hospital, patient))["until"]
    with clock.frozen(until):
        await try_to_book(hospital, patient)
        assert (await ban_of(hospital, patient))["status"] == "ended"


async def test_what_is_older_than_the_window_does_not_count(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 2)
    await hospital.db.execute("UPDATE appointment SET starts_at = starts_at - interval '366 d'")
    await miss(hospital, patient, 1, from_day=6)
    assert await bans.list_bans(actor=OFFICE, before=None, limit=1) == []


@pytest.mark.parametrize("change", ["service_type SET counts_noshow = false", "clinic SET is_emergency = true"])
async def test_some_visits_do_not_count(hospital: HospitalUnderTest, change: str) -> None:
    (patient,) = await hospital.patients(1)
    await hospital.db.execute(f"UPDATE {change}")
    await miss(hospital, patient, 3)
    assert await bans.list_bans(actor=OFFICE, before=None, limit=1) == []
    await hospital.db.execute("UPDATE service_type SET counts_noshow = true")


async def test_a_no_show_counts_once(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    booked = [await book_known(hospital, patient, in_days=2 + n) for n in range(6)]
    for day, marked, standing in ((4, 2, 0), (5, 1, 1), (6, 1, 1), (7, 1, 1), (8, 1, 2)):
        with clock.frozen(clock.now() + day * DAY):
            assert await mark_noshows() == marked, day
            found = await bans.list_bans(actor=OFFICE, patient_id=patient, before=None, limit=3)
            assert len(found) == standing, day
    assert sum(len(ban["noshows"]) for ban in found) == len(booked)


# --- what a ban does not stop


async def test_an_emergency_admits_everybody(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    await hospital.db.execute("UPDATE clinic SET is_emergency = true")
    await try_to_book(hospital, patient)


async def test_what_the_person_has_stands_and_may_be_moved(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    booked = await try_to_book(hospital, patient)
    schedule = await hospital.schedule(seats=2, starts_in=timedelta(days=21))
    other = await hospital.schedule(seats=1, starts_in=timedelta(days=22))
    hold = await service.hold_seat(slot_id=other.slots[0], patient_id=patient, actor=PORTAL)
    await miss(hospital, patient, 3)
    moved = await service.reschedule_appointment(appointment_id=booked.id, slot_id=schedule.slots[0], actor=PORTAL)
    assert moved.status == "booked"
    assert (await service.confirm_hold(hold_id=hold.id, actor=PORTAL)).status == "booked"
    await service.cancel_appointment(appointment_id=booked.id, reason=None, actor=PORTAL)


async def test_staff_let_somebody_pass_and_answer_for_it(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    schedule = await hospital.schedule(seats=1, starts_in=timedelta(days=20))
    claim: dict[str, Any] = {"slot_id": schedule.slots[0], "patient_id": patient, "pass_reason": "病情需要"}
    nobody = Actor(client_id="kiosk", channel="kiosk", kind="internal")
    for actor in (PORTAL, nobody):
        with pytest.raises(errors.PassForStaffOnly):
            await service.book_appointment(actor=actor, **claim)
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_ban_event WHERE kind = 'passed'") == 0
    booked = await service.book_appointment(actor=OFFICE, **claim)
    assert booked.status == "booked"
    # What wins nothing lets nobody pass.
    with pytest.raises(booking_errors.SoldOut):
        await service.book_appointment(actor=OFFICE, **claim)
    assert await hospital.db.fetchval("SELECT count(*) FROM booking_ban_event WHERE kind = 'passed'") == 1
    row = await hospital.db.fetchrow("SELECT * FROM booking_ban_event WHERE kind = 'passed'")
    assert row is not None
    assert (row["patient_id"], row["reason"], row["staff_code"]) == (patient, "病情需要", "S0001")
    assert (row["appointment_id"], row["channel"], row["client_id"]) == (booked.id, "kiosk", "office")


async def test_the_waitlist_passes_a_banned_person_over(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    until = (await ban_of(hospital, patient))["until"]
    may = "SELECT person_may_attend($1, $2, $3, $4)"
    asked = (patient, hospital.clinic_id, clock.today())
    assert await hospital.db.fetchval(may, *asked, until - timedelta(seconds=1)) is False
    assert await hospital.db.fetchval(may, *asked, until) is True
    await hospital.db.execute("UPDATE clinic SET is_emergency = true")
    assert await hospital.db.fetchval(may, *asked, until - timedelta(seconds=1)) is True


async def test_partners_get_notices_of_a_ban_and_its_end(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    ban = await ban_of(hospital, patient)
    await bans.lift_ban(ban_id=ban["id"], reason="x", actor=OFFICE)
    rows = await hospital.db.fetch(
        "SELECT client_id, kind, subject_id, facts FROM booking_notice WHERE kind LIKE 'ban.%' ORDER BY id"
    )
    assert [tuple(row.values())[:3] for row in rows] == [
        ("portal", "ban.imposed", ban["id"]),
        ("portal", "ban.lifted", ban["id"]),
    ]
    assert rows[0]["facts"]["patient_id"] == str(patient)
    assert rows[1]["facts"]["lifted_by"] == "pardon"


# --- pardon, appeal, correction


async def test_a_pardon_ends_one_ban_and_no_other(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    for n in range(6):
        await book_known(hospital, patient, in_days=2 + n)
    start = clock.now()
    for day in (5, 8):
        with clock.frozen(start + day * DAY):
            assert await mark_noshows() == 3
    later, earlier = await bans.list_bans(actor=OFFICE, patient_id=patient, before=None, limit=3)
    with clock.frozen(start + 9 * DAY):
        await bans.lift_ban(ban_id=later["id"], reason="住院", actor=OFFICE)
        with pytest.raises(booking_errors.PatientBanned) as refused:
            await try_to_book(hospital, patient)
        assert refused.value.details == {"until": earlier["until"]}
        await bans.lift_ban(ban_id=earlier["id"], reason="住院", actor=OFFICE)
        await try_to_book(hospital, patient)
        with pytest.raises(errors.BanNotActive) as again:
            await bans.lift_ban(ban_id=earlier["id"], reason="again", actor=OFFICE)
        assert again.value.details == {"current_status": "lifted"}
    noshows = "SELECT count(*) FROM appointment WHERE status = 'noshow'"
    assert await hospital.db.fetchval(noshows) == 6


async def test_an_appeal_is_heard_once_at_a_time(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    await miss(hospital, patient, 3)
    ban_id = (await ban_of(hospital, patient))["id"]
    stranger = Actor(client_id="stranger", channel="portal", kind="partner")
    with pytest.raises(errors.BanNotFound):
        await bans.appeal(ban_id=ban_id, reason="x", actor=stranger)
    (first,) = (await bans.appeal(ban_id=ban_id, reason="已到院", actor=PORTAL))["appeals"]
    with pytest.raises(errors.AppealOpen):
        await bans.appeal(ban_id=ban_id, reason="x", actor=PORTAL)
    decide: dict[str, Any] = {"appeal_id": UUID(first["id"]), "reason": "无到院记录", "actor": OFFICE}
    rejected = await bans.decide_appeal(decision="rejected", **decide)
    assert rejected["status"] == "active"
    for decision in ("granted", "rejected"):
        with pytest.raises(errors.AppealDecided):
            await bans.decide_appeal(decision=decision, **decide)
    with pytest.raises(booking_errors.PatientBanned):
        await try_to_book(hospital, patient)
    _, second = (await bans.appeal(ban_id=ban_id, reason="附件", actor=PORTAL))["appeals"]
    granted = await bans.decide_appeal(appeal_id=UUID(second["id"]), decision="granted", reason="已核实", actor=OFFICE)
    assert (granted["status"], granted["lifted_by"]) == ("lifted", "appeal")
    await try_to_book(hospital, patient)


async def test_a_correction_recounts(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    missed = await miss(hospital, patient, 3)
    corrected = await correct_noshow(appointment_id=missed[0], reason="窗口确认已就诊", actor=OFFICE)
    assert corrected.status == "entered-in-error"
    ban = await ban_of(hospital, patient)
    assert (ban["status"], ban["lifted_by"], ban["noshows"]) == ("lifted", "recount", [])
    await try_to_book(hospital, patient)
    await require_books_agree(hospital.db)
    # The two that were right count again with the next.
    await miss(hospital, patient, 1, from_day=7)
    newest, _ = await bans.list_bans(actor=OFFICE, patient_id=patient, before=None, limit=3)
    assert (newest["status"], len(newest["noshows"])) == ("active", 3)


async def test_a_spare_no_show_takes_the_place_of_a_corrected_one(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    booked = [await book_known(hospital, patient, in_days=2 + n) for n in range(4)]
    for day, marked in ((5, 3), (6, 1)):
        with clock.frozen(clock.now() + day * DAY):
            assert await mark_noshows() == marked
    await correct_noshow(appointment_id=booked[0], reason="x", actor=OFFICE)
    ban = await ban_of(hospital, patient)
    assert (ban["status"], {UUID(one["appointment_id"]) for one in ban["noshows"]}) == ("active", set(booked[1:]))


@pytest.mark.parametrize("status", sorted(set(APPOINTMENT.steps) - {"noshow"}))
async def test_only_a_no_show_is_corrected(hospital: HospitalUnderTest, status: str) -> None:
    (patient,) = await hospital.patients(1)
    appointment = await book_known(hospital, patient)
    await hospital.db.execute("UPDATE appointment SET status = $2 WHERE id = $1", appointment, status)
    before = await books(hospital.db)
    with pytest.raises(errors.NotNoShow) as refused:
        await correct_noshow(appointment_id=appointment, reason="x", actor=OFFICE)
    assert refused.value.details == {"current_status": status}
    assert await books(hospital.db) == before


async def test_a_partner_is_not_told_of_other_channels_appointments(hospital: HospitalUnderTest) -> None:
    (patient,) = await hospital.patients(1)
    mine = await miss(hospital, patient, 2)
    await miss(hospital, patient, 1, KIOSK, from_day=7)
    (ban,) = await bans.list_bans(actor=PORTAL, patient_id=patient, before=None, limit=1)
    named = [one["appointment_id"] for one in ban["noshows"]]
    assert sorted(named, key=str) == sorted([None, *map(str, mine)], key=str)
    stranger = Actor(client_id="stranger", channel="portal", kind="partner")
    assert await bans.list_bans(actor=stranger, patient_id=patient, before=None, limit=1) == []
    assert await bans.list_bans(actor=PORTAL, before=None, limit=1) == []
    with pytest.raises(errors.BanNotFound):
        await bans.get_ban(ban["id"], actor=stranger)


def test_every_pair_of_states_of_bans_and_appeals() -> None:
    assert [(a, b) for a in BAN.steps for b in BAN.steps if BAN.allows(a, b)] == [("active", "lifted")]
    assert [(a, b) for a in APPEAL.steps for b in APPEAL.steps if APPEAL.allows(a, b)] == [
        ("open", "granted"),
        ("open", "rejected"),
    ]
