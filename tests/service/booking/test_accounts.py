"""A patient's account at the desk: it sees whatever concerns its members, and is the public by every rule."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest

from booking import errors, queries, service
from booking.fairness import bans, cool_downs, limits
from booking.fairness.errors import PassForStaffOnly
from booking.payment.errors import PayAtWindow
from booking.payment.policies import require_payable
from booking.queue import errors as queue_errors
from booking.queue.checkin import KIOSK as AT_KIOSK
from booking.queue.checkin import STAFF, CheckIn, check_in
from booking.rush.errors import JoinedElsewhere, TicketNotFound
from booking.rush.tickets import withdraw_ticket
from booking.waitlist.errors import PriorityNotAllowed
from booking.waitlist.facts import Wanted
from booking.waitlist.service import join_waitlist
from kernel.events import Actor
from tests.factories.booking import KIOSK, PORTAL, HospitalUnderTest
from tests.factories.patient_app import account_actor, open_to_app
from tests.factories.rush import Rush, at, phone
from tests.factories.slot_office import restore_reference_data

MOTHER, FATHER = account_actor(), account_actor()


@pytest.fixture(autouse=True)
async def _usual_rules(hospital: HospitalUnderTest) -> AsyncIterator[None]:
    await restore_reference_data(hospital.db)
    yield
    await restore_reference_data(hospital.db)


def test_the_public_are_partners_and_accounts() -> None:
    kinds = get_args(Actor.__annotations__["kind"])
    by_kind = {kind: Actor("x", "c", kind) for kind in kinds}
    assert {kind for kind, actor in by_kind.items() if actor.acts_for_the_public} == {"partner", "account"}
    assert {kind for kind, actor in by_kind.items() if not actor.sees_all} == {"partner"}


async def test_it_books_for_whom_no_partner_has_registered_and_sees_what_others_booked(
    hospital: HospitalUnderTest,
) -> None:
    schedule = await open_to_app(hospital, await hospital.schedule(seats=3))
    elsewhere = await hospital.schedule(seats=1, other_department=True)
    (child,) = await hospital.patients(1)
    by_portal = await service.book_appointment(slot_id=elsewhere.slots[0], patient_id=child, actor=PORTAL)
    await hospital.db.execute("DELETE FROM patient_access")
    mine = await service.book_appointment(slot_id=schedule.slots[0], patient_id=child, actor=MOTHER)
    assert (mine.channel, mine.client_id) == ("miniprogram", MOTHER.client_id)
    seen = await queries.list_appointments(
        queries.AppointmentFilter(patient_id=child), actor=FATHER, before=None, limit=9
    )
    assert {one.id for one in seen} == {mine.id, by_portal.id}
    cancelled = await service.cancel_appointment(appointment_id=by_portal.id, reason=None, actor=FATHER)
    assert cancelled.status == "cancelled"
    with pytest.raises(errors.AppointmentNotFound):
        await queries.get_appointment(mine.id, actor=PORTAL)


async def test_limits_count_the_account_whatever_telephone_its_members_have(hospital: HospitalUnderTest) -> None:
    await hospital.db.execute(
        "UPDATE claim_limit SET active = true, count_max = 2 WHERE subject = 'account' AND claim = 'appointment'"
    )
    schedule = await open_to_app(hospital, await hospital.schedule(seats=9))
    family = await hospital.patients(3)
    for person in family[:2]:
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=person, actor=MOTHER)
    with pytest.raises(errors.LimitReached) as refusal:
        await service.book_appointment(slot_id=schedule.slots[0], patient_id=family[2], actor=MOTHER)
    assert refusal.value.details["subject"] == "account"
    await service.book_appointment(slot_id=schedule.slots[0], patient_id=family[2], actor=FATHER)
    assert limits.account_key(MOTHER, b"a telephone") == MOTHER.client_id.encode()
    subjects = cool_downs.subjects_of(MOTHER, family[0], None)
    assert [one.kind for one in subjects] == ["person", "account", "device"]


async def test_nobody_of_the_hospital_stands_beside_it(hospital: HospitalUnderTest) -> None:
    schedule = await open_to_app(hospital, await hospital.schedule(seats=1))
    one, other = await hospital.patients(2)
    mine = await service.book_appointment(slot_id=schedule.slots[0], patient_id=one, actor=MOTHER)
    with pytest.raises(PriorityNotAllowed):
        await join_waitlist(Wanted("schedule", schedule.id, other, is_urgent=True), actor=MOTHER)
    for way in (STAFF, AT_KIOSK):
        with pytest.raises(queue_errors.WayNotAllowed):
            await check_in(CheckIn(way, mine.id), actor=MOTHER)
    with pytest.raises(PassForStaffOnly):
        bans.require_may_pass(MOTHER)
    with pytest.raises(PayAtWindow):
        require_payable("at-window", fee_fen=1000, actor=MOTHER)
    assert (await queries.get_appointment(mine.id, actor=FATHER)).status == "booked"


async def test_it_takes_seats_of_a_rush_in_its_turn_and_both_parents_hold_the_childs_ticket(
    hospital: HospitalUnderTest,
) -> None:
    rush = await Rush.of(hospital, seats=1)
    await open_to_app(hospital, rush.schedule)
    child, portals = await hospital.patients(2)
    with at(-60):
        ticket = await rush.join_one(child, MOTHER)
        assert (await rush.join_one(child, FATHER)).id == ticket.id
        await rush.join_one(portals, phone(1))
        with pytest.raises(JoinedElsewhere):
            await rush.join_one(portals, MOTHER)
    with at(1), pytest.raises(errors.TurnRequired):
        await service.book_appointment(slot_id=rush.schedule.slots[0], patient_id=child, actor=MOTHER)
    with at(2):
        await rush.lines.look(ticket.id, actor=MOTHER)
        with pytest.raises(TicketNotFound):
            await rush.lines.look(ticket.id, actor=PORTAL)
        assert (await withdraw_ticket(ticket_id=ticket.id, actor=FATHER)).status == "withdrawn"
    assert not KIOSK.acts_for_the_public
