"""Findings of holds let go, as the slot office decides about them over the wire."""

from typing import Any
from uuid import UUID

from booking.fairness.patterns import look_for_patterns
from tests.contract.conftest import SlotOffice
from tests.factories.open_api import OpenApi

BASE = "/administration"


async def found_out(open_api: OpenApi, *people: UUID) -> None:
    """Let persons hold a number and let it go, twice, and the rule that says so find each of them."""
    schedule = await open_api.hospital.schedule(seats=2)
    await open_api.db.execute("UPDATE hold_pattern_rule SET active = (pattern, subject) = ('unbooked-holds', 'person')")
    await open_api.db.execute("UPDATE hold_pattern_rule SET count_min = 2 WHERE active")
    for person in people:
        for _ in range(2):
            body = {"slot_id": str(schedule.slots[0]), "patient_id": str(person)}
            hold = (await open_api.portal.post("/holds", body)).json()["id"]
            assert (await open_api.portal.post(f"/holds/{hold}/release")).status_code == 200
    assert await look_for_patterns() == len(people)


async def judge_hold_patterns(open_api: OpenApi, office: SlotOffice) -> None:
    """A rule is changed; one finding is confirmed and its cool-down ended, another one dismissed."""
    (rule,) = (await office.ask("GET", f"{BASE}/hold-pattern-rules?limit=1", status=200))["items"]
    path = f"{BASE}/hold-pattern-rules/{rule['id']}"
    await office.ask("PATCH", path, {"version": 1, "cool_down_minutes": 60}, status=200)
    assert (await office.ask("GET", path, status=200))["cool_down_minutes"] == 60
    refused = {"version": 2, "gap_minutes": 5}
    await office.ask("PATCH", path, refused, status=422, code="catalogue.value_not_allowed")

    people = [await open_api.patient(), await open_api.patient()]
    await found_out(open_api, *people)
    shown = await office.ask("GET", f"{BASE}/hold-patterns?status=open&limit=10", status=200)
    flags = {}
    for flag in shown["items"]:
        read: Any = await office.ask("GET", f"{BASE}/hold-patterns/{flag['id']}", status=200)
        assert read == flag | {"evidence": read["evidence"]}
        flags[read["evidence"][0]["patient_id"]] = f"{BASE}/hold-patterns/{flag['id']}"
    assert set(flags) == {str(person) for person in people}
    wrong, nothing = (flags[str(person)] for person in people)

    confirmed = await office.ask("POST", f"{wrong}/confirm", {"reason": "占号", "cool_down_minutes": 30}, status=200)
    assert (confirmed["status"], confirmed["reason"]) == ("confirmed", "占号")
    lifted = await office.ask("POST", f"{wrong}/lift", {"reason": "误判"}, status=200)
    assert lifted["status"] == "lifted"
    dismissed = await office.ask("POST", f"{nothing}/dismiss", {"reason": "家属代办"}, status=200)
    assert (dismissed["status"], dismissed["cool_down_until"]) == ("dismissed", None)
    again = await office.ask(
        "POST", f"{nothing}/confirm", {"reason": "x"}, status=409, code="fairness.pattern_flag_decided"
    )
    assert again["current_status"] == "dismissed"
