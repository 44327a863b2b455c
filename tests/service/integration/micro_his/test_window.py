"""The registration window: it sells its share once, tells the platform in order, and undoes what is refused."""

import asyncio
import signal
import uuid
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from integration.codecs.hl7v2 import Message
from integration.codecs.hl7v2_header import AckError
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.facts import AppointmentStatus, ScheduleFacts
from integration.his.port import Accepted, ChangeKind
from kernel import clock
from runtime.demo_hospital.people import document_number
from tests.factories.both_sides import People
from tests.service.integration.micro_his.conftest import (
    MicroHisProcess,
    a_schedule,
    an_appointment,
    tell,
    tell_schedule,
)

PEOPLE = People()
DELIVERED_SECONDS_MAX = 30


@pytest.fixture
async def schedule(platform_port: Hl7MllpHis) -> ScheduleFacts:
    return await tell_schedule(platform_port, a_schedule())


async def book(
    his: MicroHisProcess, schedule: ScheduleFacts, patient: dict[str, Any] | None = None, **more: Any
) -> httpx.Response:
    patient = patient or PEOPLE.invent().at_window()
    body = {"schedule_id": str(schedule.schedule_id), "patient": patient, "clerk": "W001", **more}
    return await his.http.post("/api/window/bookings", json=body, timeout=30)


async def sell(his: MicroHisProcess, schedule: ScheduleFacts, **more: Any) -> dict[str, Any]:
    answer = await book(his, schedule, **more)
    assert answer.status_code == 201, answer.text
    sold: dict[str, Any] = answer.json()
    return sold


async def cancel(his: MicroHisProcess, his_id: str) -> httpx.Response:
    return await his.http.post(f"/api/window/bookings/{his_id}/cancel", json={"clerk": "W001"})


async def register(his: MicroHisProcess, **body: Any) -> httpx.Response:
    return await his.http.post("/api/window/registrations", json={"clerk": "W001", **body})


async def show(his: MicroHisProcess, his_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await his.http.get(f"/api/appointments/{his_id}")).json()
    return shown


def about(his: MicroHisProcess, his_id: str) -> list[Message]:
    """What the platform has applied about a number, in order."""

    def is_about(message: Message) -> bool:
        scheduling, visit = message.first("SCH"), message.first("PV1")
        return his_id in (scheduling.text(2) if scheduling else "", visit.text(5) if visit else "")

    return [message for message in his.platform.applied if is_about(message)]


async def told(his: MicroHisProcess, his_id: str, count: int) -> list[Message]:
    async with asyncio.timeout(DELIVERED_SECONDS_MAX):
        while len(found := about(his, his_id)) < count:
            await asyncio.sleep(0.02)
    return found


def refuse(code: str) -> Any:
    return lambda message: AckError(code, "该号已被预约") if message.kind[1] == "S12" else None


async def test_a_sold_number_is_told_with_all_that_the_platform_needs(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    person = PEOPLE.invent()

    sold = await sell(micro_his, schedule, patient=person.at_window())

    assert (sold["seq"], sold["status"], sold["source"], sold["platform_state"]) == (2, "booked", "window", "confirmed")
    (message,) = await told(micro_his, sold["his_id"], 1)
    scheduling, pid = message.required("SCH"), message.required("PID")
    assert message.kind == ("SIU", "S12")
    assert (scheduling.text(2), scheduling.text(2, 2), scheduling.text(3)) == (sold["his_id"], "MICROHIS", "2")
    assert (scheduling.text(5), scheduling.text(5, 3)) == (str(schedule.schedule_id), "PLATFORM")
    assert (scheduling.text(16), scheduling.text(16, 2), scheduling.text(25)) == ("W001", "his_window", "Booked")
    assert [pid.text(3, 1, repetition=n) for n in (1, 2)] == [sold["patient"]["mr"], person.number]
    assert pid.text(5) == person.name


@pytest.mark.parametrize(("sequence", "status", "code"), [(1, 409, "not_for_window"), (99, 404, "schedule_unknown")])
async def test_only_the_windows_own_numbers_are_sold(
    micro_his: MicroHisProcess, schedule: ScheduleFacts, sequence: int, status: int, code: str
) -> None:
    before = await micro_his.everything()

    answer = await book(micro_his, schedule, seq=sequence)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await micro_his.everything() == before


async def test_nothing_is_sold_once_the_share_has_gone_back(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule(until=clock.now() + timedelta(seconds=30)))
    before = await micro_his.everything()

    answers = [await book(micro_his, schedule), await book(micro_his, schedule, seq=2)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "window_closed")] * 2
    assert await micro_his.everything() == before


async def test_a_withdrawn_schedule_is_not_sold(micro_his: MicroHisProcess, platform_port: Hl7MllpHis) -> None:
    schedule = await tell_schedule(platform_port, a_schedule(status="withdrawn"))

    answer = await book(micro_his, schedule)

    assert (answer.status_code, answer.json()["code"]) == (404, "schedule_unknown")


async def test_twelve_clerks_sell_three_numbers_to_three_people(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis
) -> None:
    schedule = await tell_schedule(platform_port, a_schedule(window=(1, 3, 5)))

    answers = await asyncio.gather(*(book(micro_his, schedule) for _ in range(12)))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 9}
    assert sorted(answer.json()["seq"] for answer in answers if answer.status_code == 201) == [1, 3, 5]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"sold_out"}
    rows = await micro_his.db.fetch("SELECT sequence FROM appointment WHERE schedule_id = $1", schedule.schedule_id)
    assert sorted(row["sequence"] for row in rows) == [1, 3, 5]


async def test_one_number_for_two_clerks_goes_to_one(micro_his: MicroHisProcess, schedule: ScheduleFacts) -> None:
    answers = await asyncio.gather(*(book(micro_his, schedule, seq=4) for _ in range(2)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 1}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"seat_taken"}


async def test_a_person_gets_one_number_of_a_schedule(micro_his: MicroHisProcess, schedule: ScheduleFacts) -> None:
    person = PEOPLE.invent().at_window()
    sold = await sell(micro_his, schedule, patient=person)

    answer = await book(micro_his, schedule, patient={"mr": sold["patient"]["mr"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "already_booked")


async def test_a_repeated_request_sells_once(micro_his: MicroHisProcess, schedule: ScheduleFacts) -> None:
    request_id = uuid.uuid4().hex
    person = PEOPLE.invent().at_window()

    answers = await asyncio.gather(
        *(book(micro_his, schedule, patient=person, request_id=request_id) for _ in range(4))
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 3}
    assert len({answer.json()["his_id"] for answer in answers}) == 1


async def test_what_the_platform_refuses_is_undone_before_the_clerks_eyes(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    micro_his.platform.judge = refuse("seat_taken")

    answer = await book(micro_his, schedule, seq=2)

    assert (answer.status_code, answer.json()["code"]) == (409, "refused_by_platform")
    assert answer.json()["refusal"] == {"code": "seat_taken", "text": "该号已被预约"}
    shown = await show(micro_his, answer.json()["his_id"])
    assert (shown["status"], shown["platform_state"], shown["refusal"]["code"]) == (
        "cancelled", "refused", "seat_taken",
    )  # fmt: skip
    # The number is not offered again until the schedule is told anew; another one is.
    micro_his.platform.judge = lambda _: None
    assert (await book(micro_his, schedule, seq=2)).json()["code"] == "seat_taken"
    assert (await sell(micro_his, schedule))["seq"] == 4


async def test_a_later_refusal_comes_as_a_cancellation_under_our_number(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, schedule: ScheduleFacts
) -> None:
    sold = await sell(micro_his, schedule)
    refusal = replace(
        an_appointment(schedule, 2), platform_id=None, his_id=sold["his_id"], status=AppointmentStatus.CANCELLED,
        starts_at=None, ends_at=None, reason_code="already_booked",
    )  # fmt: skip
    refusal = replace(refusal, patient=replace(refusal.patient, platform_id=None, his_number=sold["patient"]["mr"]))

    assert isinstance(await tell(platform_port, ChangeKind.APPOINTMENT_CANCELLED, refusal), Accepted)

    shown = await show(micro_his, sold["his_id"])
    assert (shown["status"], shown["platform_state"], shown["refusal"]["code"]) == (
        "cancelled", "refused", "already_booked",
    )  # fmt: skip


async def test_the_platforms_id_of_a_sold_number_is_kept(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, schedule: ScheduleFacts
) -> None:
    sold = await sell(micro_his, schedule)
    here = an_appointment(schedule, 2)
    told_back = replace(here, his_id=sold["his_id"])
    told_back = replace(told_back, patient=replace(told_back.patient, his_number=sold["patient"]["mr"]))

    await tell(platform_port, ChangeKind.APPOINTMENT_MODIFIED, told_back)

    shown = await show(micro_his, sold["his_id"])
    assert (shown["platform_id"], shown["status"], shown["version"]) == (str(here.platform_id), "booked", 1)
    assert shown["patient"]["platform_id"] == str(here.patient.platform_id)


async def test_the_window_goes_on_while_the_platform_is_away_and_nothing_is_lost(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    micro_his.platform.answers = False
    sold = await sell(micro_his, schedule)
    assert sold["platform_state"] == "pending"
    cancelled = (await cancel(micro_his, sold["his_id"])).json()
    assert (cancelled["status"], cancelled["version"]) == ("cancelled", 2)
    assert about(micro_his, sold["his_id"]) == []
    micro_his.platform.answers = True

    messages = await told(micro_his, sold["his_id"], 2)

    assert [message.kind[1] for message in messages] == ["S12", "S15"]


async def test_a_killed_process_tells_everything_that_it_sold(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    micro_his.platform.answers = False
    sold = await sell(micro_his, schedule)
    micro_his.kill()
    micro_his.platform.answers = True
    await micro_his.start()

    (message,) = await told(micro_his, sold["his_id"], 1)

    assert message.kind[1] == "S12"
    assert (await show(micro_his, sold["his_id"]))["status"] == "booked"


async def test_a_process_that_is_told_to_end_does_so_and_comes_back(micro_his: MicroHisProcess) -> None:
    # By itself, or by a signal that comes while it drains: what it has acknowledged is in its database either way.
    assert micro_his.stop() in (0, -signal.SIGTERM)
    await micro_his.start()
    assert (await micro_his.http.get("/health/ready")).json() == {"status": "ready"}


async def test_after_a_refusal_nothing_more_is_told_of_the_number(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    micro_his.platform.answers = False
    sold = await sell(micro_his, schedule)
    await register(micro_his, his_id=sold["his_id"])
    micro_his.platform.judge = refuse("seat_taken")
    micro_his.platform.answers = True

    async with asyncio.timeout(DELIVERED_SECONDS_MAX):
        while (await show(micro_his, sold["his_id"]))["platform_state"] == "pending":
            await asyncio.sleep(0.02)

    assert about(micro_his, sold["his_id"]) == []
    statuses = await micro_his.db.fetch(
        "SELECT m.event, m.status FROM message m JOIN appointment a ON a.id = m.appointment_id"
        " WHERE a.his_id = $1 ORDER BY m.seq",
        sold["his_id"],
    )
    assert [tuple(row) for row in statuses] == [("S12", "refused"), ("A04", "void")]


async def test_a_number_is_taken_back_once(micro_his: MicroHisProcess, schedule: ScheduleFacts) -> None:
    sold = await sell(micro_his, schedule)

    answers = await asyncio.gather(*(cancel(micro_his, sold["his_id"]) for _ in range(3)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 2}
    messages = await told(micro_his, sold["his_id"], 2)
    assert [(message.kind[1], message.required("NTE").text(3)) for message in messages] == [
        ("S12", "version=1"),
        ("S15", "version=2"),
    ]
    assert (await cancel(micro_his, "H99999999")).status_code == 404


async def test_a_number_sold_again_is_told_after_it_was_given_back(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    micro_his.platform.answers = False
    first = await sell(micro_his, schedule, seq=2)
    await cancel(micro_his, first["his_id"])
    second = await sell(micro_his, schedule, seq=2)
    micro_his.platform.answers = True

    await told(micro_his, second["his_id"], 1)

    heard = [
        (message.kind[1], message.required("SCH").text(2))
        for message in micro_his.platform.applied
        if message.first("SCH") and message.required("SCH").text(5) == str(schedule.schedule_id)
    ]
    assert heard == [("S12", first["his_id"]), ("S15", first["his_id"]), ("S12", second["his_id"])]


async def test_who_comes_is_registered_with_or_without_a_number(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    sold = await sell(micro_his, schedule)

    arrival = await register(micro_his, his_id=sold["his_id"])
    walk_in = await register(micro_his, patient=PEOPLE.invent().at_window(), clinic_code="YX0201")

    assert (arrival.status_code, walk_in.status_code) == (201, 201)
    assert arrival.json()["appointment"]["status"] == "arrived"
    message = (await told(micro_his, sold["his_id"], 2))[1]
    visit = message.required("PV1")
    assert message.kind == ("ADT", "A04")
    assert (visit.text(3), visit.text(5), visit.text(7), visit.text(19)) == (
        "YX0301", sold["his_id"], "D0001", arrival.json()["visit_number"],
    )  # fmt: skip
    assert (await register(micro_his, his_id=sold["his_id"])).json()["code"] == "appointment_not_active"
    assert (await cancel(micro_his, sold["his_id"])).json()["code"] == "appointment_not_active"


async def test_a_consultation_ends_once_and_the_platform_is_told(
    micro_his: MicroHisProcess, schedule: ScheduleFacts
) -> None:
    sold = await sell(micro_his, schedule)

    async def complete() -> httpx.Response:
        return await micro_his.http.post(
            f"/api/station/appointments/{sold['his_id']}/complete", json={"clerk": "D0001"}
        )

    assert (await complete()).json()["code"] == "appointment_not_active"
    await register(micro_his, his_id=sold["his_id"])
    answers = await asyncio.gather(*(complete() for _ in range(3)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 2}
    message = (await told(micro_his, sold["his_id"], 3))[2]
    assert message.kind == ("SIU", "S14")
    assert (message.required("SCH").text(25), message.required("NTE").text(3)) == ("Complete", "version=3")
    assert (await show(micro_his, sold["his_id"]))["status"] == "fulfilled"


async def test_a_consultation_that_the_platform_saw_end_has_ended_here(
    micro_his: MicroHisProcess, platform_port: Hl7MllpHis, schedule: ScheduleFacts
) -> None:
    booked = an_appointment(schedule, 1)
    statuses = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED)
    for version, status in enumerate(statuses, 1):
        kind = ChangeKind.APPOINTMENT_BOOKED if version == 1 else ChangeKind.APPOINTMENT_MODIFIED
        assert isinstance(await tell(platform_port, kind, replace(booked, status=status, version=version)), Accepted)
    row = await micro_his.db.fetchrow(
        "SELECT status, version FROM appointment WHERE platform_id = $1", booked.platform_id
    )
    assert row is not None
    assert tuple(row) == ("fulfilled", 3)


def unusable() -> dict[str, dict[str, Any]]:
    good = PEOPLE.invent().at_window()
    number = document_number(birth_date=clock.today(), sequence=1)
    return {
        "no clerk": {"clerk": None},
        "an unknown field": {"discount": 1},
        "a schedule that is no id": {"schedule_id": "1; DROP TABLE patient"},
        "a number of zero": {"seq": 0},
        "a number in words": {"seq": "two"},
        "a wrong check digit": {
            "patient": good | {"document_number": number[:17] + ("1" if number[17] != "1" else "2")}
        },
        "an unknown document": {"patient": good | {"document_type": "XX"}},
        "no name": {"patient": {name: value for name, value in good.items() if name != "name"}},
        "a control character": {"patient": good | {"name": "程\x00甲"}},
        "a name too long": {"patient": good | {"name": "程" * 65}},
        "a record number of another form": {"patient": {"mr": "' OR 1=1"}},
        "a request id too long": {"request_id": "x" * 65},
    }


@pytest.mark.parametrize("fault", unusable())
async def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    micro_his: MicroHisProcess, schedule: ScheduleFacts, fault: str
) -> None:
    before = await micro_his.everything()

    answer = await book(micro_his, schedule, **unusable()[fault])

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["content-type"] == "application/problem+json"
    assert await micro_his.everything() == before


async def test_an_unknown_record_number_is_nobody(micro_his: MicroHisProcess, schedule: ScheduleFacts) -> None:
    answer = await book(micro_his, schedule, patient={"mr": "MR99999999"})

    assert (answer.status_code, answer.json()["code"]) == (404, "patient_unknown")
