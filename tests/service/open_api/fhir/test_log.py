"""Whom an application looked at over FHIR is in their log before it sees them; and the gateway stands before it."""

from patients.access_log import list_accesses
from tests.factories.authorization import Holder
from tests.factories.fhir import backend_caller, book_as, person_caller
from tests.factories.open_api import OpenApi, eventually


async def test_every_look_at_a_patient_is_in_their_log(open_api: OpenApi, holder: Holder) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    await book_as(open_api, holder.patient_id, schedule.slots[0], client_id="somebody-else")
    caller = await person_caller(holder, open_api.db)
    await caller.get(f"/Patient/{holder.patient_id}", x_request_id="look-at-patient")
    await caller.found("/Appointment?_include=Appointment:patient")
    await caller.found("/Appointment?status=cancelled")
    await caller.found("/Practitioner")
    seen = await list_accesses(patient_id=holder.patient_id, client_id=caller.client_id, limit=10)
    assert [(one.operation, one.action) for one in seen] == [
        ("GET /fhir/Appointment", "read"),
        ("GET /fhir/Patient/<resource_id:str>", "read"),
    ]
    assert seen[1].request_id == "look-at-patient"


async def test_nothing_is_shown_that_cannot_be_logged(open_api: OpenApi, holder: Holder) -> None:
    caller = await person_caller(holder, open_api.db)
    await open_api.db.execute("ALTER TABLE patient_access_log ADD CONSTRAINT closed CHECK (false) NOT VALID")
    try:
        answer = await caller.get(f"/Patient/{holder.patient_id}")
    finally:
        await open_api.db.execute("ALTER TABLE patient_access_log DROP CONSTRAINT closed")
    assert answer.status_code == 503
    assert answer.json()["issue"][0]["code"] == "transient"
    assert "王建国" not in answer.text


async def test_what_a_person_takes_back_is_closed_within_a_second(open_api: OpenApi, holder: Holder) -> None:
    caller = await person_caller(holder, open_api.db)
    assert (await caller.get("/Patient")).status_code == 200
    await holder.visitor.get("/account/consents")
    consent_id = await open_api.db.fetchval("SELECT id FROM patient_consent WHERE client_id = $1", caller.client_id)
    await holder.visitor.post(f"/account/consents/{consent_id}/withdraw")
    refused = await eventually(lambda: caller.get("/Patient"), 401)
    assert refused.json()["issue"][0]["code"] == "login"


async def test_a_stopped_application_is_refused_here_too(open_api: OpenApi) -> None:
    caller = await backend_caller(open_api)
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
        caller.client_id,
    )
    # The door was open when the token was asked for, and is remembered for a moment.
    answer = await eventually(lambda: caller.get("/Patient"), 403)
    assert answer.json()["issue"][0]["diagnostics"] == "gateway.application_stopped"
