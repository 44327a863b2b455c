"""The pages that try calls and let faults happen: a developer's own application alone, and no secret on any page."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from kernel.db import Database
from kernel.ids import new_id
from open_api.routing import PREFIX
from tests.factories.developers import DeveloperAtBrowser
from tests.factories.open_api import OpenApi
from tests.factories.sandbox import see_through
from tests.server import WebServer


@pytest.fixture
async def developer(web_server: WebServer, database: Database) -> AsyncIterator[DeveloperAtBrowser]:
    async with DeveloperAtBrowser(web_server.base_url) as one:
        yield await one.sign_up()


@pytest.fixture
async def stranger(web_server: WebServer, database: Database) -> AsyncIterator[DeveloperAtBrowser]:
    async with DeveloperAtBrowser(web_server.base_url) as one:
        yield await one.sign_up("别家科技有限公司")


def faults_of(made: dict[str, Any]) -> str:
    return f"/developer/applications/{made['id']}/faults"


async def ask_for_fault(developer: DeveloperAtBrowser, made: dict[str, Any], **fields: Any) -> Any:
    """Fill one of the three forms in and send it."""
    return await developer.post(faults_of(made), **fields)


def try_of(made: dict[str, Any]) -> str:
    return f"/developer/applications/{made['id']}/try"


async def ask_for_token(developer: DeveloperAtBrowser, made: dict[str, Any], **more: str) -> Any:
    page = await developer.get(try_of(made))
    form_token = page.text.partition('data-form-token="')[2].partition('"')[0]
    headers = {"origin": developer.base_url, "content-type": "application/json", "x-form-token": form_token} | more
    return await developer.http.post(f"{try_of(made)}/token", content=b"{}", headers=headers)


async def test_a_token_to_try_with_is_the_applications_own_and_short(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    answer = await ask_for_token(developer, made)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seconds"] == 300
    assert answer.json()["scopes"] == ["catalogue.read", "webhooks.manage"]
    assert answer.headers["cache-control"] == "no-store"
    bearer = {"authorization": f"Bearer {answer.json()['token']}"}
    assert (await developer.http.get(f"{PREFIX}/departments", headers=bearer)).status_code == 200
    refused = await developer.http.get(f"{PREFIX}/slots", headers=bearer, params={"schedule_id": str(new_id())})
    assert (refused.status_code, refused.json()["scope"]) == (403, "slots.read")


async def test_a_token_is_given_to_our_own_page_alone(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    for forged in ({"origin": "https://evil.example"}, {"x-form-token": "A" * 43}, {"content-type": "text/plain"}):
        answer = await ask_for_token(developer, made, **forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in.form_outdated")
        assert "token" not in answer.json()


async def test_no_page_of_calls_shows_a_secret(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    for operation in ("list_departments", "book_appointment", "no_such_operation"):
        page = await developer.get(f"{try_of(made)}?operation={operation}")
        assert page.status_code == 200
        assert made["secret"] not in page.text
        assert "eyJ" not in page.text


async def test_who_acts_for_patients_alone_gets_no_token_for_itself(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make(
        application_type="browser", auth_method="none", redirect_uris="https://app.example/callback"
    )
    answer = await ask_for_token(developer, made)
    assert (answer.status_code, answer.json()["code"]) == (409, "sandbox.trial_refused")
    assert answer.json()["reason"] == "for_patients_only"


@pytest.mark.parametrize("table", ["oauth_client", "partner_application"])
async def test_a_stopped_application_tries_nothing(
    developer: DeveloperAtBrowser, database: Database, table: str
) -> None:
    made = await developer.make()
    await database.execute(f"UPDATE {table} SET status = 'suspended'")
    answer = await ask_for_token(developer, made)
    assert (answer.status_code, answer.json()["reason"]) == (409, "not_active")


async def test_another_organisations_application_is_absent(
    developer: DeveloperAtBrowser, stranger: DeveloperAtBrowser, database: Database
) -> None:
    made, own = await developer.make(), await stranger.make()
    for path in (faults_of(made), try_of(made)):
        assert (await stranger.http.get(path)).status_code == 404
    assert (await ask_for_token(stranger, own)).status_code == 200
    page = await stranger.get(try_of(own))
    form_token = page.text.partition('data-form-token="')[2].partition('"')[0]
    headers = {"origin": stranger.base_url, "content-type": "application/json", "x-form-token": form_token}
    answer = await stranger.http.post(f"{try_of(made)}/token", content=b"{}", headers=headers)
    assert (answer.status_code, "token" in answer.json()) == (404, False)
    await stranger.get(faults_of(own))
    form = stranger.hidden(faults_of(own)) | {"on-calls-kind": "internal_error"}
    answer = await stranger.http.post(faults_of(made), data=form, headers={"origin": stranger.base_url})
    assert answer.status_code == 404
    assert await database.fetchval("SELECT count(*) FROM sandbox_fault") == 0


async def test_a_fault_is_asked_for_met_and_called_off(developer: DeveloperAtBrowser, database: Database) -> None:
    made = await developer.make()
    bearer = {"authorization": f"Bearer {(await ask_for_token(developer, made)).json()['token']}"}
    await developer.get(faults_of(made))
    answer = await ask_for_fault(
        developer,
        made,
        about="on-calls",
        **{"on-calls-kind": "internal_error", "on-calls-operation": "list_departments", "on-calls-calls": "2"},
    )
    assert answer.status_code == 200, answer.text
    assert developer.says("故障已就绪")
    assert developer.says("0 / 2")
    hit = await developer.http.get(f"{PREFIX}/departments", headers=bearer)
    assert (hit.status_code, hit.headers["sandbox-fault"]) == (500, "internal_error")
    await developer.get(faults_of(made))
    assert developer.says("1 / 2")
    fault = await database.fetchrow("SELECT id, client_id FROM sandbox_fault")
    assert fault is not None
    assert fault["client_id"] == made["client_id"]
    await developer.post(f"{faults_of(made)}/{fault['id']}/end")
    assert developer.says("已取消。")
    assert (await developer.http.get(f"{PREFIX}/departments", headers=bearer)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"on-calls-calls": "51"},
        {"on-calls-minutes": "0"},
        {"on-calls-kind": "webhook_lost"},
        {"on-calls-operation": "administration_list_rules"},
        {"about": "on-clinic"},
        {"about": "on-clinic", "on-clinic-appointment_id": "the next one"},
        {"about": "on-clinic", "on-clinic-appointment_id": str(new_id()), "on-clinic-remedy": "money"},
        {"about": "on-webhooks", "on-webhooks-kind": "webhook_lost", "on-webhooks-event_type": "x" * 200},
        {"about": "on-webhooks", "on-webhooks-kind": "webhook_lost", "on-webhooks-event_type": "<b>.moved"},
        {"about": "elsewhere"},
    ],
)
async def test_what_cannot_be_is_refused_and_kept_nowhere(
    developer: DeveloperAtBrowser, database: Database, wrong: dict[str, Any]
) -> None:
    made = await developer.make()
    await developer.get(faults_of(made))
    answer = await ask_for_fault(developer, made, **{"about": "on-calls", "on-calls-kind": "slow_answer", **wrong})
    assert answer.status_code == 422
    assert developer.says("模拟故障的参数与其类型不符")
    assert await database.fetchval("SELECT count(*) FROM sandbox_fault") == 0


async def test_what_the_hospital_has_stopped_asks_for_no_faults(
    developer: DeveloperAtBrowser, database: Database
) -> None:
    made = await developer.make()
    await database.execute("UPDATE partner_application SET status = 'suspended'")
    await developer.get(faults_of(made))
    answer = await ask_for_fault(developer, made, about="on-calls", **{"on-calls-kind": "slow_answer"})
    assert (answer.status_code, developer.says("该应用已被医院停用")) == (403, True)
    assert await database.fetchval("SELECT count(*) FROM sandbox_fault") == 0


async def test_the_clinic_of_an_own_appointment_is_stopped(
    open_api: OpenApi, web_server: WebServer, database: Database
) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    appointment = await open_api.book(schedule.slots[0], await open_api.patient())
    async with DeveloperAtBrowser(web_server.base_url) as developer:
        made = await (await developer.sign_up()).make()
        await database.execute("UPDATE appointment SET client_id = $1 WHERE id = $2", made["client_id"], appointment)
        page = await developer.get(faults_of(made))
        assert str(appointment) in page.text
        assert "陈大文" not in page.text
        await ask_for_fault(
            developer,
            made,
            about="on-clinic",
            **{"on-clinic-appointment_id": str(appointment), "on-clinic-remedy": "cancel"},
        )
        assert developer.says("停诊已下达")
        assert await database.fetchval("SELECT client_id FROM stop_order") == made["client_id"]
        await see_through(open_api, {"stop_id": str(await database.fetchval("SELECT id FROM stop_order"))})
        assert await database.fetchval("SELECT status FROM appointment WHERE id = $1", appointment) == "cancelled"
