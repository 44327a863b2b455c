"""A relative pays by a code: they see no more than they need, may do no more than pay, and the order is paid once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from kernel import clock
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id
from oauth import attempts as guesses
from patients.service import register_patient
from payments import errors
from payments.gateways.port import ChannelCode, Scene
from payments.orders import Order, close_order
from payments.relatives import (
    ASKS_PER_MINUTE_MAX,
    CODES_PER_ORDER_MAX,
    ENDED_KEPT,
    PayCode,
    make_pay_code,
    mask_name,
    pay_by_code,
    purge_codes,
    revoke_pay_code,
    show_payable,
)
from tests.factories.patients import registration
from tests.factories.payments import CASHIER, PORTAL, PaymentsUnderTest

OTHER = Actor(client_id="insurer", channel="portal", kind="partner")
RELATIVE = "openid-of-a-daughter"
HOME = "203.0.113.7"


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path) -> None:
    (tmp_path / "field_key").write_text("11" * 32)
    (tmp_path / "lookup_key").write_text("22" * 32)
    load_cipher(tmp_path)


@pytest.fixture
async def order(payments: PaymentsUnderTest) -> Order:
    person, _ = await register_patient(registration(name="欧阳小明"), actor=PORTAL)
    return await payments.order(patient_id=person.id)


async def pay(code: PayCode, *, payer: str = RELATIVE, address: str = HOME) -> str:
    attempt = await pay_by_code(
        code.code, channel=ChannelCode.WECHATPAY, scene=Scene.MINI_PROGRAM, payer=payer, address=address
    )
    return attempt.attempt_no


async def test_a_relative_sees_what_is_needed_and_pays(payments: PaymentsUnderTest, order: Order) -> None:
    code = await make_pay_code(order.id, actor=PORTAL)
    assert len(code.code) == 22

    shown = await show_payable(code.code, address=HOME)
    assert shown._asdict() == {
        "title": "门诊缴费", "amount_fen": 2500, "name": "***明", "status": "payable", "expires_at": code.expires_at,
        "kind": "outpatient_bill", "campus_id": None,
    }  # fmt: skip
    await payments.tell(payments.wechat.pay(await pay(code)))
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    assert (await show_payable(code.code, address=HOME)).status == "paid"
    with pytest.raises(errors.PayCodeEnded) as refused:
        await pay(code)
    assert refused.value.details == {"reason": "paid"}
    await payments.require_sound()


async def test_an_order_waits_for_the_relative_but_a_seat_does_not(payments: PaymentsUnderTest, order: Order) -> None:
    soon = await make_pay_code(order.id, actor=PORTAL, valid_for=timedelta(minutes=5))
    assert (await payments.look(order)).expires_at == order.expires_at
    code = await make_pay_code(order.id, actor=PORTAL)
    assert soon.expires_at < order.expires_at < code.expires_at
    await payments.pass_time(until=timedelta(hours=3), step=timedelta(minutes=30))
    assert await payments.look(order) == order._replace(expires_at=code.expires_at, version=order.version + 1)
    with clock.frozen(payments.passed_until):
        await payments.tell(payments.wechat.pay(await pay(code)))
        await payments.settle_down()
    assert (await payments.look(order)).status == "settled"

    seat = await payments.order(kind="registration", patient_id=order.patient_id)
    assert (await make_pay_code(seat.id, actor=PORTAL)).expires_at == seat.expires_at
    assert await payments.look(seat) == seat
    await payments.require_sound()


async def test_who_tried_before_the_order_was_lengthened_is_given_an_attempt_that_can_be_paid(
    payments: PaymentsUnderTest, order: Order
) -> None:
    before = await payments.attempt(order)
    assert (await payments.attempt(order)).id == before.id
    await make_pay_code(order.id, actor=PORTAL)

    with clock.frozen(before.expires_at):
        after = await payments.attempt(order)

    assert after.id != before.id
    assert after.expires_at > before.expires_at


async def test_the_code_itself_is_nowhere_in_the_database(
    payments: PaymentsUnderTest, order: Order, database: Database
) -> None:
    code = await make_pay_code(order.id, actor=PORTAL, idempotency=Idempotency("portal", "k", "POST /pay-codes"))

    for table in ("pay_code", "payment_event", "idempotency_key", "payment_order"):
        assert code.code not in str([tuple(row) for row in await database.fetch(f"SELECT * FROM {table}")])
    again = await make_pay_code(order.id, actor=PORTAL, idempotency=Idempotency("portal", "k", "POST /pay-codes"))
    assert again == code
    assert len(await payments.rows("pay_code")) == 1


async def test_the_patient_and_a_relative_at_once_pay_once(payments: PaymentsUnderTest, order: Order) -> None:
    codes = [await make_pay_code(order.id, actor=PORTAL) for _ in range(2)]
    tried = [await pay(codes[0]), await pay(codes[1], payer="openid-of-a-son")]
    tried.append((await payments.attempt(order)).attempt_no)

    await asyncio.gather(*(payments.tell(payments.wechat.pay(number)) for number in tried))
    await payments.settle_down()

    assert (await payments.look(order)).status == "settled"
    assert payments.wechat.held_fen == 2500
    assert [row["cause"] for row in await payments.rows("payment_refund")] == ["surplus", "surplus"]
    await payments.require_sound()


async def test_a_code_ends_when_it_is_revoked_and_only_its_maker_revokes(
    payments: PaymentsUnderTest, order: Order
) -> None:
    account = uuid4()
    code = await make_pay_code(order.id, actor=PORTAL, account_id=account)
    for actor, maker in ((OTHER, account), (PORTAL, None), (PORTAL, uuid4())):
        with pytest.raises(errors.PayCodeNotFound):
            await revoke_pay_code(code.id, actor=actor, account_id=maker)
    assert (await show_payable(code.code, address=HOME)).status == "payable"

    for _ in range(2):
        await revoke_pay_code(code.id, actor=PORTAL, account_id=account)

    for use in (show_payable(code.code, address=HOME), pay(code)):
        with pytest.raises(errors.PayCodeEnded) as refused:
            await use
        assert refused.value.details == {"reason": "revoked"}
    assert await payments.rows("payment_attempt") == []
    by_staff = await make_pay_code(order.id, actor=PORTAL, account_id=account)
    await revoke_pay_code(by_staff.id, actor=CASHIER)
    with pytest.raises(errors.PayCodeNotFound):
        await revoke_pay_code(new_id(), actor=CASHIER)


async def test_a_code_ends_with_its_time_and_with_its_order(payments: PaymentsUnderTest, order: Order) -> None:
    short = await make_pay_code(order.id, actor=PORTAL, valid_for=timedelta(minutes=5))
    whole = await make_pay_code(order.id, actor=PORTAL)
    with clock.frozen(short.expires_at), pytest.raises(errors.PayCodeEnded) as refused:
        await pay(short)
    assert refused.value.details == {"reason": "expired"}

    await close_order(order.id, reason="cancelled", actor=PORTAL)

    assert (await show_payable(whole.code, address=HOME)).status == "ended"
    with pytest.raises(errors.PayCodeEnded):
        await pay(whole)
    with pytest.raises(errors.OrderNotOpen):
        await make_pay_code(order.id, actor=PORTAL)
    assert await payments.rows("payment_attempt") == []


async def test_a_code_that_ended_long_ago_is_forgotten(payments: PaymentsUnderTest, order: Order) -> None:
    made = await make_pay_code(order.id, actor=PORTAL)
    just_ended = made.expires_at + timedelta(seconds=1)
    with clock.frozen(just_ended):
        assert await purge_codes(payments.db) == 0
        with pytest.raises(errors.PayCodeEnded):
            await show_payable(made.code, address=HOME)
    with clock.frozen(just_ended + ENDED_KEPT):
        assert await purge_codes(payments.db) == 1
        with pytest.raises(errors.PayCodeNotFound):
            await show_payable(made.code, address=HOME)


async def test_only_who_may_see_an_order_makes_codes_for_it_and_not_many(
    payments: PaymentsUnderTest, order: Order
) -> None:
    with pytest.raises(errors.OrderNotFound):
        await make_pay_code(order.id, actor=OTHER)
    codes = [await make_pay_code(order.id, actor=PORTAL) for _ in range(CODES_PER_ORDER_MAX)]
    assert len({code.code for code in codes}) == CODES_PER_ORDER_MAX
    with pytest.raises(errors.TooManyPayCodes):
        await make_pay_code(order.id, actor=PORTAL)
    await revoke_pay_code(codes[0].id, actor=PORTAL)
    await make_pay_code(order.id, actor=PORTAL)
    with clock.frozen((await payments.look(order)).expires_at), pytest.raises(errors.OrderEnding):
        await make_pay_code(order.id, actor=PORTAL)
    assert len(await payments.rows("pay_code")) == CODES_PER_ORDER_MAX + 1


async def test_a_code_is_not_asked_for_without_end(payments: PaymentsUnderTest, order: Order) -> None:
    code = await make_pay_code(order.id, actor=PORTAL)
    at = clock.now()
    with clock.frozen(at):
        for _ in range(ASKS_PER_MINUTE_MAX):
            await show_payable(code.code, address=HOME)
        for use in (show_payable(code.code, address=HOME), pay(code)):
            with pytest.raises(errors.PayCodeBusy):
                await use
    with clock.frozen(at + timedelta(minutes=1)):
        await show_payable(code.code, address=HOME)
    assert await payments.rows("payment_attempt") == []


async def test_guessing_ends_for_the_address_that_guesses(payments: PaymentsUnderTest, order: Order) -> None:
    code = await make_pay_code(order.id, actor=PORTAL)
    for wrong in ("", "x" * 65, *(f"{n:022d}" for n in range(guesses.PAIR_FAILURES_MAX))):
        with pytest.raises(errors.PayCodeNotFound):
            await show_payable(wrong, address="203.0.113.66")

    with pytest.raises(errors.PayCodeBusy) as refused:
        await show_payable(code.code, address="203.0.113.66")
    assert "retry_after_seconds" in refused.value.details
    assert (await show_payable(code.code, address=HOME)).status == "payable"
    assert [row["asks"] for row in await payments.rows("pay_code")] == [1]


def test_a_name_shows_its_last_character_alone() -> None:
    assert [mask_name(name) for name in ("张三", "欧阳小明", "李", "")] == ["*三", "***明", "李", ""]
