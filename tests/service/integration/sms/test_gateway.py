"""Our side of the gateway over the emulator's wire: what is sent, what is refused, and what nobody knows."""

import re
from typing import Any

import pytest

from integration.sms.errors import AnswerLost, NotReached, SendRefused
from integration.sms.gateway import REPORTS_MAX, SmsGateway
from integration.sms.signing import Key
from runtime.embedded.ports import any_free
from tests.factories.sms import CODE_TEMPLATE, TEMPLATE, VALUES, SmsBeside, new_phone


async def test_a_template_is_filled_in_and_arrives_under_the_hospitals_name(
    beside: SmsBeside, gateway: SmsGateway
) -> None:
    phone = new_phone()
    serial = await gateway.send(phone=phone, template_id=TEMPLATE, values=VALUES)
    assert re.fullmatch(r"2640:[0-9]{20}", serial)
    assert await beside.received(phone) == ["【示范医院】张**的候补有号了，请在11月29日（周日）12:00前到小程序确认。"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"phone": "12345678901"}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ({"phone": "1370000000"}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ({"template_id": "404"}, "FailedOperation.TemplateUnapprovedOrNotExist"),
    ({"values": VALUES[:1]}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
    ({"values": (*VALUES, "x")}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
    ({"values": ("", "x")}, "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"),
    ({"values": ("张**", "https://a.example")}, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
    ({"values": ("张**", "赌博")}, "FailedOperation.ContainSensitiveWord"),
    ({"values": ("张**", "长" * 500)}, "InvalidParameterValue.ContentLengthLimit"),
    ({"values": ("张**", "长" * 1001)}, "InvalidParameter"),
    ({"template_id": CODE_TEMPLATE, "values": ("1234567",)}, "InvalidParameterValue.TemplateParameterFormatError"),
    ({"template_id": CODE_TEMPLATE, "values": ("12a456",)}, "InvalidParameterValue.TemplateParameterFormatError"),
]


@pytest.mark.parametrize(("changes", "code"), WRONG)
async def test_what_the_gateway_does_not_send_is_refused_by_its_code(
    beside: SmsBeside, gateway: SmsGateway, changes: dict[str, Any], code: str
) -> None:
    before = await beside.taken()
    with pytest.raises(SendRefused) as caught:
        await gateway.send(**({"phone": new_phone(), "template_id": TEMPLATE, "values": VALUES} | changes))
    assert caught.value.code == code
    assert await beside.taken() == before


async def test_a_number_is_written_to_as_often_as_the_gateway_allows(beside: SmsBeside, gateway: SmsGateway) -> None:
    await beside.go_to_noon()
    phone = new_phone()

    async def refusal() -> str | None:
        with pytest.raises(SendRefused) as caught:
            await gateway.send(phone=phone, template_id=CODE_TEMPLATE, values=["123456"])
        return caught.value.code

    for _ in range(5):
        await gateway.send(phone=phone, template_id=CODE_TEMPLATE, values=["123456"])
        assert await refusal() == "LimitExceeded.PhoneNumberThirtySecondLimit"
        await beside.process.advance(31)
    assert await refusal() == "LimitExceeded.PhoneNumberOneHourLimit"
    await beside.limit("day", 5)
    await beside.process.advance(3_600)
    try:
        assert await refusal() == "LimitExceeded.PhoneNumberDailyLimit"
    finally:
        await beside.limit("day", 10)
    await beside.limit("application_day", 0)
    try:
        phone = new_phone()
        assert await refusal() == "LimitExceeded.AppDailyLimit"
    finally:
        await beside.limit("application_day", 100_000)


async def test_whoever_wants_no_messages_gets_none(beside: SmsBeside, gateway: SmsGateway) -> None:
    phone = new_phone()
    await beside.telephone(phone, "blocked")
    with pytest.raises(SendRefused, match="PhoneNumberInBlacklist"):
        await gateway.send(phone=phone, template_id=TEMPLATE, values=VALUES)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": Key("AKIDofNobody", "0" * 32)}, "AuthFailure.SecretIdNotFound"),
        ({"app_id": "1400000999"}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({"sign_name": "别的医院"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
    ],
)
async def test_a_wrong_account_sends_nothing(beside: SmsBeside, changes: dict[str, Any], code: str) -> None:
    stranger = beside.gateway_with(**changes)
    before = await beside.taken()
    with pytest.raises(SendRefused, match=code):
        await stranger.send(phone=new_phone(), template_id=TEMPLATE, values=VALUES)
    await stranger.aclose()
    assert await beside.taken() == before


async def test_a_wrong_secret_is_told_by_the_signature(beside: SmsBeside) -> None:
    stranger = beside.gateway_with(key=Key(beside.key.id, "0" * 32))
    with pytest.raises(SendRefused, match="SignatureFailure"):
        await stranger.send(phone=new_phone(), template_id=TEMPLATE, values=VALUES)
    await stranger.aclose()


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [("unavailable", 0), ("answer_lost", 1), ("connection_cut", 1), ("in_doubt", 1)],
)
async def test_what_nobody_knows_is_said_to_be_unknown(
    beside: SmsBeside, gateway: SmsGateway, fault: str, arrived: int
) -> None:
    phone = new_phone()
    await beside.process.fault(fault)
    with pytest.raises(AnswerLost):
        await gateway.send(phone=phone, template_id=TEMPLATE, values=VALUES)
    assert len(await beside.received(phone)) == arrived


async def test_a_slow_answer_is_not_waited_for(beside: SmsBeside) -> None:
    hasty = beside.gateway(answer_seconds_max=0.2)
    await beside.process.fault("slow", seconds=2)
    with pytest.raises(AnswerLost):
        await hasty.send(phone=new_phone(), template_id=TEMPLATE, values=VALUES)
    await hasty.aclose()


async def test_nothing_has_left_where_nobody_listens(beside: SmsBeside) -> None:
    nowhere = beside.gateway(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    with pytest.raises(NotReached):
        await nowhere.send(phone=new_phone(), template_id=TEMPLATE, values=VALUES)
    await nowhere.aclose()


async def test_reports_are_given_out_once(beside: SmsBeside, gateway: SmsGateway) -> None:
    while len(await gateway.pull_reports()) == REPORTS_MAX:
        pass
    there, nobody = new_phone(), new_phone()
    await beside.telephone(nobody, "nobody")
    serials = [await gateway.send(phone=one, template_id=TEMPLATE, values=VALUES) for one in (there, nobody)]
    told = await gateway.pull_reports()
    assert [(one.serial, one.has_arrived, one.reason) for one in told] == [
        (serials[0], True, "DELIVRD"),
        (serials[1], False, "MK:0001"),
    ]
    assert await beside.received(nobody) == []
    assert await gateway.pull_reports() == []


async def test_a_refused_pull_is_a_refusal(beside: SmsBeside, gateway: SmsGateway) -> None:
    await beside.process.fault("call_refused", code="UnauthorizedOperation.RequestPermissionDeny")
    with pytest.raises(SendRefused, match="RequestPermissionDeny"):
        await gateway.pull_reports()


async def test_memory_outlives_a_killed_emulator(beside: SmsBeside, gateway: SmsGateway) -> None:
    phone = new_phone()
    await gateway.send(phone=phone, template_id=TEMPLATE, values=VALUES)
    beside.process.kill()
    await beside.process.start()
    assert len(await beside.received(phone)) == 1
