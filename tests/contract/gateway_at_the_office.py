"""The hospital's work with partners' applications, a part of the office's whole work."""

import asyncio
from typing import Any

from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"
WRITTEN_SECONDS_MAX = 10.0

DRAFT = {
    "name": "城市预约门户",
    "organisation": "某市卫生信息中心",
    "purpose": "市民预约挂号",
    "contacts": [{"name": "李工", "email": "ops@partner.example"}],
    "scopes": ["slots.read"],
}


async def review_application(open_api: OpenApi, office: SlotOffice) -> None:
    """An application is drafted, corrected, refused, reopened, approved, put live, suspended and retired."""
    made = await office.ask("POST", f"{BASE}/applications", DRAFT, status=201, key="draft")
    assert await office.ask("POST", f"{BASE}/applications", DRAFT, status=201, key="draft") == made
    path = f"{BASE}/applications/{made['id']}"
    change = {"version": 1, "scopes": ["slots.read", "catalogue.read"]}
    changed = await office.ask("PATCH", path, change, status=200)
    assert (changed["scopes"], changed["version"]) == (["catalogue.read", "slots.read"], 2)
    await office.ask("PATCH", path, change, status=409, code="partners.version_conflict")

    partner = await open_api.client(scopes=["catalogue.read"])
    greedy = await open_api.client(scopes=["patients.read"])
    for status in ("submitted", "refused", "draft", "submitted", "approved"):
        moved = await office.ask("POST", f"{path}/status", {"status": status, "reason": "审核"}, status=200)
        assert moved["status"] == status
    await office.ask("PATCH", path, change | {"version": 7}, status=409, code="partners.not_a_draft")
    live: dict[str, Any] = {"status": "live"}
    await office.ask("POST", f"{path}/status", live, status=404, code="partners.client_not_found")
    beyond = live | {"client_id": greedy.client_id}
    await office.ask("POST", f"{path}/status", beyond, status=409, code="partners.client_mismatch")
    moved = await office.ask("POST", f"{path}/status", live | {"client_id": partner.client_id}, status=200)
    assert (moved["status"], moved["client_id"]) == ("live", partner.client_id)
    await office.ask("POST", f"{path}/status", {"status": "draft"}, status=409, code="partners.status_conflict")
    await office.ask("POST", f"{path}/status", {"status": "suspended", "reason": "整改"}, status=200)
    assert (await partner.get("/campuses")).json()["code"] == "gateway.application_stopped"
    await office.ask("POST", f"{path}/status", {"status": "retired"}, status=200)
    assert (await office.ask("GET", path, status=200))["status"] == "retired"
    log = await office.ask("GET", f"{BASE}/changes?entity=partner_application&entity_id={made['id']}", status=200)
    assert "ops@partner.example" not in str(log)


async def keep_the_gate(open_api: OpenApi, office: SlotOffice) -> None:
    """An application is limited, kept to its networks, stopped, let in again, and looked up."""
    partner = await open_api.client()
    gate = f"{BASE}/gates/{partner.client_id}"
    shown = await office.ask("GET", gate, status=200)
    assert (shown["stopped"], shown["version"]) == (False, 0)
    setting = {"networks": ["127.0.0.0/8"], "sm2_public_key": None, "signature_required": False, "version": 0}
    shown = await office.ask("PUT", gate, setting, status=200)
    assert (shown["networks"], shown["version"]) == (["127.0.0.0/8"], 1)
    await office.ask("PUT", gate, setting, status=409, code="partners.version_conflict")
    wrong = setting | {"version": 1, "networks": ["10.0.0.1/8"]}
    await office.ask("PUT", gate, wrong, status=422, code="partners.gate_invalid")
    stopped = await office.ask("POST", f"{gate}/stop", {"reason": "异常流量"}, status=200)
    assert (stopped["stopped"], stopped["stop_reason"]) == (True, "异常流量")
    assert (await partner.get("/campuses")).json()["code"] == "gateway.application_stopped"
    assert (await office.ask("POST", f"{gate}/resume", {"reason": "已处理"}, status=200))["stopped"] is False

    limit = {"client_id": partner.client_id, "covers": "POST /holds", "window_seconds": 60, "requests": 5}
    first = await office.ask("PUT", f"{BASE}/rate-policies", limit, status=200)
    second = await office.ask("PUT", f"{BASE}/rate-policies", limit | {"requests": None}, status=200)
    assert (second["id"], second["requests"], second["version"]) == (first["id"], None, 2)
    unknown = limit | {"client_id": "nobody"}
    await office.ask("PUT", f"{BASE}/rate-policies", unknown, status=404, code="partners.client_not_found")
    mine = await office.ask("GET", f"{BASE}/rate-policies?client_id={partner.client_id}", status=200)
    assert mine["items"] == [second]
    removal = f"{BASE}/rate-policies/{first['id']}?version="
    await office.ask("DELETE", f"{removal}1", status=409, code="partners.version_conflict")
    await office.ask("DELETE", f"{removal}2", status=200)

    patient = await open_api.patient()
    await open_api.portal.get(f"/patients/{patient}")
    seen = await office.ask("GET", f"{BASE}/patient-accesses?patient_id={patient}&limit=1", status=200)
    assert seen["items"][0]["operation"] == "GET /patients/<patient_id:uuid>"
    rest = f"{BASE}/patient-accesses?patient_id={patient}&cursor={seen['next']}"
    assert [entry["operation"] for entry in (await office.ask("GET", rest, status=200))["items"]] == ["POST /patients"]
    loop = asyncio.get_running_loop()
    until = loop.time() + WRITTEN_SECONDS_MAX
    search = f"{BASE}/requests?patient_id={patient}&client_id={open_api.portal.client_id}&limit=1"
    while not (found := await office.ask("GET", search, status=200))["next"] and loop.time() < until:
        await asyncio.sleep(0.05)
    assert found["items"][0]["operation"] == "GET /patients/<patient_id:uuid>"
    older = await office.ask("GET", f"{search}&cursor={found['next']}", status=200)
    assert older["items"][0]["operation"] == "POST /patients"
