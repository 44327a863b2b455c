"""Nobody but an account's own phone sees or changes anything of its members: asked of every route that there is."""

import re
from uuid import UUID

import pytest

from kernel.ids import new_id
from patient_app.routing import MEMBER, Route
from patients.accounts import close_account
from schema.registry import documents
from tests.contract.conformity import APP_ROUTES
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone, new_token

OF_A_MEMBER = [route for route in APP_ROUTES if route.is_member]
SIGNED_IN = [route for route in APP_ROUTES if not route.is_public]
# Browsing needs no account, and signing in begins without one; everything else does.
PUBLIC = {
    "GET /app/v1/contact",
    "GET /app/v1/clinic-sessions/<schedule_id:uuid>",
    "GET /app/v1/departments/<department_id:uuid>",
    "GET /app/v1/directory",
    "GET /app/v1/directory/open",
    "GET /app/v1/directory/search",
    "GET /app/v1/doctors/<practitioner_id:uuid>",
    "POST /app/v1/pay-codes/lookup",
    "POST /app/v1/pay-codes/pay",
    "POST /app/v1/phone-codes",
    "POST /app/v1/sessions",
    "POST /app/v1/sessions/answers",
    "POST /app/v1/sessions/refresh",
    "POST /app/v1/sessions/wechat",
    "POST /app/v1/sessions/wechat/phone",
}


def address(route: Route, patient_id: UUID) -> str:
    """The route's path for a person, with ids of nothing for whatever else it names."""
    path = route.path.replace(MEMBER, f"/members/{patient_id}")
    path = re.sub(r"<\w+:uuid>", lambda _: str(new_id()), path)
    path = re.sub(r"<\w+:ymd>", "2026-12-01", path)
    assert "<" not in path, "say here what stands for a parameter of this kind"
    return path


def test_only_what_is_nobodys_is_public() -> None:
    assert {route.operation for route in APP_ROUTES if route.is_public} == PUBLIC


def test_a_person_stands_in_a_path_in_one_way_alone() -> None:
    """A route that named a person elsewhere would not be asked whether the account may act for them."""
    assert [route.operation for route in APP_ROUTES if "patient_id" in route.path and not route.is_member] == []


async def refused(phone: Phone, route: Route, patient_id: UUID) -> tuple[int, str]:
    body = documents()[route.request]["examples"][0] if route.request else None
    answer = await phone.send(route.method, address(route, patient_id), body)
    assert "etag" not in answer.headers
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("route", OF_A_MEMBER, ids=lambda route: route.operation)
async def test_another_accounts_member_is_absent(open_api: OpenApi, phone: Phone, route: Route) -> None:
    own = await phone.add_member()
    stranger = await Phone.signed_in(open_api.http)
    await stranger.add_member()
    former = await Phone.signed_in(open_api.http)
    theirs = await former.add_member()
    assert (await former.send("DELETE", f"/members/{theirs}")).status_code == 204
    before = await open_api.fingerprint()

    assert await refused(stranger, route, own) == (404, "patients.not_found")
    assert await refused(stranger, route, new_id()) == (404, "patients.not_found")
    assert await refused(former, route, theirs) == (404, "patients.not_found")

    assert await open_api.fingerprint() == before


@pytest.mark.parametrize("route", SIGNED_IN, ids=lambda route: route.operation)
async def test_without_a_live_session_nothing_is_told(open_api: OpenApi, phone: Phone, route: Route) -> None:
    own = await phone.add_member()
    token = phone.access_token
    phone.access_token = ""
    nobody, guesser = await refused(phone, route, own), await refused_with(phone, route, own, new_token())
    assert nobody == guesser == (401, "sign_in.not_signed_in")
    phone.access_token = token
    assert (await phone.send("DELETE", "/session")).status_code == 204
    before = await open_api.fingerprint()
    assert await refused(phone, route, own) == (401, "sign_in.not_signed_in")
    assert await open_api.fingerprint() == before


@pytest.mark.parametrize("route", SIGNED_IN, ids=lambda route: route.operation)
async def test_a_closed_account_is_nobody(open_api: OpenApi, phone: Phone, route: Route) -> None:
    own = await phone.add_member()
    await close_account(UUID((await phone.get("/account")).json()["id"]))
    before = await open_api.fingerprint()
    assert await refused(phone, route, own) == (401, "sign_in.not_signed_in")
    assert (await phone.refresh()).status_code == 401
    assert await open_api.fingerprint() == before


async def refused_with(phone: Phone, route: Route, patient_id: UUID, token: str) -> tuple[int, str]:
    phone.access_token = token
    return await refused(phone, route, patient_id)
