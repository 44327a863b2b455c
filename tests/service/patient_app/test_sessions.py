"""Signing in at the app, going on with refresh tokens, and ending sessions."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import new_id
from oauth.sign_in import app_sessions, phone_codes, throttle
from oauth.sign_in.errors import NotSignedIn, SignInRefused, TooManyAttempts
from oauth.sign_in.subjects import Visit
from oauth.sign_in.throttle import Limit
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import PRIVACY, Phone, new_token

VISIT = Visit(token="", address="127.0.0.1", device="")


async def test_a_code_signs_in_and_opens_an_account(open_api: OpenApi) -> None:
    phone = Phone(open_api.http)
    answer = await phone.sign_in()
    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    account = (await phone.get("/account")).json()
    assert account["phone"] == f"{phone.number[:3]}****{phone.number[-4:]}"
    assert (account["default_member"], account["member_count"], account["session_count"]) == (None, 0, 1)
    assert account["privacy"]["version"] == PRIVACY
    [session] = (await phone.get("/sessions")).json()["items"]
    assert (session["id"], session["is_this"]) == (told["session_id"], True)


async def test_a_code_is_good_on_the_phone_that_asked_for_it_alone(open_api: OpenApi) -> None:
    phone, other = Phone(open_api.http), Phone(open_api.http)
    asked, code = await phone.ask_code()
    theirs, _ = await other.ask_code()
    challenge = asked["challenge"].partition(".")[0] + "." + theirs["challenge"].partition(".")[2]
    body = {"challenge": challenge, "code": code, "transport": "body", "privacy_version": PRIVACY}
    refused = await other.post("/sessions", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in.refused")
    assert (await phone.post("/sessions", body | {"challenge": asked["challenge"]})).status_code == 200


async def test_a_browser_keeps_its_refresh_token_in_a_cookie_of_one_path(open_api: OpenApi) -> None:
    phone = Phone(open_api.http, transport="cookie")
    answer = await phone.sign_in()
    assert answer.json()["refresh_token"] is None
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("sandbox-app-refresh=")
    assert cookie.endswith("; Path=/app/v1/sessions/refresh; HttpOnly; SameSite=Strict; Max-Age=7776000")
    name, _, token = cookie.partition(";")[0].partition("=")
    own = {"origin": open_api.server.base_url, "cookie": f"{name}={token}"}
    for headers in ({"cookie": own["cookie"]}, own | {"origin": "http://elsewhere.example"}):
        refused = await phone.post("/sessions/refresh", {"transport": "cookie"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in.not_signed_in")
    as_body = {"transport": "body", "refresh_token": token}
    assert (await phone.post("/sessions/refresh", as_body)).status_code == 401
    again = await phone.post("/sessions/refresh", {"transport": "cookie"}, headers=own)
    assert again.status_code == 200
    phone.keep(again)
    out = await phone.send("DELETE", "/session")
    assert out.status_code == 204
    assert "sandbox-app-refresh=; " in out.headers["set-cookie"]
    assert out.headers["set-cookie"].endswith("Max-Age=0")


async def test_a_retry_gets_the_same_tokens(open_api: OpenApi, phone: Phone) -> None:
    first, second = await phone.refresh(), await phone.refresh()
    assert first.status_code == 200
    assert first.json() == second.json()
    assert first.json()["refresh_token"] != phone.refresh_token
    phone.keep(first)
    assert (await phone.get("/account")).status_code == 200
    third = await phone.refresh()
    assert third.status_code == 200


async def test_many_refreshes_at_once_have_one_successor(open_api: OpenApi, phone: Phone) -> None:
    answers = await asyncio.gather(*(phone.refresh() for _ in range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_refresh_token WHERE used_at IS NULL") == 1


async def test_a_used_token_shown_later_ends_the_session(open_api: OpenApi, phone: Phone) -> None:
    stolen = phone.refresh_token
    assert stolen is not None
    with clock.frozen(clock.now() - timedelta(seconds=61)):
        thief = await app_sessions.refresh(stolen, VISIT, transport="body")
    refused = await phone.refresh(stolen)
    assert (refused.status_code, refused.json()["code"]) == (401, "sign_in.not_signed_in")
    assert (await phone.get("/account")).status_code == 401
    with pytest.raises(NotSignedIn):
        await app_sessions.require_app_session(thief.access_token)
    with pytest.raises(NotSignedIn):
        await app_sessions.refresh(thief.refresh_token, VISIT, transport="body")
    assert await open_api.db.fetchval("SELECT ended_by FROM sign_in_session") == "token_reused"


async def test_tokens_and_sessions_end_with_time(open_api: OpenApi, phone: Phone) -> None:
    refresh_token = phone.refresh_token
    with clock.frozen(clock.now() + timedelta(minutes=30, seconds=1)), pytest.raises(NotSignedIn):
        await app_sessions.require_app_session(phone.access_token)
    with clock.frozen(clock.now() + timedelta(days=89)):
        later = await app_sessions.refresh(refresh_token, VISIT, transport="body")
    with clock.frozen(clock.now() + timedelta(days=89 + 91)), pytest.raises(NotSignedIn):
        await app_sessions.refresh(later.refresh_token, VISIT, transport="body")


async def test_no_cookie_of_the_pages_opens_a_session_of_the_app_and_none_of_the_app_theirs(
    open_api: OpenApi, phone: Phone
) -> None:
    page = await open_api.http.get("/account/sessions", headers={"cookie": f"sandbox-session={phone.access_token}"})
    assert page.status_code in (303, 401, 403)
    assert (await phone.get("/account", headers={"authorization": f"Bearer {new_token()}"})).status_code == 401


async def test_devices_are_ended_one_by_one_or_all_but_this(open_api: OpenApi, phone: Phone) -> None:
    others = [Phone(open_api.http, phone.number) for _ in range(3)]
    for other in others:
        # A minute passes between two messages to one number.
        await open_api.db.execute("DELETE FROM sign_in_throttle")
        await other.sign_in()
    listed = (await phone.get("/sessions")).json()["items"]
    assert len(listed) == 4
    lost = (await others[0].get("/sessions")).json()["items"]
    [lost_id] = [one["id"] for one in lost if one["is_this"]]
    assert (await phone.send("DELETE", f"/sessions/{lost_id}")).status_code == 204
    assert (await phone.send("DELETE", f"/sessions/{lost_id}")).status_code == 404
    assert (await others[0].get("/account")).status_code == 401
    assert (await others[0].refresh()).status_code == 401
    assert (await phone.post("/sessions/end-others")).json() == {"ended": 2}
    assert (await others[2].get("/account")).status_code == 401
    assert (await phone.get("/account")).status_code == 200


async def test_nobody_ends_the_session_of_another_account(open_api: OpenApi, phone: Phone) -> None:
    stranger = await Phone.signed_in(open_api.http)
    [theirs] = (await stranger.get("/sessions")).json()["items"]
    assert (await phone.send("DELETE", f"/sessions/{theirs['id']}")).status_code == 404
    assert (await stranger.get("/account")).status_code == 200


async def test_who_makes_challenges_up_fills_no_record(open_api: OpenApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "NOTED", Limit("address-noted", 3, timedelta(minutes=1)))
    for _ in range(8):
        with pytest.raises(SignInRefused):
            await phone_codes.open_app_by_code(new_id(), "123456", VISIT, transport="body")
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_event WHERE kind = 'refused'") == 3


async def test_what_is_made_up_without_end_is_not_written_down_without_end(
    open_api: OpenApi, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "ASKS", Limit("address-asks", 4, timedelta(minutes=1)))
    monkeypatch.setattr(throttle, "NOTED", Limit("address-noted", 3, timedelta(minutes=1)))
    stranger = replace(VISIT, address="198.51.100.7")

    async def written() -> int:
        count: int = await open_api.db.fetchval(
            "SELECT (SELECT count(*) FROM sign_in_throttle) + (SELECT count(*) FROM sign_in_event)"
        )
        return count

    attempt = await throttle.begin_attempt("somebody", stranger)
    async with open_api.db.transaction() as tx:
        await attempt.succeeded(tx)
    before = await written()
    held_back = 0
    for number in range(40):
        try:
            await throttle.begin_attempt(f"a subject that nobody has: {number}", stranger)
        except TooManyAttempts:
            held_back += 1
    assert held_back == 40 - 4
    # Two counts of each that was looked at, the address's three, and so many of its refusals.
    assert await written() - before <= 4 * 2 + 3 + 3
    # Who has signed in there before is not shut out by those who make things up.
    await throttle.begin_attempt("somebody", stranger)
