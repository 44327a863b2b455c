"""Cases of the sandbox's faults: asked for, read, called off; and what the hospital refuses of them."""

import httpx

from kernel.ids import new_id
from open_api.paging import write_cursor
from partners.sandbox.service import FAULTS_MAX
from tests.contract.cases import case
from tests.factories.open_api import OpenApi
from tests.factories.sandbox import FAULTS, GIVEN_BACK, end_faults, see_through, stop_clinic, trigger, wait_in_store

FAULT = "/sandbox/faults/<fault_id:uuid>"


@case(f"POST {FAULTS}")
async def ask_for_a_fault(api: OpenApi) -> httpx.Response:
    answer = await api.portal.post(FAULTS, {"kind": "slow_answer", "operation": "list_slots", "calls": 3}, key="k1")
    fault = answer.json()
    assert (fault["status"], fault["struck"], fault["calls"], fault["seconds"]) == ("active", 0, 3, 5)
    again = await api.portal.post(FAULTS, {"kind": "slow_answer", "operation": "list_slots", "calls": 3}, key="k1")
    assert again.json() == fault
    assert await api.db.fetchval("SELECT count(*) FROM sandbox_fault") == 1
    return answer


@case(f"POST {FAULTS}", "sandbox.fault_invalid")
async def ask_for_nonsense(api: OpenApi) -> httpx.Response:
    answer = await api.portal.post(FAULTS, {"kind": "internal_error", "operation": "no_such_thing"})
    assert answer.json()["field"] == "operation"
    return answer


@case(f"POST {FAULTS}", "sandbox.fault_limit_reached")
async def ask_for_too_many(api: OpenApi) -> httpx.Response:
    for _ in range(FAULTS_MAX):
        await wait_in_store(api, api.portal, "slow_answer")
    answer = await api.portal.post(FAULTS, {"kind": "slow_answer"})
    assert answer.json()["limit"] == FAULTS_MAX
    return answer


@case(f"POST {FAULTS}", "booking.appointment_not_found")
async def stop_another_ones_clinic(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    theirs = await api.book(schedule.slots[0], await api.patient(api.kiosk), api.kiosk)
    answer = await api.portal.post(FAULTS, {"kind": "clinic_stopped", "appointment_id": str(theirs)})
    assert await api.db.fetchval("SELECT count(*) FROM stop_order") == 0
    return answer


@case(f"POST {FAULTS}", "booking.appointment_not_active")
async def stop_the_clinic_of_a_cancelled_one(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    appointment = await api.book(schedule.slots[0], await api.patient())
    await api.portal.post(f"/appointments/{appointment}/cancel", {})
    return await api.portal.post(FAULTS, {"kind": "clinic_stopped", "appointment_id": str(appointment)})


@case(f"POST {FAULTS}", "stops.already_stopped")
async def stop_a_clinic_twice(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    appointment = await api.book(schedule.slots[0], await api.patient())
    await stop_clinic(api, appointment)
    # As one stands who was left to people.
    await api.db.execute("UPDATE appointment SET status = 'booked' WHERE id = $1", appointment)
    return await api.portal.post(FAULTS, {"kind": "clinic_stopped", "appointment_id": str(appointment)})


@case(f"GET {FAULTS}")
async def list_faults(api: OpenApi) -> httpx.Response:
    own = [await wait_in_store(api, api.portal, "slow_answer") for _ in range(2)]
    await wait_in_store(api, api.kiosk, "slow_answer")
    begun = (await api.portal.get(FAULTS, params={"limit": 1})).json()
    answer = await api.portal.get(FAULTS, params={"limit": 1, "cursor": begun["next"]})
    assert [one["id"] for one in (*begun["items"], *answer.json()["items"])] == sorted(own, reverse=True)
    assert answer.json()["next"] is None
    return answer


@case(f"GET {FAULTS}", "request.invalid_cursor")
async def list_with_a_forged_cursor(api: OpenApi) -> httpx.Response:
    return await api.portal.get(FAULTS, params={"cursor": write_cursor("webhook_deliveries", 1)})


@case(f"GET {FAULT}")
async def get_fault(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"{FAULTS}/{await wait_in_store(api, api.portal, 'rate_limited')}")


@case(f"GET {FAULT}", "sandbox.fault_not_found")
async def get_no_fault(api: OpenApi) -> httpx.Response:
    return await api.portal.get(f"{FAULTS}/{new_id()}")


@case(f"DELETE {FAULT}")
async def cancel_fault(api: OpenApi) -> httpx.Response:
    fault = await trigger(api.portal, kind="internal_error", calls=50)
    answer = await api.portal.send("DELETE", f"{FAULTS}/{fault['id']}")
    assert answer.json() == fault | {"status": "cancelled"}
    assert (await api.portal.get("/departments")).status_code == 200
    return answer


@case(f"DELETE {FAULT}", "sandbox.fault_not_found")
async def cancel_another_ones(api: OpenApi) -> httpx.Response:
    return await api.portal.send("DELETE", f"{FAULTS}/{await wait_in_store(api, api.kiosk, 'slow_answer')}")


@case(f"DELETE {FAULT}", "sandbox.fault_ended")
async def cancel_what_is_over(api: OpenApi) -> httpx.Response:
    fault = await wait_in_store(api, api.portal, "slow_answer")
    await end_faults(api)
    answer = await api.portal.send("DELETE", f"{FAULTS}/{fault}")
    assert answer.json()["current_status"] == "ended"
    return answer


@case(f"DELETE {FAULT}", "stops.status_conflict")
async def call_off_what_the_office_took_back(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    appointment = await api.book(schedule.slots[0], await api.patient())
    fault = await stop_clinic(api, appointment)
    restarted = await api.office.post(f"/administration/stops/{fault['stop_id']}/restart")
    assert restarted.status_code == 200, restarted.text
    await see_through(api, fault, GIVEN_BACK)
    return await api.portal.send("DELETE", f"{FAULTS}/{fault['id']}")


@case(f"DELETE {FAULT}", "stops.restart_too_late")
async def call_off_what_has_begun(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=2)
    appointment = await api.book(schedule.slots[0], await api.patient())
    fault = await stop_clinic(api, appointment)
    long_ago = "interval '30 days'"
    await api.db.execute(f"UPDATE slot SET starts_at = starts_at - {long_ago}, ends_at = ends_at - {long_ago}")
    await api.db.execute(f"UPDATE stop_order SET effective_at = effective_at - {long_ago}")
    return await api.portal.send("DELETE", f"{FAULTS}/{fault['id']}")
