"""wechatpy's client as we use it: in threads of its own, with time limits, without its token keeping (docs/adr/0406).

wechatpy fetches tokens from the old interface, without a lock or a time limit, and asks without end when a token goes
on being refused. Here a call is given its token, and a refusal is one refusal.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests
import urllib3
from wechatpy.client import WeChatClient
from wechatpy.exceptions import WeChatClientException

from integration.wechat.errors import AnswerLost, CallRefused, WeChatBusy, WeChatError

WECHAT: Final = "https://api.weixin.qq.com"
CONNECT_SECONDS_MAX: Final = 2.0
ANSWER_SECONDS_MAX: Final = 6.0
CALL_SECONDS_MAX: Final = 12.0
"""From being asked to giving up, waiting for a thread included."""
THREADS_MAX: Final = 8
BUSY: Final = frozenset({-1, 45009, 45011})
"""Codes that pass: busy, and the limits of a day and a minute."""

Answer = Mapping[str, Any]


class Client(WeChatClient):  # type: ignore[misc]  # wechatpy has no types
    """One thread's client; `token` is the call's, or None for calls that carry none."""

    def __init__(self, *, app_id: str, secret: str, base_url: str, answer_seconds_max: float) -> None:
        super().__init__(app_id, secret, timeout=(CONNECT_SECONDS_MAX, answer_seconds_max), auto_retry=False)
        self.API_BASE_URL = f"{base_url}/cgi-bin/"
        self.wxa.API_BASE_URL = f"{base_url}/"
        self._http.trust_env = False
        # The secret stands in an address; it follows nobody elsewhere.
        self._http.max_redirects = 0
        self.token: str | None = None

    @property
    def access_token(self) -> str | None:
        """The token that goes with the present call; requests leaves an absent one out."""
        return self.token

    def fetch_access_token(self) -> None:
        """Never called: tokens are `integration.wechat.tokens`'s."""
        raise AssertionError("a call is given its token")

    def stable_token(self, *, force: bool) -> Any:
        """Ask for the application's token (`cgi-bin/stable_token`)."""
        asked = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret, "force_refresh": force}
        return self.post("stable_token", data=asked)

    def phone_number(self, code: str) -> Any:
        """Ask for the number behind a code (`wxa/business/getuserphonenumber`)."""
        return self.post("wxa/business/getuserphonenumber", data={"code": code}, api_base_url=self.wxa.API_BASE_URL)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()


class Threads:
    """Asks WeChat without keeping the event loop waiting."""

    def __init__(self, make: Callable[[], Client]) -> None:
        """Take what makes a thread its client."""
        self._make = make
        self._pool = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="wechat")
        self._own = threading.local()
        self._clients: list[Client] = []

    async def ask(self, call: Callable[[Client], Any], *, token: str | None) -> Answer:
        """Make one call.

        Raises:
            CallRefused, WeChatBusy, AnswerLost.
        """
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                outcome = await asyncio.get_running_loop().run_in_executor(self._pool, self._make_call, call, token)
        except TimeoutError:
            outcome = AnswerLost()
        if isinstance(outcome, WeChatError):
            # Raised here, so that no chain of causes leads to an address with a secret in it.
            raise outcome
        return outcome

    def close(self) -> None:
        """Let no more calls begin, and give the connections back."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for client in self._clients:
            client.close()

    def _make_call(self, call: Callable[[Client], Any], token: str | None) -> Answer | WeChatError:
        client = self._client()
        client.token = token
        try:
            answer = call(client)
        except WeChatClientException as error:
            return _refusal(error)
        except requests.ConnectionError as error:
            return WeChatBusy() if _never_left(error) else AnswerLost()
        except requests.RequestException:
            return AnswerLost()
        # wechatpy hands on what it cannot read.
        return answer if isinstance(answer, dict) else AnswerLost()

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._make()
            self._clients.append(client)
        return client


def _refusal(error: WeChatClientException) -> WeChatError:
    if error.errcode is None:
        status = error.response.status_code if error.response is not None else 500
        return AnswerLost() if status >= 500 else CallRefused()
    return WeChatBusy(error.errcode) if error.errcode in BUSY else CallRefused(error.errcode)


def _never_left(error: requests.ConnectionError) -> bool:
    """Tell whether there was no connection by which a request could have left."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
