"""Who may read what of the FHIR API: within the scope, within the compartment, and nothing besides."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.factories.authorization import Holder
from tests.factories.fhir import FhirCaller, backend_caller, book_as, fhir_token, person_caller
from tests.factories.open_api import BOOKING_SCOPES, OpenApi


def issue_of(answer: object) -> tuple[str, str]:
    body = answer.json()  # type: ignore[attr-defined]  # of httpx
    assert body["resourceType"] == "OperationOutcome"
    [issue] = body["issue"]
    return issue["code"], issue["diagnostics"].split(" ")[0]


async def test_a_person_s_application_reads_their_data_and_nobody_else_s(open_api: OpenApi, holder: Holder) -> None:
    schedule = await open_api.hospital.schedule(seats=3)
    other = await open_api.patient(open_api.kiosk)
    mine = await book_as(open_api, holder.patient_id, schedule.slots[0], client_id="somebody-else")
    theirs = await open_api.book(schedule.slots[0], other, open_api.kiosk)
    caller = await person_caller(holder, open_api.db)

    assert (await caller.get(f"/Patient/{holder.patient_id}")).json()["name"][0]["text"] == "王建国"
    assert await caller.found("/Patient") == [str(holder.patient_id)]
    assert await caller.found("/Appointment") == [str(mine)]
    assert await caller.found(f"/Appointment?patient={other}") == []
    assert await caller.found(f"/Patient?_id={other},{holder.patient_id}") == [str(holder.patient_id)]
    for path in (f"/Patient/{other}", f"/Appointment/{theirs}", f"/Patient/{uuid4()}", "/Patient/x"):
        answer = await caller.get(path)
        assert answer.status_code == 404
        assert issue_of(answer) == ("not-found", "fhir.not_found")
    assert await caller.found(f"/Slot?schedule={schedule.id}") == [str(schedule.slots[0])]
    assert await caller.found("/Schedule") == [str(schedule.id)]


async def test_a_partner_reads_what_is_its_own_and_the_hospital_reads_all(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=3)
    scopes = [*BOOKING_SCOPES, "system/*.rs"]
    portal = await open_api.client(scopes=scopes)
    kiosk = await open_api.client("internal", channel="kiosk", scopes=scopes)
    first, second = await open_api.patient(portal), await open_api.patient(kiosk)
    mine = await open_api.book(schedule.slots[0], first, portal)
    theirs = await open_api.book(schedule.slots[0], second, kiosk)
    partner = await fhir_token(open_api, portal.client_id, portal.secret)
    assert await partner.found("/Appointment") == [str(mine)]
    assert await partner.found("/Patient") == [str(first)]
    assert (await partner.get(f"/Appointment/{theirs}")).status_code == 404
    assert (await partner.get(f"/Patient/{second}")).status_code == 404
    hospital = await fhir_token(open_api, kiosk.client_id, kiosk.secret)
    assert set(await hospital.found("/Appointment")) == {str(mine), str(theirs)}
    assert set(await hospital.found("/Patient")) == {str(first), str(second)}


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        ("system/Appointment.rs", "/Appointment", 200),
        ("system/Appointment.r", "/Appointment", 403),
        ("system/Appointment.s", "/Appointment", 200),
        ("system/Appointment.s", "/Appointment/{id}", 403),
        ("system/Appointment.rs", "/Patient", 403),
        ("system/Appointment.cud", "/Appointment", 403),
        ("patient/Appointment.rs", "/Appointment", 403),
        ("system/Appointment.rs?nonsense=1", "/Appointment", 403),
        ("system/Appointment.rs?status=", "/Appointment", 403),
        ("system/Appointment.rs?status=booked&patient=", "/Appointment", 403),
        ("system/Appointment.rs?status=,", "/Appointment", 403),
    ],
)
async def test_a_scope_opens_no_more_than_it_says(open_api: OpenApi, scope: str, path: str, status: int) -> None:
    caller = await backend_caller(open_api, scopes=[scope], kind="internal")
    answer = await caller.get(path.format(id=uuid4()))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert issue_of(answer) == ("forbidden", "oauth.insufficient_scope")
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_a_narrowed_scope_opens_what_it_is_narrowed_to(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=3)
    other = await open_api.hospital.schedule(seats=3, starts_in=timedelta(days=3))
    patient = await open_api.patient(open_api.kiosk)
    booked = await open_api.book(schedule.slots[0], patient, open_api.kiosk)
    cancelled = await open_api.book(other.slots[0], patient, open_api.kiosk)
    answer = await open_api.kiosk.post(f"/appointments/{cancelled}/cancel", {})
    assert answer.status_code == 200, answer.text
    caller = await backend_caller(open_api, scopes=["system/Appointment.rs?status=booked"], kind="internal")
    assert await caller.found("/Appointment") == [str(booked)]
    assert (await caller.get(f"/Appointment/{cancelled}")).status_code == 404
    two = ["system/Appointment.rs?status=booked", "system/Appointment.rs?status=cancelled"]
    both = await backend_caller(open_api, scopes=two, kind="internal")
    assert set(await both.found("/Appointment")) == {str(booked), str(cancelled)}


async def test_a_token_for_the_open_api_is_worth_nothing_here_and_the_other_way_round(open_api: OpenApi) -> None:
    here = FhirCaller(open_api.http, open_api.portal.token)
    answer = await here.get("/Patient")
    assert answer.status_code == 401
    assert issue_of(answer) == ("login", "oauth.invalid_token")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    caller = await backend_caller(open_api, scopes=["system/*.rs", "patients.read"])
    there = await open_api.http.get("/open/v1/appointments", headers=caller.headers)
    assert there.status_code == 401


async def test_what_is_included_needs_its_own_scope(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    patient = await open_api.patient(open_api.kiosk)
    await open_api.book(schedule.slots[0], patient, open_api.kiosk)
    narrow = await backend_caller(open_api, scopes=["system/Appointment.rs"], kind="internal")
    assert (await narrow.get("/Appointment?_include=Appointment:patient")).status_code == 403
    wide = await backend_caller(open_api, scopes=["system/Appointment.rs", "system/Patient.r"], kind="internal")
    bundle = (await wide.get("/Appointment?_include=Appointment:patient")).json()
    assert [entry["search"]["mode"] for entry in bundle["entry"]] == ["match", "include"]
    assert bundle["entry"][1]["resource"]["id"] == str(patient)
