"""The hospital's gateway for short messages, joined with those who ask for it: signing in, and messages."""

from collections.abc import Mapping, Sequence
from typing import Final

from integration.sms.errors import AnswerLost, NotReached, SendRefused, SmsError
from integration.sms.gateway import REPORTS_MAX, TENCENT, Account, SmsGateway
from integration.sms.signing import Key
from kernel.db import Database
from kernel.log import get_logger
from kernel.secrets import SecretMissing, Secrets
from kernel.settings import Settings, ShortMessageAccount
from notifications.ports import Handed, Outcome, ShortMessage
from notifications.reports import Report, note_reports
from oauth.sign_in.errors import InvalidPhone, MessageNotSent, TooManyAttempts
from oauth.sign_in.sandbox_messages import keep_message

OUTCOMES: Final[Mapping[str, Outcome]] = {
    "FailedOperation.PhoneNumberInBlacklist": "no_receiver",
    "FailedOperation.PhoneNumberOnBlacklist": "no_receiver",
    "InvalidParameterValue.IncorrectPhoneNumber": "no_receiver",
    "UnsupportedOperation.UnsuportedRegion": "no_receiver",
    "FailedOperation.TemplateIncorrectOrUnapproved": "bad_template",
    "FailedOperation.TemplateIdNotExist": "bad_template",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": "bad_template",
    "FailedOperation.TemplateUnapprovedOrNotExist": "bad_template",
    "FailedOperation.ContainSensitiveWord": "bad_content",
    "FailedOperation.MarketingSendTimeConstraint": "bad_template",
    "InvalidParameter.DirtyWordFound": "bad_content",
    "InvalidParameterValue.ContentLengthLimit": "bad_content",
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": "bad_content",
    "InvalidParameterValue.TemplateParameterFormatError": "bad_content",
    "InvalidParameterValue.TemplateParameterLengthLimit": "bad_content",
}
"""What the gateway's codes mean for a message. Any other is about our account: put right, the message will go."""
PASSING: Final = ("LimitExceeded.DeliveryFrequencyLimit", "LimitExceeded.PhoneNumber", "RequestLimitExceeded")
"""Codes that begin so pass by themselves; nobody has to put anything right."""
OF_A_NUMBER_SECONDS: Final[Mapping[str, int]] = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30,
    "LimitExceeded.PhoneNumberOneHourLimit": 3_600,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 86_400,
    "LimitExceeded.PhoneNumberDailyLimit": 86_400,
}
"""The gateway's own limits for one number, and when it is worth asking again."""
ENGLISH: Final = ".en"
PULLS_MAX: Final = 20
"""So many times a turn; the rest waits for the next."""

log = get_logger("sms")


_opened: SmsGateway | None = None


def open_sms_gateway(settings: Settings) -> SmsGateway | None:
    """Give this process's way to the gateway, or None where the hospital has none.

    Raises:
        FileNotFoundError: a secret is not where SMS_SECRET_ID or SMS_SECRET_KEY says.
    """
    global _opened  # noqa: PLW0603  one a process: its connections are shared by all who ask
    if _opened is None and settings.sms is not None:
        _opened = build_sms_gateway(settings.sms, Secrets(settings.keys_dir))
    return _opened


async def close_sms_gateway() -> None:
    """Give the connections back at the end of a process."""
    global _opened  # noqa: PLW0603  one a process, cleared at the end
    if _opened is not None:
        await _opened.aclose()
        _opened = None


def build_sms_gateway(account: ShortMessageAccount, secrets: Secrets) -> SmsGateway:
    """Make the way to the gateway.

    Raises:
        FileNotFoundError: as open_sms_gateway.
    """
    try:
        secret_id, secret_key = (
            secrets.read(reference).decode("ascii").strip() for reference in (account.secret_id, account.secret_key)
        )
    except (SecretMissing, UnicodeDecodeError) as error:
        raise FileNotFoundError("nothing to read where SMS_SECRET_ID or SMS_SECRET_KEY says") from error
    return SmsGateway(
        Account(account.app_id, account.sign_name, Key(secret_id, secret_key)), base_url=account.base_url or TENCENT
    )


async def fetch_reports(db: Database, gateway: SmsGateway) -> int:
    """Fetch what became of messages and write it down; give how many reports came.

    The gateway gives each out once: what cannot be written down then is lost, and the message stays as it was.

    Raises:
        DatabaseUnavailable.
    """
    fetched = 0
    for _ in range(PULLS_MAX):
        try:
            reports = await gateway.pull_reports()
        except SmsError as error:
            log.warning("sms_reports_not_fetched", reason=type(error).__name__, code=error.code)
            break
        await note_reports(db, [Report(one.serial, one.has_arrived, one.reason) for one in reports])
        fetched += len(reports)
        if len(reports) < REPORTS_MAX:
            break
    return fetched


class SmsWay:
    """Short messages, as the notification centre sends them (`notifications.ports.ShortMessages`)."""

    def __init__(self, gateway: SmsGateway, *, is_sandbox: bool) -> None:
        self._gateway = gateway
        self._is_sandbox = is_sandbox

    @property
    def wants_templates(self) -> bool:
        """Tell that a kind without a template is not sent: no gateway in China sends free text."""
        return True

    async def send(self, message: ShortMessage) -> Handed:
        """Hand a message over; whatever the gateway says is an outcome."""
        if message.template_id is None:
            return Handed("bad_template", "no template")
        handed = await _hand_over(self._gateway, message.phone, message.template_id, message.values)
        if self._is_sandbox and handed.outcome == "accepted":
            await keep_message(phone=message.phone, text=message.text)
        return handed


class SmsCodes:
    """Short messages, as signing in sends them (`oauth.sign_in.ports.Messages`)."""

    def __init__(self, gateway: SmsGateway, templates: Mapping[str, str], *, is_sandbox: bool) -> None:
        """Take the templates by their names; an English one (NAME.en) that is missing is the Chinese one."""
        self._gateway = gateway
        self._templates = templates
        self._is_sandbox = is_sandbox

    async def send(self, *, phone: str, text: str, template: str, values: Sequence[str]) -> None:
        """Hand a message over. One of which nobody knows counts as sent: whoever waits in vain asks again.

        Raises:
            MessageNotSent, InvalidPhone, TooManyAttempts.
        """
        template_id = self._templates.get(template) or self._templates.get(template.removesuffix(ENGLISH))
        if template_id is None:
            log.error("sms_template_missing", template=template)
            raise MessageNotSent
        handed = await _hand_over(self._gateway, phone, template_id, values)
        if (seconds := OF_A_NUMBER_SECONDS.get(handed.code or "")) is not None:
            raise TooManyAttempts(retry_after_seconds=seconds)
        if handed.code == "InvalidParameterValue.IncorrectPhoneNumber":
            raise InvalidPhone
        if handed.outcome not in ("accepted", "unknown"):
            if handed.outcome != "busy":
                log.error("sms_code_refused", template=template, code=handed.code)
            raise MessageNotSent
        if self._is_sandbox and handed.outcome == "accepted":
            await keep_message(phone=phone, text=text)


async def _hand_over(gateway: SmsGateway, phone: str, template_id: str, values: Sequence[str]) -> Handed:
    try:
        serial = await gateway.send(phone=phone, template_id=template_id, values=values)
    except NotReached:
        log.warning("sms_gateway_not_reached")
        return Handed("busy", "not reached")
    except AnswerLost as lost:
        log.warning("sms_answer_lost", code=lost.code)
        return Handed("unknown", lost.code)
    except SendRefused as refusal:
        outcome = OUTCOMES.get(refusal.code or "")
        if outcome is None and not (refusal.code or "").startswith(PASSING):
            log.error("sms_refused", code=refusal.code)
        return Handed(outcome or "busy", refusal.code)
    return Handed("accepted", serial)
