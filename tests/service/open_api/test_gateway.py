"""The door of an application as its owner meets it: stopped, from elsewhere, too often; and told how often it may."""

import re
from collections.abc import Iterator

import httpx
import pytest

from kernel.ids import new_id
from tests.factories.open_api import Caller, OpenApi
from tests.server import WebServer

POLICY = re.compile(r'"[a-z-]+";q=\d+;w=\d+')


async def set_limit(
    api: OpenApi, caller: Caller, *, requests: int, covers: str = "care", window_seconds: int = 60
) -> None:
    await api.db.execute(
        "INSERT INTO rate_policy (id, client_id, covers, window_seconds, requests) VALUES ($1, $2, $3, $4, $5)",
        new_id(),
        caller.client_id,
        covers,
        window_seconds,
        requests,
    )


async def stop(api: OpenApi, caller: Caller) -> None:
    await api.db.execute(
        "INSERT INTO application_gate (client_id, stopped, stop_reason, stopped_at) VALUES ($1, true, 'r', now())",
        caller.client_id,
    )


async def test_answers_tell_the_limits(open_api: OpenApi) -> None:
    partner = await open_api.client()
    answer = await partner.get("/departments")
    assert answer.status_code == 200
    parts = answer.headers["ratelimit-policy"].split(", ")
    assert all(POLICY.fullmatch(part) for part in parts)
    assert {part.partition(";")[0] for part in parts} == {'"care"', '"all-daily"'}
    assert re.fullmatch(r'"care";r=49999;t=\d+', answer.headers["ratelimit"])


async def test_a_refusal_of_a_handler_tells_the_limits_too(open_api: OpenApi) -> None:
    answer = await (await open_api.client()).get(f"/appointments/{new_id()}")
    assert answer.status_code == 404
    assert "ratelimit" in answer.headers


async def test_the_hospitals_own_applications_have_no_limit_to_tell(open_api: OpenApi) -> None:
    assert "ratelimit" not in (await open_api.kiosk.get("/departments")).headers


async def test_too_many_requests_are_refused_and_change_nothing(open_api: OpenApi) -> None:
    partner = await open_api.client()
    schedule = await open_api.hospital.schedule(seats=5)
    patient = await open_api.patient(partner)
    slow = await open_api.client(channel="portal")
    await set_limit(open_api, slow, requests=2)
    assert [(await slow.get("/departments")).status_code for _ in range(2)] == [200, 200]
    before = await open_api.fingerprint()

    answer = await slow.post("/holds", {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)})

    assert (answer.status_code, answer.json()["code"]) == (429, "gateway.rate_limited")
    assert answer.json()["policy"] == "care"
    assert 1 <= int(answer.headers["retry-after"]) <= 66
    assert re.fullmatch(r'"care";r=0;t=\d+', answer.headers["ratelimit"])
    assert await open_api.fingerprint() == before


async def test_one_operation_may_have_a_limit_of_its_own(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await set_limit(open_api, partner, requests=1, covers="GET /departments")
    assert [(await partner.get("/departments")).status_code for _ in range(2)] == [200, 429]
    assert (await partner.get("/campuses")).status_code == 200


async def test_a_daily_quota_says_so(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await set_limit(open_api, partner, requests=1, covers="all", window_seconds=86_400)
    assert (await partner.get("/departments")).status_code == 200
    answer = await partner.get("/departments")
    assert (answer.status_code, answer.json()["code"]) == (429, "gateway.quota_used_up")
    assert int(answer.headers["retry-after"]) > 80_000


async def test_a_stopped_application_is_refused(open_api: OpenApi) -> None:
    partner = await open_api.client()
    await stop(open_api, partner)
    before = await open_api.fingerprint()
    answer = await partner.get("/departments")
    assert (answer.status_code, answer.json()["code"]) == (403, "gateway.application_stopped")
    assert await open_api.fingerprint() == before
    assert (await open_api.portal.get("/departments")).status_code == 200


async def test_an_application_comes_from_its_networks_only(open_api: OpenApi) -> None:
    partner = await open_api.client()
    gate = "INSERT INTO application_gate (client_id, networks) VALUES ($1, $2::text[]::cidr[])"
    await open_api.db.execute(gate, partner.client_id, ["203.0.113.0/24", "2001:db8::/32"])
    # No proxy stands in front of this server, so whoever writes such headers is lying.
    for forged in (
        {},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "203.0.113.7", "Forwarded": "for=203.0.113.7"},
    ):
        answer = await partner.get("/departments", headers=forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "gateway.address_not_allowed")
    here = await open_api.client()
    await open_api.db.execute(gate, here.client_id, ["127.0.0.0/8"])
    assert (await here.get("/departments", headers={"X-Forwarded-For": "203.0.113.7"})).status_code == 200


@pytest.fixture(scope="module")
def proxied(
    tmp_path_factory: pytest.TempPathFactory, web_server: WebServer, database_url: str, redis_url: str
) -> Iterator[WebServer]:
    """A web process that is told that one proxy stands before it."""
    folder = tmp_path_factory.mktemp("proxied")
    urls = {"database_url": database_url, "redis_url": redis_url}
    with WebServer.up(folder, **urls, keys_from=web_server.keys_dir, PROXIES_COUNT="1") as server:
        yield server


async def test_behind_a_proxy_its_entry_counts(open_api: OpenApi, proxied: WebServer) -> None:
    partner = await open_api.client()
    await open_api.db.execute(
        "INSERT INTO application_gate (client_id, networks) VALUES ($1, '{203.0.113.0/24}')", partner.client_id
    )
    async with httpx.AsyncClient(base_url=proxied.base_url, timeout=30) as http:

        async def ask_for_token(forwarded: str) -> httpx.Response:
            form, auth = {"grant_type": "client_credentials"}, (partner.client_id, partner.secret)
            return await http.post("/oauth/token", data=form, auth=auth, headers={"X-Forwarded-For": forwarded})

        assert (await ask_for_token("203.0.113.7, 198.51.100.1")).status_code == 401
        token = (await ask_for_token("198.51.100.1, 203.0.113.7")).json()
        bearer = {"Authorization": f"Bearer {token['access_token']}"}

        async def ask(*forwarded: str) -> int:
            headers = [*bearer.items(), *(("X-Forwarded-For", line) for line in forwarded)]
            return (await http.get("/open/v1/departments", headers=headers)).status_code

        assert await ask("203.0.113.7") == 200
        assert await ask("198.51.100.1, 203.0.113.7") == 200
        assert await ask("203.0.113.7, 198.51.100.1") == 403, "the entry that the caller forged is further left"
        assert await ask("203.0.113.7", "198.51.100.1") == 403
        assert await ask() == 403
        assert await ask("nonsense") == 403


@pytest.mark.parametrize("path", ["/open/v2/campuses", "/open/v0", "/open/v17/"])
async def test_an_unknown_version_names_those_that_exist(open_api: OpenApi, path: str) -> None:
    answer = await open_api.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "request.version_unknown")
    assert answer.json()["versions"] == ["v1"]


async def test_an_unknown_address_of_a_known_version_is_not_a_version(open_api: OpenApi) -> None:
    for path in ("/open/v1/nothing", "/open/nothing", "/open/v12345/x"):
        assert (await open_api.http.get(path)).json()["code"] == "request.not_found"
