"""gateway.do: one address for every method; who asks is known by the signature, and answers are signed over its bytes.

Source: Alipay open platform, "Gateway and common parameters" (opendocs.alipay.com/common/02kkv7).
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from sanic import Request, Sanic
from sanic.response import HTTPResponse, redirect

from integration.emulators.alipay import bills
from integration.emulators.alipay.errors import AlipayRefused, BusinessRefused, RefusedAtTheDoor, SystemFault
from integration.emulators.alipay.keys import KEY_BITS, App, content_of, holds, sign
from integration.emulators.alipay.memory import read_wall_clock
from integration.emulators.alipay.trades import Trades
from integration.emulators.common import faults
from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.faults import Faults
from integration.emulators.common.pages import payer_page, told_page
from integration.emulators.common.store import Store, to_ms
from kernel import clock as kernel_clock
from kernel.log import get_logger

SYSTEM_ERROR: Final = "system_error"
"""A call is answered with code 20000 and does nothing."""
ANSWER_FORGED: Final = "answer_forged"
"""An answer is signed by somebody else."""
BILL_PERTURBED: Final = "bill_perturbed"
"""A bill differs from what happened: `kind` is surplus, shortage, amount or midnight."""
GATEWAY_FAULTS: Final = frozenset({SYSTEM_ERROR, ANSWER_FORGED, BILL_PERTURBED})

WAP_PAY: Final = "alipay.trade.wap.pay"
CHANNEL: Final = "支付宝"
COLOUR: Final = "#1266d6"
PAGE_BUYER: Final = "2088000000000009"
"""Who pays on the page of a browser."""
WANTED: Final = ("app_id", "method", "charset", "sign_type", "sign", "timestamp", "version")
CLOCKS_APART_MAX: Final = timedelta(minutes=10)
LINK_TERM: Final = timedelta(seconds=30)
CHANGING: Final = ("alipay.trade.create", "alipay.trade.precreate", "alipay.trade.close", "alipay.trade.refund")

Form = dict[str, str]
Answer = dict[str, Any]

log = get_logger("emulators")


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose signature holds."""

    app: App
    method: str
    biz: Mapping[str, Any]
    notify_url: str


class Gateway:
    """Answers gateway.do, and hands out bills."""

    def __init__(
        self,
        *,
        store: Store,
        clock: EmulatorClock,
        switches: Faults,
        trades: Trades,
        apps: Mapping[str, App],
        key: rsa.RSAPrivateKey,
        own_url: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = switches
        self._trades = trades
        self._apps = apps
        self._key = key
        self._own_url = own_url
        self._foreign_key = rsa.generate_private_key(65537, KEY_BITS)
        self._methods: dict[str, Callable[[Call], Answer]] = {
            "alipay.trade.create": lambda call: trades.create(call.app, call.biz, call.notify_url),
            "alipay.trade.precreate": lambda call: trades.precreate(call.app, call.biz, call.notify_url),
            "alipay.trade.query": lambda call: trades.query(call.app, call.biz),
            "alipay.trade.close": lambda call: trades.close(call.app, call.biz),
            "alipay.trade.refund": lambda call: trades.refund(call.app, call.biz),
            "alipay.trade.fastpay.refund.query": lambda call: trades.query_refund(call.app, call.biz),
            "alipay.data.dataservice.bill.downloadurl.query": self._link_bill,
        }

    def mount(self, app: Sanic[Any, Any]) -> None:
        """Put the wire's routes into the application."""
        app.add_route(self.answer, "/gateway.do", methods=["POST"], name="gateway")
        app.add_route(self.open_page, "/gateway.do", methods=["GET"], name="open_page")
        app.add_route(self.pay_page, "/wap/<token:str>", methods=["POST"], name="pay_page")
        app.add_route(self.download, "/bills/<token:str>", methods=["GET"], name="download")

    async def answer(self, request: Request) -> HTTPResponse:
        """Answer one call, whatever it is, with 200 and a word of its own."""
        form = _read_form(request)
        method = form.get("method", "")
        app = self._apps.get(form.get("app_id", ""))
        if app is None or method not in self._methods:
            sub_code = "isv.invalid-app-id" if app is None else "isv.invalid-method"
            # Nobody is known whose key could matter, so this answer bears no signature.
            return _json({"error_response": _refusal(RefusedAtTheDoor(sub_code, "无效的参数"))})
        try:
            call = _read_call(form, app)
            if self._faults.take(SYSTEM_ERROR) is not None:
                raise SystemFault("isp.unknow-error", "系统繁忙")
            answer = {"code": "10000", "msg": "Success"} | self._methods[method](call)
        except AlipayRefused as refusal:
            log.info("alipay_emulator_refuses", method=method, sub_code=refusal.sub_code)
            answer = _refusal(refusal)
        if method in CHANGING and answer["code"] == "10000" and self._faults.take(faults.ANSWER_LOST) is not None:
            return HTTPResponse(b"", 502)
        return self._sign(method, answer)

    async def open_page(self, request: Request) -> HTTPResponse:
        """alipay.trade.wap.pay: the page in a phone's browser; the trade begins when the payer says yes."""
        form = _read_form(request)
        app = self._apps.get(form.get("app_id", ""))
        back = form.get("return_url", "")
        if app is None or form.get("method") != WAP_PAY:
            return told_page(channel=CHANNEL, told="参数无效。", return_url="", status=400)
        try:
            call = _read_call(form, app)
            trade = self._trades.prepare_page(call.app, call.biz, call.notify_url)
        except AlipayRefused as refusal:
            return told_page(channel=CHANNEL, told=refusal.text, return_url=back, status=400)
        action = f"/wap/{trade['qr_code']}?return_url={quote(back, safe='')}"
        return payer_page(
            channel=CHANNEL,
            colour=COLOUR,
            title=trade["subject"],
            amount_fen=trade["total_fen"],
            action=action,
            return_url=back,
        )

    async def pay_page(self, request: Request, token: str) -> HTTPResponse:
        """Take the payer's yes, and lead them back with what a page of Alipay's says."""
        back = str(request.args.get("return_url", ""))
        try:
            trade = self._trades.scan(token, PAGE_BUYER)
            paid = self._trades.pay(trade["trade_no"])
        except ControlRefused:
            return told_page(channel=CHANNEL, told="交易已结束或超时。", return_url=back, status=409)
        if not back.startswith(("http://", "https://")):
            return told_page(channel=CHANNEL, told="支付成功。", return_url="", status=200)
        joint = "&" if urlsplit(back).query else "?"
        return redirect(f"{back}{joint}out_trade_no={quote(paid['out_trade_no'])}&method={WAP_PAY}.return", status=303)

    async def download(self, _request: Request, token: str) -> HTTPResponse:
        """Hand out a bill whose link is still good."""
        row = self._store.row("SELECT * FROM download WHERE token = ?", token)
        if row is None or row["expire_ms"] <= to_ms(kernel_clock.machine_now()):
            return HTTPResponse("the link is not valid", 403)
        day, kind, app = date.fromisoformat(row["day"]), row["kind"], self._apps[row["app_id"]]
        entries = bills.entries_of(self._store, app, since=day, until=day)
        if (parameters := self._faults.take(BILL_PERTURBED)) is not None:
            entries = bills.perturb(entries, dict(parameters), day)
        before = bills.entries_of(self._store, app, until=day - timedelta(days=1))
        balance_fen = sum(entry.amount_fen + entry.fee_fen for entry in before)
        content = bills.pack(app, kind, day, entries, balance_fen=balance_fen, made_at=self._clock.now())
        return HTTPResponse(content, content_type="application/zip")

    def _link_bill(self, call: Call) -> Answer:
        """alipay.data.dataservice.bill.downloadurl.query: a link for half a minute."""
        kind, told = call.biz.get("bill_type"), str(call.biz.get("bill_date"))
        try:
            day = date.fromisoformat(told)
        except ValueError as error:
            raise BusinessRefused("isv.invalid-arguments", "bill_date 无效") from error
        if kind not in bills.KINDS:
            raise BusinessRefused("isv.invalid-arguments", "bill_type 无效")
        self._trades.let_time_pass()
        if not bills.is_ready(day, self._clock.now()) or not (
            bills.entries_of(self._store, call.app, since=day, until=day)
        ):
            raise BusinessRefused("isp.bill_not_exist", "账单不存在")
        token, now = secrets.token_urlsafe(24), kernel_clock.machine_now()
        self._store.execute("DELETE FROM download WHERE expire_ms < ?", to_ms(now))
        self._store.execute(
            "INSERT INTO download (token, app_id, kind, day, expire_ms) VALUES (?, ?, ?, ?, ?)",
            token,
            call.app.app_id,
            kind,
            day.isoformat(),
            to_ms(now + LINK_TERM),
        )
        return {"bill_download_url": f"{self._own_url}/bills/{token}"}

    def _sign(self, method: str, answer: Answer) -> HTTPResponse:
        key = self._key if self._faults.take(ANSWER_FORGED) is None else self._foreign_key
        content = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        name = f"{method.replace('.', '_')}_response"
        return HTTPResponse(
            f'{{"{name}":{content},"sign":"{sign(key, content.encode())}"}}', content_type="text/html;charset=utf-8"
        )


def _read_form(request: Request) -> Form:
    """Give the parameters, which SDKs put partly into the query and partly into the body."""
    found: Form = {}
    for name, values in (*request.args.items(), *(request.form or {}).items()):
        found[name] = values[0]
    return found


def _read_call(form: Form, app: App) -> Call:
    """Check what is common to all methods.

    Raises:
        RefusedAtTheDoor: something is missing or malformed, or the signature does not hold.
    """
    for name in WANTED:
        if not form.get(name):
            raise RefusedAtTheDoor(f"isv.missing-{name.replace('_', '-')}", f"缺少 {name}")
    if form["sign_type"] != "RSA2":
        raise RefusedAtTheDoor("isv.invalid-signature-type", "签名类型无效")
    if form["charset"].lower() != "utf-8":
        raise RefusedAtTheDoor("isv.invalid-charset", "字符集无效")
    if not holds(app.key, content_of(form, "sign"), form["sign"]):
        raise RefusedAtTheDoor("isv.invalid-signature", "验签出错")
    dated_ms = read_wall_clock(form["timestamp"])
    apart = abs((dated_ms or 0) - to_ms(kernel_clock.machine_now()))
    if dated_ms is None or apart > CLOCKS_APART_MAX // timedelta(milliseconds=1):
        raise RefusedAtTheDoor("isv.invalid-timestamp", "非法的时间戳参数")
    try:
        biz = json.loads(form.get("biz_content", ""))
    except ValueError as error:
        raise RefusedAtTheDoor("isv.invalid-parameter", "biz_content 无效") from error
    if not isinstance(biz, dict):
        raise RefusedAtTheDoor("isv.invalid-parameter", "biz_content 无效")
    return Call(app, form["method"], biz, form.get("notify_url", ""))


def _refusal(refusal: AlipayRefused) -> Answer:
    return {"code": refusal.code, "msg": refusal.message, "sub_code": refusal.sub_code, "sub_msg": refusal.text}


def _json(body: Answer) -> HTTPResponse:
    return HTTPResponse(json.dumps(body, ensure_ascii=False), content_type="text/html;charset=utf-8")
