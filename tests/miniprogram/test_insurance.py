"""The insurance in WeChat: its own mini-program, where people agree, and what the app makes of how they come back."""

from typing import Any

import pytest

from tests.contract.cases import HisBeside
from tests.factories.app_insurance import InsuredMember
from tests.factories.compiled_app import CompiledApp
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone
from tests.factories.wechat import WeChatBeside

pytestmark = pytest.mark.xdist_group("front-end")

INSURANCE = "wx0123456789abcdef"


@pytest.fixture
async def own(
    open_api: OpenApi, phone: Phone, his_beside: HisBeside, app: CompiledApp, beside: WeChatBeside
) -> InsuredMember:
    """Somebody insured who owes 53.33 yuan and has their bills before them in WeChat."""
    own = await InsuredMember.owing(open_api, phone, his_beside)
    await app.launch("account/sign-in/sign-in")
    await app.sign_in(beside, phone.number)
    await app.is_at("pages/home/home")
    await app.open("money/bills/bills")
    await app.settled("bills")
    return own


async def go_to_the_insurance(app: CompiledApp) -> None:
    """Choose it, and be led to its mini-program."""
    await app.tap("with-insurance")
    await app.tap("pay-bills", "用医保结算")
    await app.until("the insurance's mini-program", lambda: _was_called(app, 1))


async def come_back(app: CompiledApp, **told: Any) -> None:
    """Come back from it with what it says to the app."""
    await app.do("comeBack", {"appId": INSURANCE, "extraData": told})


async def test_who_agrees_at_the_insurances_mini_program_sees_the_parts_and_agrees_to_them(
    own: InsuredMember, app: CompiledApp
) -> None:
    await go_to_the_insurance(app)
    assert await _went(app) == [{"appId": INSURANCE, "path": "auth/index?openType=getAuthCode"}]
    await come_back(app, authCode=await own.consent())
    await app.settled("pay")
    await app.shows("31.99", "part-fund")
    await app.shows("10.68", "part-own")
    [order] = await own.api.db.fetch("SELECT id, amount_fen FROM payment_order")
    assert order["amount_fen"] == 1_068

    await app.tap("agree-now")
    await app.until("the insurance's cashier", lambda: _was_called(app, 2))
    number = await own.api.db.fetchval("SELECT pay_order_id FROM insurance_share")
    assert (await _went(app))[1] == {"appId": INSURANCE, "path": f"pay/index?payOrdId={number}"}
    await own.agree(str(order["id"]))
    # What it says itself counts for nothing: the hospital asks the insurance.
    await come_back(app, payStatus="success")
    await app.shows("医保已支付", "part-paid")
    assert await own.api.db.fetchval("SELECT status FROM payment_order") == "open"


@pytest.mark.parametrize("told", [{}, {"authCode": ""}, {"authCode": 7}], ids=["nothing", "empty", "no-text"])
async def test_who_comes_back_without_having_agreed_has_ordered_nothing_and_may_pay_alone(
    own: InsuredMember, app: CompiledApp, told: dict[str, Any]
) -> None:
    await go_to_the_insurance(app)
    await come_back(app, **told)
    await app.says("还没有授权医保。")
    assert (await app.seen())["route"] == "money/bills/bills"
    assert await own.api.db.fetchval("SELECT count(*) FROM payment_order") == 0
    # Coming back once more is no second answer.
    await come_back(app, authCode=await own.consent())
    assert (await app.seen())["route"] == "money/bills/bills"
    await app.tap("without-insurance")
    await app.tap("pay-bills", "去支付")
    await app.settled("pay")
    assert await own.api.db.fetchval("SELECT amount_fen FROM payment_order") == 5_333


async def test_a_code_that_the_insurance_does_not_know_orders_nothing(own: InsuredMember, app: CompiledApp) -> None:
    await go_to_the_insurance(app)
    await come_back(app, authCode="never-given-to-anybody")
    await app.shows("没有扣款", "insured-failed")
    assert await own.api.db.fetchval("SELECT count(*) FROM payment_order") == 0


async def test_who_does_not_let_wechat_leave_stays_and_is_told(own: InsuredMember, app: CompiledApp) -> None:
    await app.answer("navigateToMiniProgram", fail="navigateToMiniProgram:fail cancel")
    await go_to_the_insurance(app)
    await app.says("没能打开医保的页面，请稍后再试，或到收费窗口结算。")
    assert await own.api.db.fetchval("SELECT count(*) FROM payment_order") == 0
    # The next time they do.
    await app.answer("navigateToMiniProgram")
    await app.tap("pay-bills", "用医保结算")
    await app.until("the insurance's mini-program", lambda: _was_called(app, 2))
    await come_back(app, authCode=await own.consent())
    await app.settled("pay")
    await app.shows("31.99", "part-fund")


async def test_who_does_not_come_back_has_ordered_nothing_and_finds_the_bills_as_they_were(
    own: InsuredMember, app: CompiledApp
) -> None:
    await go_to_the_insurance(app)
    await own.consent()
    # WeChat ended it meanwhile; it is opened anew.
    await app.open("money/bills/bills")
    await app.settled("bills")
    assert await own.api.db.fetchval("SELECT count(*) FROM payment_order") == 0
    await app.tap("without-insurance")
    await app.tap("pay-bills", "去支付")
    await app.settled("pay")
    assert await own.api.db.fetchval("SELECT amount_fen FROM payment_order") == 5_333


async def _went(app: CompiledApp) -> list[dict[str, Any]]:
    return await app.called("navigateToMiniProgram")


async def _was_called(app: CompiledApp, times: int) -> bool:
    return len(await _went(app)) == times
