"""The insurance's mobile payment centre over its wire (docs/adr/0313): five calls, each sealed and signed."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from integration.codecs import insurance_envelope as envelope
from kernel import clock
from kernel.log import get_logger
from kernel.money import from_yuan, to_yuan
from payments.gateways.errors import ChannelRefused, ChannelUnavailable
from payments.gateways.insurance.keys import load_party
from payments.gateways.insurance.port import (
    VISIT_WANTED,
    CentreOrder,
    CentreRefund,
    FeeUpload,
    InsuranceFact,
    InsuranceState,
    Insured,
    Parts,
    RefundKind,
    RefundOutcome,
)
from payments.gateways.port import Merchant
from payments.gateways.references import KeyStore

CALL_SECONDS_MAX: Final = 15.0
CONNECT_SECONDS_MAX: Final = 4.0
ANSWER_BYTES_MAX: Final = 1024 * 1024
WINDOW: Final = timedelta(minutes=5)
SUCCESS: Final = "0"

UPLOAD: Final = "/org/local/api/hos/uldFeeInfo"
PAY: Final = "/org/local/api/hos/pay_order"
REFUND: Final = "/org/local/api/hos/refund_Order"
QUERY: Final = "/org/local/api/hos/query_order_info"
REVOKE: Final = "/org/local/api/hos/revoke_order"

# 0 saved, 1 decided, 2 to be paid, 3 cash done, 4 insurance done, 5 settled in the hospital, 6 done, 7 all back,
# 8 the insurance back, 9 all cash back, 10 some cash back, 11 the insurance and some cash back, 12 and 13 revoked,
# 14 not clear, 15 failed, 16 failed and the cash not yet back, 17 going back.
STATES: Final[Mapping[str, InsuranceState]] = {
    **dict.fromkeys(("0", "1", "2", "3"), InsuranceState.PENDING),
    **dict.fromkeys(("4", "5", "6", "9", "10"), InsuranceState.PAID),
    **dict.fromkeys(("7", "8", "11"), InsuranceState.REFUNDED),
    **dict.fromkeys(("12", "13"), InsuranceState.REVOKED),
    "14": InsuranceState.UNKNOWN,
    **dict.fromkeys(("15", "16"), InsuranceState.FAILED),
    "17": InsuranceState.REFUNDING,
}
_AMOUNTS: Final = ("feeSumamt", "fundPay", "psnAcctPay", "ownPayAmt")

log = get_logger("payments")


class MobilePaymentCentre:
    """Speaks with the centre for one account; merchant_no is the hospital's code with the insurance (orgCodg)."""

    def __init__(self, merchant: Merchant, store: KeyStore, *, base_url: str) -> None:
        """Read the keys.

        Raises:
            KeyUnusable.
        """
        self.merchant = merchant
        self._party = load_party(store, merchant)
        timeout = httpx.Timeout(CALL_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        self._client = httpx.AsyncClient(base_url=base_url, timeout=timeout, follow_redirects=False, trust_env=False)

    @property
    def is_closed(self) -> bool:
        """Tell whether the connections were given back."""
        return self._client.is_closed

    async def close_connections(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def upload(self, fees: FeeUpload) -> CentreOrder:
        """Put a bill to the centre; the same again is the same order. Raises: ChannelUnavailable, ChannelRefused."""
        assert fees.visit.keys() >= VISIT_WANTED, "a visit is told whole"
        data = {
            **fees.visit,
            **self._name(fees.insured),
            "medOrgOrd": fees.bill_no,
            "chrgBchno": fees.batch_no,
            "payAuthNo": fees.pay_auth_no,
            "medfeeSumamt": to_yuan(fees.total_fen),
            "feedetailList": [{**one.described, "detItemFeeSumamt": to_yuan(one.amount_fen)} for one in fees.items],
        }
        told = await self._call(UPLOAD, data)
        return CentreOrder(
            _text(told, "payOrdId"), _text(told, "payToken"), str(told.get("mdtrtId") or fees.visit["mdtrtId"])
        )

    async def pay(self, order: CentreOrder, fees: FeeUpload) -> InsuranceFact:
        """Have the centre decide and take the insurance's part. Raises: ChannelUnavailable, ChannelRefused."""
        data = {
            "payAuthNo": fees.pay_auth_no,
            "payOrdId": order.pay_order_id,
            "payToken": order.pay_token,
            "orgCodg": self.merchant.merchant_no,
            "orgBizSer": fees.bill_no,
            "chrgBchno": fees.batch_no,
            "feeType": fees.visit["feeType"],
            "mdtrtId": order.visit_id,
        }
        fact = _fact(await self._call(PAY, data), order)
        if fact.parts is None or fact.parts.total_fen != fees.total_fen:
            raise ChannelUnavailable("an answer about another amount")
        return fact

    async def query(self, order: CentreOrder, insured: Insured) -> InsuranceFact:
        """Ask how an order stands. Raises: ChannelUnavailable, ChannelRefused."""
        return _fact(await self._call(QUERY, self._about(order, insured)), order)

    async def refund(self, refund: CentreRefund) -> RefundOutcome:
        """Send back; UNKNOWN is asked by `query`. Raises: ChannelUnavailable, ChannelRefused."""
        parts, kind = refund.parts, refund.kind
        assert parts.total_fen > 0, "nothing is not sent back"
        assert kind is not RefundKind.CASH or not parts.insurance_fen, "of the cash alone"
        assert kind is not RefundKind.INSURANCE or not parts.own_fen, "of the insurance alone"
        data = {
            "appId": self.merchant.app_id,
            "payOrdId": refund.pay_order_id,
            "payAuthNo": refund.pay_auth_no,
            "appRefdSn": refund.refund_no,
            "appRefdTime": _china_time(refund.asked_at),
            "totlRefdAmt": to_yuan(parts.total_fen),
            "fundRefdAmt": to_yuan(parts.pooled_fen),
            "psnAcctRefdAmt": to_yuan(parts.account_fen),
            "cashRefdAmt": to_yuan(parts.own_fen),
            "refdType": kind.value,
        }
        told = _text(await self._call(REFUND, data), "refStatus")
        try:
            return RefundOutcome(told)
        except ValueError as error:
            raise ChannelUnavailable("a refund's status that is not documented") from error

    async def revoke(self, order: CentreOrder, insured: Insured) -> None:
        """Have the centre forget an upload. Raises: ChannelUnavailable, ChannelRefused."""
        told = await self._call(REVOKE, self._about(order, insured))
        if told.get("success") is not True:
            raise ChannelUnavailable("not known whether it is revoked")

    def _about(self, order: CentreOrder, insured: Insured) -> dict[str, Any]:
        return {"payOrdId": order.pay_order_id, "payToken": order.pay_token, **self._name(insured)}

    def _name(self, insured: Insured) -> dict[str, str]:
        return {
            "orgCodg": self.merchant.merchant_no,
            "userName": insured.name,
            "idNo": insured.document_number,
            "idType": insured.document_type,
        }

    async def _call(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, and give the data of an answer that is the centre's, of now, and says success.

        Raises:
            ChannelUnavailable, ChannelRefused.
        """
        message = envelope.seal(self._party, data, timestamp=_china_time(clock.machine_now()))
        try:
            outer, told = envelope.read(self._party, await self._post(path, message))
        except envelope.EnvelopeRefused as error:
            log.warning("insurance_centre_not_believed", path=path, reason=error.reason)
            raise ChannelUnavailable(f"the answer is not believed: {error.reason}") from error
        if not _is_fresh(str(outer.get("timestamp"))):
            raise ChannelUnavailable("an answer of another time")
        code = str(outer.get("code"))
        if code != SUCCESS:
            log.info("insurance_centre_refused", path=path, code=code)
            raise ChannelRefused(code)
        return told

    async def _post(self, path: str, message: Mapping[str, Any]) -> bytes:
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX), self._client.stream("POST", path, json=message) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise ChannelUnavailable(f"answered {answer.status_code}")
                content = bytearray()
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > ANSWER_BYTES_MAX:
                        raise ChannelUnavailable(f"answered more than {ANSWER_BYTES_MAX} bytes")
                return bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ChannelUnavailable(type(error).__name__) from error


def _fact(told: Mapping[str, Any], order: CentreOrder) -> InsuranceFact:
    """Read how an order stands. Raises: ChannelUnavailable."""
    if _text(told, "payOrdId") != order.pay_order_id:
        raise ChannelUnavailable("an answer about another order")
    status = _text(told, "ordStas")
    state = STATES.get(status, InsuranceState.UNKNOWN)
    named = [name for name in _AMOUNTS if told.get(name) not in (None, "")]
    if not named:
        if state is InsuranceState.PAID:
            raise ChannelUnavailable("paid, and no amount is named")
        return InsuranceFact(order.pay_order_id, state, status, None)
    try:
        total, pooled, account, own = (from_yuan(str(told.get(name))) for name in _AMOUNTS)
    except ValueError as error:
        raise ChannelUnavailable("an amount that cannot be read") from error
    parts = Parts(pooled, account, own)
    if min(pooled, account, own) < 0 or parts.total_fen != total:
        raise ChannelUnavailable("amounts that do not add up")
    return InsuranceFact(order.pay_order_id, state, status, parts)


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 128:
        raise ChannelUnavailable(f"an answer without {name}")
    return value


def _china_time(at: datetime) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%Y%m%d%H%M%S}"


def _is_fresh(timestamp: str) -> bool:
    try:
        at = datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=clock.SHANGHAI)
    except ValueError:
        return False
    return abs(clock.machine_now() - at) <= WINDOW
