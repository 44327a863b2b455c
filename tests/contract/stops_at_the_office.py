"""The slot office's work with stopped clinics and extra numbers, a part of its whole work."""

from uuid import UUID

from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def stop_and_restart(open_api: OpenApi, office: SlotOffice, practitioner_id: str) -> None:
    """A clinic is stopped, rests, goes on, is taken back; a second one is left to people; the rule is set."""
    rule = await office.ask("GET", f"{BASE}/stop-rule", status=200)
    steps = {"steps": ["move", "keep"], "offer_minutes": 60, "within_days": 3, "version": rule["version"]}
    changed = await office.ask("PUT", f"{BASE}/stop-rule", steps, status=200)
    assert changed == steps | {"version": rule["version"] + 1}
    found = await office.ask("GET", f"{BASE}/schedules?practitioner_id={practitioner_id}&status=active", status=200)
    schedule = await office.ask("GET", f"{BASE}/schedules/{found['items'][0]['id']}", status=200)
    body = {"schedule_id": schedule["id"], "reason": "医生临时停诊", "steps": ["offer", "keep"]}
    for n, turns in enumerate((("pause", "resume", "restart"), ("abort", "restart"))):
        # Somebody has a choice open, so the stop is under way until it is answered.
        slot = schedule["slots"][n]["id"]
        appointment = await open_api.book(UUID(slot), await open_api.patient())
        stop = await office.ask("POST", f"{BASE}/stops", body | {"slot_ids": [slot]}, status=201, key=f"stop-{n}")
        path = f"{BASE}/stops/{stop['id']}"
        for turn in turns:
            shown = await office.ask("POST", f"{path}/{turn}", status=200)
        assert shown["status"] == "restarted"
        assert (await office.ask("GET", path, status=200))["report"]["cases"] in (0, 1)
        await office.ask("GET", f"{path}/cases", status=200)
        assert (await open_api.portal.get(f"/appointments/{appointment}")).json()["status"] == "booked"
        await office.ask("POST", f"{path}/resume", status=409, code="stops.status_conflict")


async def add_seats(open_api: OpenApi, office: SlotOffice, practitioner_id: str) -> None:
    """One asks for extra numbers, another approves one and refuses one; the quota is set."""
    found = await office.ask("GET", f"{BASE}/schedules?practitioner_id={practitioner_id}&status=active", status=200)
    schedule = await office.ask("GET", f"{BASE}/schedules/{found['items'][0]['id']}", status=200)
    path = f"{BASE}/extra-seat-quota"
    quota = await office.ask("GET", f"{path}?practitioner_id={practitioner_id}", status=200)
    assert quota == {"practitioner_id": practitioner_id, "per_half_day": 5, "version": 0}
    own = {"practitioner_id": practitioner_id, "per_half_day": 2}
    assert await office.ask("PUT", path, own | {"version": 0}, status=200) == own | {"version": 1}
    await office.ask("PUT", path, own | {"version": 0}, status=409, code="catalogue.version_conflict")
    asked, ask = [], {"pool": "common", "reason": "外地复诊患者"}
    for _ in range(2):
        place = f"{BASE}/slots/{schedule['slots'][0]['id']}/extra-seats"
        asked.append((await office.ask("POST", place, ask, status=201))["id"])
    await office.ask("POST", place, ask, status=409, code="extra_seats.quota_reached")
    extra = f"{BASE}/extra-seats"
    await office.ask("POST", f"{extra}/{asked[0]}/approve", status=409, code="extra_seats.second_person_needed")
    mine, office.caller.staff_code = office.caller.staff_code, await open_api.staff()
    approved = await office.ask("POST", f"{extra}/{asked[0]}/approve", status=200)
    assert (approved["status"], approved["queue_number"], approved["requested_by"]) == ("approved", 21, mine)
    refused = await office.ask("POST", f"{extra}/{asked[1]}/refuse", status=200)
    assert refused["status"] == "refused"
    office.caller.staff_code = mine
    assert await office.ask("GET", f"{extra}/{asked[0]}", status=200) == approved
