"""What the hospital asks of WeChat, each as one call: who logs in, their number, a message to them.

The session key that comes with a log-in is not kept: nothing here decrypts what a mini-program's page could bring.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from integration.wechat.client import ANSWER_SECONDS_MAX, WECHAT, Answer, Client, Threads
from integration.wechat.errors import AnswerLost, CallRefused, CodeRefused, WeChatBusy
from integration.wechat.tokens import StableTokens
from kernel.log import get_logger

BAD_TOKEN: Final = frozenset({40001, 40014, 42001})
BAD_CODE: Final = frozenset({40029, 40163, 40226})
OPENID_CHARACTERS_MAX: Final = 64
NUMBER_CHARACTERS_MAX: Final = 20

log = get_logger("wechat")


@dataclass(frozen=True, slots=True)
class WeChatUser:
    """Who logged in. unionid: only where the mini-program belongs to an open-platform account."""

    openid: str
    unionid: str | None


@dataclass(frozen=True, slots=True)
class WeChatPhone:
    """A user's number as WeChat has verified it: without the country's code, and that code (86)."""

    number: str
    country_code: str


class MiniProgram:
    """One mini-program's server side."""

    def __init__(
        self, *, app_id: str, secret: str, base_url: str = WECHAT, answer_seconds_max: float = ANSWER_SECONDS_MAX
    ) -> None:
        self.app_id = app_id
        self._threads = Threads(
            lambda: Client(app_id=app_id, secret=secret, base_url=base_url, answer_seconds_max=answer_seconds_max)
        )
        self._tokens = StableTokens(app_id, self._fetch_token)

    async def log_in(self, code: str) -> WeChatUser:
        """Ask who handed a login code over (`jscode2session`).

        Raises:
            CodeRefused, CallRefused, WeChatBusy, AnswerLost.
        """
        answer = await self._ask(lambda client: client.wxa.code_to_session(code), token=None)
        openid, unionid = answer.get("openid"), answer.get("unionid")
        if not isinstance(openid, str) or not 0 < len(openid) <= OPENID_CHARACTERS_MAX:
            raise AnswerLost
        return WeChatUser(openid, unionid if isinstance(unionid, str) and unionid else None)

    async def read_phone(self, code: str) -> WeChatPhone:
        """Ask for the number behind a code that a user's tap gave out (`getuserphonenumber`).

        Raises:
            CodeRefused, CallRefused, WeChatBusy, AnswerLost.
        """
        answer = await self._ask_with_token(lambda client: client.phone_number(code))
        told = answer.get("phone_info")
        number = str(told.get("purePhoneNumber", "")) if isinstance(told, dict) else ""
        if not isinstance(told, dict) or not 0 < len(number) <= NUMBER_CHARACTERS_MAX:
            raise AnswerLost
        return WeChatPhone(number, str(told.get("countryCode", "")))

    async def send(self, *, openid: str, template_id: str, data: Mapping[str, str], page: str | None) -> str | None:
        """Hand a subscribe message over, and give WeChat's number for it.

        Raises:
            CallRefused, WeChatBusy, AnswerLost.
        """
        fields = {name: {"value": value} for name, value in data.items()}
        answer = await self._ask_with_token(
            lambda client: client.wxa.send_subscribe_message(openid, template_id, fields, page)
        )
        return str(answer["msgid"]) if "msgid" in answer else None

    def close(self) -> None:
        """Give the connections back."""
        self._threads.close()

    async def _ask_with_token(self, call: Callable[[Client], Any]) -> Answer:
        """Make a call with our token; once more with another, if WeChat does not know the first any longer."""
        token = await self._tokens.get()
        try:
            return await self._ask(call, token=token)
        except CallRefused as refusal:
            if refusal.errcode not in BAD_TOKEN:
                raise
        token = await self._tokens.get(refused=token)
        try:
            return await self._ask(call, token=token)
        except CallRefused as refusal:
            if refusal.errcode not in BAD_TOKEN:
                raise
            log.error("wechat_token_refused_again", errcode=refusal.errcode)
            raise WeChatBusy(refusal.errcode) from None

    async def _ask(self, call: Callable[[Client], Any], *, token: str | None) -> Answer:
        try:
            return await self._threads.ask(call, token=token)
        except CallRefused as refusal:
            if refusal.errcode in BAD_CODE:
                raise CodeRefused(refusal.errcode) from None
            raise

    async def _fetch_token(self, force: bool) -> Answer:  # noqa: FBT001  as StableTokens calls it
        return await self._threads.ask(lambda client: client.stable_token(force=force), token=None)
