"""fhirclient and fhirpy from PyPI, and Authlib's own client, complete their flows, unmodified, at the real server."""

import asyncio
import time
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from fhirclient.client import FHIRClient
from fhirclient.models.appointment import Appointment
from fhirclient.models.slot import Slot
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from joserfc.jwk import ECKey

from oauth.clients import CLIENT_CREDENTIALS
from tests.factories.authorization import Holder
from tests.factories.fhir import backend_caller, book_as
from tests.factories.grants import REDIRECT, keyed_client, web_client
from tests.factories.open_api import OpenApi

DATA = ("patient/*.rs",)
VERIFIER = "a-verifier-of-authlib-s-own-client-of-at-least-43-characters"


async def test_fhirclient(open_api: OpenApi, holder: Holder) -> None:
    base_url = open_api.server.base_url
    client = await web_client(open_api.db, profile="smart", scopes=DATA)
    schedule = await open_api.hospital.schedule(seats=1)
    mine = await book_as(open_api, holder.patient_id, schedule.slots[0], client_id="somebody-else")
    settings = {
        "app_id": client.id,
        "app_secret": client.secret,
        "api_base": f"{base_url}/fhir",
        "redirect_uri": REDIRECT,
        "scope": "openid fhirUser offline_access patient/*.rs",
    }
    smart = FHIRClient(settings=settings)
    assert await asyncio.to_thread(smart.prepare) is False
    back = await holder.answer(smart.authorize_url)
    await asyncio.to_thread(smart.handle_callback, back)
    assert smart.patient_id == str(holder.patient_id)
    patient = await asyncio.to_thread(lambda: smart.patient)
    assert patient.name[0].text == "王建国"
    search = Appointment.where({"patient": smart.patient_id, "status": "booked"})
    [found] = await asyncio.to_thread(lambda: list(search.perform_resources_iter(smart.server)))
    assert found.id == str(mine)
    assert found.start.datetime.timestamp() == pytest.approx(schedule.starts_at.timestamp(), abs=0.001)
    slot = await asyncio.to_thread(found.slot[0].resolved, Slot)
    assert slot is None or slot.id == str(schedule.slots[0])
    assert await asyncio.to_thread(smart.reauthorize)


async def test_fhirpy(open_api: OpenApi) -> None:
    caller = await backend_caller(open_api, kind="internal")
    schedule = await open_api.hospital.schedule(seats=1, slots=5)
    patient = await open_api.patient(open_api.kiosk)
    mine = await open_api.book(schedule.slots[0], patient, open_api.kiosk)
    address, authorization = f"{open_api.server.base_url}/fhir", f"Bearer {caller.token}"

    client = AsyncFHIRClient(address, authorization=authorization)
    slots = client.resources("Slot").search(schedule=str(schedule.id)).limit(2)
    assert [slot.id async for slot in slots] == [str(slot) for slot in schedule.slots]
    bundle = client.resources("Appointment").search(_id=str(mine)).include("Appointment", "patient")
    assert {one.resource_type for one in await bundle.fetch()} == {"Appointment"}
    assert {one["resourceType"] for one in _resources(await bundle.fetch_raw())} == {"Appointment", "Patient"}
    assert await client.resources("Slot").search(schedule=str(schedule.id)).count() == 5
    read = await client.reference("Patient", str(patient)).to_resource()
    assert read["id"] == str(patient)

    sync = SyncFHIRClient(address, authorization=authorization)
    first = await asyncio.to_thread(sync.resources("Appointment").search(patient=str(patient)).first)
    assert first is not None
    assert first.id == str(mine)


def _resources(bundle: Any) -> list[Any]:
    return [entry["resource"] for entry in bundle["entry"]]


async def test_authlib_with_a_person(open_api: OpenApi, holder: Holder) -> None:
    base_url = open_api.server.base_url
    metadata = (await open_api.http.get("/.well-known/openid-configuration")).json()
    client = await web_client(open_api.db, scopes=DATA)
    session = OAuth2Session(
        client.id,
        client.secret,
        scope="openid offline_access patient/*.rs",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
    )
    address, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=VERIFIER, aud=f"{base_url}/fhir"
    )
    back = await holder.answer(address)
    token_url, revocation_url = metadata["token_endpoint"], metadata["revocation_endpoint"]
    with session:
        token = await asyncio.to_thread(
            session.fetch_token, token_url, authorization_response=back, state=state, code_verifier=VERIFIER
        )
        assert token["patient"] == str(holder.patient_id)
        read = await asyncio.to_thread(session.get, f"{base_url}/fhir/Patient/{token['patient']}")
        assert read.json()["name"][0]["text"] == "王建国"
        renewed = await asyncio.to_thread(session.refresh_token, token_url, refresh_token=token["refresh_token"])
        assert renewed["refresh_token"] != token["refresh_token"]
        revoked = await asyncio.to_thread(session.revoke_token, revocation_url, token=renewed["refresh_token"])
        assert revoked.status_code == 200
        again = {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]}
        refused = await open_api.http.post(token_url, data=again, auth=(client.id, client.secret))
        assert refused.json() == {"error": "invalid_grant"}


async def test_authlib_as_a_backend(open_api: OpenApi) -> None:
    key = ECKey.generate_key("P-384", {"kid": "one"}, private=True, auto_kid=False)
    client = await keyed_client(
        open_api.db, key, profile="smart", scopes=("system/*.rs",), grant_types=[CLIENT_CREDENTIALS]
    )
    token_url = f"{open_api.server.base_url}/oauth/token"
    session = OAuth2Session(client.id, key, scope="system/*.rs", token_endpoint_auth_method="private_key_jwt")
    # Authlib's assertions live for an hour unless told; SMART Backend Services allows five minutes.
    claims, header = {"exp": int(time.time()) + 120}, {"kid": "one"}
    session.register_client_auth_method(PrivateKeyJWT(token_url, claims=claims, headers=header, alg="ES384"))
    token = await asyncio.to_thread(session.fetch_token, token_url, grant_type="client_credentials")
    assert token["expires_in"] <= 300
    answer = await asyncio.to_thread(session.get, f"{open_api.server.base_url}/fhir/Schedule")
    assert answer.json()["resourceType"] == "Bundle"
