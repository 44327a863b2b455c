"""Who is signed in is a patient's data: an application that is told of it stands in their log."""

from collections.abc import AsyncIterator

import pytest

from patients.access_log import list_accesses
from tests.factories.authorization import Holder, new_holder, redeem
from tests.factories.grants import web_client
from tests.factories.open_api import OpenApi
from tests.factories.sign_in import Visitor


@pytest.fixture
async def holder(open_api: OpenApi) -> AsyncIterator[Holder]:
    async with Visitor(open_api.server.base_url) as visitor:
        yield await new_holder(visitor, open_api.db)


async def userinfo_for(open_api: OpenApi, holder: Holder, scope: str, **columns: str) -> tuple[str, dict[str, str]]:
    """Sign somebody in at an application, and let it ask who that is; give the application's name and the answer."""
    client = await web_client(open_api.db, **columns)
    code = await holder.code_for(client, scope=scope)
    token = (await redeem(open_api.server.base_url, client, code))["access_token"]
    answer = await open_api.http.get("/oauth/userinfo", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return client.id, answer.json()


@pytest.mark.parametrize("scope", ["openid profile", "openid fhirUser"])
async def test_an_application_that_is_told_who_somebody_is_stands_in_their_log(
    open_api: OpenApi, holder: Holder, scope: str
) -> None:
    client_id, told = await userinfo_for(open_api, holder, scope)
    assert told.get("name") == "王建国" or told["fhirUser"].endswith(f"/Patient/{holder.patient_id}")
    [seen] = await list_accesses(patient_id=holder.patient_id, limit=10)
    assert (seen.client_id, seen.operation, seen.action) == (client_id, "GET /oauth/userinfo", "read")
    assert (seen.account_id, seen.consent_id) == (holder.account_id, None)
    page = await holder.visitor.get("/account/accesses")
    assert "查看姓名和就诊人编号" in page.text
    assert "依据：您用医院账户登录该应用" in page.text


async def test_an_application_that_is_told_a_number_of_an_account_is_told_of_no_patient(
    open_api: OpenApi, holder: Holder
) -> None:
    _, told = await userinfo_for(open_api, holder, "openid")
    assert told == {"sub": str(holder.account_id)}
    assert await list_accesses(patient_id=holder.patient_id, limit=10) == []


async def test_who_cannot_be_logged_is_not_told(open_api: OpenApi, holder: Holder) -> None:
    client = await web_client(open_api.db)
    code = await holder.code_for(client, scope="openid profile")
    token = (await redeem(open_api.server.base_url, client, code))["access_token"]
    await open_api.db.execute("ALTER TABLE patient_access_log ADD CONSTRAINT closed CHECK (false) NOT VALID")
    try:
        answer = await open_api.http.get("/oauth/userinfo", headers={"authorization": f"Bearer {token}"})
    finally:
        await open_api.db.execute("ALTER TABLE patient_access_log DROP CONSTRAINT closed")
    assert answer.status_code == 503
    assert "王建国" not in answer.text
