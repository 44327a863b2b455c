"""What a sandbox does to the emulated channel: pay as a payer, look, have bills made anew."""

from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common.control import Control, optional_text, read_object, reply, whole_number
from integration.emulators.common.errors import ControlRefused
from integration.emulators.wechatpay import trades
from integration.emulators.wechatpay.service import WechatPay


class Sandbox:
    """The emulator's own control calls."""

    def __init__(self, channel: WechatPay) -> None:
        self._channel = channel

    def mount(self, app: Sanic[Any, Any], control: Control) -> None:
        """Put the routes into the application."""
        control.add(app, "POST", "/payments", self.pay)
        control.add(app, "GET", "/trades", self.list_trades)
        control.add(app, "DELETE", "/bills", self.forget_bills)

    async def pay(self, request: Request) -> HTTPResponse:
        """Act as a payer.

        `out_trade_no`, `prepay_id` or `code_url` names the order (`merchant_no` where two merchants use one number);
        `act` is pay (usual), begin (and not finish) or abandon. `openid`, `amount_fen` and `app_id` make a payment
        that differs from what was asked; `late` pays although the order is closed or over.
        """
        body = read_object(request.body)
        code = optional_text(body, "code_url")
        row = self._channel.trades.pick(
            out_trade_no=optional_text(body, "out_trade_no"),
            prepay_id=code.rpartition("=")[2] if code else optional_text(body, "prepay_id"),
            merchant_no=optional_text(body, "merchant_no"),
        )
        with self._channel.store.transaction():
            match body.get("act", "pay"):
                case "pay":
                    self._channel.trades.pay(
                        row,
                        openid=optional_text(body, "openid"),
                        amount_fen=None if body.get("amount_fen") is None else whole_number(body, "amount_fen"),
                        app_id=optional_text(body, "app_id"),
                        late=body.get("late") is True,
                    )
                case "begin":
                    self._channel.trades.begin_paying(row)
                case "abandon":
                    self._channel.trades.abandon(row)
                case _:
                    raise ControlRefused("act is pay, begin or abandon")
        self._channel.notifier.wake()
        return reply(trades.render(self._channel.trades.pick(
            out_trade_no=row["out_trade_no"], prepay_id=None, merchant_no=row["merchant_no"]
        )))  # fmt: skip

    async def list_trades(self, request: Request) -> HTTPResponse:
        """Show the latest orders, or those of one `out_trade_no`."""
        return reply(
            {"trades": [trades.render(row) for row in self._channel.trades.latest(request.args.get("out_trade_no"))]}
        )

    async def forget_bills(self, _request: Request) -> HTTPResponse:
        """Have bills made anew when they are next asked for."""
        return reply({"forgotten": self._channel.bills.forget()})
