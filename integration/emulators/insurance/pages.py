"""What a person sees of their electronic credential and of the centre's cashier, and what a hospital asks of it.

In life the credential knows whose phone it is on; here somebody says who they are.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson
from sanic import Request, Sanic
from sanic.response import HTTPResponse, redirect

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.control import reply
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.pages import consent_page, payer_page, told_page
from integration.emulators.common.store import Store, to_ms
from integration.emulators.insurance.orders import Orders
from kernel import clock as kernel_clock

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS consent (
    code TEXT PRIMARY KEY, pay_auth_no TEXT NOT NULL, user_name TEXT NOT NULL, user_card_no TEXT NOT NULL,
    given_ms INTEGER NOT NULL, is_read INTEGER NOT NULL DEFAULT 0);
"""
CODE_TERM_MS: Final = 5 * 60 * 1000
WINDOW_MS: Final = 15 * 60 * 1000
CHANNEL: Final = "医保电子凭证"
COLOUR: Final = "#1656b9"
GONE: Final = "这笔医保结算不能确认，请回到医院页面查看。"
_CARD: Final = re.compile(r"[0-9]{17}[0-9Xx]", re.ASCII)

CONSENT_SILENT: Final = "consent_silent"
"""A hospital's question about a code is answered with 503, and the code is still good."""


class CredentialPages:
    """The pages, and the call by which a hospital learns what a code stands for."""

    def __init__(self, store: Store, clock: EmulatorClock, orders: Orders, switches: Faults, *, secret: str) -> None:
        self._store = store
        self._clock = clock
        self._orders = orders
        self._faults = switches
        self._secret = secret

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the routes into the application."""
        app.add_route(self.ask, "/consent", methods=["GET"], name="ask_consent")
        app.add_route(self.consent, "/consent", methods=["POST"], name="give_consent")
        app.add_route(self.show, "/cashier", methods=["GET"], name="show_cashier")
        app.add_route(self.agree, "/cashier", methods=["POST"], name="agree_at_cashier")
        app.add_route(self.tell, "/api/mipuserquery/userQuery/<partner:str>", methods=["POST"], name="tell_consent")

    async def ask(self, request: Request) -> HTTPResponse:
        """Ask for a consent."""
        return self._asked(request)

    async def consent(self, request: Request) -> HTTPResponse:
        """Take a consent, and lead back with a code that is good once."""
        given = request.form
        name, number = (str(given.get(field, "") if given else "").strip() for field in ("user_name", "user_card_no"))
        if not name or not _CARD.fullmatch(number):
            return self._asked(request, told="请填写姓名和 18 位身份证号。")
        code = self.give(name, number)
        back = _return_url(request)
        if not back:
            return told_page(channel=CHANNEL, told=f"授权码：{code}", return_url="", status=200)
        told = urlencode({"retCode": "0", "authCode": code})
        return redirect(f"{back}{'&' if '?' in back else '?'}{told}", status=303)

    def give(self, name: str, number: str) -> str:
        """Give a person's code."""
        code = secrets.token_hex(16)
        with self._store.transaction():
            self._store.execute(
                "INSERT INTO consent (code, pay_auth_no, user_name, user_card_no, given_ms) VALUES (?, ?, ?, ?, ?)",
                code, f"AUTH440100{secrets.token_hex(12).upper()}", name, number.upper(), to_ms(self._clock.now()),
            )  # fmt: skip
        return code

    async def tell(self, request: Request, partner: str) -> HTTPResponse:
        """Tell a hospital what a code stands for, once."""
        if self._faults.take(CONSENT_SILENT) is not None:
            return HTTPResponse(b"", 503)
        if not self._is_signed(request.headers, partner):
            return reply({"code": 10401, "message": "签名无效"})
        try:
            asked = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            asked = None
        code = asked.get("qrcode") if isinstance(asked, dict) else None
        with self._store.transaction():
            row = self._store.row(
                "SELECT * FROM consent WHERE code = ? AND is_read = 0 AND given_ms > ?",
                str(code),
                to_ms(self._clock.now()) - CODE_TERM_MS,
            )
            if row is None:
                return reply({"code": 10402, "message": "授权码无效或已过期"})
            self._store.execute("UPDATE consent SET is_read = 1 WHERE code = ?", row["code"])
        told = {name: row[name] for name in ("pay_auth_no", "user_name", "user_card_no")}
        return reply({"code": 0, "message": "OK", "city_id": "440100", **told})

    async def show(self, request: Request) -> HTTPResponse:
        """Show what the insurance pays of an order, to be agreed to."""
        bill = self._orders.find_unpaid(str(request.args.get("payOrdId", "")))
        back = _return_url(request)
        if bill is None:
            return told_page(channel=CHANNEL, told=GONE, return_url=back, status=410)
        action = f"/cashier?payOrdId={quote(bill['pay_ord_id'])}&redirectUrl={quote(back, safe='')}"
        return payer_page(
            channel=CHANNEL,
            colour=COLOUR,
            title="医保支付（统筹与个人账户）",
            amount_fen=bill["pooled_fen"] + bill["account_fen"],
            action=action,
            return_url=back,
        )

    async def agree(self, request: Request) -> HTTPResponse:
        """Take the person's yes, and lead them back."""
        back = _return_url(request)
        try:
            # The insurance's part alone, as the cash is paid elsewhere.
            self._orders.act(str(request.args.get("payOrdId", "")), "insurance")
        except ControlRefused:
            return told_page(channel=CHANNEL, told=GONE, return_url=back, status=409)
        if not back:
            return told_page(channel=CHANNEL, told="已确认。", return_url="", status=200)
        return redirect(back, status=303)

    def _asked(self, request: Request, *, told: str = "") -> HTTPResponse:
        back = _return_url(request)
        refused = f"{back}{'&' if '?' in back else '?'}retCode=-1" if back else ""
        action = f"/consent?redirectUrl={quote(back, safe='')}"
        return consent_page(channel=CHANNEL, colour=COLOUR, action=action, return_url=refused, told=told)

    def _is_signed(self, headers: Mapping[str, str], partner: str) -> bool:
        timestamp, given = headers.get("god-portal-timestamp", ""), headers.get("god-portal-signature", "")
        expected = hmac.new(self._secret.encode(), f"{partner}{timestamp}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.lower().encode(), expected.encode()) or not timestamp.isdigit():
            return False
        return abs(to_ms(kernel_clock.machine_now()) - int(timestamp)) <= WINDOW_MS


def _return_url(request: Request) -> str:
    given = str(request.args.get("redirectUrl", ""))
    return given if given.startswith(("http://", "https://")) else ""
