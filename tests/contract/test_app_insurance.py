"""Bills that the medical insurance shares, on a patient's phone: consent, parts, agreeing, and every no."""

from typing import Any

import httpx
import pytest

from payments.invariants import find_broken
from tests.contract.cases import HisBeside
from tests.factories.app_insurance import InsuredMember
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.paying import Till

TOTAL_FEN = 5_333


@pytest.fixture
async def own(open_api: OpenApi, phone: Phone, his_beside: HisBeside) -> InsuredMember:
    """An insured member who owes a bill of 53.33 yuan."""
    return await InsuredMember.owing(open_api, phone, his_beside)


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def orders_of(own: InsuredMember) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await own.phone.get(f"/members/{own.patient_id}/orders")).json()["items"]
    return found


async def test_a_bill_is_shared_and_its_parts_are_shown_before_anything_is_paid(own: InsuredMember) -> None:
    place = (await own.phone.get(own.bills)).json()["insurance"]
    assert place["page_url"].endswith("%2Fm%2Fback%2Finsurance")
    assert place["mini_program"] == {"app_id": "wx0123456789abcdef", "path": "auth/index?openType=getAuthCode"}

    order = await own.shared()
    parts = order["insurance"]
    assert (order["state"], order["amount_fen"], order["insured_fen"]) == ("payable", 1_068, 4_265)
    assert (parts["total_fen"], parts["fund_fen"], parts["account_fen"]) == (TOTAL_FEN, 3_199, 1_066)
    assert (parts["cash_fen"], parts["status"], parts["is_by_one_password"]) == (1_068, "pending", False)
    assert f"%2Fm%2Fback%2Fagreed%2F{order['order_id']}" in parts["cashier"]["page_url"]
    assert "payOrdId=ORD440100" in parts["cashier"]["page_url"]
    assert "centre_order_no" not in parts

    assert (await own.look(order["order_id"]))["insurance_status"] == "pending"
    await own.agree(order["order_id"])
    assert (await own.look(order["order_id"]))["insurance_status"] == "paid"
    agreed = await own.order(order["order_id"])
    assert (agreed["state"], agreed["insurance"]["status"], agreed["insurance"]["cashier"]) == ("payable", "paid", None)
    assert [(one["insured_fen"], one["total_fen"]) for one in await orders_of(own)] == [(4_265, TOTAL_FEN)]
    assert await find_broken(own.api.db) == []


async def test_the_insurance_is_asked_once_in_a_while_however_many_look(own: InsuredMember) -> None:
    order = await own.shared()
    await own.look(order["order_id"])
    await own.agree(order["order_id"])
    address = f"{own.order_at(order['order_id'])}/state"
    assert (await own.phone.get(address)).json()["insurance_status"] == "pending"
    assert (await own.look(order["order_id"]))["insurance_status"] == "paid"


async def test_while_the_insurance_does_not_answer_its_part_is_not_known(own: InsuredMember) -> None:
    order = await own.shared()
    await own.agree(order["order_id"])
    await own.his.centre.fault("centre_silent", times=1)
    assert (await own.look(order["order_id"]))["insurance_status"] == "pending"
    assert (await own.look(order["order_id"]))["insurance_status"] == "paid"


async def test_a_bill_that_the_insurance_pays_whole_wants_no_channel(own: InsuredMember) -> None:
    await Till.open(own.api)
    order = await own.shared(pooled=100, account=0)
    assert (order["amount_fen"], order["insured_fen"], order["channels"]) == (TOTAL_FEN, TOTAL_FEN, [])
    begun = await own.phone.post(
        f"{own.order_at(order['order_id'])}/payments", {"channel": "wechatpay", "scene": "browser"}
    )
    assert refused(begun) == (409, "payments.channel_not_offered")
    await own.agree(order["order_id"])
    told = await own.look(order["order_id"])
    assert (told["state"], told["insurance_status"]) == ("paid", "pending")


async def test_an_order_whose_part_the_insurance_fails_is_given_up_and_ordered_without(own: InsuredMember) -> None:
    order = await own.shared()
    await own.agree(order["order_id"], "fail")
    assert (await own.look(order["order_id"]))["insurance_status"] == "taken_back"
    shown = await own.order(order["order_id"])
    assert (shown["insurance"]["back_fen"], shown["insurance"]["cashier"]) == (0, None)
    assert (await own.phone.post(f"{own.order_at(order['order_id'])}/close")).json()["state"] == "ended"
    again = await own.phone.post(f"{own.bills}/order", {"bills": await own.seen()})
    assert (again.status_code, again.json()["insurance_status"]) == (201, None)
    assert (await own.order(again.json()["order_id"]))["amount_fen"] == TOTAL_FEN


@pytest.mark.parametrize(
    ("fault", "parameters", "code"),
    [
        ("centre_refused", {"code": "9999"}, (409, "payments.insurance_refused")),
        ("insurance_fails", {}, (409, "payments.insurance_refused")),
        ("insurance_share", {"pooled": 0, "account": 0}, (409, "payments.insurance_pays_nothing")),
        ("centre_silent", {}, (503, "payments.insurance_silent")),
        ("consent_silent", {}, (503, "payments.insurance_silent")),
    ],
)
async def test_what_the_insurance_does_not_share_is_ordered_by_nobody_and_can_be_paid_without(
    own: InsuredMember, fault: str, parameters: dict[str, Any], code: tuple[int, str]
) -> None:
    await own.his.centre.fault(fault, times=1, **parameters)
    answer = await own.share()
    assert refused(answer) == code
    assert await orders_of(own) == []
    assert (await own.phone.post(f"{own.bills}/order", {"bills": await own.seen()})).status_code == 201


async def test_a_consent_is_good_once_and_for_the_person_alone_who_gave_it(own: InsuredMember) -> None:
    assert refused(await own.share("never-given-to-anybody")) == (409, "payments.consent_refused")
    others = await own.consent(name="李时珍")
    assert refused(await own.share(others)) == (409, "payments.consent_of_another")
    another = await own.consent(number="44010019900101001X")
    assert refused(await own.share(another)) == (409, "payments.consent_of_another")
    code = await own.consent()
    order = (await own.share(code, key="once")).json()
    await own.phone.post(f"{own.order_at(order['order_id'])}/close")
    assert refused(await own.share(code)) == (409, "payments.consent_refused")


async def test_asking_again_with_the_same_key_gives_the_same_order(own: InsuredMember) -> None:
    body = {"bills": await own.seen(), "consent_code": await own.consent()}
    first = await own.phone.post(f"{own.bills}/insured-order", body, key="the-same")
    again = await own.phone.post(f"{own.bills}/insured-order", body, key="the-same")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["order_id"] == again.json()["order_id"]
    assert len(await orders_of(own)) == 1


async def test_a_phone_of_another_account_shares_nothing_and_reads_no_parts(own: InsuredMember) -> None:
    order = await own.shared()
    stranger = await Phone.signed_in(own.api.http)
    theirs = await stranger.add_member()
    body = {"bills": [{"bill_no": "B0000001", "hash": "00"}], "consent_code": await own.consent()}
    assert refused(await stranger.post(f"{own.bills}/insured-order", body)) == (404, "patients.not_found")
    for address in (own.order_at(order["order_id"]), f"/members/{theirs}/orders/{order['order_id']}"):
        assert (await stranger.get(address)).status_code == 404


async def test_what_the_hospital_has_not_switched_on_is_not_shown_and_not_done(
    open_api: OpenApi, phone: Phone, his_beside: HisBeside
) -> None:
    own = await InsuredMember.owing(open_api, phone, his_beside, account=False)
    assert (await phone.get(own.bills)).json()["insurance"] is None
    assert refused(await own.share())[1] == "payments.insurance_not_offered"


async def test_who_is_known_by_a_passport_is_not_offered_it(
    open_api: OpenApi, phone: Phone, his_beside: HisBeside
) -> None:
    own = await InsuredMember.owing(open_api, phone, his_beside)
    await open_api.db.execute("UPDATE patient SET document_type = 'PPN' WHERE id = $1", own.patient_id)
    assert (await phone.get(own.bills)).json()["insurance"] is None
    assert refused(await own.share()) == (409, "payments.not_insured")
