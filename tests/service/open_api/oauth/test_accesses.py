"""The page of who used a patient's data: theirs and their members', in plain words, and nobody else's."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest

from open_api.fhir.kinds import KINDS
from open_api.oauth.access_words import name_access, name_thing
from patients.accounts import bind_member, unbind_member
from tests.contract.conformity import ROUTES
from tests.factories.authorization import Holder, new_holder
from tests.factories.fhir import person_caller
from tests.factories.open_api import OpenApi
from tests.factories.patients import registration, resident_id
from tests.factories.sign_in import Visitor

PAGE = "/account/accesses"


@pytest.fixture
async def holder(open_api: OpenApi) -> AsyncIterator[Holder]:
    async with Visitor(open_api.server.base_url) as visitor:
        yield await new_holder(visitor, open_api.db)


async def entries_of(holder: Holder, path: str = PAGE) -> list[str]:
    """What each line of the page says."""
    page = await holder.visitor.get(path)
    assert page.status_code == 200, page.text
    found = re.findall(r'<li><div class="what">(.*?)</div></li>', page.text, re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", one)).strip() for one in found]


async def test_a_patient_reads_who_looked_at_what_and_what_allowed_it(open_api: OpenApi, holder: Holder) -> None:
    caller = await person_caller(holder, open_api.db, name="健康助手")
    await caller.get(f"/Patient/{holder.patient_id}")
    await caller.get("/Appointment")  # There are none, so nobody's were seen.

    [looked] = await entries_of(holder)

    time = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(f"健康助手 查看基本信息（姓名、性别、出生日期） {time} 依据：您于 {time} 的授权", looked)
    page = await holder.visitor.get(PAGE, **{"accept-language": "en"})
    assert "Looked at personal details (name, sex, birth date)" in page.text
    assert "Because you allowed it on" in page.text


async def test_what_a_partner_did_for_whom_it_registered_itself_is_told_too(open_api: OpenApi, holder: Holder) -> None:
    partner = await open_api.client()
    await open_api.db.execute(
        "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2)", partner.client_id, holder.patient_id
    )
    schedule = await open_api.hospital.schedule(seats=1)
    appointment = await open_api.book(schedule.slots[0], holder.patient_id, partner)
    assert (await partner.get(f"/appointments/{appointment}")).status_code == 200

    read, booked = await entries_of(holder)

    assert "预约挂号 " in booked
    assert "查看预约挂号记录" in read
    for one in (read, booked):
        assert one.endswith("依据：在该应用登记就诊或预约")


async def test_a_guardian_sees_their_members_and_nobody_sees_anybody_elses(open_api: OpenApi, holder: Holder) -> None:
    number = resident_id(born=date(2019, 3, 1), sequence=41)
    child = await bind_member(
        holder.account_id, registration(name="王小明", number=number), relationship="child", consent_note="guardian"
    )
    partner = await open_api.client()
    await open_api.db.execute(
        "INSERT INTO patient_access (client_id, patient_id) VALUES ($1, $2)", partner.client_id, child.id
    )
    assert (await partner.get(f"/patients/{child.id}")).status_code == 200
    assert await entries_of(holder) == []
    [looked] = await entries_of(holder, f"{PAGE}?patient={child.id}")
    assert "查看基本信息" in looked

    async with Visitor(open_api.server.base_url) as visitor:
        other = await new_holder(visitor, open_api.db, sequence=13)
        refused = await visitor.get(f"{PAGE}?patient={child.id}")
        assert refused.status_code == 404
        assert "查看" not in refused.text
        assert "王小明" not in refused.text
        assert (await visitor.get(f"{PAGE}?patient=nobody")).status_code == 404
        assert await entries_of(other) == []
    async with Visitor(open_api.server.base_url) as stranger:
        turned = await stranger.http.get(f"{PAGE}?patient={child.id}")
        assert turned.status_code == 303
        assert turned.headers["location"].startswith("/sign-in?continue=")
    await unbind_member(holder.account_id, child.id)
    assert (await holder.visitor.get(f"{PAGE}?patient={child.id}")).status_code == 404


async def test_pages_go_on_where_the_last_one_ended(open_api: OpenApi, holder: Holder) -> None:
    caller = await person_caller(holder, open_api.db)
    for _ in range(21):
        await caller.get(f"/Patient/{holder.patient_id}")
    page = await holder.visitor.get(PAGE)
    assert len(await entries_of(holder)) == 20
    [further] = re.findall(r'<a href="([^"]+before=[^"]+)">更早的记录</a>', page.text)
    assert len(await entries_of(holder, further.replace("&amp;", "&"))) == 1
    forged = await holder.visitor.get(f"{PAGE}?before=AAAA")
    assert forged.status_code == 400


def test_everything_that_shows_somebodys_data_has_a_name_in_a_patients_words() -> None:
    about_people = {"patients", "appointments", "waitlist", "checkin", "queue"}
    routes = [one for one in ROUTES if not one.staff_only and one.scope.partition(".")[0] in about_people]
    unnamed = {one.operation for one in routes if name_thing(one.operation) is None}
    unnamed |= {kind for kind in KINDS if name_thing(f"GET /fhir/{kind}") is None}
    assert unnamed == set()
    for operation in ("booked", "something new"):
        assert "挂号" in name_access(operation, source="booking", action="change", language="zh")
