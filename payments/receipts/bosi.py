"""A fiscal e-receipt platform of the kind that most provinces' hospitals speak with (博思-style).

A call is JSON of appid, data (base64 of JSON), noise, version and sign: the upper-case MD5 of
`appid=&data=&noise=&key=&version=`. The answer's data holds `result` (S0000 is success) and `message` (base64 of JSON),
signed in the same way over its own noise. MD5 is what the platform speaks; the key and the closed line keep others out.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import httpx

from kernel import clock
from kernel.clock import SHANGHAI
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.money import from_yuan, to_yuan
from payments.receipts.errors import FiscalRefused, FiscalUnavailable
from payments.receipts.port import FiscalNumber, IssuedReceipt, ReceiptKind, ReceiptRequest, ReceiptState

VERSION: Final = "1.0"
SUCCESS: Final = "S0000"
CALL_SECONDS_MAX: Final = 10.0
CONNECT_SECONDS_MAX: Final = 4.0
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
"""An answer carries a picture of a code."""

METHODS: Final = {
    ReceiptKind.REGISTRATION: "invEBillRegistration",
    ReceiptKind.OUTPATIENT: "invoiceEBillOutpatient",
    ReceiptKind.INPATIENT: "invEBillHospitalized",
}
BUSINESS_TYPES: Final = {ReceiptKind.REGISTRATION: "06", ReceiptKind.OUTPATIENT: "02", ReceiptKind.INPATIENT: "01"}
CHANNELS: Final = {"cash": "02", "alipay": "04", "wechatpay": "05", "card": "07", "insurance": "11"}
NOT_FOUND: Final = "E0404"
IS_RED: Final = "1"

Message = Mapping[str, Any]

log = get_logger("payments.receipts")


@dataclass(frozen=True, slots=True)
class FiscalAccount:
    """A hospital's account with the platform. place_code: of the place that issues; operator: in whose name."""

    app_id: str
    key: str
    place_code: str
    operator: str


class BosiFiscal:
    """Speaks with the platform for one account."""

    def __init__(self, *, base_url: str, account: FiscalAccount) -> None:
        self._account = account
        timeout = httpx.Timeout(CALL_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        self._client = httpx.AsyncClient(base_url=base_url, timeout=timeout, follow_redirects=False, trust_env=False)

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def issue(self, request: ReceiptRequest) -> IssuedReceipt:
        """Issue a receipt; the same business_no again gives the same receipt.

        A platform that refuses a business number which it knows is asked what it knows of it.

        Raises:
            FiscalUnavailable, FiscalRefused.
        """
        try:
            return _read_issued(await self._call(METHODS[request.kind], self._describe(request)))
        except FiscalRefused as refusal:
            known = await self.find(request.business_no, occurred_at=request.occurred_at)
            if known is None or known.amount_fen != request.amount_fen:
                raise
            log.info("fiscal_receipt_known", code=refusal.code)
            return known.issued

    async def write_off(self, receipt: FiscalNumber, *, reason: str) -> FiscalNumber:
        """Write a receipt off by a red one; one that is written off already gives the same.

        Raises:
            FiscalUnavailable, FiscalRefused.
        """
        name = {"billBatchCode": receipt.code, "billNo": receipt.number}
        about = {
            "reason": reason,
            "operator": self._account.operator,
            "busDateTime": write_time(clock.now()),
            "placeCode": self._account.place_code,
        }
        try:
            message = await self._call("writeOffEBill", name | about)
            return _read_name(message, "eScarletBillBatchCode", "eScarletBillNo")
        except FiscalRefused:
            state = await self._call("getEBillStatesByBillInfo", name)
            if state.get("isScarlet") != IS_RED:
                raise
            return _read_name(state, "scarletBillBatchCode", "scarletBillNo")

    async def find(self, business_no: str, *, occurred_at: datetime) -> ReceiptState | None:
        """Ask how the receipt of a business number stands; None when there is none. Raises: FiscalUnavailable."""
        asked = {"busNo": business_no, "busDateTime": write_time(occurred_at)}
        try:
            message = await self._call("getEBillByBusNo", asked)
        except FiscalRefused as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise FiscalUnavailable(refusal.code) from refusal
        is_red = message.get("isScarlet") == IS_RED
        red = _read_name(message, "scarletBillBatchCode", "scarletBillNo") if is_red else None
        try:
            amount_fen = from_yuan(str(message["totalAmt"]))
        except (KeyError, ValueError) as error:
            raise FiscalUnavailable("an answer without an amount") from error
        return ReceiptState(_read_issued(message), amount_fen, red)

    def _describe(self, request: ReceiptRequest) -> dict[str, Any]:
        total, account = to_yuan(request.amount_fen), self._account
        return {
            "busNo": request.business_no,
            "busType": BUSINESS_TYPES[request.kind],
            "payer": request.payer.name,
            "busDateTime": write_time(request.occurred_at),
            "placeCode": account.place_code,
            "payee": account.operator,
            "author": account.operator,
            "checker": account.operator,
            "totalAmt": total,
            "patientNo": request.payer.patient_no,
            "patientId": request.payer.patient_no,
            "payChannelDetail": [{"payChannelCode": CHANNELS[request.channel], "payChannelValue": total}],
            "isArrears": "0",
            "chargeDetail": [
                {
                    "sortNo": place,
                    "chargeCode": item.code,
                    "chargeName": item.name,
                    "unit": item.unit,
                    "std": _unit_price(item.amount_fen, item.quantity),
                    "number": item.quantity,
                    "amt": to_yuan(item.amount_fen),
                    "selfAmt": "0.00",
                }
                for place, item in enumerate(request.items, start=1)
            ],
        }

    async def _call(self, method: str, data: Mapping[str, Any]) -> Message:
        """Ask, and give the message of an answer that is the platform's and says success.

        Raises:
            FiscalUnavailable, FiscalRefused.
        """
        packed, noise = base64.b64encode(json.dumps(data, ensure_ascii=False).encode()).decode(), new_id().hex
        account = self._account
        body = {
            "appid": account.app_id,
            "data": packed,
            "noise": noise,
            "version": VERSION,
            "sign": sign(app_id=account.app_id, data=packed, noise=noise, key=account.key),
        }
        answer = self._open(await self._post(f"/api/medical/{method}", body))
        result = str(answer.get("result"))
        message = _unpack(answer.get("message"))
        if result != SUCCESS:
            log.info("fiscal_platform_refused", method=method, code=result)
            raise FiscalRefused(result)
        if not isinstance(message, dict):
            raise FiscalUnavailable("an answer without a message")
        return message

    async def _post(self, path: str, body: Mapping[str, str]) -> bytes:
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX), self._client.stream("POST", path, json=body) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise FiscalUnavailable(f"answered {answer.status_code}")
                content = bytearray()
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > ANSWER_BYTES_MAX:
                        raise FiscalUnavailable(f"answered more than {ANSWER_BYTES_MAX} bytes")
                return bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise FiscalUnavailable(type(error).__name__) from error

    def _open(self, content: bytes) -> Message:
        try:
            outer = json.loads(content)
            data, noise, told = str(outer["data"]), str(outer["noise"]), str(outer["sign"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FiscalUnavailable("unreadable answer") from error
        expected = sign(app_id=self._account.app_id, data=data, noise=noise, key=self._account.key)
        if not hmac.compare_digest(expected.encode(), told.encode()):
            log.warning("fiscal_answer_not_signed")
            raise FiscalUnavailable("the answer's signature does not hold")
        answer = _unpack(data)
        if not isinstance(answer, dict):
            raise FiscalUnavailable("unreadable answer")
        return answer


def sign(*, app_id: str, data: str, noise: str, key: str) -> str:
    """Sign as the platform wants it."""
    content = f"appid={app_id}&data={data}&noise={noise}&key={key}&version={VERSION}"
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest().upper()


def write_time(instant: datetime) -> str:
    """Write an instant as the platform has it: Shanghai, `yyyyMMddHHmmssSSS`."""
    local = instant.astimezone(SHANGHAI)
    return f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}"


def _unit_price(amount_fen: int, quantity: str) -> str:
    return f"{Decimal(amount_fen) / 100 / Decimal(quantity):.2f}"


def _unpack(text: object) -> object:
    """Open base64 of JSON; a refusal's message is base64 of plain text, which is no JSON."""
    try:
        found: object = json.loads(base64.b64decode(str(text), validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return found


def _read_issued(message: Message) -> IssuedReceipt:
    name = _read_name(message, "billBatchCode", "billNo")
    return IssuedReceipt(name, str(message.get("random", "")), str(message.get("pictureUrl", "")))


def _read_name(message: Message, code: str, number: str) -> FiscalNumber:
    found = FiscalNumber(str(message.get(code) or ""), str(message.get(number) or ""))
    if not found.code or not found.number:
        raise FiscalUnavailable(f"an answer without {number}")
    return found
