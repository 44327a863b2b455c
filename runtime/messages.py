"""Joins the notification centre with the ways out of this hospital, and with those who have something to tell."""

from datetime import datetime
from uuid import UUID

from feedback.ports import Occasion, set_herald
from integration.sms.gateway import SmsGateway
from integration.wechat.miniprogram import MiniProgram
from kernel.db import Transaction
from kernel.log import get_logger
from kernel.settings import Settings
from notifications.ports import Handed, ShortMessage, ShortMessages
from notifications.telling import Occurrence, tell
from notifications.ways import Ways, set_ways
from oauth.sign_in.sandbox_messages import keep_message
from patients.heralds import Occasion as AccountOccasion
from patients.heralds import set_herald as set_account_herald
from runtime.sms import SmsWay, open_sms_gateway
from runtime.wechat import WeChatOpenids, WeChatWay, open_mini_program

log = get_logger("notifications")


class SandboxShortMessages:
    """The sandbox's telephones: short messages go to the letter box that sign-in codes go to."""

    @property
    def wants_templates(self) -> bool:
        """Tell that any words go."""
        return False

    async def send(self, message: ShortMessage) -> Handed:
        """Keep a message for its number."""
        await keep_message(phone=message.phone, text=message.text)
        return Handed("accepted")


class FeedbackHerald:
    """Tells the account that filed a case what its office has done (`feedback.ports.Herald`)."""

    async def tell(
        self,
        tx: Transaction,
        occasion: Occasion,
        *,
        case_id: UUID,
        account_id: UUID,
        patient_id: UUID,
        at: datetime,
    ) -> None:
        """Put it into that one inbox, in the change's own transaction; a case can be answered twice, never at once."""
        occurrence = Occurrence(
            key=f"{occasion}:{case_id}:{at.isoformat()}",
            kind=occasion,
            patient_id=patient_id,
            subject_kind="feedback",
            subject_id=str(case_id),
            at=at,
            facts={},
            account_id=account_id,
        )
        await tell(tx, [occurrence])


class AccountHerald:
    """Tells an account what has become of its number (`patients.heralds.Herald`)."""

    async def tell(
        self, tx: Transaction, occasion: AccountOccasion, *, account_id: UUID, patient_id: UUID, at: datetime
    ) -> None:
        """Put it into that one inbox, in the change's own transaction."""
        occurrence = Occurrence(
            key=f"{occasion}:{account_id}:{at.isoformat()}",
            kind=occasion,
            patient_id=patient_id,
            subject_kind="account",
            subject_id=str(account_id),
            at=at,
            facts={},
            account_id=account_id,
        )
        await tell(tx, [occurrence])


def build_ways(settings: Settings, mini_program: MiniProgram | None, gateway: SmsGateway | None) -> Ways:
    """Say which ways are connected. A production without a gateway sends no short messages."""
    return Ways(
        wechat=None if mini_program is None else WeChatWay(mini_program),
        identities=None if mini_program is None else WeChatOpenids(mini_program.app_id),
        sms=_short_messages(settings, gateway),
    )


def _short_messages(settings: Settings, gateway: SmsGateway | None) -> ShortMessages | None:
    if gateway is not None:
        return SmsWay(gateway, is_sandbox=not settings.production)
    return None if settings.production else SandboxShortMessages()


def connect_messages(settings: Settings) -> None:
    """Connect the ways and the heralds at the start of a process.

    Raises:
        FileNotFoundError: a secret is not where WECHAT_APP_SECRET, SMS_SECRET_ID or SMS_SECRET_KEY says.
    """
    connected = build_ways(settings, open_mini_program(settings), open_sms_gateway(settings))
    set_ways(connected)
    # Said at each start: what is not connected is not missed until somebody waits for a message.
    log.info("ways_connected", wechat=connected.has("wechat"), sms=connected.has("sms"))
    set_herald(FeedbackHerald())
    set_account_herald(AccountHerald())
