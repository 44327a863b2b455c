"""The demonstration's charges as the real micro-HIS takes them: once, however often they are told."""

import asyncio
from datetime import timedelta

from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import StayStatus
from kernel import clock
from runtime.demo_hospital.access import invent_families
from runtime.demo_hospital.charges import DAYS_IN_HOSPITAL, DEPOSITS_FEN, StationsOfHis, inpatient, plan_orders
from tests.service.integration.micro_his.conftest import TOKEN, MicroHisProcess


async def mr_of(his: MicroHisProcess, document_number: str) -> str:
    (chart,) = (await his.http.get(f"/api/patients?document_number={document_number}")).json()["patients"]
    return str(chart["mr"])


async def test_the_families_owe_the_same_however_often_it_is_told(
    micro_his: MicroHisProcess, billing: RestHisBilling
) -> None:
    stations, today = StationsOfHis(base_url=str(micro_his.http.base_url), token=TOKEN), clock.today()
    assert await asyncio.to_thread(stations.tell, today=today) == len(plan_orders())
    first = await micro_his.everything()
    await asyncio.to_thread(stations.tell, today=today)
    assert await micro_his.everything() == first
    stations.close()

    for family in invent_families():
        for person, _ in family:
            orders = [one for one in plan_orders() if one.person == person]
            bills = await billing.list_unpaid_bills(await mr_of(micro_his, person.document_number))
            counted = [sum(article.unit_price_fen * n for article, n in order.articles) for order in orders]
            assert [(bill.kind, bill.total_fen) for bill in bills] == [
                (order.kind, total) for order, total in zip(orders, counted, strict=True)
            ]
    stay = await billing.find_stay(await mr_of(micro_his, inpatient().document_number))
    assert stay is not None
    assert (stay.status, stay.deposits_fen) == (StayStatus.ADMITTED, sum(DEPOSITS_FEN))
    wanted = [today - timedelta(days=n) for n in range(DAYS_IN_HOSPITAL + 2)]
    days = [await billing.list_charges(stay.admission_no, day) for day in wanted]
    totals = [day.total_fen for day in days if day is not None]
    assert (totals[0], totals[-1], len(set(totals[1:-1]))) == (0, 0, 1)
    assert sum(totals) == stay.charges_fen
    assert stay.balance_fen < 0
