"""Cases of bans after missed visits."""

from uuid import UUID

import httpx

from kernel.ids import new_id
from tests.contract.cases import case
from tests.contract.patterns_at_the_office import found_out
from tests.factories.open_api import OpenApi
from tests.factories.slot_office import restore_reference_data

APPEAL = "POST /bans/<ban_id:uuid>/appeal"


async def _banned(api: OpenApi) -> tuple[UUID, str]:
    """Somebody who has missed three visits, and the ban."""
    patient = await api.patient()
    for day in range(3):
        await api.miss_visit(patient, in_days=3 + day)
    (ban,) = (await api.portal.get("/bans", params={"patient_id": str(patient)})).json()["items"]
    return patient, ban["id"]


async def _appeal(api: OpenApi, ban_id: object) -> httpx.Response:
    return await api.portal.post(f"/bans/{ban_id}/appeal", {"reason": "当天已到医院"})


@case("GET /bans")
async def bans(api: OpenApi) -> httpx.Response:
    patient, _ = await _banned(api)
    answer = await api.portal.get("/bans", params={"patient_id": str(patient), "limit": 1})
    (ban,) = answer.json()["items"]
    assert (ban["status"], ban["noshow_count"], len(ban["noshows"])) == ("active", 3, 3)
    return answer


@case("GET /bans", "request.invalid_cursor")
async def bans_forged(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/bans", params={"patient_id": str(new_id()), "cursor": "AAAAAAAAAAAAAAAAAAAA"})


@case("GET /bans/<ban_id:uuid>")
async def read_ban(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    return await api.portal.get(f"/bans/{ban}")


@case("GET /bans/<ban_id:uuid>", "fairness.ban_not_found")
async def read_others_ban(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    return await (await api.client()).get(f"/bans/{ban}")


@case(APPEAL)
async def appeal(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    return await _appeal(api, ban)


@case(APPEAL, "fairness.ban_not_found")
async def appeal_against_nothing(api: OpenApi) -> httpx.Response:
    return await _appeal(api, new_id())


@case(APPEAL, "fairness.appeal_open")
async def appeal_twice(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    assert (await _appeal(api, ban)).status_code == 200
    return await _appeal(api, ban)


@case(APPEAL, "fairness.appeal_limit_reached")
async def appeal_too_often(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    for _ in range(3):
        assert (await _appeal(api, ban)).status_code == 200
        await api.db.execute(
            "UPDATE booking_ban_appeal SET status = 'rejected', decision = 'x', decided_at = created_at"
            " WHERE status = 'open'"
        )
    return await _appeal(api, ban)


@case(APPEAL, "fairness.ban_not_active")
async def appeal_late(api: OpenApi) -> httpx.Response:
    _, ban = await _banned(api)
    await api.db.execute("UPDATE booking_ban SET starts_at = now() - interval '2 d', until = now() - interval '1 d'")
    return await _appeal(api, ban)


def _declare_banned() -> None:
    for operation in ("/holds", "/appointments"):

        @case(f"POST {operation}", "booking.patient_banned")
        async def book_banned(api: OpenApi, operation: str = operation) -> httpx.Response:
            patient, _ = await _banned(api)
            schedule = await api.hospital.schedule(seats=1)
            return await api.portal.post(operation, {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)})


_declare_banned()


@case("POST /holds", "booking.holds_paused")
async def hold_in_a_cool_down(api: OpenApi) -> httpx.Response:
    patient = await api.patient()
    schedule = await api.hospital.schedule(seats=1)
    try:
        await api.db.execute("UPDATE hold_pattern_rule SET automatic = true")
        await found_out(api, patient)
        return await api.portal.post("/holds", {"slot_id": str(schedule.slots[0]), "patient_id": str(patient)})
    finally:
        await restore_reference_data(api.db)


@case("POST /appointments", "fairness.pass_for_staff_only")
async def let_oneself_pass(api: OpenApi) -> httpx.Response:
    schedule = await api.hospital.schedule(seats=1)
    body = {"slot_id": str(schedule.slots[0]), "patient_id": str(await api.patient()), "ban_pass_reason": "x"}
    return await api.portal.post("/appointments", body)


def _declare_limited() -> None:
    for operation, claim in (("/holds", "hold"), ("/appointments", "appointment")):

        @case(f"POST {operation}", "booking.limit_reached")
        async def claim_too_much(api: OpenApi, operation: str = operation, claim: str = claim) -> httpx.Response:
            people = [await api.patient(), await api.patient()]
            schedule = await api.hospital.schedule(seats=2)
            await api.db.execute(
                "UPDATE claim_limit SET active = true, count_max = 1 WHERE subject = 'device' AND claim = $1", claim
            )
            try:
                for person in people:
                    answer = await api.portal.post(
                        operation,
                        {"slot_id": str(schedule.slots[0]), "patient_id": str(person)},
                        headers={"device-id": "installation-1"},
                    )
            finally:
                await restore_reference_data(api.db)
            return answer


_declare_limited()
