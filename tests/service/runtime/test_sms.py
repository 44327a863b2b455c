"""Short messages as the notification centre and signing in hand them over: what the gateway's answers mean there."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.sms.gateway import SmsGateway
from integration.sms.signing import Key
from kernel.crypto import load_cipher
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.secrets import Secrets
from kernel.settings import Settings
from notifications.ports import Handed, Outcome, ShortMessage
from notifications.wording import number_names
from oauth.sign_in import phone_codes
from oauth.sign_in.errors import InvalidPhone, MessageNotSent, TooManyAttempts
from oauth.sign_in.sandbox_messages import SandboxMessages, read_messages
from runtime import sms as runtime_sms
from runtime.cli import doctor
from runtime.composition import build_sign_in
from runtime.demo_hospital.messages import load_short_message_templates
from runtime.embedded.ports import any_free
from runtime.messages import SandboxShortMessages, build_ways
from runtime.sandbox_messages import CODE_TEMPLATES, SHORT_TEMPLATES
from runtime.sms import SmsCodes, SmsWay, build_sms_gateway, fetch_reports
from tests.factories.keys import write_keys
from tests.factories.sms import TEMPLATE, VALUES, SmsBeside, new_phone, sms
from tests.service.runtime.test_messages import SYSTEM

CODE = "135790"
TEXT = "登录验证码 135790"


@pytest.fixture(scope="module")
async def _beside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmsBeside]:
    async with sms(tmp_path_factory.mktemp("sms")) as opened:
        yield opened


@pytest.fixture
async def beside(_beside: SmsBeside, tmp_path: Path) -> AsyncIterator[SmsBeside]:
    load_cipher(write_keys(tmp_path / "keys"))
    yield _beside
    await _beside.process.clear_faults()


@pytest.fixture
async def gateway(beside: SmsBeside) -> AsyncIterator[SmsGateway]:
    opened = beside.gateway()
    yield opened
    await opened.aclose()


@pytest.fixture
def way(gateway: SmsGateway) -> SmsWay:
    return SmsWay(gateway, is_sandbox=False)


@pytest.fixture
def codes(beside: SmsBeside, gateway: SmsGateway) -> SmsCodes:
    return SmsCodes(gateway, beside.settings.templates, is_sandbox=False)


def message(**changes: object) -> ShortMessage:
    return replace(ShortMessage(new_phone(), "as it is read", TEMPLATE, VALUES), **changes)  # type: ignore[arg-type]  # a test's own


async def send_code(codes: SmsCodes, phone: str | None = None, template: str = "sign_in_code") -> None:
    await codes.send(phone=phone or new_phone(), text=TEXT, template=template, values=[CODE])


async def test_a_message_is_handed_over_under_the_gateways_number(beside: SmsBeside, way: SmsWay) -> None:
    sent = message()
    handed = await way.send(sent)
    assert handed.outcome == "accepted"
    assert handed.code is not None
    assert handed.code.startswith("2640:")
    assert len(await beside.received(sent.phone)) == 1


async def test_a_message_without_a_template_is_not_handed_over(beside: SmsBeside, way: SmsWay) -> None:
    before = await beside.taken()
    assert (await way.send(message(template_id=None))).outcome == "bad_template"
    assert await beside.taken() == before


MEANT: list[tuple[str, Outcome]] = [
    ("FailedOperation.PhoneNumberInBlacklist", "no_receiver"),
    ("InvalidParameterValue.IncorrectPhoneNumber", "no_receiver"),
    ("UnsupportedOperation.UnsuportedRegion", "no_receiver"),
    ("FailedOperation.TemplateIncorrectOrUnapproved", "bad_template"),
    ("FailedOperation.TemplateIdNotExist", "bad_template"),
    ("FailedOperation.TemplateUnapprovedOrNotExist", "bad_template"),
    ("FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "bad_template"),
    ("FailedOperation.ContainSensitiveWord", "bad_content"),
    ("InvalidParameterValue.ContentLengthLimit", "bad_content"),
    ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "bad_content"),
    ("InvalidParameterValue.TemplateParameterFormatError", "bad_content"),
    ("InvalidParameterValue.TemplateParameterLengthLimit", "bad_content"),
    ("LimitExceeded.PhoneNumberThirtySecondLimit", "busy"),
    ("LimitExceeded.PhoneNumberOneHourLimit", "busy"),
    ("LimitExceeded.PhoneNumberDailyLimit", "busy"),
    ("LimitExceeded.PhoneNumberSameContentDailyLimit", "busy"),
    ("LimitExceeded.DeliveryFrequencyLimit", "busy"),
    ("LimitExceeded.AppDailyLimit", "busy"),
    ("FailedOperation.InsufficientBalanceInSmsPackage", "busy"),
    ("FailedOperation.SignatureIncorrectOrUnapproved", "busy"),
    ("UnauthorizedOperation.SerivceSuspendDueToArrears", "busy"),
    ("UnauthorizedOperation.RequestIpNotInWhitelist", "busy"),
    ("InternalError.Timeout", "unknown"),
    ("InternalError.OtherError", "unknown"),
    ("InternalError.SendAndRecvFail", "unknown"),
]


@pytest.mark.parametrize(("code", "outcome"), MEANT)
async def test_every_word_of_the_gateway_about_a_number_means_something(
    beside: SmsBeside, way: SmsWay, code: str, outcome: Outcome
) -> None:
    await beside.process.fault("number_refused", code=code)
    assert await way.send(message()) == Handed(outcome, code)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("RequestLimitExceeded", "busy"),
        ("RequestLimitExceeded.UinLimitExceeded", "busy"),
        ("AuthFailure.SecretIdNotFound", "busy"),
        ("AuthFailure.SignatureExpire", "busy"),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "busy"),
        ("InvalidParameterValue.ContentLengthLimit", "bad_content"),
        ("InternalError", "unknown"),
    ],
)
async def test_every_word_about_the_whole_call_too(beside: SmsBeside, way: SmsWay, code: str, outcome: Outcome) -> None:
    await beside.process.fault("call_refused", code=code)
    assert await way.send(message()) == Handed(outcome, code)


@pytest.mark.parametrize(
    ("fault", "arrived"), [("unavailable", 0), ("answer_lost", 1), ("connection_cut", 1), ("in_doubt", 1)]
)
async def test_what_became_of_it_is_never_claimed_wrongly(
    beside: SmsBeside, way: SmsWay, fault: str, arrived: int
) -> None:
    sent = message()
    await beside.process.fault(fault)
    assert (await way.send(sent)).outcome == "unknown"
    assert len(await beside.received(sent.phone)) == arrived


async def test_a_wrong_secret_or_no_gateway_is_no_fault_of_the_message(beside: SmsBeside) -> None:
    stranger = beside.gateway_with(key=Key(beside.key.id, "0" * 32))
    assert await SmsWay(stranger, is_sandbox=False).send(message()) == Handed("busy", "AuthFailure.SignatureFailure")
    await stranger.aclose()
    nowhere = beside.gateway(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    assert await SmsWay(nowhere, is_sandbox=False).send(message()) == Handed("busy", "not reached")
    await nowhere.aclose()


# --- codes for signing in


async def test_a_code_arrives_in_the_language_of_the_page(beside: SmsBeside, codes: SmsCodes) -> None:
    in_chinese, in_english = new_phone(), new_phone()
    await send_code(codes, in_chinese)
    await send_code(codes, in_english, "sign_in_code.en")
    assert await beside.received(in_chinese) == [
        f"【示范医院】登录验证码 {CODE}，5分钟内有效。请勿告诉任何人，医院工作人员不会向您索要。"
    ]
    assert (await beside.received(in_english))[0].startswith(f"【示范医院】Your sign-in code is {CODE}")


async def test_a_hospital_without_an_english_template_sends_the_chinese_one(
    beside: SmsBeside, gateway: SmsGateway
) -> None:
    phone = new_phone()
    only = {"sign_in_code": CODE_TEMPLATES["sign_in_code"].id}
    await send_code(SmsCodes(gateway, only, is_sandbox=False), phone, "sign_in_code.en")
    assert "登录验证码" in (await beside.received(phone))[0]


async def test_a_template_that_the_hospital_has_not_named_is_not_guessed(beside: SmsBeside, codes: SmsCodes) -> None:
    before = await beside.taken()
    with pytest.raises(MessageNotSent):
        await send_code(codes, template="something_else")
    assert await beside.taken() == before


@pytest.mark.parametrize(
    ("code", "raised", "seconds"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", InvalidPhone, None),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", TooManyAttempts, 30),
        ("LimitExceeded.PhoneNumberOneHourLimit", TooManyAttempts, 3_600),
        ("LimitExceeded.PhoneNumberDailyLimit", TooManyAttempts, 86_400),
        ("FailedOperation.PhoneNumberInBlacklist", MessageNotSent, None),
        ("FailedOperation.TemplateIncorrectOrUnapproved", MessageNotSent, None),
        ("LimitExceeded.AppDailyLimit", MessageNotSent, None),
        ("AuthFailure.SecretIdNotFound", MessageNotSent, None),
    ],
)
async def test_who_asks_for_a_code_is_told_what_they_can_do(
    beside: SmsBeside, codes: SmsCodes, code: str, raised: type[HospitalError], seconds: int | None
) -> None:
    await beside.process.fault("number_refused", code=code)
    with pytest.raises(raised) as caught:
        await send_code(codes)
    assert getattr(caught.value, "details", {}).get("retry_after_seconds") == seconds


async def test_a_code_of_which_nobody_knows_may_be_typed(beside: SmsBeside, codes: SmsCodes) -> None:
    phone = new_phone()
    await beside.process.fault("answer_lost")
    await send_code(codes, phone)
    assert len(await beside.received(phone)) == 1


async def test_a_gateway_that_is_away_has_sent_nothing(beside: SmsBeside) -> None:
    nowhere = beside.gateway(base_url=f"http://127.0.0.1:{any_free('127.0.0.1')}")
    with pytest.raises(MessageNotSent):
        await send_code(SmsCodes(nowhere, beside.settings.templates, is_sandbox=False))
    await nowhere.aclose()


async def test_no_number_code_or_text_is_logged(
    beside: SmsBeside,
    way: SmsWay,
    codes: SmsCodes,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    told = message()
    await way.send(told)
    await send_code(codes, told.phone[:-2] + "99")
    for fault in ("answer_lost", "unavailable"):
        await beside.process.fault(fault)
        await way.send(message(phone=told.phone))
    for code in ("FailedOperation.ContainSensitiveWord", "UnauthorizedOperation.RequestPermissionDeny"):
        await beside.process.fault("number_refused", code=code)
        await way.send(message(phone=told.phone))
        await beside.process.fault("number_refused", code=code)
        with pytest.raises(MessageNotSent):
            await send_code(codes, told.phone)
    written = caplog.text + "".join(capsys.readouterr()) + beside.process.log.read_text()
    assert "RequestPermissionDeny" in written, "what was wrong is told"
    for secret in (told.phone[2:], CODE, *VALUES, "登录验证码", beside.key.secret, beside.key.id):
        assert secret not in written


# --- put together


async def test_the_sandboxs_letter_box_has_what_its_telephones_received(
    beside: SmsBeside, gateway: SmsGateway, database: Database
) -> None:
    there, blocked = new_phone(), new_phone()
    await beside.telephone(blocked, "blocked")
    way = SmsWay(gateway, is_sandbox=True)
    for phone in (there, blocked):
        await way.send(message(phone=phone))
    other = new_phone()
    await send_code(SmsCodes(gateway, beside.settings.templates, is_sandbox=True), other)
    assert [one.text for one in await read_messages(there)] == ["as it is read"]
    assert await read_messages(blocked) == []
    assert [one.text for one in await read_messages(other)] == [TEXT]
    quiet = SmsWay(gateway, is_sandbox=False)
    await quiet.send(message(phone=blocked[:-2] + "98"))
    assert await database.fetchval("SELECT count(*) FROM sandbox_message") == 2


PRODUCTION = {
    "MODE": "production",
    "DATABASE_URL": "postgresql://hospital:0f8c1d2e@db.internal/hospital",
    "REDIS_URL": "redis://:77aa01cc@cache.internal/0",
    "PUBLIC_URL": "https://open.hospital.example/",
    "HIS_MLLP": "his.internal:2575",
    "HIS_HTTP_URL": "https://his.internal",
    "HIS_HTTP_TOKEN": "5d1b9c3e7f",
}
ACCOUNT = {
    "SMS_APP_ID": "1400006666",
    "SMS_SIGN_NAME": "示范医院",
    "SMS_SECRET_ID": "file:sms_secret_id",
    "SMS_SECRET_KEY": "file:sms_secret_key",
    "SMS_TEMPLATES": "sign_in_code=1110,sign_in_code.en=1111",
    "SMS_CODES_PER_DAY": "5000",
}


async def test_a_production_sends_codes_and_messages_where_it_has_a_gateway_alone(tmp_path: Path) -> None:
    without = Settings.from_environment(PRODUCTION | {"KEYS_DIR": str(tmp_path)})
    assert runtime_sms.open_sms_gateway(without) is None
    assert build_sign_in(without).messages is None
    assert build_ways(without, None, None).has("sms") is False

    having = Settings.from_environment(PRODUCTION | ACCOUNT | {"KEYS_DIR": str(tmp_path)})
    assert having.sms is not None
    with pytest.raises(FileNotFoundError, match="SMS_SECRET_ID"):
        build_sms_gateway(having.sms, Secrets(tmp_path))
    (tmp_path / "sms_secret_id").write_text("AKIDofTheTests\n")
    (tmp_path / "sms_secret_key").write_text("0123456789abcdef\n")
    opened = build_sms_gateway(having.sms, Secrets(tmp_path))
    signing_in, ways = build_sign_in(having, gateway=opened), build_ways(having, None, opened)
    assert isinstance(signing_in.messages, SmsCodes)
    assert signing_in.codes_per_day == 5_000
    assert isinstance(ways.sms, SmsWay)
    assert ways.wants_sms_templates
    await opened.aclose()


def test_the_doctor_says_what_is_missing_of_a_gateway(tmp_path: Path) -> None:
    def told(**more: str) -> list[tuple[str, str]]:
        environment = PRODUCTION | {"KEYS_DIR": str(tmp_path)} | more
        return [one for one in doctor.settings(environment) if "SMS_" in one[1] or "short messages" in one[1]]

    assert [verdict for verdict, _ in told()] == ["note"]
    assert [verdict for verdict, _ in told(**ACCOUNT)] == ["problem", "problem"]
    for name in ("sms_secret_id", "sms_secret_key"):
        (tmp_path / name).write_text("x")
    assert told(**ACCOUNT) == []


def test_a_sandbox_keeps_its_letter_box(tmp_path: Path) -> None:
    settings = Settings.from_environment({"DATABASE_URL": "postgresql://h@127.0.0.1/h", "KEYS_DIR": str(tmp_path)})
    assert isinstance(build_sign_in(settings).messages, SandboxMessages)
    ways = build_ways(settings, None, None)
    assert isinstance(ways.sms, SandboxShortMessages)
    assert not ways.wants_sms_templates


async def test_the_sandboxs_templates_say_the_hospitals_own_words(beside: SmsBeside, database: Database) -> None:
    rows = await database.fetch("SELECT code, sms FROM notification_kind WHERE sms IS NOT NULL")
    assert {row["code"]: number_names(row["sms"]) for row in rows} == {
        kind: one.content for kind, one in SHORT_TEMPLATES.items()
    }
    known = {one["id"]: one for one in (await beside.process.show("/templates"))["templates"]}
    for one in (*CODE_TEMPLATES.values(), *SHORT_TEMPLATES.values()):
        assert known[one.id] == {"id": one.id, "content": one.content, "is_code": one.is_code}


async def test_the_demonstration_hospital_sets_its_templates_once_and_leaves_its_own(database: Database) -> None:
    await database.execute("UPDATE notification_kind SET sms_template_id = '7' WHERE code = 'queue.called'")
    await database.execute("UPDATE notification_kind SET sms = '请查看。' WHERE code = 'stop.kept'")
    assert await load_short_message_templates(actor=SYSTEM) == len(SHORT_TEMPLATES) - 2
    assert await load_short_message_templates(actor=SYSTEM) == 0
    rows = await database.fetch("SELECT code, sms_template_id FROM notification_kind WHERE sms IS NOT NULL")
    found = {row["code"]: row["sms_template_id"] for row in rows}
    assert (found["queue.called"], found["stop.kept"]) == ("7", None)
    assert found["waitlist.offered"] == TEMPLATE
    logged = await database.fetchval("SELECT count(*) FROM change_log WHERE entity = 'notification_kind'")
    assert logged == len(SHORT_TEMPLATES) - 2


async def test_reports_that_cannot_be_fetched_wait(beside: SmsBeside, gateway: SmsGateway, database: Database) -> None:
    while await fetch_reports(database, gateway):
        pass
    await SmsWay(gateway, is_sandbox=False).send(message())
    await beside.process.fault("call_refused", code="UnauthorizedOperation.RequestPermissionDeny")
    assert await fetch_reports(database, gateway) == 0
    assert await fetch_reports(database, gateway) == 1


def test_the_sandboxs_codes_say_what_signing_in_says() -> None:
    said = {
        f"{purpose}_code{'' if language == 'zh' else '.en'}": text.format(code="{1}")
        for purpose, texts in phone_codes._TEXT.items()
        for language, text in texts.items()
    } | {f"number_changed{'' if language == 'zh' else '.en'}": text for language, text in phone_codes._WARNING.items()}
    assert said == {name: one.content for name, one in CODE_TEMPLATES.items()}
