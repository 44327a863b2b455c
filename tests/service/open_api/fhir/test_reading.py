"""Reading and searching as FHIR R4 has it: parameters, pages, versions, errors."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from kernel import clock
from tests.factories.fhir import FhirCaller, backend_caller
from tests.factories.open_api import OpenApi, registration


@pytest.fixture
async def hospital(open_api: OpenApi) -> FhirCaller:
    """One of the hospital's own applications, which reads everything."""
    return await backend_caller(open_api, kind="internal")


def issue_of(answer: object) -> tuple[str, str]:
    body = answer.json()  # type: ignore[attr-defined]  # of httpx
    assert body["resourceType"] == "OperationOutcome"
    [issue] = body["issue"]
    return issue["code"], issue["diagnostics"].split(" ")[0]


async def test_an_appointment_is_read_with_who_takes_part(open_api: OpenApi, hospital: FhirCaller) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    patient = await open_api.patient(open_api.kiosk)
    appointment = await open_api.book(schedule.slots[0], patient, open_api.kiosk)
    answer = await hospital.get(f"/Appointment/{appointment}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["etag"] == 'W/"1"'
    told = answer.json()
    assert told["status"] == "booked"
    assert told["slot"] == [{"reference": f"Slot/{schedule.slots[0]}"}]
    assert told["participant"][0]["actor"]["reference"] == f"Patient/{patient}"
    assert told["start"] == schedule.starts_at.astimezone(clock.SHANGHAI).isoformat(timespec="milliseconds")
    unchanged = await hospital.get(f"/Appointment/{appointment}", if_none_match='W/"1"')
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await open_api.kiosk.post(f"/appointments/{appointment}/cancel", {"reason": "临时有事"})
    changed = await hospital.get(f"/Appointment/{appointment}", if_none_match='W/"1"')
    assert changed.status_code == 200
    assert changed.headers["etag"] == 'W/"2"'
    assert changed.json()["cancelationReason"]["text"] == "临时有事"


async def test_slots_say_what_the_channel_may_have(open_api: OpenApi, hospital: FhirCaller) -> None:
    schedule = await open_api.hospital.schedule(seats=1, slots=4)
    first, second, third, fourth = map(str, schedule.slots)
    await open_api.book(schedule.slots[0], await open_api.patient(open_api.kiosk), open_api.kiosk)
    await open_api.hold(schedule.slots[1], await open_api.patient(open_api.kiosk), open_api.kiosk)
    closed = await open_api.hospital.schedule(seats=1, opens_at=clock.now() + timedelta(hours=1))
    base = f"/Slot?schedule={schedule.id}"
    assert await hospital.found(base) == [first, second, third, fourth]
    assert await hospital.found(f"{base}&status=free") == [third, fourth]
    assert await hospital.found(f"{base}&status=busy") == [first]
    assert await hospital.found(f"{base}&status=busy-tentative,busy") == [first, second]
    assert await hospital.found(f"{base}&status=http://hl7.org/fhir/slotstatus|free") == [third, fourth]
    assert await hospital.found(f"{base}&status=urn:other|free") == []
    assert await hospital.found(f"/Slot?schedule=Schedule/{closed.id}&status=busy-unavailable") == [
        str(closed.slots[0])
    ]
    wide = await hospital.get("/Slot?status=free")
    assert wide.status_code == 400
    assert issue_of(wide) == ("too-costly", "fhir.search_too_wide")


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("2027-03-01", True),
        ("2027-03", True),
        ("2027", True),
        ("2027-03-01T09:00", True),
        ("2027-03-01T09:00:00+08:00", True),
        ("2027-03-01T01:00:00Z", True),
        ("2027-03-01T09:01", False),
        ("2027-03-02", False),
        ("ne2027-03-01", False),
        ("ne2027-03-02", True),
        ("gt2027-03-01", False),
        ("gt2027-02-28", True),
        ("ge2027-03-01", True),
        ("lt2027-03-01", False),
        ("le2027-03-01", True),
        ("sa2027-02", True),
        ("eb2027-04", True),
        ("ap2027-03-01", True),
        ("2027-02-01,2027-03-01", True),
        ("ge2027-03-01&date=lt2027-03-02", True),
        ("ge2027-03-01&date=lt2027-03-01", False),
    ],
)
async def test_dates_are_as_wide_as_they_are_precise(
    open_api: OpenApi, hospital: FhirCaller, query: str, *, fits: bool
) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    patient = await open_api.patient(open_api.kiosk)
    appointment = await open_api.book(schedule.slots[0], patient, open_api.kiosk)
    await open_api.db.execute("UPDATE appointment SET starts_at = '2027-03-01T09:00+08:00' WHERE id = $1", appointment)
    await open_api.db.execute(
        "UPDATE schedule SET starts_at = '2027-03-01T09:00+08:00', ends_at = '2027-03-01T09:00:00.001+08:00'"
    )
    await open_api.db.execute(
        "UPDATE slot SET starts_at = '2027-03-01T09:00+08:00', ends_at = '2027-03-01T09:30+08:00'"
    )
    expected = [str(appointment)] if fits else []
    assert await hospital.found(f"/Appointment?date={query}") == expected
    assert await hospital.found(f"/Slot?{f'date={query}'.replace('date=', 'start=')}") == (
        [str(schedule.slots[0])] if fits else []
    )
    if "T09" not in query and "T01" not in query:
        assert await hospital.found(f"/Schedule?date={query}") == ([str(schedule.id)] if fits else [])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2027-13-01",
        "2027-02-30",
        "9999",
        "xx2027",
        "2027-03-01T25:00",
        "a\x00",
        "0001",
        "ap0001",
        "ap9998",
        "0001-01-01T00:00:00+14:00",
    ],
)
async def test_a_date_that_is_none_is_refused(open_api: OpenApi, hospital: FhirCaller, value: str) -> None:
    answer = await hospital.http.get("/fhir/Appointment", params={"date": value}, headers=hospital.headers)
    assert answer.status_code == 400, answer.text
    assert issue_of(answer) == ("invalid", "fhir.parameter_invalid")


async def test_pages_go_on_where_the_last_one_ended(open_api: OpenApi, hospital: FhirCaller) -> None:
    schedule = await open_api.hospital.schedule(seats=1, slots=5)
    expected = [str(slot) for slot in schedule.slots]
    path, seen = f"/Slot?schedule={schedule.id}&_count=2&nonsense=1", []
    for _ in range(3):
        bundle = (await hospital.get(path)).json()
        seen.append([entry["resource"]["id"] for entry in bundle["entry"]])
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert links["self"].startswith(f"{open_api.server.base_url}/fhir/Slot?schedule={schedule.id}&_count=2")
        assert "nonsense" not in links["self"]
        if "next" in links:
            parts = urlsplit(links["next"])
            path = f"{parts.path.removeprefix('/fhir')}?{parts.query}"
    assert seen == [expected[:2], expected[2:4], expected[4:]]
    assert "next" not in links
    forged = await hospital.get(f"/Slot?schedule={schedule.id}&_cursor=AAAAAAAAAAAA")
    assert issue_of(forged) == ("invalid", "request.invalid_cursor")
    counted = (await hospital.get(f"/Slot?schedule={schedule.id}&_summary=count")).json()
    assert counted["total"] == 5
    assert "entry" not in counted


async def test_patients_are_found_by_their_numbers_and_names(open_api: OpenApi, hospital: FhirCaller) -> None:
    wanted = registration(name="欧阳修")
    created = await open_api.kiosk.post("/patients", wanted)
    patient = created.json()["id"]
    await open_api.db.execute("INSERT INTO patient_identifier VALUES ($1, 'his', 'C0042')", patient)
    number, oid = wanted["document"]["number"], "urn:oid:2.16.156.10011.1.3"
    base = f"{open_api.server.base_url}/fhir/systems/patient-his"
    for query in (f"{oid}|{number}", number, f"{base}|C0042", f"nobody,{oid}|{number}"):
        found = await hospital.post("/Patient/_search", {"identifier": query})
        assert found.status_code == 200, found.text
        assert [entry["resource"]["id"] for entry in found.json().get("entry", [])] == [patient], query
    for query in (f"urn:other|{number}", f"|{number}", f"{base}|C0043"):
        assert await hospital.found(f"/Patient?identifier={query}") == [], query
    assert await hospital.found("/Patient?name=欧阳") == [patient]
    assert await hospital.found("/Patient?name=阳") == []
    resource = (await hospital.get(f"/Patient/{patient}")).json()
    assert number not in str(resource)
    assert {"use": "usual", "system": base, "value": "C0042"} in resource["identifier"]


async def test_what_is_not_supported_is_said_where_it_is_asked(open_api: OpenApi, hospital: FhirCaller) -> None:
    assert (await hospital.get("/Patient?address=Guangzhou")).status_code == 200
    strict = await hospital.get("/Patient?address=Guangzhou", prefer="handling=strict")
    assert strict.status_code == 400
    assert issue_of(strict) == ("invalid", "fhir.parameter_unknown")
    modified = await hospital.get("/Patient?name:exact=x")
    assert (modified.status_code, issue_of(modified)[1]) == (400, "fhir.parameter_unknown")
    xml = await hospital.get("/Patient?_format=xml")
    assert (xml.status_code, issue_of(xml)[0]) == (406, "not-supported")
    assert (await hospital.get("/Patient", accept="application/fhir+xml")).status_code == 406
    assert (await hospital.get("/Patient?_format=application/fhir+json")).status_code == 200
    body = await hospital.http.post("/fhir/Patient/_search", json={}, headers=hospital.headers)
    assert (body.status_code, issue_of(body)[0]) == (415, "not-supported")
    for method, path, status in (
        ("GET", "/Observation", 404),
        ("GET", "/", 404),
        ("POST", "/Patient", 405),
        ("DELETE", "/Patient/x", 405),
    ):
        answer = await hospital.http.request(method, f"/fhir{path}", headers=hospital.headers)
        assert answer.status_code == status, path
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert "request_failed" not in open_api.server.log()


async def test_the_statement_says_what_is_served(open_api: OpenApi) -> None:
    answer = await open_api.http.get("/fhir/metadata")
    statement = answer.json()
    assert statement["fhirVersion"] == "4.0.1"
    [rest] = statement["rest"]
    assert [one["type"] for one in rest["resource"]] == ["Patient", "Practitioner", "Schedule", "Slot", "Appointment"]
    [uris] = rest["security"]["extension"]
    addresses = {one["url"]: one["valueUri"] for one in uris["extension"]}
    base_url = open_api.server.base_url
    assert addresses["authorize"] == f"{base_url}/oauth/authorize"
    assert addresses["token"] == f"{base_url}/oauth/token"
    smart = await open_api.http.get("/fhir/.well-known/smart-configuration", headers={"accept": "text/html"})
    assert smart.headers["content-type"] == "application/json"
    assert smart.headers["access-control-allow-origin"] == "*"
    told = smart.json()
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["issuer"] == base_url
    assert "permission-v2" in told["capabilities"]


async def test_every_search_parameter_of_the_statement_works(open_api: OpenApi, hospital: FhirCaller) -> None:
    statement = (await open_api.http.get("/fhir/metadata")).json()
    values = {"date": "2027", "token": "x", "reference": "x", "string": "x"}
    for resource in statement["rest"][0]["resource"]:
        for parameter in resource["searchParam"]:
            more = "&start=2027" if resource["type"] == "Slot" else ""
            path = f"/{resource['type']}?{parameter['name']}={values[parameter['type']]}{more}"
            answer = await hospital.get(path, prefer="handling=strict")
            assert answer.status_code == 200, f"{path}: {answer.text}"
            assert "entry" not in answer.json(), path
        for include in resource.get("searchInclude", ()):
            more = "&start=2027" if resource["type"] == "Slot" else ""
            answer = await hospital.get(f"/{resource['type']}?_include={include}{more}", prefer="handling=strict")
            assert answer.status_code == 200, answer.text
