"""The hospital's mini-program, joined with those who ask for it: signing in, and messages."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from integration.wechat.client import WECHAT
from integration.wechat.errors import AnswerLost, CallRefused, CodeRefused, WeChatBusy, WeChatError
from integration.wechat.miniprogram import MiniProgram
from kernel.log import get_logger
from kernel.secrets import SecretMissing, Secrets
from kernel.settings import Settings
from notifications.ports import Handed, Outcome, SubscribeMessage
from oauth.sign_in.errors import InvalidPhone, SignInRefused, WeChatUnavailable
from oauth.sign_in.wechat import openids_of
from runtime.sandbox_channels import WECHAT_APP_ID, WECHAT_APP_SECRET

MAINLAND: Final = "86"
OUTCOMES: Final[Mapping[int, Outcome]] = {
    43101: "no_quota",
    40003: "no_receiver",
    40036: "no_receiver",
    40037: "bad_template",
    40165: "bad_template",
    41030: "bad_template",
    43116: "bad_template",
    45168: "bad_content",
    47001: "bad_content",
    47003: "bad_content",
    87014: "bad_content",
}
"""What WeChat's codes mean for a message. Any other is about our account, not the message: put right, it will go."""

log = get_logger("wechat")


_opened: MiniProgram | None = None


def open_mini_program(settings: Settings) -> MiniProgram | None:
    """Give this process's way to the hospital's mini-program, or None where it has none.

    Raises:
        FileNotFoundError: its secret is not where WECHAT_APP_SECRET says.
    """
    global _opened  # noqa: PLW0603  one a process: its token and its threads are shared by all who ask
    if _opened is None:
        _opened = build_mini_program(settings)
    return _opened


def close_mini_program() -> None:
    """Give the connections back at the end of a process."""
    global _opened  # noqa: PLW0603  one a process, cleared at the end
    if _opened is not None:
        _opened.close()
        _opened = None


def build_mini_program(settings: Settings) -> MiniProgram | None:
    """Make the way to the mini-program; a sandbox has one by itself, with the WeChat that is played there.

    Raises:
        FileNotFoundError: its secret is not where WECHAT_APP_SECRET says.
    """
    app_id, reference = settings.wechat_app_id, settings.wechat_app_secret
    if not settings.production and settings.wechat_base_url is not None:
        app_id, reference = app_id or WECHAT_APP_ID, reference or WECHAT_APP_SECRET
    if app_id is None or reference is None:
        return None
    try:
        secret = Secrets(settings.keys_dir).read(reference).decode().strip()
    except (SecretMissing, UnicodeDecodeError) as error:
        raise FileNotFoundError("nothing to read where WECHAT_APP_SECRET says") from error
    return MiniProgram(app_id=app_id, secret=secret, base_url=settings.wechat_base_url or WECHAT)


class WeChatSignIn:
    """The mini-program as signing in asks for it (`oauth.sign_in.ports.MiniProgram`)."""

    def __init__(self, mini_program: MiniProgram) -> None:
        self._mini_program = mini_program

    @property
    def app_id(self) -> str:
        """The mini-program: openids are its own."""
        return self._mini_program.app_id

    async def log_in(self, code: str) -> str:
        """Give the openid of whoever a login code is from.

        Raises:
            SignInRefused, WeChatUnavailable.
        """
        try:
            return (await self._mini_program.log_in(code)).openid
        except CodeRefused as error:
            raise SignInRefused from error
        except WeChatError as error:
            raise _unavailable(error) from error

    async def read_phone(self, code: str) -> str:
        """Give the number that WeChat has verified.

        Raises:
            SignInRefused, InvalidPhone, WeChatUnavailable.
        """
        try:
            phone = await self._mini_program.read_phone(code)
        except CodeRefused as error:
            raise SignInRefused from error
        except WeChatError as error:
            raise _unavailable(error) from error
        if phone.country_code != MAINLAND:
            raise InvalidPhone
        return phone.number


class WeChatWay:
    """Subscribe messages, as the notification centre sends them (`notifications.ports.WeChatMessages`)."""

    def __init__(self, mini_program: MiniProgram) -> None:
        self._mini_program = mini_program

    async def send(self, message: SubscribeMessage) -> Handed:
        """Hand a message over; whatever WeChat says is an outcome."""
        try:
            number = await self._mini_program.send(
                openid=message.openid, template_id=message.template_id, data=message.data, page=message.page
            )
        except AnswerLost:
            return Handed("unknown")
        except WeChatBusy as busy:
            return Handed("busy", _code(busy))
        except (CallRefused, CodeRefused) as refusal:
            outcome = OUTCOMES.get(refusal.errcode or 0)
            if outcome is None:
                log.error("wechat_message_refused", errcode=refusal.errcode)
            return Handed(outcome or "busy", _code(refusal))
        return Handed("accepted", number)


class WeChatOpenids:
    """Who an account is to the mini-program (`notifications.ports.WeChatIdentities`)."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id

    async def openids(self, account_ids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Give the openids of those accounts that have one now."""
        return await openids_of(account_ids, app_id=self._app_id)


def _unavailable(error: WeChatError) -> WeChatUnavailable:
    # An errcode here is WeChat's word about our account or its own state: somebody may have to see to it.
    log.error("wechat_sign_in_failed", reason=type(error).__name__, errcode=error.errcode)
    return WeChatUnavailable()


def _code(error: WeChatError) -> str | None:
    return None if error.errcode is None else str(error.errcode)
