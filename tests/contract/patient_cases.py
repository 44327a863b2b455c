"""Cases of registering and finding patients."""

import httpx

from kernel.ids import new_id
from tests.contract.cases import case
from tests.factories.open_api import OpenApi, registration

WRONG = {"type": "CN-ID", "number": "440199198005170014"}


@case("POST /patients")
async def register(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/patients", registration())


@case("POST /patients")
async def register_again(api: OpenApi) -> httpx.Response:
    """The same person registered by somebody else is the same patient, answered with 200."""
    person = registration()
    first = await api.portal.post("/patients", person)
    answer = await api.kiosk.post("/patients", person)
    assert (first.status_code, answer.status_code) == (201, 200)
    assert answer.json()["id"] == first.json()["id"]
    return answer


@case("POST /patients", "patients.invalid_document")
async def register_with_a_wrong_number(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/patients", {"name": "陈大文", "document": WRONG})


@case("POST /patients", "patients.document_disagrees")
async def register_with_another_birth_date(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/patients", registration() | {"birth_date": "1990-01-01"})


@case("POST /patients", "patients.name_mismatch")
async def register_under_another_name(api: OpenApi) -> httpx.Response:
    person = registration()
    assert (await api.portal.post("/patients", person)).status_code == 201
    return await api.portal.post("/patients", person | {"name": "李四"})


@case("POST /patients/lookup")
async def find(api: OpenApi) -> httpx.Response:
    person = registration()
    registered = (await api.portal.post("/patients", person)).json()
    answer = await api.portal.post("/patients/lookup", {"document": person["document"]})
    assert answer.json() == registered
    assert person["document"]["number"] not in answer.text
    return answer


@case("POST /patients/lookup", "patients.invalid_document")
async def find_by_a_wrong_number(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/patients/lookup", {"document": WRONG})


@case("POST /patients/lookup", "patients.not_found")
async def find_nobody(api: OpenApi) -> httpx.Response:
    return await api.portal.post("/patients/lookup", {"document": registration()["document"]})


@case("GET /patients/<patient_id:uuid>")
async def read(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/patients/{await api.patient()}")


@case("GET /patients/<patient_id:uuid>", "patients.not_found")
async def read_nobody(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"/patients/{new_id()}")
