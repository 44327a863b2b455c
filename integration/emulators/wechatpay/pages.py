"""What a payer's browser sees (H5): the channel's page, from which a phone opens WeChat; here a button pays.

Source: WeChat Pay, H5 payment: the link is good for five minutes, and `redirect_url` is where the payer comes back.
"""

import secrets
import sqlite3
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

from sanic import Request, Sanic
from sanic.response import HTTPResponse, redirect

from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.pages import payer_page, told_page
from integration.emulators.common.store import from_ms
from integration.emulators.wechatpay.service import WechatPay

PATH: Final = "/cgi-bin/mmpayweb-bin/checkmweb"
LINK_TERM: Final = timedelta(minutes=5)
CHANNEL: Final = "微信支付"
COLOUR: Final = "#07833f"
GONE: Final = "链接已失效，请回到医院页面重新发起支付。"


class PayerPages:
    """The page of an H5 payment."""

    def __init__(self, channel: WechatPay) -> None:
        self._channel = channel

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the routes into the application."""
        app.add_route(self.show, PATH, methods=["GET"], name="show_h5")
        app.add_route(self.pay, PATH, methods=["POST"], name="pay_h5")

    async def show(self, request: Request) -> HTTPResponse:
        """Show what is to be paid."""
        back = _return_url(request)
        row = self._find(request)
        if row is None:
            return told_page(channel=CHANNEL, told=GONE, return_url=back, status=410)
        action = f"{PATH}?prepay_id={quote(row['prepay_id'])}&redirect_url={quote(back, safe='')}"
        return payer_page(
            channel=CHANNEL,
            colour=COLOUR,
            title=row["description"],
            amount_fen=row["total_fen"],
            action=action,
            return_url=back,
        )

    async def pay(self, request: Request) -> HTTPResponse:
        """Take the payer's yes, and lead them back."""
        back = _return_url(request)
        row = self._find(request)
        if row is None:
            return told_page(channel=CHANNEL, told=GONE, return_url=back, status=410)
        try:
            with self._channel.store.transaction():
                self._channel.trades.pay(row, openid=None, amount_fen=None, app_id=None, late=False)
        except ControlRefused:
            return told_page(channel=CHANNEL, told=GONE, return_url=back, status=409)
        self._channel.notifier.wake()
        if not back:
            return told_page(channel=CHANNEL, told="支付成功。", return_url="", status=200)
        return redirect(back, status=303)

    def _find(self, request: Request) -> sqlite3.Row | None:
        try:
            row = self._channel.trades.pick(
                out_trade_no=None, prepay_id=str(request.args.get("prepay_id", "")), merchant_no=None
            )
        except ControlRefused:
            return None
        lives = self._channel.clock.now() < from_ms(row["prepaid_ms"]) + LINK_TERM
        return row if lives and row["trade_type"] == "MWEB" and row["state"] in ("NOTPAY", "USERPAYING") else None


def page_url(base_url: str, prepay_id: str) -> str:
    """Give the link that an answer to a prepared H5 payment has."""
    return f"{base_url}{PATH}?prepay_id={prepay_id}&package={secrets.randbelow(10**10)}"


def _return_url(request: Request) -> str:
    given = str(request.args.get("redirect_url", ""))
    return given if given.startswith(("http://", "https://")) else ""
