"""The routes of mixed orders, on the wire and for the sandbox."""

from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common.control import Control, read_object, reply, text
from integration.emulators.wechatpay import errors, fields, medical, medical_fields
from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.service import WechatPay
from integration.emulators.wechatpay.web import ASKED_SERIAL, Answer, WechatPayApi


class MedicalApi:
    """Mixed orders over HTTP."""

    def __init__(self, channel: WechatPay) -> None:
        self._channel = channel

    def mount(self, app: Sanic[Any, Any], api: WechatPayApi, control: Control) -> None:
        """Put the routes into the application."""
        api.add(app, "POST", "/v3/med-ins/orders", self.order_mixed)
        api.add(app, "GET", "/v3/med-ins/orders/out-trade-no/<number:str>", self.query_mixed_by_number)
        api.add(app, "GET", "/v3/med-ins/orders/mix-trade-no/<number:str>", self.query_mixed_by_id)
        api.add(app, "POST", "/v3/med-ins/refunds/notify", self.report_insurance_refund)
        control.add(app, "POST", "/medical-payments", self.act)

    def order_mixed(self, request: Request, account: Account) -> Answer:
        """Take a mixed order; its payer is sealed, so the key has to be named."""
        named = request.headers.get(ASKED_SERIAL)
        signer = self._channel.keys.signer(named) if named else None
        if signer is None:
            raise errors.parameter_error("Wechatpay-Serial缺失或不正确")
        asked = medical_fields.read_mixed(fields.read_object(request.body), account, signer)
        return 200, medical.render(self._channel.mixed.order(account, asked, signer=signer.serial))

    def query_mixed_by_number(self, _request: Request, account: Account, number: str) -> Answer:
        """Show a mixed order by the hospital's number."""
        return 200, medical.render(self._channel.mixed.require(account, "out_trade_no", number))

    def query_mixed_by_id(self, _request: Request, account: Account, number: str) -> Answer:
        """Show a mixed order by the channel's number."""
        return 200, medical.render(self._channel.mixed.require(account, "mix_trade_no", number))

    def report_insurance_refund(self, request: Request, account: Account) -> Answer:
        """Note what the insurance took back."""
        number = request.args.get("mix_trade_no")
        if not isinstance(number, str):
            raise errors.parameter_error("mix_trade_no缺失")
        refund = medical_fields.read_insurance_refund(fields.read_object(request.body))
        self._channel.mixed.report_refund(account, number, refund)
        return 204, None

    async def act(self, request: Request) -> HTTPResponse:
        """Act as a payer of a mixed order: `out_trade_no`; `act` is pay, cash (the insurance follows) or fail."""
        body = read_object(request.body)
        with self._channel.store.transaction():
            row = self._channel.mixed.act(text(body, "out_trade_no"), str(body.get("act", "pay")))
        self._channel.notifier.wake()
        return reply(medical.render(row))
