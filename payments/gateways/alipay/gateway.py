"""One merchant's account with Alipay, behind the port.

Source: Alipay open platform, API list of trade (opendocs.alipay.com/open/028r8t).
"""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from alipay.aop.api.domain.AlipayDataDataserviceBillDownloadurlQueryModel import (
    AlipayDataDataserviceBillDownloadurlQueryModel,
)
from alipay.aop.api.domain.AlipayTradeCloseModel import AlipayTradeCloseModel
from alipay.aop.api.domain.AlipayTradeCreateModel import AlipayTradeCreateModel
from alipay.aop.api.domain.AlipayTradeFastpayRefundQueryModel import AlipayTradeFastpayRefundQueryModel
from alipay.aop.api.domain.AlipayTradePrecreateModel import AlipayTradePrecreateModel
from alipay.aop.api.domain.AlipayTradeQueryModel import AlipayTradeQueryModel
from alipay.aop.api.domain.AlipayTradeRefundModel import AlipayTradeRefundModel
from alipay.aop.api.domain.AlipayTradeWapPayModel import AlipayTradeWapPayModel
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest,
)
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeCreateRequest import AlipayTradeCreateRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import AlipayTradeFastpayRefundQueryRequest
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest

from kernel import clock
from kernel.money import to_yuan
from payments.gateways.alipay import notifications, trades
from payments.gateways.alipay.bills import ARCHIVE_BYTES_MAX, BILL_TYPES, unpack_bill
from payments.gateways.alipay.keys import load_keys
from payments.gateways.alipay.wire import AlipayWire, Answer
from payments.gateways.errors import BillNotReady, ChannelRefused, ChannelUnavailable
from payments.gateways.port import (
    Bill,
    BillKind,
    ChannelCode,
    FactSource,
    Merchant,
    Notification,
    PaymentFact,
    PaymentRequest,
    PaymentState,
    Prepared,
    RefundFact,
    RefundRequest,
    RefundState,
    Scene,
)
from payments.gateways.references import KeyStore

LIVE_URL: Final = "https://openapi.alipay.com"
JSAPI: Final = "JSAPI_PAY"
FACE_TO_FACE: Final = "FACE_TO_FACE_PAYMENT"
IN_A_BROWSER: Final = "QUICK_WAP_WAY"
SUBJECT_CHARACTERS_MAX: Final = 128
NOT_IN_SUBJECTS: Final = str.maketrans(dict.fromkeys('/=&,"\r\n\t', " "))
"""Alipay asks for none of these signs; the last would also break the lines of its bills."""
REASON_CHARACTERS_MAX: Final = 80
BILL_READY_AT: Final = time(10)
"""When a day's bill is there for certain, on the day after, Shanghai."""

ABSENT_TRADE: Final = "ACQ.TRADE_NOT_EXIST"
WRONG_STATUS: Final = ("ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID")
ALREADY_PAID: Final = "ACQ.TRADE_HAS_SUCCESS"
ABSENT_BILL: Final = "isp.bill_not_exist"
CHANGED: Final = "Y"


class AlipayGateway:
    """Prepares, asks, closes and refunds with one application of one merchant."""

    def __init__(self, merchant: Merchant, keys: KeyStore, *, notify_url: str, base_url: str | None) -> None:
        """Read the merchant's keys; nothing is connected yet.

        notify_url: where Alipay tells of this merchant's trades. base_url: an emulator's; None is Alipay itself.

        Raises:
            KeyUnusable: a key is missing, or is not what RSA2 can use.
        """
        assert merchant.channel is ChannelCode.ALIPAY, "the merchant is another channel's"
        self.merchant = merchant
        self.notify_url = notify_url
        self._keys = load_keys(keys, merchant.key_references)
        self.gateway_url = f"{base_url or LIVE_URL}/gateway.do"
        self._wire = AlipayWire(gateway_url=self.gateway_url, app_id=merchant.app_id, keys=self._keys)

    async def close_connections(self) -> None:
        """Give the connections back."""
        await self._wire.close()

    async def prepare(self, request: PaymentRequest) -> Prepared:
        """Make the attempt known to Alipay. Raises: ChannelUnavailable, ChannelRefused."""
        match request.scene:
            case Scene.MINI_PROGRAM:
                return await self._create(request)
            case Scene.NATIVE_CODE:
                return await self._precreate(request)
            case Scene.BROWSER:
                return self._lead_to_page(request)

    def _lead_to_page(self, request: PaymentRequest) -> Prepared:
        """Sign the way to Alipay's page for browsers on phones; the trade begins there, so nothing is called here."""
        assert request.return_url is not None, "a browser has a page to come back to"
        model = AlipayTradeWapPayModel()
        model.product_code = IN_A_BROWSER
        model.quit_url = request.return_url
        _describe(model, request)
        call = AlipayTradeWapPayRequest(biz_model=model)
        call.notify_url = self.notify_url
        call.return_url = request.return_url
        return Prepared(page_url=f"{self.gateway_url}?{urlencode(self._wire.write(call))}")

    async def _create(self, request: PaymentRequest) -> Prepared:
        """Create a trade for a known payer: the mini-program opens it by `my.tradePay({tradeNO})`."""
        assert request.payer is not None, "a mini-program knows who pays"
        model = AlipayTradeCreateModel()
        model.product_code = JSAPI
        model.op_app_id = self.merchant.app_id
        model.buyer_open_id = request.payer
        _describe(model, request)
        call = AlipayTradeCreateRequest(biz_model=model)
        call.notify_url = self.notify_url
        answer = await self._call(call, attempt_no=request.attempt_no)
        return Prepared(parameters={"tradeNO": _text(answer, "trade_no")})

    async def _precreate(self, request: PaymentRequest) -> Prepared:
        """Have a code made that anybody may scan; the trade begins with the scan."""
        model = AlipayTradePrecreateModel()
        model.product_code = FACE_TO_FACE
        _describe(model, request)
        call = AlipayTradePrecreateRequest(biz_model=model)
        call.notify_url = self.notify_url
        answer = await self._call(call, attempt_no=request.attempt_no)
        return Prepared(code_url=_text(answer, "qr_code"))

    async def query(self, attempt_no: str) -> PaymentFact:
        """Ask how an attempt stands; a code that nobody has scanned is ABSENT too. Raises: ChannelUnavailable."""
        model = AlipayTradeQueryModel()
        model.out_trade_no = attempt_no
        try:
            answer = await self._wire.call(AlipayTradeQueryRequest(biz_model=model))
            return trades.read_queried(self.merchant, attempt_no, answer)
        except ChannelRefused as refusal:
            if refusal.code != ABSENT_TRADE:
                raise ChannelUnavailable(refusal.code) from refusal
            return self._absent(attempt_no)
        except (KeyError, ValueError) as error:
            raise ChannelUnavailable("an answer that cannot be relied on") from error

    async def close(self, attempt_no: str) -> None:
        """Have Alipay refuse the attempt from now on; closing twice is no error.

        A code that nobody has scanned is no trade yet and cannot be closed: it ends at its own `time_expire`.

        Raises:
            ChannelUnavailable: it is not known whether it is closed.
            ChannelRefused: it cannot be closed (`is_paid` tells that it was paid meanwhile).
        """
        model = AlipayTradeCloseModel()
        model.out_trade_no = attempt_no
        try:
            await self._wire.call(AlipayTradeCloseRequest(biz_model=model))
        except ChannelRefused as refusal:
            if refusal.code == ABSENT_TRADE:
                return
            if refusal.code not in WRONG_STATUS:
                raise
            # Paid and closed trades are refused alike; only asking tells them apart.
            state = (await self.query(attempt_no)).state
            if state is PaymentState.CLOSED:
                return
            raise ChannelRefused(refusal.code, is_paid=state is PaymentState.PAID) from refusal

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Send money back; the same refund_no again is the same refund.

        fund_change=Y says that this call has moved the money. N says no more than that: it may have gone back by an
        earlier try, or be under way, so the refund is asked for (Alipay, "trade refund", note on fund_change).

        Raises:
            ChannelUnavailable: what became of it is not known.
            ChannelRefused: Alipay will not refund it.
        """
        model = AlipayTradeRefundModel()
        model.out_trade_no = request.attempt_no
        model.out_request_no = request.refund_no
        model.refund_amount = to_yuan(request.refund_fen)
        model.refund_reason = request.reason[:REASON_CHARACTERS_MAX]
        answer = await self._call(AlipayTradeRefundRequest(biz_model=model), attempt_no=request.attempt_no)
        if answer.get("fund_change") == CHANGED:
            try:
                return trades.refund_done(
                    self.merchant, answer, refund_no=request.refund_no, attempt_no=request.attempt_no
                )
            except ValueError as error:
                raise ChannelUnavailable("an answer that cannot be relied on") from error
        fact = await self._query_refund(request.refund_no, request.attempt_no, source=FactSource.ANSWER)
        if fact.state is RefundState.ABSENT:
            raise ChannelUnavailable("taken, and not found yet")
        return fact

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        """Ask how a refund stands; ABSENT when Alipay never heard of it. Raises: ChannelUnavailable."""
        return await self._query_refund(refund_no, attempt_no, source=FactSource.QUERY)

    async def _query_refund(self, refund_no: str, attempt_no: str, *, source: FactSource) -> RefundFact:
        model = AlipayTradeFastpayRefundQueryModel()
        model.out_trade_no = attempt_no
        model.out_request_no = refund_no
        model.query_options = ["gmt_refund_pay", "deposit_back_info"]
        try:
            answer = await self._wire.call(AlipayTradeFastpayRefundQueryRequest(biz_model=model))
            return trades.read_queried_refund(
                self.merchant, answer, refund_no=refund_no, attempt_no=attempt_no, source=source
            )
        except ChannelRefused as refusal:
            if refusal.code != ABSENT_TRADE:
                raise ChannelUnavailable(refusal.code) from refusal
            return trades.refund_absent(self.merchant, refund_no=refund_no, attempt_no=attempt_no)
        except (KeyError, ValueError) as error:
            raise ChannelUnavailable("an answer that cannot be relied on") from error

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        """Fetch a day's bill: the CSV of details as it came, in GBK. Alipay gives no hash of it.

        Alipay says the same of a bill that is not made yet and of a day without trades: before 10:00 on the day after
        it is the former.

        Raises:
            ChannelUnavailable: it did not come, or is no bill that can be read (`BillUnusable`).
            BillNotReady: it is still being made.
        """
        model = AlipayDataDataserviceBillDownloadurlQueryModel()
        model.bill_type = BILL_TYPES[kind]
        model.bill_date = day.isoformat()
        call = AlipayDataDataserviceBillDownloadurlQueryRequest(biz_model=model)
        try:
            answer = await self._wire.call(call)
        except ChannelRefused as refusal:
            if refusal.code != ABSENT_BILL:
                raise ChannelUnavailable(refusal.code) from refusal
            if clock.now() < clock.clinic_instant(day + timedelta(days=1), BILL_READY_AT):
                raise BillNotReady(day.isoformat()) from refusal
            return Bill(kind, day, b"", is_empty=True)
        archive = await self._wire.download(_text(answer, "bill_download_url"), bytes_max=ARCHIVE_BYTES_MAX)
        # Half a second for a large one; the loop has patients to serve meanwhile.
        return Bill(kind, day, await asyncio.to_thread(unpack_bill, archive, kind))

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """Verify and open a notification; makes no outbound call and changes nothing.

        Raises:
            NotificationRefused: its signature, time or form does not hold; `reason` says which.
        """
        return notifications.read_notification(headers, body, key=self._keys.alipay, now=now)

    async def _call(self, call: Any, *, attempt_no: str) -> Answer:
        """Call; the answer must be about the attempt that was meant. Raises: ChannelUnavailable, ChannelRefused."""
        try:
            answer = await self._wire.call(call)
        except ChannelRefused as refusal:
            if refusal.code == ALREADY_PAID:
                raise ChannelRefused(refusal.code, is_paid=True) from refusal
            raise
        if answer.get("out_trade_no") != attempt_no:
            raise ChannelUnavailable("another trade's answer")
        return answer

    def _absent(self, attempt_no: str) -> PaymentFact:
        return PaymentFact(
            channel=ChannelCode.ALIPAY,
            merchant_no=self.merchant.merchant_no,
            app_id=self.merchant.app_id,
            attempt_no=attempt_no,
            state=PaymentState.ABSENT,
            source=FactSource.QUERY,
        )


def _describe(model: Any, request: PaymentRequest) -> None:
    """Fill in what both ways of preparing have in common."""
    model.out_trade_no = request.attempt_no
    model.total_amount = to_yuan(request.amount_fen)
    model.subject = request.description.translate(NOT_IN_SUBJECTS)[:SUBJECT_CHARACTERS_MAX]
    model.time_expire = clock.clinic_time(request.expires_at)


def _text(answer: Answer, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ChannelUnavailable(f"an answer without {name}")
    return value
