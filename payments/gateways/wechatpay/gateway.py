"""One merchant's account with WeChat Pay, as the platform asks for it."""

import asyncio
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from wechatpayv3.async_ import WeChatPayType

from kernel import clock
from kernel.log import get_logger
from payments.gateways.errors import BillNotReady, ChannelRefused, ChannelUnavailable, NotificationRefused
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
from payments.gateways.wechatpay import gate
from payments.gateways.wechatpay.bills import require_hash, unpack
from payments.gateways.wechatpay.client import LIVE_URL, Answer, WechatPayClient
from payments.gateways.wechatpay.facts import payment_fact, refund_fact
from payments.gateways.wechatpay.keys import CertificateShelf, Kept, load_keys, trusted_of

DESCRIPTION_BYTES_MAX: Final = 127
REASON_CHARACTERS_MAX: Final = 80
LEARNED_SECONDS: Final = 60.0
"""How often a process that only takes notifications looks for newer certificates on the shelf."""
LEARNED_AGAIN_SECONDS: Final = 2.0
"""The same, while it has none."""
OK, NO_CONTENT, ACCEPTED, UNAUTHORIZED, NOT_FOUND, TOO_MANY = 200, 204, 202, 401, 404, 429
ABSENT_CODES: Final = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
CLOSED_CODES: Final = frozenset({"ORDER_CLOSED", "ORDERCLOSED"})
PAID_CODES: Final = frozenset({"ORDERPAID", "ORDER_PAID"})
PASSING_CODES: Final = frozenset(
    {"SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "BANKERROR", "USER_PAYING", "USERPAYING"}
)
"""The channel does not know either, or not yet; whatever the status is."""
PAYMENT_EVENT: Final = "TRANSACTION.SUCCESS"
REFUND_EVENTS: Final = frozenset({"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"})
PAY_TYPES: Final = {
    Scene.MINI_PROGRAM: WeChatPayType.MINIPROG,
    Scene.NATIVE_CODE: WeChatPayType.NATIVE,
    Scene.BROWSER: WeChatPayType.H5,
}
NUMBER: Final = re.compile(r"[0-9A-Za-z_-]{6,64}")
"""What the SDK puts into a path as it is; the channel would take some signs more."""

log = get_logger("payments")


@dataclass(frozen=True, slots=True)
class NotifyUrls:
    """Where the channel tells of payments and of refunds; both are always said, for the SDK would guess."""

    payments: str
    refunds: str


class WechatPayGateway:
    """`port.Gateway` for WeChat Pay."""

    def __init__(
        self,
        merchant: Merchant,
        keys: KeyStore,
        *,
        notify_urls: NotifyUrls,
        base_url: str | None,
        shelf: CertificateShelf | None = None,
    ) -> None:
        """Read the merchant's keys; nothing is connected yet.

        base_url: an emulator's; None is the channel itself. shelf: where the channel's certificates are shared, for an
        account in certificate mode; None: each process fetches its own.

        Raises:
            KeyUnusable: a key is missing, or is not what it should be.
        """
        assert merchant.channel is ChannelCode.WECHATPAY, "the merchant is another channel's"
        self.merchant = merchant
        self.notify_urls = notify_urls
        self._keys = load_keys(keys, merchant.key_references)
        self._shelf = shelf
        self._learning = asyncio.Lock()
        self._learns_at = -LEARNED_SECONDS
        self.client = WechatPayClient(
            self._keys,
            merchant_no=merchant.merchant_no,
            app_id=merchant.app_id,
            base_url=base_url or LIVE_URL,
            keep=self._keep_certificates,
        )

    async def open(self) -> None:
        """Connect; in certificate mode the channel's certificates are fetched.

        Raises:
            ChannelUnavailable: the channel's certificates could not be had.
        """
        await self.client.open()

    async def close_connections(self) -> None:
        """Give the connections back."""
        await self.client.close()

    async def refresh_certificates(self) -> bool:
        """Fetch the channel's certificates anew before their time. Raises: ChannelUnavailable, DatabaseUnavailable."""
        if self._keys.is_certificate_mode:
            await self.client.fetch_certificates()
        return self._keys.is_certificate_mode

    async def learn_keys(self) -> None:
        """Learn the certificates that another process has fetched, now and then; whoever writes to us changes nothing.

        Raises:
            DatabaseUnavailable.
        """
        if not self._keys.is_certificate_mode or self._shelf is None:
            return
        async with self._learning:
            wait = LEARNED_SECONDS if self._keys.trusted else LEARNED_AGAIN_SECONDS
            if time.monotonic() - self._learns_at < wait:
                return
            kept = await self._shelf.read(self.merchant.code)
            self._learns_at = time.monotonic()
            if kept:
                self._keys.trusted = trusted_of(kept)

    async def _keep_certificates(self, certificates: Mapping[str, Kept]) -> None:
        if self._shelf is not None:
            await self._shelf.put(self.merchant.code, certificates)

    # --- payments

    async def prepare(self, request: PaymentRequest) -> Prepared:
        """Make the attempt known to the channel. Raises: ChannelUnavailable, ChannelRefused."""
        require_number(request.attempt_no)
        answer = await self.client.call(
            "pay",
            description=_shorten(request.description),
            out_trade_no=request.attempt_no,
            amount={"total": request.amount_fen, "currency": "CNY"},
            time_expire=request.expires_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
            notify_url=self.notify_urls.payments,
            pay_type=PAY_TYPES[request.scene],
            **_payer_of(request),
        )
        self.require_answer(answer, OK)
        match request.scene:
            case Scene.MINI_PROGRAM:
                return Prepared(parameters=self.sign_parameters(_text_of(answer, "prepay_id")))
            case Scene.NATIVE_CODE:
                return Prepared(code_url=_text_of(answer, "code_url"))
            case Scene.BROWSER:
                assert request.return_url is not None, "a browser has a page to come back to"
                return Prepared(
                    page_url=f"{_text_of(answer, 'h5_url')}&redirect_url={quote(request.return_url, safe='')}"
                )

    def sign_parameters(self, prepay_id: str) -> Mapping[str, str]:
        """Give what wx.requestPayment wants, signed."""
        timestamp, nonce = str(int(clock.machine_now().timestamp())), secrets.token_hex(16)
        package = f"prepay_id={prepay_id}"
        return {
            "timeStamp": timestamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": self.client.sdk.sign([self.merchant.app_id, timestamp, nonce, package]),
        }

    async def query(self, attempt_no: str) -> PaymentFact:
        """Ask how an attempt stands. Raises: ChannelUnavailable."""
        require_number(attempt_no)
        answer = await self.client.call("query", out_trade_no=attempt_no)
        if is_absent(answer):
            return PaymentFact(
                channel=ChannelCode.WECHATPAY,
                merchant_no=self.merchant.merchant_no,
                app_id=self.merchant.app_id,
                attempt_no=attempt_no,
                state=PaymentState.ABSENT,
                source=FactSource.QUERY,
            )
        fact = payment_fact(self.require_told(answer), source=FactSource.QUERY)
        if fact.attempt_no != attempt_no:
            raise ChannelUnavailable("an answer about another attempt")
        return fact

    async def query_transaction(self, transaction_no: str) -> PaymentFact:
        """Ask by the channel's own number. Raises: ChannelUnavailable, ChannelRefused."""
        require_number(transaction_no)
        answer = await self.client.call("query", transaction_id=transaction_no)
        self.require_answer(answer, OK)
        return payment_fact(answer.body, source=FactSource.QUERY)

    async def close(self, attempt_no: str) -> None:
        """Have the channel refuse the attempt from now on; closing twice is no error.

        One that the channel never heard of is left as it is: whether it may still come is for who asked for it to say.

        Raises:
            ChannelUnavailable: it is not known whether it is closed.
            ChannelRefused: it cannot be closed (`is_paid` tells that it was paid meanwhile).
        """
        require_number(attempt_no)
        answer = await self.client.call("close", out_trade_no=attempt_no)
        if answer.code not in CLOSED_CODES and not is_absent(answer):
            self.require_answer(answer, NO_CONTENT)

    # --- refunds

    async def refund(self, request: RefundRequest) -> RefundFact:
        """Send money back. Raises: ChannelUnavailable, ChannelRefused."""
        require_number(request.attempt_no)
        require_number(request.refund_no)
        answer = await self.client.call(
            "refund",
            out_refund_no=request.refund_no,
            out_trade_no=request.attempt_no,
            amount={"refund": request.refund_fen, "total": request.paid_fen, "currency": "CNY"},
            reason=request.reason[:REASON_CHARACTERS_MAX] or None,
            notify_url=self.notify_urls.refunds,
        )
        self.require_answer(answer, OK)
        return self._refund_fact(answer, request.refund_no, source=FactSource.ANSWER)

    async def query_refund(self, *, refund_no: str, attempt_no: str) -> RefundFact:
        """Ask how a refund stands. Raises: ChannelUnavailable."""
        require_number(refund_no)
        answer = await self.client.call("query_refund", out_refund_no=refund_no)
        if is_absent(answer):
            return RefundFact(
                channel=ChannelCode.WECHATPAY,
                merchant_no=self.merchant.merchant_no,
                attempt_no=attempt_no,
                refund_no=refund_no,
                state=RefundState.ABSENT,
                source=FactSource.QUERY,
            )
        self.require_told(answer)
        return self._refund_fact(answer, refund_no, source=FactSource.QUERY)

    def _refund_fact(self, answer: Answer, refund_no: str, *, source: FactSource) -> RefundFact:
        fact = refund_fact(answer.body, source=source, merchant_no=self.merchant.merchant_no)
        if fact.refund_no != refund_no:
            raise ChannelUnavailable("an answer about another refund")
        return fact

    # --- bills

    async def fetch_bill(self, day: date, kind: BillKind) -> Bill:
        """Fetch a day's bill and check its hash. Raises: ChannelUnavailable, BillNotReady."""
        build = "trade_bill" if kind is BillKind.TRADES else "fundflow_bill"
        answer = await self.client.call(build, bill_date=day.isoformat())
        if answer.code == "NO_STATEMENT_EXIST":
            return Bill(kind=kind, day=day, content=b"", is_empty=True)
        if answer.code == "STATEMENT_CREATING":
            raise BillNotReady
        body = self.require_told(answer)
        content = unpack(await self.client.download(_text_of(answer, "download_url")))
        require_hash(content, hash_type=body.get("hash_type"), hash_value=body.get("hash_value"))
        return Bill(kind=kind, day=day, content=content)

    # --- notifications

    def read_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notification:
        """Verify and open a notification; `now` is the machine's time. Raises: NotificationRefused."""
        envelope = self.admit(headers, body, now=now)
        event_id, event_type = gate.name_of(envelope)
        if event_type != PAYMENT_EVENT and event_type not in REFUND_EVENTS:
            return Notification(event_id, event_type, None)
        resource = self.open_resource(envelope)
        try:
            return Notification(event_id, event_type, self._fact(event_type, resource))
        except ChannelUnavailable as error:
            raise NotificationRefused("malformed") from error

    def admit(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> dict[str, Any]:
        """Give the envelope of a notification that is the channel's. Raises: NotificationRefused."""
        if len(body) > gate.BODY_BYTES_MAX:
            raise NotificationRefused("too_large")
        gate.verify(headers, body, self._keys.trusted, now=now)
        return gate.read_envelope(body)

    def open_resource(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Open what a notification seals. Raises: NotificationRefused."""
        return gate.open_resource(envelope, self._keys.seal)

    def _fact(self, event_type: str, resource: dict[str, Any]) -> PaymentFact | RefundFact:
        if event_type == PAYMENT_EVENT:
            return payment_fact(resource, source=FactSource.NOTIFICATION)
        return refund_fact(resource, source=FactSource.NOTIFICATION, merchant_no=self.merchant.merchant_no)

    # --- answers

    def require_answer(self, answer: Answer, status: int) -> None:
        """Tell an answer from a refusal and from an outcome that nobody knows.

        Raises:
            ChannelUnavailable: what became of it is not known, or it may be asked again.
            ChannelRefused: a definite no.
        """
        if answer.status == status:
            return
        if answer.status == UNAUTHORIZED:
            # Our key, clock or certificate is wrong: nothing was done, and a person has to look before it can be.
            log.error("wechatpay_does_not_know_us", merchant=self.merchant.code, code=answer.code)
        is_refusal = 400 <= answer.status < 500 and answer.status not in (UNAUTHORIZED, TOO_MANY)
        if not is_refusal or not answer.code or answer.code in PASSING_CODES:
            raise ChannelUnavailable(f"{answer.status} {answer.code}".strip())
        raise ChannelRefused(answer.code, is_paid=answer.code in PAID_CODES)

    def require_told(self, answer: Answer) -> dict[str, Any]:
        """Give the answer to a question; a refusal to answer leaves the matter unknown. Raises: ChannelUnavailable."""
        try:
            self.require_answer(answer, OK)
        except ChannelRefused as refusal:
            raise ChannelUnavailable(refusal.code) from refusal
        return answer.body


def is_absent(answer: Answer) -> bool:
    """Tell whether the channel never heard of what was asked about."""
    # The code as well as the status: a proxy's own 404 says nothing about an order.
    return answer.status == NOT_FOUND and answer.code in ABSENT_CODES


def require_number(number: str) -> None:
    """Make sure that a number may stand in an address."""
    assert NUMBER.fullmatch(number), "our numbers, and the channel's as it gave them, are letters and digits"


def _text_of(answer: Answer, name: str) -> str:
    value = answer.body.get(name)
    if not isinstance(value, str) or not value:
        raise ChannelUnavailable(f"an answer without {name}")
    return value


def _payer_of(request: PaymentRequest) -> dict[str, Any]:
    """Name who pays as the scene wants it: by openid, by network address (H5), or not at all.

    Raises:
        ChannelRefused: it is not known.
    """
    match request.scene:
        case Scene.MINI_PROGRAM:
            if not request.payer:
                raise ChannelRefused("PAYER_MISSING")
            return {"payer": {"openid": request.payer}}
        case Scene.BROWSER:
            if not request.payer_address or not request.return_url:
                raise ChannelRefused("PAYER_MISSING")
            return {"scene_info": {"payer_client_ip": request.payer_address, "h5_info": {"type": "Wap"}}}
        case Scene.NATIVE_CODE:
            return {}


def _shorten(description: str) -> str:
    """Cut a description to what the channel takes, at the border of a character."""
    return description.encode()[:DESCRIPTION_BYTES_MAX].decode(errors="ignore")
