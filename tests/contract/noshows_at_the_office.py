"""The slot office's judgement of missed visits, a part of its whole work."""

from uuid import uuid4

from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def judge_noshows(open_api: OpenApi, office: SlotOffice) -> None:
    """The rule is made stricter, a ban is appealed against and lifted, and a no-show is taken back."""
    (rule,) = (await office.ask("GET", f"{BASE}/noshow-rules", status=200))["items"]
    path = f"{BASE}/noshow-rules/{rule['id']}"
    assert await office.ask("GET", path, status=200) == rule
    changed = await office.ask("PATCH", path, {"version": 1, "noshow_count": 1}, status=200)
    assert (changed["noshow_count"], changed["version"]) == (1, 2)
    (followups,) = (await office.ask("GET", f"{BASE}/followup-rules", status=200))["items"]
    assert (followups["days"], followups["accepts_arrived"]) == (3, True)
    path = f"{BASE}/followup-rules/{followups['id']}"
    await office.ask("PATCH", path, {"version": 1, "days": 5}, status=200)
    assert (await office.ask("GET", path, status=200))["days"] == 5
    (limit,) = (await office.ask("GET", f"{BASE}/claim-limits?limit=1", status=200))["items"]
    path = f"{BASE}/claim-limits/{limit['id']}"
    await office.ask("PATCH", path, {"version": 1, "count_max": 20}, status=200)
    assert (await office.ask("GET", path, status=200))["count_max"] == 20
    await mark_hot(open_api, office)
    granted, pardoned = await open_api.patient(), await open_api.patient()
    missed = [await open_api.miss_visit(patient) for patient in (granted, pardoned)]
    shown = await office.ask("GET", f"{BASE}/bans?running=true&limit=100", status=200)
    bans = {ban["patient_id"]: ban["id"] for ban in shown["items"]}
    assert set(bans) == {str(granted), str(pardoned)}
    appealed = await open_api.portal.post(f"/bans/{bans[str(granted)]}/appeal", {"reason": "已到院"})
    appeal_id = appealed.json()["appeals"][0]["id"]
    decision = {"decision": "granted", "reason": "已核实"}
    lifted = await office.ask("POST", f"{BASE}/ban-appeals/{appeal_id}/decide", decision, status=200)
    assert (lifted["status"], lifted["lifted_by"]) == ("lifted", "appeal")
    pardon = await office.ask("POST", f"{BASE}/bans/{bans[str(pardoned)]}/lift", {"reason": "住院"}, status=200)
    assert (pardon["status"], pardon["lifted_by"]) == ("lifted", "pardon")
    path = f"{BASE}/appointments/{missed[0]}/correct-noshow"
    corrected = await office.ask("POST", path, {"reason": "已就诊"}, status=200)
    assert corrected["status"] == "entered-in-error"


async def mark_hot(open_api: OpenApi, office: SlotOffice) -> None:
    """A clinic is marked hot, and not; the rule of the waiting room is changed; what was found is listed."""
    (rule,) = (await office.ask("GET", f"{BASE}/rush-rules", status=200))["items"]
    path = f"{BASE}/rush-rules/{rule['id']}"
    assert await office.ask("GET", path, status=200) == rule
    changed = await office.ask("PATCH", path, {"version": 1, "turn_seconds": 240}, status=200)
    assert (changed["turn_seconds"], changed["join_minutes_before"]) == (240, 10)
    refused = {"version": 2, "gate_minutes": 30, "closes_minutes_after": 20}
    await office.ask("PATCH", path, refused, status=422, code="catalogue.value_not_allowed")
    schedule = await open_api.hospital.schedule(seats=1)
    clinic = str(open_api.hospital.clinic_id)
    for body, status in (({}, 422), ({"schedule_id": str(schedule.id), "clinic_id": clinic}, 422)):
        await office.ask("POST", f"{BASE}/rush-marks", body, status=status, code="catalogue.value_not_allowed")
    unknown = {"schedule_id": str(uuid4())}
    await office.ask("POST", f"{BASE}/rush-marks", unknown, status=422, code="catalogue.reference_unknown")
    marks = [
        await office.ask("POST", f"{BASE}/rush-marks", body, status=201)
        for body in ({"schedule_id": str(schedule.id)}, {"clinic_id": clinic})
    ]
    twice = {"clinic_id": clinic, "is_hot": False}
    await office.ask("POST", f"{BASE}/rush-marks", twice, status=409, code="catalogue.duplicate")
    path = f"{BASE}/rush-marks/{marks[1]['id']}"
    assert await office.ask("GET", path, status=200) == marks[1]
    assert not (await office.ask("PATCH", path, {"version": 1, "is_hot": False}, status=200))["is_hot"]
    await office.ask("DELETE", f"{BASE}/rush-marks/{marks[0]['id']}?version=1", status=200)
    await open_api.db.execute(
        "INSERT INTO rush_finding SELECT id, 3, 42, now() FROM practitioner ON CONFLICT DO NOTHING"
    )
    found = (await office.ask("GET", f"{BASE}/rush-findings?limit=1", status=200))["items"]
    assert [one["slowest_seconds"] for one in found] == [42]
