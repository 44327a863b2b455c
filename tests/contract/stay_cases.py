"""Cases of stays in hospital and of what a day was charged."""

import httpx

from kernel import clock
from kernel.ids import new_id
from patients.his import HIS_SYSTEM
from patients.service import attach_identifier
from tests.contract.bill_cases import Ward
from tests.contract.cases import HisBeside, case, his_case
from tests.factories.his_billing import CRP
from tests.factories.open_api import OpenApi

STAYS = "GET /stays"
CHARGES = "GET /stays/<admission_no:str>/charges"


@his_case(STAYS)
async def stays(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    never = await api.portal.get("/stays", params={"patient_id": str(ward.patient_id)})
    assert (never.status_code, never.json()) == (200, {"items": []})
    stay = await his.stations.admit()
    answer = await api.portal.get("/stays", params={"patient_id": str(ward.patient_id)})
    [shown] = answer.json()["items"]
    assert (shown["admission_no"], shown["status"], shown["balance_fen"]) == (stay["admission_no"], "admitted", 0)
    return answer


@case(STAYS, "patients.not_found")
async def stays_of_another_applications_patient(api: OpenApi) -> httpx.Response:
    stranger = await api.client()
    theirs = {"patient_id": str(await api.patient())}
    assert (await stranger.get("/stays", params=theirs)).status_code == 404
    return await api.portal.get("/stays", params={"patient_id": str(new_id())})


@case(STAYS, "payments.patient_not_linked")
async def stays_of_a_newcomer(api: OpenApi) -> httpx.Response:
    return await api.portal.get("/stays", params={"patient_id": str(await api.patient())})


@his_case(CHARGES)
async def daily_charges(api: OpenApi, his: HisBeside) -> httpx.Response:
    ward = await Ward.open(api, his)
    stay, day = await his.stations.admit(), f"{clock.today()}"
    await his.stations.charge_stay(stay["admission_no"], day, CRP)
    asked = {"patient_id": str(ward.patient_id), "day": day}
    answer = await api.portal.get(f"/stays/{stay['admission_no']}/charges", params=asked)
    shown = answer.json()
    assert [line["name"] for line in shown["items"]] == ["C反应蛋白"]
    assert shown["total_fen"] == sum(line["amount_fen"] for line in shown["items"]) > 0
    return answer


@his_case(CHARGES, "payments.stay_not_found")
async def daily_charges_of_another_patients_stay(api: OpenApi, his: HisBeside) -> httpx.Response:
    """Whose number of a stay it is decides, not who may see some patient."""
    await Ward.open(api, his)
    stay = await his.stations.admit()
    other = await api.patient()
    async with api.db.transaction() as tx:
        await attach_identifier(tx, patient_id=other, system=HIS_SYSTEM, value="MR99999999")
    asked = {"patient_id": str(other), "day": f"{clock.today()}"}
    return await api.portal.get(f"/stays/{stay['admission_no']}/charges", params=asked)


@case(CHARGES, "patients.not_found")
async def daily_charges_of_another_applications_patient(api: OpenApi) -> httpx.Response:
    asked = {"patient_id": str(new_id()), "day": f"{clock.today()}"}
    return await api.portal.get("/stays/A0000001/charges", params=asked)


@case(CHARGES, "payments.patient_not_linked")
async def daily_charges_of_a_newcomer(api: OpenApi) -> httpx.Response:
    asked = {"patient_id": str(await api.patient()), "day": f"{clock.today()}"}
    return await api.portal.get("/stays/A0000001/charges", params=asked)
