"""npm's openid-client, oauth4webapi and fhirclient complete their flows, unmodified, at the real server."""

from typing import Any

import pytest
from joserfc.jwk import ECKey

from oauth.clients import CLIENT_CREDENTIALS
from tests.clients import node
from tests.factories.authorization import SCOPE, Holder
from tests.factories.fhir import book_as
from tests.factories.grants import REDIRECT, keyed_client, public_client, web_client
from tests.factories.open_api import OpenApi

DATA = ("patient/Appointment.rs", "patient/Patient.r")
LOOPBACK = "http://127.0.0.1:53682/callback"


def new_key(curve: str) -> ECKey:
    return ECKey.generate_key(curve, {"kid": "one"}, private=True, auto_kid=False)


@pytest.mark.parametrize("way", ["secret", "public", "es256", "fapi2"])
async def test_openid_client(clients: None, open_api: OpenApi, holder: Holder, way: str) -> None:
    base_url = open_api.server.base_url
    asked: dict[str, Any] = {"redirect_uri": REDIRECT, "method": "private_key_jwt"}
    key = new_key("P-256")
    grants = ["authorization_code", "refresh_token"]
    keyed = {"redirect_uris": [REDIRECT], "grant_types": grants, "application_type": "web", "scopes": DATA}
    match way:
        case "secret":
            client = await web_client(open_api.db, scopes=DATA)
            asked |= {"method": "client_secret_basic", "secret": client.secret}
        case "public":
            client = await public_client(open_api.db, scopes=DATA)
            asked |= {"method": "none", "redirect_uri": LOOPBACK}
        case "es256":
            client = await keyed_client(open_api.db, key, **keyed)
        case _:
            client = await keyed_client(
                open_api.db, key, profile="fapi2", dpop_required=True, par_required=True, **keyed
            )
            asked |= {"par": True, "dpop": True, "metadata": {"id_token_signed_response_alg": "ES256"}}
    asked |= {
        "issuer": base_url,
        "client_id": client.id,
        "key": key.as_dict(private=True),
        "resource": f"{base_url}/fhir",
        "scope": SCOPE,
    }
    told = await node.run("openid_client.js", asked, open_page=holder.answer)

    assert told["mixed"] == ["OAUTH_INVALID_RESPONSE", "OAUTH_INVALID_RESPONSE"]
    assert told["claims"]["sub"] == told["info"]["sub"] == str(holder.account_id)
    assert told["claims"]["fhirUser"] == f"{base_url}/fhir/Patient/{holder.patient_id}"
    assert told["patient"] == str(holder.patient_id)
    assert told["token_type"] == ("dpop" if way == "fapi2" else "bearer")
    assert told["read"]["status"] == 200
    assert told["read"]["body"]["id"] == str(holder.patient_id)
    assert told["refreshed"]["is_new"]
    assert set(told["refreshed"]["scope"].split()) == set(told["scope"].split()) == set(SCOPE.split())
    assert told["after"] == "invalid_grant"
    assert ("request_uri" in told["address"]) == (way == "fapi2")


@pytest.mark.parametrize(("profile", "curve"), [("plain", "P-256"), ("smart", "P-384")])
async def test_oauth4webapi(clients: None, open_api: OpenApi, profile: str, curve: str) -> None:
    key = new_key(curve)
    client = await keyed_client(
        open_api.db, key, profile=profile, scopes=("system/Appointment.rs",), grant_types=[CLIENT_CREDENTIALS]
    )
    schedule = await open_api.hospital.schedule(seats=2)
    patient = await open_api.patient(open_api.kiosk)
    mine = await book_as(open_api, patient, schedule.slots[0], client_id=client.id)
    base_url = open_api.server.base_url
    asked = {
        "issuer": base_url,
        "client_id": client.id,
        "key": key.as_dict(private=True),
        "aud_is_token_url": profile == "smart",
        "resource": f"{base_url}/fhir",
        "scope": "system/Appointment.rs",
    }
    told = await node.run("oauth4webapi.js", asked)
    assert told["granted"]["scope"] == "system/Appointment.rs"
    assert told["granted"]["expires_in"] <= (1800 if profile == "plain" else 300)
    assert told["introspected"]["active"] is True
    assert told["read"]["status"] == 200
    assert [entry["resource"]["id"] for entry in told["read"]["body"]["entry"]] == [str(mine)]


async def test_fhirclient(clients: None, open_api: OpenApi, holder: Holder) -> None:
    base_url = open_api.server.base_url
    client = await public_client(open_api.db, profile="smart", scopes=("patient/*.rs",))
    schedule = await open_api.hospital.schedule(seats=1, slots=2)
    mine = await book_as(open_api, holder.patient_id, schedule.slots[0], client_id="somebody-else")
    asked = {
        "fhir": f"{base_url}/fhir",
        "client_id": client.id,
        "scope": "openid fhirUser launch/patient offline_access patient/*.rs",
    }
    told = await node.run("fhirclient.js", asked, open_page=holder.answer)
    assert "error" not in told, told["error"]
    assert told["patient"]["name"][0]["text"] == "王建国"
    assert [one["id"] for one in told["appointments"]] == [str(mine)]
    assert told["slot"]["id"] == str(schedule.slots[0])
    assert told["resolved"] == "Slot"
    assert told["user"].endswith(f"Patient/{holder.patient_id}")
    assert told["is_new"]
    assert told["again"] == str(holder.patient_id)
    assert told["challenge"]
