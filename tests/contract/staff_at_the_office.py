"""An administrator's whole work with staff over HTTP: joining, moving, delegation, review, a lost phone, leaving."""

from datetime import timedelta
from typing import Any

from kernel import clock
from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration/staff"
EVERYWHERE = {"campus_id": None, "department_id": None}


async def employ_move_and_let_go(open_api: OpenApi, office: SlotOffice) -> None:
    """Every operation on staff, with what each refuses."""
    code, other = "S7000001", await open_api.staff()
    own = office.caller.staff_code
    roles = {one["code"] for one in (await office.ask("GET", "/administration/staff-roles", status=200))["items"]}
    medical = {"slot_office", "service_desk", "nurse", "physician"}
    answering = {"complaints_office", "medical_affairs", "nursing_department", "outpatient_office", "charges_office"}
    answering |= {"information_department", "conduct_office", "general_services"}
    assert roles == medical | answering | {"administrator", "auditor", "cashier", "finance"}

    body = {"code": code, "name": "王芳", "roles": [{"role": "slot_office"}]}
    joined = await office.ask("POST", BASE, body, status=201, key="join-1")
    assert joined["roles"] == [{"role": "slot_office"} | EVERYWHERE]
    assert joined["invitation"]["link"].startswith(f"{open_api.server.base_url}/staff/set-up/")
    assert await office.ask("POST", BASE, body, status=201, key="join-1") == joined
    await office.ask("POST", BASE, body, status=409, code="staff.exists")
    unknown = body | {"code": "S7000002", "roles": [{"role": "emperor"}]}
    assert (await office.ask("POST", BASE, unknown, status=422, code="staff.role_unknown"))["field"] == "role"
    place = {"role": "nurse", "campus_id": "0198c0de-0000-7000-8000-00000000c0de"}
    body |= {"code": "S7000002", "roles": [place]}
    assert (await office.ask("POST", BASE, body, status=422, code="staff.role_unknown"))["field"] == "campus_id"
    await office.ask("GET", f"{BASE}/S7000002", status=404, code="staff.not_found")

    campus = str(await open_api.db.fetchval("SELECT id FROM campus"))
    moved = {"roles": [{"role": "slot_office"}, {"role": "nurse", "campus_id": campus}]}
    member = await office.ask("PUT", f"{BASE}/{code}/roles", moved, status=200, key="move-1")
    assert [one["role"] for one in member["roles"]] == ["nurse", "slot_office"]
    await office.ask("PUT", f"{BASE}/{own}/roles", moved, status=403, code="staff.own_rights")
    for path in ("review", "invitation", "leave"):
        await office.ask("POST", f"{BASE}/{own}/{path}", status=403, code="staff.own_rights")
        await office.ask("POST", f"{BASE}/S7999999/{path}", status=404, code="staff.not_found")
        await office.ask("POST", f"{BASE}/nobody/{path}", status=404, code="staff.not_found")

    await delegate(open_api, office, code, other)
    reviewed = await office.ask("POST", f"{BASE}/{code}/review", status=200)
    assert reviewed["reviewed_by"] == own
    await office.ask("POST", f"{BASE}/{code}/invitation", status=200, key="invite-1")
    due = await office.ask("GET", f"{BASE}?review_due=true&status=active&role=nurse&limit=5", status=200)
    assert due["items"] == []
    await open_api.db.execute("UPDATE staff SET reviewed_at = now() - interval '91 days' WHERE code = $1", code)
    due = await office.ask("GET", f"{BASE}?review_due=true", status=200)
    assert [one["code"] for one in due["items"]] == [code]

    gone = await office.ask("POST", f"{BASE}/{code}/leave", status=200)
    assert (gone["status"], gone["roles"], gone["methods"]) == ("left", [], [])
    assert await office.ask("GET", f"{BASE}/{code}", status=200) == gone
    await office.ask("POST", f"{BASE}/{code}/leave", status=404, code="staff.not_found")
    await office.ask("PUT", f"{BASE}/{code}/roles", moved, status=404, code="staff.not_found")


async def delegate(open_api: OpenApi, office: SlotOffice, code: str, other: str) -> None:
    """B acts for A in a role of A's; the change names both, and ends with the delegation."""
    path = f"{BASE}/{code}/delegations"
    now = clock.now()
    body: dict[str, Any] = {
        "to": other,
        "role": "slot_office",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(days=7)).isoformat(),
    }
    for change, rule in (
        ({"to": code}, "self"),
        ({"role": "physician"}, "role_not_held"),
        ({"role": "administrator"}, "not_delegable"),
        ({"ends_at": (now + timedelta(days=90)).isoformat()}, "times"),
        ({"ends_at": (now - timedelta(hours=2)).isoformat()}, "times"),
    ):
        refused = await office.ask("POST", path, body | change, status=409, code="staff.delegation_refused")
        assert refused["rule"] == rule
    to_self = body | {"to": office.caller.staff_code}
    await office.ask("POST", path, to_self, status=403, code="staff.own_rights")
    made = await office.ask("POST", path, body, status=200, key="delegate-1")
    assert await office.ask("POST", path, body, status=200, key="delegate-1") == made
    overlap = await office.ask("POST", path, body, status=409, code="staff.delegation_refused")
    assert overlap["rule"] == "overlap"
    assert (await office.ask("GET", path, status=200))["items"] == [made]

    acting = {"acting-staff": other, "on-behalf-of": code}
    change = {"code": "deputy", "name_zh": "代理", "name_en": "By a deputy"}
    pools = "/administration/pools"
    answer = await office.caller.send("POST", pools, body=change, headers=acting)
    assert answer.status_code == 201, answer.text
    found = await office.ask("GET", f"/administration/changes?staff_code={code}&entity=pool", status=200)
    assert [(one["staff_code"], one["on_behalf_of"]) for one in found["items"]] == [(other, code)]
    # The role covers the slot office's work, and no right over staff.
    beyond = await office.caller.send("POST", f"{BASE}/{other}/review", headers=acting)
    assert (beyond.status_code, beyond.json()["code"]) == (403, "oauth.staff_unknown")
    reverse = {"acting-staff": code, "on-behalf-of": other}
    assert (await office.caller.send("POST", pools, body=change, headers=reverse)).status_code == 403

    ended = await office.ask("POST", f"{path}/{made['id']}/end", status=200, key="end-1")
    assert ended["ended_at"] is not None
    await office.ask("POST", f"{path}/{made['id']}/end", status=404, code="staff.delegation_not_found")
    after = await office.caller.send("POST", pools, body=change | {"code": "later"}, headers=acting)
    assert (after.status_code, after.json()["code"]) == (403, "oauth.staff_unknown")
