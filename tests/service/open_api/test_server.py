"""The fixtures themselves: a real server answers real clients, and each test starts from nothing."""

from tests.factories.open_api import OpenApi


async def test_a_partner_books_at_the_real_server(open_api: OpenApi) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    patient = await open_api.patient()

    booked = await open_api.portal.post(
        "/appointments", {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)}
    )

    assert booked.status_code == 201, booked.text
    found = await open_api.portal.get("/appointments", params={"patient_id": str(patient)})
    assert [entry["id"] for entry in found.json()["items"]] == [booked.json()["id"]]
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 1


async def test_the_next_test_starts_from_nothing(open_api: OpenApi) -> None:
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 0
    assert (await open_api.portal.get("/appointments")).json() == {"items": [], "next": None}
    assert (await open_api.kiosk.get("/appointments")).json() == {"items": [], "next": None}
