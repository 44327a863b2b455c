"""What an account has allowed applications, and who used its members' data: in plain words, and taken back at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kernel.ids import new_id
from oauth.grants import find_grant
from open_api.oauth.access_words import name_thing
from patients.access_log import access_log
from patients.rights.exports import make_exports
from patients.rights.ports import set_holdings
from runtime.rights import build_holdings
from tests.contract.conformity import APP_ROUTES
from tests.factories.consents import consented
from tests.factories.grants import grant_of, web_client
from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import CONSENT, Phone


async def account_of(phone: Phone) -> UUID:
    return UUID((await phone.get("/account")).json()["id"])


async def consents_of(phone: Phone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await phone.get("/account/consents")).json()["items"]
    return found


async def used(api: OpenApi, patient_id: UUID, client_id: str, operation: str = "GET /fhir/Appointment") -> None:
    await access_log().record(
        [patient_id], client_id=client_id, operation=operation, action="read", request_id=str(new_id())
    )


# --- consents


async def test_a_consent_is_read_in_plain_words_and_taken_back_at_once(open_api: OpenApi, phone: Phone) -> None:
    account_id, own = await account_of(phone), await phone.add_member(name="王建国")
    client = await web_client(open_api.db, name="健康助手")
    consent_id = await consented(open_api.db, client, account_id, own)
    grant_id = await open_api.db.fetchval("SELECT id FROM oauth_grant WHERE consent_id = $1", consent_id)
    [one] = await consents_of(phone)
    assert {name: one[name] for name in ("application", "patient", "may", "kind", "ended_at", "is_by_other")} == {
        "application": "健康助手",
        "patient": "王建国",
        "may": ["查看预约挂号记录", "查看基本信息（姓名、性别、出生日期）"],
        "kind": "consent",
        "ended_at": None,
        "is_by_other": False,
    }
    assert await find_grant(grant_id) is not None
    assert (await phone.send("DELETE", f"/account/consents/{consent_id}")).status_code == 204
    assert await find_grant(grant_id) is None
    [one] = await consents_of(phone)
    assert one["ended_at"] is not None
    assert (await phone.send("DELETE", f"/account/consents/{consent_id}")).status_code == 204


async def test_nobody_takes_back_what_another_gave(open_api: OpenApi, phone: Phone) -> None:
    account_id, own = await account_of(phone), await phone.add_member()
    client = await web_client(open_api.db)
    consent_id = await consented(open_api.db, client, account_id, own)
    sign_in = await grant_of(
        open_api.db, client, scopes=("openid",), subject_id=account_id, patient_id=None, consent_id=None
    )
    stranger = await Phone.signed_in(open_api.http)
    before = await open_api.fingerprint()
    for path in (f"/account/consents/{consent_id}", f"/account/application-sign-ins/{sign_in.id}"):
        refused = await stranger.send("DELETE", path)
        assert (refused.status_code, refused.json()["code"]) == (404, "patients.consent_not_found")
    assert await consents_of(stranger) == []
    assert await open_api.fingerprint() == before


async def test_a_sign_in_at_an_application_is_listed_and_ended(open_api: OpenApi, phone: Phone) -> None:
    client = await web_client(open_api.db, name="市民卡")
    grant = await grant_of(
        open_api.db,
        client,
        scopes=("openid", "profile"),
        subject_id=await account_of(phone),
        patient_id=None,
        consent_id=None,
    )
    [one] = await consents_of(phone)
    assert (one["kind"], one["application"], one["patient"], one["may"]) == (
        "sign_in",
        "市民卡",
        None,
        ["查看您的姓名"],
    )
    assert (await phone.send("DELETE", f"/account/application-sign-ins/{grant.id}")).status_code == 204
    assert await consents_of(phone) == []
    assert await find_grant(grant.id) is None


async def test_the_patient_sees_and_ends_what_a_relative_allowed(open_api: OpenApi, phone: Phone) -> None:
    body = registration(name="李秀英")
    assert (await phone.post("/members", body | {"relationship": "self"})).status_code == 201
    daughter = await Phone.signed_in(open_api.http)
    added = await daughter.post("/members", body | {"relationship": "parent", "consent_version": CONSENT})
    patient_id = UUID(added.json()["patient_id"])
    client = await web_client(open_api.db)
    await consented(open_api.db, client, await account_of(daughter), patient_id)
    [one] = await consents_of(phone)
    assert one["is_by_other"] is True
    assert (await phone.send("DELETE", f"/account/consents/{one['id']}")).status_code == 204
    assert (await consents_of(daughter))[0]["ended_at"] is not None


# --- who used it


async def test_what_the_account_itself_reads_is_left_out_unless_asked_for(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    client = await web_client(open_api.db, name="健康助手")
    await used(open_api, own, client.id)
    await phone.get(f"/members/{own}/home")
    others = (await phone.get(f"/members/{own}/accesses")).json()["items"]
    assert [(one["who"], one["what"], one["is_own"]) for one in others] == [("健康助手", "查看预约挂号记录", False)]
    everything = (await phone.get(f"/members/{own}/accesses", params={"own": "true"})).json()["items"]
    told = [(one["who"], one["what"]) for one in everything if one["is_own"]]
    assert ("您自己", "查看首页上的预约和待办") in told
    assert ("您自己", "查看使用记录") in told
    assert all(one["why"] == "依据：在医院的小程序或网页中使用" for one in everything if one["is_own"])


async def test_a_relatives_account_is_named_as_such(open_api: OpenApi, phone: Phone) -> None:
    body = registration()
    own = (await phone.post("/members", body | {"relationship": "self"})).json()["patient_id"]
    daughter = await Phone.signed_in(open_api.http, language="en")
    await daughter.post("/members", body | {"relationship": "parent", "consent_version": CONSENT})
    await daughter.get(f"/members/{own}")
    [latest, *_] = (await phone.get(f"/members/{own}/accesses")).json()["items"]
    assert (latest["who"], latest["what"]) == ("家人的账户", "查看就诊人信息")
    assert latest["why"] == "依据：家人的账户也添加了该就诊人"
    hers = (await daughter.get(f"/members/{own}/accesses", params={"own": "true"})).json()["items"]
    assert {"You", "A relative's account"} == {one["who"] for one in hers}


async def test_that_a_relative_has_complained_is_not_told(open_api: OpenApi, phone: Phone) -> None:
    body = registration()
    own = (await phone.post("/members", body | {"relationship": "self"})).json()["patient_id"]
    daughter = await Phone.signed_in(open_api.http)
    await daughter.post("/members", body | {"relationship": "parent", "consent_version": CONSENT})
    said = {"kind": "complaint", "category": "nursing", "text": "夜里按铃没有人来"}
    assert (await daughter.post(f"/members/{own}/feedback", said)).status_code == 201
    await daughter.get(f"/members/{own}/feedback-form")
    told = (await phone.get(f"/members/{own}/accesses")).json()["items"]
    assert {(one["who"], one["what"]) for one in told[:2]} == {("家人的账户", "查看就诊人信息")}
    assert {one["action"] for one in told[:2]} == {"read"}
    assert "投诉" not in str(told)
    hers = (await daughter.get(f"/members/{own}/accesses", params={"own": "true"})).json()["items"]
    assert ("您自己", "办理投诉与建议") in {(one["who"], one["what"]) for one in hers}
    made = (await phone.post("/account/exports")).json()
    set_holdings(build_holdings())
    await make_exports()
    copy = (await phone.get(f"/account/exports/{made['id']}/file")).json()["data"]["accesses"]
    assert [one for one in copy if one["client_id"] == "account"] != []
    assert "feedback" not in str(copy)
    daughters = (await daughter.get("/account")).json()["id"]
    assert daughters not in str(copy)


async def test_pages_follow_each_other_without_gap_or_repetition(open_api: OpenApi, phone: Phone) -> None:
    own = await phone.add_member()
    client = await web_client(open_api.db)
    await access_log().record(
        [own] * 5, client_id=client.id, operation="GET /fhir/Patient", action="read", request_id="at once"
    )
    path, seen, cursor = f"/members/{own}/accesses", 0, None
    for wanted in (2, 2, 1):
        answer = (await phone.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(answer["items"]) == wanted
        seen, cursor = seen + wanted, answer["next"]
    assert (seen, cursor) == (5, None)


def test_every_route_about_a_person_has_a_name_in_a_patients_words() -> None:
    assert [one.operation for one in APP_ROUTES if one.is_member and name_thing(one.operation) is None] == []


# --- confirming


async def test_the_owner_confirms_with_a_code_to_their_own_phone(open_api: OpenApi, phone: Phone) -> None:
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - $1::interval", timedelta(hours=1))
    assert (await phone.post("/account/exports")).json()["code"] == "sign_in.step_up_needed"
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    asked, code = await phone.ask_code("/session/phone-codes")
    wrong = {"challenge": asked["challenge"], "code": f"{(int(code) + 1) % 10**6:06d}"}
    refused = await phone.post("/session/confirmations", wrong)
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in.refused")
    assert (await phone.post("/account/exports")).status_code == 403
    answer = await phone.post("/session/confirmations", {"challenge": asked["challenge"], "code": code})
    assert answer.status_code == 204
    assert (await phone.post("/account/exports")).status_code == 201
    assert await open_api.db.fetchval("SELECT count(*) FROM sign_in_event WHERE kind = 'confirmed'") == 1
    assert len((await phone.get("/sessions")).json()["items"]) == 1


@pytest.mark.parametrize("whose", ["of another account", "of nobody yet"])
async def test_a_code_to_another_phone_confirms_nothing(open_api: OpenApi, phone: Phone, whose: str) -> None:
    thief = Phone(open_api.http) if whose == "of nobody yet" else await Phone.signed_in(open_api.http)
    await open_api.db.execute("DELETE FROM sign_in_throttle")
    await open_api.db.execute("UPDATE sign_in_session SET auth_time = auth_time - $1::interval", timedelta(hours=1))
    asked, code = await thief.ask_code()
    accounts = await open_api.db.fetchval("SELECT count(*) FROM patient_account")
    refused = await phone.post("/session/confirmations", {"challenge": asked["challenge"], "code": code})
    assert (refused.status_code, refused.json()["code"]) == (403, "sign_in.refused")
    assert (await phone.post("/account/exports")).status_code == 403
    assert await open_api.db.fetchval("SELECT count(*) FROM patient_account") == accounts


async def test_the_hotline_is_the_hospitals(phone: Phone) -> None:
    assert (await phone.get("/contact")).json() == {"phone": None}
