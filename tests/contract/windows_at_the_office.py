"""The slot office's work with the windows' emergency quota, a part of its whole work."""

from integration.his.intake import Intake
from kernel.crypto import cipher
from runtime.subscriptions import build_subscriptions
from tests.contract.conftest import SlotOffice
from tests.factories.booking import ScheduleUnderTest
from tests.factories.open_api import OpenApi
from tests.factories.windows import Window, a_stranger

BASE = "/administration"


async def hold_numbers_for_the_windows(open_api: OpenApi, office: SlotOffice) -> None:
    """Numbers are set aside and taken back; two registrations of an outage are in nobody's rule, and are settled."""
    schedule, other = [await open_api.hospital.schedule(seats=6) for _ in range(2)]
    path = f"{BASE}/schedules/{schedule.id}/emergency-quota"
    await office.ask("PUT", path, {"numbers": 4}, status=409, code="windows.too_few_numbers")
    quota = await office.ask("PUT", path, {"numbers": 3}, status=200, key="quota-1")
    assert await office.ask("PUT", path, {"numbers": 3}, status=200, key="quota-1") == quota
    assert (quota["unconfirmed"], quota["confirmed"]) == (3, 0)
    listed = f"{BASE}/emergency-quotas?date={schedule.clinic_date}&unconfirmed=true&limit=1"
    assert (await office.ask("GET", listed, status=200))["items"] == [quota]
    window = Window(open_api.db, Intake(open_api.db, build_subscriptions(), cipher=cipher()))
    await window.told(schedule.id)
    assert (await office.ask("GET", listed, status=200))["items"] == []
    quota = await office.ask("PUT", path, {"numbers": 2}, status=200)
    assert (quota["confirmed"], quota["recalled"]) == (2, 1)
    await settle_cases(office, window, schedule, other)


async def settle_cases(
    office: SlotOffice, window: Window, schedule: ScheduleUnderTest, other: ScheduleUnderTest
) -> None:
    """Two people who had a number that day have registered for another at the window."""
    for n, sequence in enumerate((2, 4)):
        person = a_stranger(f"MR-{n}")
        await window.registers(other, n + 1, f"H-{n}", patient=person)
        await window.registers(schedule, sequence, f"HW-{n}", patient=person)
    cases = f"{BASE}/window-cases"
    found = await office.ask("GET", f"{cases}?status=open&limit=2", status=200)
    later, earlier = found["items"]
    assert (earlier["his_id"], later["his_id"], found["next"]) == ("HW-0", "HW-1", None)
    accepted = await office.ask("POST", f"{cases}/{earlier['id']}/accept", {}, status=200, key="accept-1")
    assert await office.ask("POST", f"{cases}/{earlier['id']}/accept", {}, status=200, key="accept-1") == accepted
    assert (accepted["status"], accepted["settled_by"]) == ("accepted", office.caller.staff_code)
    refused = await office.ask("POST", f"{cases}/{later['id']}/refuse", {"note": "患者保留原预约"}, status=200)
    assert await office.ask("GET", f"{cases}/{later['id']}", status=200) == refused
    note = {"note": "再次"}
    await office.ask("POST", f"{cases}/{later['id']}/refuse", note, status=409, code="windows.case_settled")
