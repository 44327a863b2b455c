"""The people of an account: bound by real name with consent, and never anybody else's."""

from datetime import date

from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import Phone


async def test_the_first_member_is_the_default_and_another_can_be(phone: Phone) -> None:
    own = await phone.add_member()
    mother = await phone.add_member("parent", sex=2, born=date(1954, 3, 1), name="李秀英")
    listed = (await phone.get("/members")).json()
    assert [(one["patient_id"], one["is_default"]) for one in listed["items"]] == [
        (str(own), True),
        (str(mother), False),
    ]
    assert (await phone.send("PUT", f"/members/{mother}/default")).status_code == 204
    account = (await phone.get("/account")).json()
    assert account["default_member"] == {"patient_id": str(mother), "name": "李秀英", "relationship": "parent"}
    assert (await phone.send("DELETE", f"/members/{mother}")).status_code == 204
    assert (await phone.get(f"/members/{mother}")).status_code == 404
    assert (await phone.get("/account")).json()["default_member"]["patient_id"] == str(own)


async def test_who_acts_for_another_agrees_to_a_consent_that_is_kept(open_api: OpenApi, phone: Phone) -> None:
    body = registration() | {"relationship": "parent"}
    refused = await phone.post("/members", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "patients.consent_missing")
    assert (await phone.post("/members", body | {"consent_version": "2026-11"})).status_code == 201
    note = await open_api.db.fetchval("SELECT consent_note FROM patient_account_member")
    assert note == "miniprogram:2026-11"


async def test_a_minor_needs_a_grown_up_guardian(phone: Phone) -> None:
    child = registration(born=date(2019, 6, 1)) | {"relationship": "child", "consent_version": "2026-11"}
    refused = await phone.post("/members", child)
    assert (refused.status_code, refused.json()["code"]) == (409, "patients.guardian_required")
    await phone.add_member()
    assert (await phone.post("/members", child)).json()["is_adult"] is False


async def test_a_retry_adds_nobody_twice(phone: Phone) -> None:
    body = registration() | {"relationship": "self"}
    first = await phone.post("/members", body, key="add-1")
    again = await phone.post("/members", body, key="add-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await phone.post("/members", registration() | {"relationship": "self"}, key="add-1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.mismatch")


async def test_reading_a_member_is_in_their_access_log(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    await phone.get(f"/members/{own}", headers={"x-request-id": "read-of-one-member"})
    row = await open_api.db.fetchrow(
        "SELECT client_id, operation, action, account_id FROM patient_access_log WHERE patient_id = $1"
        " AND request_id = 'read-of-one-member'",
        own,
    )
    assert row is not None
    account_id = (await phone.get("/account")).json()["id"]
    assert (row["client_id"], row["action"], str(row["account_id"])) == (f"account:{account_id}", "read", account_id)
    assert row["operation"] == "GET /app/v1/members/<patient_id:uuid>"
