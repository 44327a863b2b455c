"""sdk/python against the real server: what it sends is taken, and what it is told is understood."""

from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import ECKey

from hospital_openapi import (
    AsyncHospitalClient,
    ClientSecret,
    Forbidden,
    HospitalClient,
    PrivateKey,
    TokenRefused,
    problems,
)
from hospital_openapi.operations import Operations
from open_api.application import FEATURES
from open_api.openapi import operation_id
from tests.factories.grants import keyed_client
from tests.factories.open_api import BOOKING_SCOPES, OpenApi, registration


@pytest.fixture
async def client(open_api: OpenApi) -> AsyncIterator[AsyncHospitalClient]:
    credentials = ClientSecret(open_api.portal.client_id, open_api.portal.secret)
    async with AsyncHospitalClient(open_api.server.base_url, credentials, language="en") as client:
        yield client


def test_partners_have_a_method_for_each_operation_and_none_of_the_hospitals_own() -> None:
    routes = [route for routes in FEATURES for route in routes]
    partners = {operation_id(route) for route in routes if not route.staff_only}
    methods = {name for name in vars(Operations) if not name.startswith("_")}
    iterating = {name for name in methods if name.startswith("iterate_")}
    assert methods - iterating == partners
    assert {"hold_seat", "book_appointment", "watch_queue_entry"} <= partners
    assert not {operation_id(route) for route in routes if route.staff_only} & methods


async def test_a_number_is_held_booked_moved_and_given_back(open_api: OpenApi, client: AsyncHospitalClient) -> None:
    schedule = await open_api.hospital.schedule(seats=1, slots=2)
    first, second = (str(slot) for slot in schedule.slots)
    person = registration()
    patient = await client.register_patient({"name": person["name"], "document": person["document"]})
    hold = await client.hold_seat({"slot_id": first, "patient_id": patient["id"]})
    booked = await client.book_appointment({"hold_id": hold["id"]}, idempotency_key="order-1")
    again = await client.book_appointment({"hold_id": hold["id"]}, idempotency_key="order-1")
    assert again == booked
    assert await open_api.db.fetchval("SELECT count(*) FROM appointment") == 1
    with pytest.raises(problems.IdempotencyMismatch) as mismatch:
        await client.book_appointment({"slot_id": second, "patient_id": patient["id"]}, idempotency_key="order-1")
    assert mismatch.value.details["field"] in ("hold_id", "slot_id", "patient_id")
    moved = await client.reschedule_appointment(booked["id"], {"slot_id": second})
    assert (moved["slot_id"], moved["number"]) == (second, booked["number"])
    assert [one["id"] async for one in client.iterate_appointments(patient_id=patient["id"], limit=1)] == [booked["id"]]
    cancelled = await client.cancel_appointment(booked["id"], {"reason": "临时有事"})
    assert (cancelled["status"], cancelled["cancel_reason"]) == ("cancelled", "临时有事")


async def test_the_last_seat_goes_once(open_api: OpenApi, client: AsyncHospitalClient) -> None:
    schedule = await open_api.hospital.schedule(seats=1)
    slot = str(schedule.slots[0])
    first, second = str(await open_api.patient()), str(await open_api.patient())
    await client.book_appointment({"slot_id": slot, "patient_id": first})
    with pytest.raises(problems.BookingSoldOut) as sold_out:
        await client.book_appointment({"slot_id": slot, "patient_id": second})
    assert sold_out.value.detail == "This time is fully booked. Please choose another."
    assert sold_out.value.status == 409


async def test_a_request_that_breaks_its_schema_says_where(client: AsyncHospitalClient) -> None:
    with pytest.raises(problems.RequestSchemaViolation) as raised:
        await client.hold_seat({"slot_id": "none", "patient_id": "none"})
    assert {violation["pointer"] for violation in raised.value.violations} == {"/slot_id", "/patient_id"}


async def test_what_has_not_changed_is_not_sent_again(open_api: OpenApi) -> None:
    seen: list[int] = []
    credentials = ClientSecret(open_api.portal.client_id, open_api.portal.secret)
    with HospitalClient(open_api.server.base_url, credentials) as client:
        client._http.event_hooks = {"response": [lambda response: seen.append(response.status_code)]}
        first = client.get_department_tree()
        assert client.get_department_tree() == first
        assert seen == [200, 200, 304]  # the token, and the tree twice
        answer = client.request("GET", "/open/v1/departments/tree")
        assert client.request("GET", "/open/v1/departments/tree", if_none_match=answer.etag).is_unchanged


async def test_a_token_that_is_spoilt_is_replaced(client: AsyncHospitalClient, open_api: OpenApi) -> None:
    token = await client.token()
    await client.use_token(type(token)("spoilt", token.scopes, token.renew_at))
    await client.list_campuses()
    assert (await client.token()).value not in ("spoilt", token.value)


@pytest.mark.parametrize("curve", ["P-256", "P-384"])
async def test_an_application_proves_itself_by_its_key(open_api: OpenApi, curve: str) -> None:
    key = ECKey.generate_key(curve)
    registered = await keyed_client(open_api.db, key, scopes=BOOKING_SCOPES)
    good = PrivateKey.from_pem(registered.id, key.as_pem(private=True))
    async with AsyncHospitalClient(open_api.server.base_url, good) as client:
        assert (await client.token()).scopes
        assert (await client.renew_token()).value != ""
        assert (await client.list_campuses())["items"]
    other = PrivateKey(registered.id, ECKey.generate_key(curve))
    async with AsyncHospitalClient(open_api.server.base_url, other) as client:
        with pytest.raises(TokenRefused) as refused:
            await client.list_campuses()
    assert refused.value.error == "invalid_client"


async def test_a_missing_scope_is_told_apart(open_api: OpenApi) -> None:
    caller = await open_api.client(scopes=["catalogue.read"])
    async with AsyncHospitalClient(
        open_api.server.base_url, ClientSecret(caller.client_id, caller.secret), scopes=("catalogue.read",)
    ) as client:
        assert (await client.token()).scopes == ("catalogue.read",)
        with pytest.raises(problems.OauthInsufficientScope) as raised:
            await client.list_events()
    assert isinstance(raised.value, Forbidden)


async def test_the_metadata_say_that_this_is_a_sandbox(open_api: OpenApi) -> None:
    answer = await open_api.http.get("/.well-known/oauth-authorization-server")
    assert answer.json()["deployment"] == "sandbox"
