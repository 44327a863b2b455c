"""API v3 over HTTP: every request is a merchant's, every answer is signed."""

import gzip
import json
from collections.abc import Callable
from typing import Any, Final

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse

from integration.emulators.common.faults import ANSWER_LOST
from integration.emulators.wechatpay import errors, fields, pages, refunds, service, trades
from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.errors import WireError
from integration.emulators.wechatpay.service import WechatPay
from integration.emulators.wechatpay.signing import encrypt, signed_headers
from kernel import clock

ASKED_SERIAL: Final = "wechatpay-serial"

Answer = tuple[int, dict[str, Any] | None]
Handler = Callable[..., Answer]


class WechatPayApi:
    """The routes of the wire."""

    def __init__(self, channel: WechatPay, *, base_url: str) -> None:
        self._channel = channel
        self._base_url = base_url

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the routes into the application."""
        pay, back = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
        for method, path, handler in (
            ("POST", f"{pay}/jsapi", self.prepay_jsapi),
            ("POST", f"{pay}/native", self.prepay_native),
            ("POST", f"{pay}/h5", self.prepay_h5),
            ("GET", f"{pay}/out-trade-no/<out_trade_no:str>", self.query_by_number),
            ("GET", f"{pay}/id/<transaction_id:str>", self.query_by_id),
            ("POST", f"{pay}/out-trade-no/<out_trade_no:str>/close", self.close),
            ("POST", back, self.refund),
            ("GET", f"{back}/<out_refund_no:str>", self.query_refund),
            ("POST", f"{back}/<refund_id:str>/apply-abnormal-refund", self.apply_abnormal_refund),
            ("GET", "/v3/bill/tradebill", self.trade_bill),
            ("GET", "/v3/bill/fundflowbill", self.fund_flow_bill),
            ("GET", "/v3/certificates", self.certificates),
        ):
            self.add(app, method, path, handler)
        app.add_route(self.download, "/v3/billdownload/file", methods=["GET"], name="download")

    def add(self, app: Sanic[Any, Any], method: str, path: str, handler: Handler) -> None:
        """Put one route of the wire into the application, behind the gate."""
        is_command = method == "POST"

        async def answer(request: Request, **arguments: str) -> HTTPResponse:
            account = self._admit(request)
            channel = self._channel
            if channel.faults.take(service.SYSTEM_ERROR) is not None:
                raise WireError(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
            if channel.faults.take(service.FREQUENCY_LIMITED) is not None:
                raise WireError(429, "FREQUENCY_LIMITED", "频率超限，请降低请求接口频率")
            refusal: WireError | None = None
            with channel.store.transaction():
                try:
                    status, body = handler(request, account, **arguments)
                except WireError as error:
                    # Handlers refuse before they change anything; a fault that was used up stays so.
                    refusal = error
            if refusal is not None:
                raise refusal
            channel.notifier.wake()
            if is_command and channel.faults.take(ANSWER_LOST) is not None:
                raise WireError(500, "SYSTEM_ERROR", "系统异常，请稍后重试")
            return self._signed(request, status, body)

        app.add_route(answer, path, methods=[method], name=handler.__name__)

    def render_error(self, request: Request, error: Exception) -> HTTPResponse | None:
        """Word a failure as API v3 does; what is not of the wire is left to others."""
        if not request.path.startswith("/v3/"):
            return None
        if isinstance(error, SanicException) and error.status_code < 500:
            error = errors.of_http(error)
        if not isinstance(error, WireError):
            return None
        body = {"code": error.code, "message": error.message}
        # A caller who is not believed is told nothing that is signed.
        if error.status == 401:
            return HTTPResponse(json.dumps(body, ensure_ascii=False), 401, content_type="application/json")
        return self._signed(request, error.status, body)

    # --- payments

    def prepay_jsapi(self, request: Request, account: Account) -> Answer:
        """Prepare a payment in a mini-program or an official account."""
        return 200, {"prepay_id": self._prepay(request, account, "JSAPI")}

    def prepay_native(self, request: Request, account: Account) -> Answer:
        """Prepare a payment by a code that a kiosk shows."""
        return 200, {"code_url": trades.code_url(self._prepay(request, account, "NATIVE"))}

    def prepay_h5(self, request: Request, account: Account) -> Answer:
        """Prepare a payment in a phone's browser."""
        fields.require_browser(fields.read_object(request.body))
        return 200, {"h5_url": pages.page_url(self._base_url, self._prepay(request, account, "MWEB"))}

    def query_by_number(self, request: Request, account: Account, out_trade_no: str) -> Answer:
        """Show an order by the merchant's number."""
        fields.require_merchant(_argument(request, "mchid"), account)
        row = self._channel.trades.require(account.merchant_no, out_trade_no=out_trade_no, transaction_id=None)
        return 200, trades.render(row)

    def query_by_id(self, request: Request, account: Account, transaction_id: str) -> Answer:
        """Show an order by the channel's number."""
        fields.require_merchant(_argument(request, "mchid"), account)
        row = self._channel.trades.require(account.merchant_no, out_trade_no=None, transaction_id=transaction_id)
        return 200, trades.render(row)

    def close(self, request: Request, account: Account, out_trade_no: str) -> Answer:
        """Close an order."""
        fields.require_merchant(fields.text(fields.read_object(request.body), "mchid", 32), account)
        self._channel.trades.close(account.merchant_no, out_trade_no)
        return 204, None

    def _prepay(self, request: Request, account: Account, trade_type: str) -> str:
        asked = fields.read_prepay(fields.read_object(request.body), account, wants_payer=trade_type == "JSAPI")
        return self._channel.trades.prepay(account, asked, trade_type=trade_type, signer=self._signer_name(request))

    # --- refunds

    def refund(self, request: Request, account: Account) -> Answer:
        """Take a refund up."""
        asked = fields.read_refund(fields.read_object(request.body))
        row = self._channel.refunds.ask(account, asked, signer=self._signer_name(request))
        return 200, refunds.render(row)

    def query_refund(self, _request: Request, account: Account, out_refund_no: str) -> Answer:
        """Show a refund."""
        return 200, refunds.render(self._channel.refunds.require(account.merchant_no, out_refund_no))

    def apply_abnormal_refund(self, request: Request, account: Account, refund_id: str) -> Answer:
        """Send an abnormal refund once more."""
        body = fields.read_object(request.body)
        if fields.text(body, "type", 32) not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
            raise errors.parameter_error("type不正确")
        number = fields.text(body, "out_refund_no", 64)
        return 200, refunds.render(self._channel.refunds.apply_abnormal(account, refund_id, number))

    # --- bills

    def trade_bill(self, request: Request, account: Account) -> Answer:
        """Have a day's trades written up."""
        if request.args.get("bill_type", "ALL") != "ALL":
            raise errors.parameter_error("本环境只提供bill_type=ALL")
        return self._bill(request, account, "trades")

    def fund_flow_bill(self, request: Request, account: Account) -> Answer:
        """Have a day's movements of money written up."""
        if request.args.get("account_type", "BASIC") != "BASIC":
            raise errors.parameter_error("本环境只提供account_type=BASIC")
        return self._bill(request, account, "funds")

    async def download(self, request: Request) -> HTTPResponse:
        """Give a bill; this answer alone carries no signature, its SHA-1 was given before."""
        account = self._admit(request)
        content = self._channel.bills.download(account.merchant_no, _argument(request, "token"))
        if _argument(request, "tartype") == "gzip":
            return HTTPResponse(gzip.compress(content, mtime=0), content_type="application/octet-stream")
        return HTTPResponse(content, content_type="text/plain; charset=utf-8")

    def _bill(self, request: Request, account: Account, kind: str) -> Answer:
        packing = request.args.get("tar_type")
        if packing not in (None, "GZIP"):
            raise errors.parameter_error("tar_type只支持GZIP")
        digest, token = self._channel.bills.apply(
            account.merchant_no, kind=kind, day_text=_argument(request, "bill_date")
        )
        url = f"{self._base_url}/v3/billdownload/file?token={token}&tartype={'gzip' if packing else 'plain'}"
        return 200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    # --- keys

    def certificates(self, _request: Request, account: Account) -> Answer:
        """Give the platform certificate, sealed for the merchant."""
        keys = self._channel.keys
        return 200, {
            "data": [
                {
                    "serial_no": keys.by_certificate.serial,
                    "effective_time": trades.china_time(keys.certificate.not_valid_before_utc),
                    "expire_time": trades.china_time(keys.certificate.not_valid_after_utc),
                    "encrypt_certificate": encrypt(account, keys.certificate_pem, associated_data="certificate"),
                }
            ]
        }

    def _admit(self, request: Request) -> Account:
        return self._channel.gate.admit(
            method=request.method,
            target=request.path + (f"?{request.query_string}" if request.query_string else ""),
            body=request.body,
            authorization=request.headers.get("authorization", ""),
            now=clock.machine_now(),
        )

    def _signer_name(self, request: Request) -> str:
        signer = self._channel.keys.signer(request.headers.get(ASKED_SERIAL))
        if signer is None:
            raise errors.parameter_error("Wechatpay-Serial不正确")
        return signer.serial

    def _signed(self, request: Request, status: int, body: dict[str, Any] | None) -> HTTPResponse:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        signer = self._channel.keys.signer(request.headers.get(ASKED_SERIAL)) or self._channel.keys.by_certificate
        is_probe = self._channel.faults.take(service.ANSWER_PROBE) is not None
        headers = signed_headers(signer, content, now=clock.machine_now(), is_probe=is_probe)
        return HTTPResponse(content, status, headers, "application/json" if content else None)


def _argument(request: Request, name: str) -> str:
    value = request.args.get(name)
    if not isinstance(value, str) or not value:
        raise errors.parameter_error(f"{name}缺失")
    return value
