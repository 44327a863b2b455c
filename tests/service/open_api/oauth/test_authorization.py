"""From an application's request over a person's consent to its tokens, at the real server, honestly and not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from kernel.crypto import load_cipher
from kernel.db import Database
from oauth.sign_in.endings import end_access
from oauth.sign_in.subjects import Subject
from tests.factories.authorization import Holder, answer_of, new_holder, post_token, redeem, request_of, until_refused
from tests.factories.grants import REDIRECT, public_client, redemption, web_client
from tests.factories.sign_in import Visitor
from tests.server import WebServer

DATA = ("patient/Appointment.rs", "patient/Patient.r")


@pytest.fixture(autouse=True)
def _keys(web_server: WebServer) -> None:
    load_cipher(web_server.keys_dir)


@pytest.fixture
async def holder(web_server: WebServer, database: Database) -> AsyncIterator[Holder]:
    async with Visitor(web_server.base_url) as visitor:
        yield await new_holder(visitor, database)


async def counts(database: Database) -> dict[str, int]:
    tables = ("oauth_grant", "oauth_authorization_code", "patient_consent", "patient_consent_event")
    return {table: await database.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


async def claims_of(base_url: str, token: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=base_url) as http:
        keys = KeySet.import_key_set((await http.get("/oauth/jwks")).json())
    return dict(jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims)


async def test_what_a_person_allows_is_what_the_application_gets(holder: Holder, database: Database) -> None:
    client = await web_client(database, name="健康助手", scopes=[*DATA, "patient/Slot.rs"])
    page = await holder.open(client)
    assert page.status_code == 200
    for words in ("健康助手", "王建国", "查看预约挂号记录", "app.example", "1年"):
        assert words in page.text

    answer = answer_of(await holder.allow("patient/Appointment.rs"))
    base_url = holder.visitor.base_url
    assert answer["state"] == "state of the application"
    assert answer["iss"] == base_url
    body = await redeem(base_url, client, answer["code"])
    assert set(body["scope"].split()) == {
        "openid",
        "fhirUser",
        "launch/patient",
        "offline_access",
        "patient/Appointment.rs",
    }
    assert body["patient"] == str(holder.patient_id)
    claims = await claims_of(base_url, body["id_token"])
    assert claims["nonce"] == "nonce-of-the-application"
    assert claims["aud"] == client.id
    assert claims["sub"] == str(holder.account_id)
    assert claims["fhirUser"] == f"{base_url}/fhir/Patient/{holder.patient_id}"
    row = await database.fetchrow("SELECT client_id, scopes, status FROM patient_consent")
    assert row is not None
    assert tuple(row.values()) == (client.id, ["patient/Appointment.rs"], "active")


async def test_a_refusal_tells_the_application_and_changes_nothing(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await holder.open(client)
    before = await counts(database)
    answer = answer_of(await holder.visitor.post(holder.action, follow=False, decision="deny"))
    assert answer == {
        "error": "access_denied",
        "state": "state of the application",
        "iss": holder.visitor.base_url,
    }
    assert await counts(database) == before
    again = await holder.visitor.http.get(holder.action)
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "openid patient/Observation.rs"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"aud": "https://elsewhere.example/fhir"}, "invalid_target"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
async def test_a_request_against_the_rules_is_told_to_its_application(
    holder: Holder, database: Database, changes: dict[str, str | None], error: str
) -> None:
    client = await web_client(database)
    before = await counts(database)
    answer = answer_of(await holder.open(client, **changes))
    assert answer["error"] == error
    assert answer["iss"] == holder.visitor.base_url
    assert await counts(database) == before
    assert await database.fetchval("SELECT count(*) FROM oauth_interaction") == 0


# So short that as many as a consent keeps fit into a parameter.
MANY = [f"patient/R{chr(65 + n // 26)}{chr(65 + n % 26)}.r" for n in range(51)]


async def test_a_person_can_allow_as_much_as_may_be_asked(holder: Holder, database: Database) -> None:
    client = await web_client(database, scopes=["patient/*.rs"])
    page = await holder.open(client, scope=" ".join(["openid", *MANY[:50]]))
    assert page.text.count('name="scope:') == 50
    body = await redeem(holder.visitor.base_url, client, answer_of(await holder.allow(*MANY[:50], until="day"))["code"])
    assert set(body["scope"].split()) == {"openid", *MANY[:50]}


async def test_who_asks_for_more_than_a_consent_keeps_is_told_so(holder: Holder, database: Database) -> None:
    client = await web_client(database, scopes=["patient/*.rs"])
    before = await counts(database)
    answer = answer_of(await holder.open(client, scope=" ".join(["openid", *MANY])))
    assert (answer["error"], answer["error_description"]) == ("invalid_scope", "at most 50 scopes of a patient's data")
    assert await counts(database) == before
    form = {name: value for name, value in request_of(client, holder.visitor.base_url).items() if name != "client_id"}
    async with httpx.AsyncClient(base_url=holder.visitor.base_url) as http:
        pushed = await http.post("/oauth/par", data=form | {"scope": " ".join(MANY)}, headers=client.basic)
    assert pushed.status_code == 400
    assert pushed.json() == {
        "error": "invalid_scope",
        "error_description": "at most 50 scopes of a patient's data",
    }


@pytest.mark.parametrize("scope", ["appointments.read", "system/Patient.rs", "user/Patient.rs"])
async def test_nobody_is_asked_for_what_their_token_could_not_open(
    holder: Holder, database: Database, scope: str
) -> None:
    client = await web_client(database, scopes=[*DATA, scope])
    assert answer_of(await holder.open(client, scope=f"openid {scope}"))["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "address",
    [
        None,
        f"{REDIRECT}/",
        f"{REDIRECT}?x=1",
        f"{REDIRECT}/../evil",
        "https://app.example.evil.example/callback",
        "https://app.example@evil.example/callback",
        "http://app.example/callback",
        "https://APP.example/callback",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    holder: Holder, database: Database, address: str | None
) -> None:
    client = await web_client(database)
    answer = await holder.open(client, redirect_uri=address)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "未登记" in answer.text
    assert "evil" not in answer.text


async def test_an_unknown_or_suspended_application_is_told_to_the_person(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await database.execute("UPDATE oauth_client SET status = 'suspended' WHERE id = $1", client.id)
    for changes in ({}, {"client_id": "nobody-at-all"}, {"client_id": "a\x00b"}):
        answer = await holder.open(client, **changes)
        assert answer.status_code == 400
        assert "无法识别" in answer.text


async def test_parameters_given_twice_are_refused(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    query = httpx.QueryParams(request_of(client, holder.visitor.base_url)).add("scope", "openid")
    answer = await holder.visitor.http.get(f"/oauth/authorize?{query}")
    assert answer.status_code == 400


async def test_who_is_not_signed_in_signs_in_and_comes_back(web_server: WebServer, database: Database) -> None:
    client = await web_client(database)
    async with Visitor(web_server.base_url) as first:
        holder = await new_holder(first, database)
    await database.execute("DELETE FROM sign_in_throttle")
    async with Visitor(web_server.base_url) as visitor:
        late = Holder(visitor, holder.phone, holder.account_id, holder.patient_id)
        page = await late.open(client)
        assert page.url.path == "/sign-in"
        sent = await visitor.post("/sign-in", phone=holder.phone)
        assert sent.status_code == 200
        back = await visitor.post("/sign-in/code", code=await visitor.code_for(holder.phone))
        assert back.url.path.startswith("/oauth/consent/")
        assert answer_of(await late.allow())["code"]


async def test_another_browser_cannot_answer(web_server: WebServer, holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await holder.open(client)
    before = await counts(database)
    async with Visitor(web_server.base_url) as visitor:
        thief = await new_holder(visitor, database, sequence=12)
        seen = await visitor.http.get(holder.action)
        assert seen.status_code == 409
        await thief.open(client)
        form = visitor.hidden(thief.action) | {"decision": "allow", "patient": str(thief.patient_id)}
        answer = await visitor.http.post(holder.action, data=form, headers={"origin": visitor.base_url})
        assert answer.status_code == 409
    assert await counts(database) == before


async def test_a_form_from_elsewhere_allows_nothing(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await holder.open(client)
    before = await counts(database)
    answer = await holder.visitor.post(
        holder.action, origin="https://evil.example", follow=False, decision="allow", patient=str(holder.patient_id)
    )
    assert answer.status_code == 403
    data = {"decision": "allow", "patient": str(holder.patient_id), "scope:patient/Patient.r": "yes"}
    bare = await holder.visitor.http.post(holder.action, data=data, headers={"origin": holder.visitor.base_url})
    assert bare.status_code == 403
    assert await counts(database) == before


async def test_nobody_allows_what_is_not_theirs_or_was_not_asked(holder: Holder, database: Database) -> None:
    client = await web_client(database, scopes=[*DATA, "patient/Slot.rs"])
    await holder.open(client, scope="openid patient/Appointment.rs")
    before = await counts(database)
    stranger = await holder.allow(patient_id=uuid4())
    assert stranger.status_code == 422
    assert "请选择就诊人" in stranger.text
    nothing = await holder.allow("patient/Slot.rs")
    assert nothing.status_code == 422
    assert await counts(database) == before
    body = await redeem(
        holder.visitor.base_url,
        client,
        answer_of(await holder.allow("patient/Appointment.rs", "patient/Slot.rs"))["code"],
    )
    assert set(body["scope"].split()) == {"openid", "patient/Appointment.rs"}


async def test_of_ten_answers_at_once_one_counts(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await holder.open(client)
    answers = await asyncio.gather(*(holder.allow() for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 9
    assert (await counts(database))["oauth_authorization_code"] == 1


async def test_a_longer_time_than_offered_is_not_given(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await holder.open(client, scope="openid patient/Patient.r")
    await redeem(
        holder.visitor.base_url, client, answer_of(await holder.allow("patient/Patient.r", until="year"))["code"]
    )
    hours = await database.fetchval("SELECT extract(epoch FROM until - given_at) / 3600 FROM patient_consent")
    assert round(hours, 3) == 24


async def test_what_is_taken_back_is_worth_nothing_within_a_second(
    web_server: WebServer, holder: Holder, database: Database
) -> None:
    client = await web_client(database, name="健康助手")
    body = await holder.tokens_for(client)
    async with httpx.AsyncClient(base_url=web_server.base_url) as http:
        header = {"authorization": f"Bearer {body['access_token']}"}
        info = await http.get("/oauth/userinfo", headers=header)
        assert info.status_code == 200
        assert info.json()["sub"] == str(holder.account_id)
        page = await holder.visitor.get("/account/consents")
        assert "健康助手" in page.text
        consent_id = await database.fetchval("SELECT id FROM patient_consent")
        done = await holder.visitor.post(f"/account/consents/{consent_id}/withdraw")
        assert "授权已收回" in done.text
        await until_refused(http, "/oauth/userinfo", body["access_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    refused = await post_token(web_server.base_url, client, refresh)
    assert refused.json() == {"error": "invalid_grant"}


async def test_silence_is_answered_by_what_was_allowed_before(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    assert answer_of(await holder.open(client, prompt="none"))["error"] == "consent_required"
    await holder.tokens_for(client)
    silent = answer_of(await holder.open(client, prompt="none"))
    assert await redeem(holder.visitor.base_url, client, silent["code"])
    wider = await holder.open(client, prompt="none", scope="openid profile patient/Appointment.rs")
    assert answer_of(wider)["error"] == "consent_required"
    holder.visitor.http.cookies.delete("sandbox-session")
    assert answer_of(await holder.open(client, prompt="none"))["error"] == "login_required"


async def test_silence_claims_the_sign_in_of_now_and_not_that_of_the_grant(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    await database.execute("UPDATE sign_in_session SET acr = 'aal2'")
    strong = await holder.tokens_for(client)
    await database.execute("UPDATE sign_in_session SET acr = 'aal1', auth_time = auth_time - interval '4 minutes'")
    silent = answer_of(await holder.open(client, prompt="none"))
    base_url = holder.visitor.base_url
    body = await redeem(base_url, client, silent["code"])
    claimed = [
        await claims_of(base_url, token) for token in (strong["id_token"], body["id_token"], body["access_token"])
    ]
    assert [one["acr"] for one in claimed] == ["aal2", "aal1", "aal1"]
    since = int((await database.fetchval("SELECT auth_time FROM sign_in_session")).timestamp())
    assert [one["auth_time"] for one in claimed] == [since + 240, since, since]


async def test_who_leaves_while_allowing_has_allowed_nothing(holder: Holder, database: Database) -> None:
    await holder.open(await web_client(database))
    async with database.transaction() as leaving:
        await end_access(leaving, Subject("account", holder.account_id), ending="closed")
        # It has read the session, and waits for it.
        allowing = asyncio.create_task(holder.allow())
        await asyncio.sleep(0.5)
    refused = await allowing
    assert "app.example" not in refused.headers.get("location", "")
    assert await database.fetchval("SELECT count(*) FROM oauth_grant WHERE status = 'active'") == 0


async def test_an_application_without_a_secret_always_meets_the_person(holder: Holder, database: Database) -> None:
    client = await public_client(database)
    address = "http://127.0.0.1:53682/callback"
    await holder.open(client, redirect_uri=address)
    answer = answer_of(await holder.allow(), address=address)
    form = redemption(answer["code"], redirect_uri=address)
    assert (await post_token(holder.visitor.base_url, client, form, is_public=True)).status_code == 200
    silent = await holder.open(client, prompt="none", redirect_uri=address)
    assert answer_of(silent, address=address)["error"] == "consent_required"


async def test_logging_in_anew_is_asked_for_where_the_application_wants_it(holder: Holder, database: Database) -> None:
    client = await web_client(database)
    page = await holder.open(client, prompt="login")
    assert page.url.path == "/sign-in"
    assert "请再次确认身份" in page.text
    assert (await holder.open(client, max_age="0")).url.path == "/sign-in"


async def test_a_post_from_another_site_leaves_the_browser_as_it_is(holder: Holder, database: Database) -> None:
    client, http = await web_client(database), holder.visitor.http
    mine = dict(http.cookies)
    form = request_of(client, holder.visitor.base_url)
    # Browsers send no cookie of ours with such a post, and would keep one that it is answered with.
    async with httpx.AsyncClient(base_url=holder.visitor.base_url) as without_cookies:
        posted = await without_cookies.post("/oauth/authorize", data=form, headers={"origin": "https://app.example"})
        stranger = await without_cookies.post("/sign-in", data={}, headers={"origin": "https://app.example"})
    assert "set-cookie" not in posted.headers
    assert "set-cookie" not in stranger.headers
    assert posted.status_code == 303
    assert form["state"] not in posted.headers["location"]
    page = holder.visitor.page = await http.get(posted.headers["location"], follow_redirects=True)
    assert "王建国" in page.text
    assert dict(http.cookies) == mine
    answer = answer_of(await holder.allow())
    assert answer["state"] == form["state"]
    await redeem(holder.visitor.base_url, client, answer["code"])
    again = await http.get(posted.headers["location"])
    assert again.status_code == 400


async def test_signing_out_goes_back_only_to_the_applications_own_address(holder: Holder, database: Database) -> None:
    home = "https://app.example/bye"
    client = await web_client(database, post_logout_redirect_uris=[home])
    body = await holder.tokens_for(client)
    asked = {"id_token_hint": body["id_token"], "post_logout_redirect_uri": "https://evil.example", "state": "s"}
    page = await holder.visitor.get(f"/oauth/logout?{httpx.QueryParams(asked)}")
    assert "evil" not in page.text
    assert holder.visitor.session
    page = await holder.visitor.get(f"/oauth/logout?{httpx.QueryParams(asked | {'post_logout_redirect_uri': home})}")
    answer = await holder.visitor.post("/oauth/logout", follow=False)
    assert answer.headers["location"] == f"{home}?state=s"
    assert await database.fetchval("SELECT ended_by FROM sign_in_session") == "signed_out"
