"""The review of applications that have registered themselves: by staff of the hospital alone, once, with a trace."""

import httpx
import pytest

from open_api.routing import PREFIX
from tests.factories.grants import new_client_id
from tests.factories.oauth import RegisteredClient, register_client
from tests.factories.open_api import OpenApi, eventually

GRANT = {"grant_type": "client_credentials"}
BASE = "/administration/clients"


async def waiting(api: OpenApi) -> RegisteredClient:
    return await register_client(api.db, client_id=new_client_id(), status="pending", scopes=("catalogue.read",))


async def test_an_application_is_seen_and_let_in(open_api: OpenApi) -> None:
    client = await waiting(open_api)
    shown = (await open_api.office.get(BASE, params={"status": "pending"})).json()["items"]
    assert [(one["id"], one["status"], one["scopes"]) for one in shown] == [(client.id, "pending", ["catalogue.read"])]

    answer = await open_api.office.post(f"{BASE}/{client.id}/approve", key="review-1")
    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    again = await open_api.office.post(f"{BASE}/{client.id}/approve", key="review-1")
    assert again.json() == answer.json()

    async def ask() -> httpx.Response:
        return await open_api.http.post("/oauth/token", data=GRANT, auth=(client.id, client.secret))

    token = (await eventually(ask, 200)).json()["access_token"]
    opened = await open_api.http.get(f"{PREFIX}/campuses", headers={"authorization": f"Bearer {token}"})
    assert opened.status_code == 200
    changes = (await open_api.office.get("/administration/changes", params={"entity": "oauth_client"})).json()["items"]
    assert [(one["entity_id"], one["after"], one["staff_code"]) for one in changes] == [
        (client.id, {"status": "active"}, open_api.office.staff_code)
    ]


async def test_an_application_is_refused(open_api: OpenApi) -> None:
    client = await waiting(open_api)
    answer = await open_api.office.post(f"{BASE}/{client.id}/refuse")
    assert (answer.status_code, answer.json()["status"]) == (200, "refused")
    refused = await open_api.http.post("/oauth/token", data=GRANT, auth=(client.id, client.secret))
    assert refused.status_code == 401


@pytest.mark.parametrize("decision", ["approve", "refuse"])
async def test_a_review_takes_place_once(open_api: OpenApi, decision: str) -> None:
    client = await waiting(open_api)
    await open_api.office.post(f"{BASE}/{client.id}/refuse")
    before = await open_api.fingerprint()
    answer = await open_api.office.post(f"{BASE}/{client.id}/{decision}")
    assert (answer.status_code, answer.json()["code"]) == (409, "oauth.application_decided")
    absent = await open_api.office.post(f"{BASE}/nobody-known/{decision}")
    assert (absent.status_code, absent.json()["code"]) == (404, "oauth.application_not_found")
    own = await open_api.office.post(f"{BASE}/{open_api.portal.client_id}/{decision}")
    assert own.json()["code"] == "oauth.application_decided"
    assert await open_api.fingerprint() == before


async def test_a_partner_reviews_nobody(open_api: OpenApi) -> None:
    client = await waiting(open_api)
    mistaken = await open_api.client(scopes=["administration.read", "administration.write"])
    before = await open_api.fingerprint()
    for answer in (
        await mistaken.get(BASE),
        await mistaken.post(f"{BASE}/{client.id}/approve"),
        await open_api.kiosk.post(f"{BASE}/{client.id}/approve"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "oauth.insufficient_scope")
    assert await open_api.fingerprint() == before
