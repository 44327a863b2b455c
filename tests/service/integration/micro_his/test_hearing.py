"""What the platform tells the micro-HIS: done once, in any order, and refused without a trace where it cannot be."""

import asyncio
import contextlib
import uuid
from dataclasses import replace
from typing import Any

import pytest

from integration.codecs.mllp import FRAME_BYTES_MAX, frame
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.facts import AppointmentFacts, AppointmentStatus, LocationFacts, PractitionerFacts
from integration.his.port import Accepted, ChangeKind, Outcome, Rejected
from tests.factories.both_sides import People
from tests.service.integration.micro_his.conftest import (
    MicroHisProcess,
    Wire,
    a_person,
    a_schedule,
    an_appointment,
    render,
    row_of,
    tell,
    tell_schedule,
)

BOOKED, MOVED = ChangeKind.APPOINTMENT_BOOKED, ChangeKind.APPOINTMENT_MOVED
CANCELLED, MODIFIED = ChangeKind.APPOINTMENT_CANCELLED, ChangeKind.APPOINTMENT_MODIFIED
NOSHOW = ChangeKind.APPOINTMENT_NOSHOW


def code_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Rejected)
    assert not outcome.malformed
    return outcome.code


def his_id_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Accepted)
    assert outcome.his_id is not None
    return outcome.his_id


def changed(one: AppointmentFacts, status: AppointmentStatus, version: int, **more: Any) -> AppointmentFacts:
    return replace(one, status=status, version=version, **more)


async def test_a_person_gets_a_record_number_and_keeps_it(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    person = a_person()

    number = his_id_of(await tell(platform_port, ChangeKind.PATIENT_REGISTERED, person))
    newer = replace(person, name="张无忌", version=3)
    assert his_id_of(await tell(platform_port, ChangeKind.PATIENT_CHANGED, newer)) == number
    older = replace(person, name="张翠山", version=2)
    assert his_id_of(await tell(platform_port, ChangeKind.PATIENT_CHANGED, older)) == number

    row = await micro_his.db.fetchrow("SELECT name, platform_id, platform_version FROM patient WHERE mr = $1", number)
    assert row is not None
    assert tuple(row) == ("张无忌", person.platform_id, 3)


async def test_a_person_known_by_document_keeps_the_chart_and_gets_the_platforms_number(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    person = a_person()
    number = his_id_of(await tell(platform_port, ChangeKind.PATIENT_REGISTERED, replace(person, platform_id=None)))

    assert his_id_of(await tell(platform_port, ChangeKind.PATIENT_CHANGED, person)) == number
    linked = await micro_his.db.fetchval("SELECT platform_id FROM patient WHERE mr = $1", number)
    assert linked == person.platform_id


async def test_an_appointment_goes_through_its_life(micro_his: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)

    number = his_id_of(await tell(platform_port, BOOKED, one))
    assert await row_of(micro_his, one.platform_id) == ("booked", 1, schedule.schedule_id, 1)
    moved = changed(one, AppointmentStatus.BOOKED, 2, sequence=7)
    assert his_id_of(await tell(platform_port, MOVED, moved)) == number
    assert await row_of(micro_his, one.platform_id) == ("booked", 2, schedule.schedule_id, 7)
    await tell(platform_port, MODIFIED, changed(moved, AppointmentStatus.ARRIVED, 3))
    assert await row_of(micro_his, one.platform_id) == ("arrived", 3, schedule.schedule_id, 7)
    await tell(platform_port, CANCELLED, changed(moved, AppointmentStatus.CANCELLED, 4))
    assert await row_of(micro_his, one.platform_id) == ("cancelled", 4, schedule.schedule_id, 7)


async def test_a_number_moved_and_cancelled_before_the_his_hears_of_either_lies_where_it_was_last(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    """Letters tell how things stand when they are sent: after a backlog the move already says "cancelled"."""
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    await tell(platform_port, BOOKED, one)

    await tell(platform_port, MOVED, changed(one, AppointmentStatus.CANCELLED, 3, sequence=7))

    assert await row_of(micro_his, one.platform_id) == ("cancelled", 3, schedule.schedule_id, 7)
    unheard_of = an_appointment(schedule, 2)
    await tell(platform_port, BOOKED, unheard_of)
    gone = changed(unheard_of, AppointmentStatus.CANCELLED, 3, schedule_id=uuid.uuid4())
    assert code_of(await tell(platform_port, MOVED, gone)) == "schedule_unknown"
    assert await row_of(micro_his, unheard_of.platform_id) == ("booked", 1, schedule.schedule_id, 2)


async def test_a_number_comes_back_whatever_the_patient_gave_as_a_reason(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    await tell(platform_port, BOOKED, one)
    words = "家里有急事|^~\\&" * 20

    await tell(platform_port, CANCELLED, changed(one, AppointmentStatus.CANCELLED, 2, reason_text=words[:200]))

    reason = await micro_his.db.fetchval(
        "SELECT reason FROM appointment WHERE platform_id = $1 AND status = 'cancelled'", one.platform_id
    )
    assert reason == words[:200]


async def test_a_no_show_keeps_its_number(micro_his: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    await tell(platform_port, BOOKED, one)

    await tell(platform_port, NOSHOW, changed(one, AppointmentStatus.NOSHOW, 2))

    assert await row_of(micro_his, one.platform_id) == ("noshow", 2, schedule.schedule_id, 1)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
async def test_versions_make_reordering_harmless(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, order: tuple[int, ...]
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    told = [
        (BOOKED, one),
        (MOVED, changed(one, AppointmentStatus.BOOKED, 2, sequence=7)),
        (CANCELLED, changed(one, AppointmentStatus.CANCELLED, 3, sequence=7)),
    ]

    numbers = {his_id_of(await tell(platform_port, *told[place])) for place in order}

    assert len(numbers) == 1
    row = await row_of(micro_his, one.platform_id)
    assert row is not None
    assert row[:2] == ("cancelled", 3)
    # The number is free: somebody else gets it.
    assert isinstance(await tell(platform_port, BOOKED, an_appointment(schedule, 1)), Accepted)
    assert isinstance(await tell(platform_port, BOOKED, an_appointment(schedule, 7)), Accepted)


async def test_a_repeated_control_id_gets_the_stored_answer_and_does_nothing_twice(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    payload = render(BOOKED, an_appointment(schedule, 1))
    wires = [await micro_his.connect() for _ in range(6)]

    answers = await asyncio.gather(*(one.send(payload) for one in wires))
    before = await micro_his.everything()
    again = await wires[0].send(payload)
    for one in wires:
        one.close()

    assert {answer.encode() for answer in answers} == {again.encode()}
    assert again.required("MSA").text(1) == "AA"
    assert await micro_his.everything() == before


async def test_a_repeat_with_other_content_is_answered_as_the_first(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, wire: Wire
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    message_id = uuid.uuid4()
    first = await wire.send(render(BOOKED, an_appointment(schedule, 1), message_id=message_id))
    before = await micro_his.everything()

    second = await wire.send(render(BOOKED, an_appointment(schedule, 3), message_id=message_id))

    assert second.encode() == first.encode()
    assert await micro_his.everything() == before


async def test_a_number_that_the_window_sold_is_refused_until_it_is_given_back(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    body = {
        "schedule_id": str(schedule.schedule_id),
        "patient": People().invent().at_window(),
        "clerk": "W001",
        "seq": 2,
    }
    sold = (await micro_his.http.post("/api/window/bookings", json=body, timeout=30)).json()
    before = await micro_his.everything()
    wanted, message_id = an_appointment(schedule, 2), uuid.uuid4()

    assert code_of(await tell(platform_port, BOOKED, wanted, message_id=message_id)) == "seat_taken"
    assert await micro_his.everything() == before

    await micro_his.http.post(f"/api/window/bookings/{sold['his_id']}/cancel", json={"clerk": "W001"})
    # The platform tries again under the same control id: a refusal is not remembered, an acceptance is.
    assert isinstance(await tell(platform_port, BOOKED, wanted, message_id=message_id), Accepted)


async def test_two_people_who_exchanged_numbers_do_not_wait_for_each_other(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one, other = an_appointment(schedule, 1), an_appointment(schedule, 3)
    for booked in (one, other):
        await tell(platform_port, BOOKED, booked)

    for moved in (
        changed(one, AppointmentStatus.BOOKED, 3, sequence=3),
        changed(other, AppointmentStatus.BOOKED, 2, sequence=1),
    ):
        assert isinstance(await tell(platform_port, MOVED, moved), Accepted)

    assert await row_of(micro_his, one.platform_id) == ("booked", 3, schedule.schedule_id, 3)
    assert await row_of(micro_his, other.platform_id) == ("booked", 2, schedule.schedule_id, 1)
    displaced = await micro_his.db.fetchval(
        "SELECT count(*) FROM appointment WHERE schedule_id = $1 AND displaced", schedule.schedule_id
    )
    assert displaced == 0


async def test_a_cancellation_that_met_a_move_stands_at_the_number_moved_to(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    """Cancelled at the window while the platform moved it: both sides end with one record."""
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)
    number = his_id_of(await tell(platform_port, BOOKED, one))
    await micro_his.http.post(f"/api/window/bookings/{number}/cancel", json={"clerk": "W001"})
    await tell(platform_port, MOVED, changed(one, AppointmentStatus.BOOKED, 2, sequence=7))
    assert await row_of(micro_his, one.platform_id) == ("cancelled", 2, schedule.schedule_id, 1)

    await tell(platform_port, CANCELLED, changed(one, AppointmentStatus.CANCELLED, 3, sequence=7))

    assert await row_of(micro_his, one.platform_id) == ("cancelled", 3, schedule.schedule_id, 7)


async def test_what_is_not_known_yet_is_refused_by_its_name(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    known = await tell_schedule(platform_port, a_schedule())
    nobody = replace(a_person(), platform_id=None, document_number=None, document_type=None, his_number="MR99999999")
    nowhere = replace(an_appointment(known, 1), platform_id=None, his_id="H99999999")
    before = await micro_his.everything()

    refusals = [
        code_of(await tell(platform_port, BOOKED, an_appointment(a_schedule(), 1))),
        code_of(await tell(platform_port, BOOKED, replace(an_appointment(known, 1), sequence=99))),
        code_of(await tell(platform_port, BOOKED, an_appointment(known, 1, nobody))),
        code_of(await tell(platform_port, CANCELLED, nowhere)),
    ]

    assert refusals == ["schedule_unknown", "schedule_unknown", "patient_unknown", "appointment_unknown"]
    assert await micro_his.everything() == before


async def test_a_new_persons_appointment_opens_a_chart_whose_number_is_in_the_answer(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule())
    one = an_appointment(schedule, 1)

    outcome = await tell(platform_port, BOOKED, one)

    number = await micro_his.db.fetchval("SELECT mr FROM patient WHERE platform_id = $1", one.patient.platform_id)
    assert isinstance(outcome, Accepted)
    assert outcome.his_number == number


async def test_an_older_schedule_changes_nothing_and_a_newer_one_everything(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule(version=2))
    await tell_schedule(platform_port, replace(schedule, version=1, fee_fen=9, slots=schedule.slots[:1]))
    shown = (await micro_his.http.get(f"/api/schedules/{schedule.schedule_id}")).json()
    assert (shown["version"], shown["fee_fen"], shown["seats"]) == (2, 1700, 10)

    await tell_schedule(platform_port, replace(schedule, version=3, status="withdrawn", slots=schedule.slots[:1]))

    shown = (await micro_his.http.get(f"/api/schedules/{schedule.schedule_id}")).json()
    assert (shown["version"], shown["status"], shown["seats"]) == (3, "withdrawn", 5)


async def test_doctors_and_places_are_kept(micro_his: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    code = uuid.uuid4().hex[:12]
    doctor = PractitionerFacts(code, "李时珍", "chief", "03.01", active=True)
    clinic = LocationFacts("clinic", code, "呼吸内科门诊", "", "YX", active=True)
    for kind, facts in (
        (ChangeKind.PRACTITIONER_PUBLISHED, doctor),
        (ChangeKind.PRACTITIONER_PUBLISHED, replace(doctor, active=False)),
        (ChangeKind.LOCATION_PUBLISHED, clinic),
    ):
        assert isinstance(await tell(platform_port, kind, facts), Accepted)

    kept = await micro_his.db.fetchrow("SELECT name, active FROM practitioner WHERE code = $1", code)
    assert kept is not None
    assert tuple(kept) == ("李时珍", False)
    place = await micro_his.db.fetchrow("SELECT kind, name, campus_code FROM location WHERE code = $1", code)
    assert place is not None
    assert tuple(place) == ("clinic", "呼吸内科门诊", "YX")


async def test_names_arrive_whole_in_both_character_sets(micro_his: MicroHisProcess, wire: Wire) -> None:
    # The second byte of several of these characters in GB 18030 is a delimiter's.
    for charset in ("UNICODE UTF-8", "GB18030"):
        person = a_person(name="乗|丄^亅~俓龘𠮷")
        answer = await wire.send(render(ChangeKind.PATIENT_REGISTERED, person, charset=charset))
        assert answer.required("MSA").text(1) == "AA"
        kept = await micro_his.db.fetchval("SELECT name FROM patient WHERE platform_id = $1", person.platform_id)
        assert kept == person.name


def malformed() -> dict[str, tuple[bytes, str]]:
    schedule = a_schedule()
    booking = render(BOOKED, an_appointment(schedule, 1))
    masters = render(ChangeKind.SCHEDULES_PUBLISHED, (schedule,))
    person = render(ChangeKind.PATIENT_REGISTERED, a_person())
    return {
        "no header": (person.partition(b"\r")[2], "100"),
        "not a message": (b"\x00\x01\x02", "100"),
        "another event": (booking.replace(b"SIU^S12^SIU_S12", b"ORU^R01^ORU_R01"), "201"),
        "no control id": (b"|".join([b"" if n == 9 else f for n, f in enumerate(person.split(b"|"))]), "101"),
        "GB 18030 declared as UTF-8": (person.decode().encode("gb18030"), "102"),
        "an unknown character set": (person.replace(b"UNICODE UTF-8", b"KLINGON"), "103"),
        "a control character": (person.replace("张三丰".encode(), b"\x07"), "102"),
        "no person": (booking.partition(b"\rPID")[0] + b"\r", "100"),
        "an id that is none": (booking.replace(str(schedule.schedule_id).encode(), b"'; DROP TABLE patient;--"), "102"),
        "a number out of range": (booking.replace(b"PLATFORM||1||", b"PLATFORM||0||"), "102"),
        "an unknown status": (booking.replace(b"|Booked", b"|Perhaps"), "102"),
        "a version of nothing": (booking.replace(b"version=1", b"version=0"), "102"),
        "a number of another band": (masters.replace(b"|2,4|", b"|2,9|"), "102"),
        "an unknown action": (masters.replace(b"MFE|MAD", b"MFE|NON"), "102"),
        "no schedule behind its entry": (b"\r".join(masters.split(b"\r")[:3]) + b"\r", "101"),
        "a name too long": (person.replace("张三丰".encode(), "张".encode() * 65), "102"),
    }


@pytest.mark.parametrize("fault", malformed())
async def test_what_cannot_be_read_is_rejected_and_changes_nothing(
    micro_his: MicroHisProcess, wire: Wire, fault: str
) -> None:
    payload, code = malformed()[fault]
    before = await micro_his.everything()

    answer = await wire.send(payload)

    assert (answer.required("MSA").text(1), answer.required("ERR").text(3)) == ("AR", code)
    assert await micro_his.everything() == before
    # The connection and the process go on.
    assert (await wire.send(render(ChangeKind.PATIENT_REGISTERED, a_person()))).required("MSA").text(1) == "AA"


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x0bMSH|\x0bMSH|", b"\x0bMSH|\x1cX", b"\xff" * 100_000]
)
async def test_broken_framing_ends_the_connection_and_nothing_else(micro_his: MicroHisProcess, garbage: bytes) -> None:
    before = await micro_his.everything()
    one = await micro_his.connect()
    one.writer.write(garbage)

    # A connection that is closed while bytes of it are still unread ends by a reset instead of an orderly end.
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(one.reader.read(), 10) == b""
    one.close()
    assert await micro_his.everything() == before
    assert await micro_his.serves()


async def test_an_oversized_message_is_answered_and_cut_off(micro_his: MicroHisProcess) -> None:
    before = await micro_his.everything()
    one = await micro_his.connect()
    one.writer.write(b"\x0bMSH|" + b"x" * (FRAME_BYTES_MAX + 10))

    assert b"MSA|AR" in await asyncio.wait_for(one.reader.read(), 20)
    one.close()
    assert await micro_his.everything() == before


async def test_half_a_message_does_nothing(micro_his: MicroHisProcess) -> None:
    before = await micro_his.everything()
    one = await micro_his.connect()
    one.writer.write(frame(render(ChangeKind.PATIENT_REGISTERED, a_person()))[:-20])
    await one.writer.drain()
    one.close()

    assert await micro_his.everything() == before
    assert await micro_his.serves()
