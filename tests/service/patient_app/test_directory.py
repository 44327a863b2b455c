"""Looking for a doctor: departments under their headings, what is free on a day, what is full, stopped or not open."""

from datetime import timedelta
from uuid import UUID

from kernel import clock
from kernel.ids import new_id
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, open_to_app
from tests.factories.stops import stop_and_finish


async def doctor_of(api: OpenApi, schedule_id: UUID) -> str:
    return str(await api.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedule_id))


async def test_departments_stand_under_their_headings_in_the_language_asked_for(open_api: OpenApi) -> None:
    heading = new_id()
    await open_api.db.execute(
        "INSERT INTO department (id, code, name_zh, name_en, pinyin, initials)"
        " VALUES ($1, '03', '内科', 'Internal Medicine', 'neike', 'nk')",
        heading,
    )
    await open_api.db.execute(
        "UPDATE department SET parent_id = $1, name_zh = '心血管内科', name_en = 'Cardiology' WHERE id = $2",
        heading,
        open_api.hospital.department_id,
    )
    asked = Phone(open_api.http, language="en")
    answer = (await asked.get("/directory")).json()
    campus = str(open_api.hospital.campus_id)
    assert [one["id"] for one in answer["campuses"]] == [campus]
    [without, internal] = answer["groups"]
    assert (without["id"], without["name"]) == (None, None)
    assert [one["id"] for one in without["departments"]] == [str(open_api.hospital.other_department_id)]
    assert (internal["id"], internal["name"]) == (str(heading), "Internal Medicine")
    assert internal["departments"] == [
        {"id": str(open_api.hospital.department_id), "name": "Cardiology", "campus_ids": [campus]}
    ]


async def test_open_departments_are_those_of_which_the_app_may_book(open_api: OpenApi) -> None:
    phone, hospital = Phone(open_api.http), open_api.hospital
    free = await open_to_app(hospital, await hospital.schedule(seats=1))
    await hospital.schedule(seats=1, other_department=True)
    params = {"date": free.clinic_date.isoformat()}
    answer = (await phone.get("/directory/open", params=params)).json()
    assert answer["items"] == [{"department_id": str(hospital.department_id), "campus_ids": [str(hospital.campus_id)]}]
    await open_api.book(free.slots[0], await open_api.patient(open_api.kiosk), open_api.kiosk)
    assert (await phone.get("/directory/open", params=params)).json()["items"] == []


async def test_a_department_is_found_by_initials_and_by_what_is_treated_there(open_api: OpenApi) -> None:
    phone, hospital = Phone(open_api.http), open_api.hospital
    schedule = await open_to_app(hospital, await hospital.schedule(seats=1))
    await open_api.db.execute(
        "UPDATE department SET name_zh = '心血管内科', pinyin = 'xinxueguanneike', initials = 'xxgnk' WHERE id = $1",
        hospital.department_id,
    )
    await open_api.db.execute("UPDATE practitioner SET name = '王建国', keywords = '高血压 胸痛'")
    by_initials = (await phone.get("/directory/search", params={"q": "xxg"})).json()
    assert [one["name"] for one in by_initials["departments"]] == ["心血管内科"]
    by_disease = (await phone.get("/directory/search", params={"q": "高血压"})).json()
    assert [one["id"] for one in by_disease["departments"]] == [str(hospital.department_id)]
    [doctor] = by_disease["doctors"]
    assert (doctor["id"], doctor["name"], doctor["treats"]) == (
        await doctor_of(open_api, schedule.id),
        "王建国",
        ["高血压", "胸痛"],
    )
    assert (await phone.get("/directory/search", params={"q": "没有的"})).json() == {"departments": [], "doctors": []}


async def test_a_days_doctors_come_with_what_is_free_and_with_their_next_day_otherwise(open_api: OpenApi) -> None:
    phone, hospital = Phone(open_api.http), open_api.hospital
    free = await open_to_app(hospital, await hospital.schedule(seats=2))
    full = await open_to_app(hospital, await hospital.schedule(seats=1))
    later = await hospital.schedule(seats=1, starts_in=timedelta(days=4))
    await open_api.db.execute(
        "UPDATE schedule SET practitioner_id = (SELECT practitioner_id FROM schedule WHERE id = $1) WHERE id = $2",
        full.id,
        later.id,
    )
    await open_to_app(hospital, later)
    await open_api.book(full.slots[0], await open_api.patient(open_api.kiosk), open_api.kiosk)

    answer = (await phone.get(f"/departments/{hospital.department_id}")).json()
    assert answer["date"] == free.clinic_date.isoformat()
    assert len(answer["days"]) == 16
    states = {day["date"]: day["state"] for day in answer["days"]}
    assert (states[answer["date"]], states[later.clinic_date.isoformat()]) == ("free", "free")
    assert states[clock.today().isoformat()] == "none"
    first, second, third = answer["doctors"]
    assert (first["id"], first["sessions"][0]["available"], first["next_date"]) == (
        await doctor_of(open_api, free.id),
        2,
        None,
    )
    assert (second["sessions"][0]["state"], second["next_date"]) == ("full", later.clinic_date.isoformat())
    assert (third["sessions"], third["next_date"]) == ([], None)
    other = (await phone.get(f"/departments/{hospital.department_id}", params={"date": str(later.clinic_date)})).json()
    assert [doctor["next_date"] for doctor in other["doctors"]] == [None, None, None]


async def test_a_doctors_calendar_says_free_full_stopped_and_when_it_opens(open_api: OpenApi) -> None:
    phone, hospital = Phone(open_api.http), open_api.hospital
    days = [await hospital.schedule(seats=1, starts_in=timedelta(days=ahead)) for ahead in (2, 3, 4)]
    opens_at = clock.now() + timedelta(days=1)
    days.append(await hospital.schedule(seats=1, starts_in=timedelta(days=5), opens_at=opens_at))
    for schedule in days:
        await open_to_app(hospital, schedule)
    doctor = await doctor_of(open_api, days[0].id)
    await open_api.db.execute("UPDATE schedule SET practitioner_id = $1", UUID(doctor))
    await open_api.book(days[1].slots[0], await open_api.patient(open_api.kiosk), open_api.kiosk)
    await stop_and_finish(days[2])

    answer = (await phone.get(f"/doctors/{doctor}")).json()
    assert [one["state"] for one in answer["sessions"]] == ["free", "full", "stopped", "soon"]
    assert [one["opens_at"] is None for one in answer["sessions"]] == [True, True, True, False]
    assert [one["state"] for one in answer["days"][2:6]] == ["free", "full", "stopped", "soon"]
    assert (await phone.get(f"/doctors/{new_id()}")).status_code == 404


async def test_a_sessions_half_hours_are_those_still_to_come_with_the_numbers_left(open_api: OpenApi) -> None:
    phone, hospital = Phone(open_api.http), open_api.hospital
    schedule = await hospital.schedule(seats=2, slots=3, starts_in=timedelta(minutes=-10))
    await open_to_app(hospital, schedule)
    await open_api.book(schedule.slots[1], await open_api.patient(open_api.kiosk), open_api.kiosk)
    answer = (await phone.get(f"/clinic-sessions/{schedule.id}")).json()
    assert [(one["slot_id"], one["available"]) for one in answer["bands"]] == [
        (str(schedule.slots[1]), 1),
        (str(schedule.slots[2]), 2),
    ]
    assert (answer["state"], answer["fee_fen"]) == ("free", 1000)
    hidden = await hospital.schedule(seats=1)
    assert (await phone.get(f"/clinic-sessions/{hidden.id}")).status_code == 404
